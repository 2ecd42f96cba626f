"""What a piece of text on the screen means: the semantic tokens, and the one table of kinds.

A view says what something *is* (`LEAF_2M`, `NOTICE`); glyph sets and themes say how it looks.
Every kind of memory has a glyph as well as a colour, so that colour is never the only channel.
Colours start from Okabe and Ito's palette ("Color Universal Design", 2008); where a group has
more kinds than that palette has colours, the glyph or letter tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from memtui.snapshot import DirectMapCell, FrameKind, VmemmapCell


class Token(StrEnum):
    """The meaning of a run of text."""

    TEXT = "text"
    """Figures and sentences."""
    STRONG = "strong"
    """What the eye should find first."""
    DIM = "dim"
    """Labels and units."""
    FRAME = "frame"
    FRAME_CHOSEN = "frame-chosen"
    """The frame of the panel that has the keyboard."""
    TITLE = "title"
    TITLE_CHOSEN = "title-chosen"
    BRAND = "brand"
    KEY = "key"
    """A key to press."""
    TRACK = "track"
    """The empty part of a bar."""
    MARK = "mark"
    """Watermarks, and where a node or zone begins."""
    GOOD = "good"
    NOTICE = "notice"
    BAD = "bad"
    GAUGE = "gauge"
    """The full part of a gauge that stands for nothing finer."""
    HISTORY = "history"
    AFTER = "after"
    """What came after the moment of the past that shows."""
    ENTRY = "entry"
    """An entry of the timeline on the time bar."""
    CURSOR = "cursor"
    """The cell, or the line, that keys for moving move."""
    LEAF_1G = "leaf-1g"
    LEAF_2M = "leaf-2m"
    LEAF_4K = "leaf-4k"
    NOT_PRESENT = "not-present"
    HOLE = "hole"
    OWN = "own"
    SPLIT = "split"
    PARTLY_SHARED = "partly-shared"
    SHARED = "shared"
    NOT_POPULATED = "not-populated"
    OWNER_FREE = "owner-free"
    OWNER_RESERVED = "owner-reserved"
    OWNER_MEMMAP = "owner-memmap"
    OWNER_KERNEL = "owner-kernel"
    OWNER_SLAB = "owner-slab"
    OWNER_PAGE_TABLE = "owner-page-table"
    OWNER_KERNEL_STACK = "owner-kernel-stack"
    OWNER_VMALLOC = "owner-vmalloc"
    OWNER_MODULE = "owner-module"
    OWNER_ANON = "owner-anon"
    OWNER_FILE = "owner-file"
    OWNER_SHMEM = "owner-shmem"
    OWNER_HUGETLB = "owner-hugetlb"
    OWNER_SECRET = "owner-secret"
    OWNER_UNMAPPED = "owner-unmapped"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of memory: its words, its glyph in each glyph set, its colour on dark and on light."""

    label: str
    unicode: str
    block: str
    ascii: str
    dark: str
    light: str


def _owner(kind: FrameKind, dark: str, light: str) -> Kind:
    return Kind(kind.value, kind.letter, kind.letter, kind.letter, dark, light)


KINDS: Final[Mapping[Token, Kind]] = {
    Token.LEAF_1G: Kind("1G", "█", "█", "#", "#009E73", "#11906C"),
    Token.LEAF_2M: Kind("2M", "▪", "■", "=", "#56B4E9", "#0265A0"),
    Token.LEAF_4K: Kind("4K", "·", "·", ".", "#F0E442", "#683D00"),
    Token.NOT_PRESENT: Kind("not present", "×", "x", "x", "#DE4A12", "#C54407"),
    Token.HOLE: Kind("no RAM", "∅", "_", "_", "#707070", "#909090"),
    Token.OWN: Kind("own", "▓", "▓", "O", "#56B4E9", "#0074B4"),
    Token.SPLIT: Kind("split", "┼", "┼", "+", "#F0E442", "#825700"),
    Token.PARTLY_SHARED: Kind("partly", "▒", "▒", "p", "#B86200", "#BD7D13"),
    Token.SHARED: Kind("given back", "░", "░", "s", "#009E73", "#085B3A"),
    Token.NOT_POPULATED: Kind("no memmap", "∅", "_", "_", "#707070", "#909090"),
    Token.OWNER_FREE: _owner(FrameKind.FREE, "#009E73", "#00765A"),
    Token.OWNER_RESERVED: _owner(FrameKind.RESERVED, "#8C8C8C", "#6E6E6E"),
    Token.OWNER_MEMMAP: _owner(FrameKind.MEMMAP, "#56B4E9", "#0072B2"),
    Token.OWNER_KERNEL: _owner(FrameKind.KERNEL, "#B0B0B0", "#5A5A5A"),
    Token.OWNER_SLAB: _owner(FrameKind.SLAB, "#F0E442", "#7D6B00"),
    Token.OWNER_PAGE_TABLE: _owner(FrameKind.PAGE_TABLE, "#D55E00", "#B34E00"),
    Token.OWNER_KERNEL_STACK: _owner(FrameKind.KERNEL_STACK, "#C9C9C9", "#4A4A4A"),
    Token.OWNER_VMALLOC: _owner(FrameKind.VMALLOC, "#9ADBB9", "#2E7D5B"),
    Token.OWNER_MODULE: _owner(FrameKind.MODULE, "#FF9DA7", "#A8324A"),
    Token.OWNER_ANON: _owner(FrameKind.ANON, "#E69F00", "#A35F00"),
    Token.OWNER_FILE: _owner(FrameKind.FILE, "#8FB8DE", "#3D6A94"),
    Token.OWNER_SHMEM: _owner(FrameKind.SHMEM, "#CC79A7", "#A04B7C"),
    Token.OWNER_HUGETLB: _owner(FrameKind.HUGETLB, "#7A9CFF", "#3B5BDB"),
    Token.OWNER_SECRET: _owner(FrameKind.SECRET, "#FF7A2F", "#C23B00"),
    Token.OWNER_UNMAPPED: _owner(FrameKind.UNMAPPED, "#C0A0FF", "#7048C8"),
}
"""Everything that is drawn as a kind of memory."""

DIRECT_MAP_TOKENS: Final[Mapping[int, Token]] = {
    DirectMapCell.HOLE: Token.HOLE,
    DirectMapCell.LEAF_1G: Token.LEAF_1G,
    DirectMapCell.LEAF_2M: Token.LEAF_2M,
    DirectMapCell.LEAF_4K: Token.LEAF_4K,
    DirectMapCell.NOT_PRESENT: Token.NOT_PRESENT,
}
"""What each code of a direct-map CellMap is."""

VMEMMAP_TOKENS: Final[Mapping[int, Token]] = {
    VmemmapCell.NOT_POPULATED: Token.NOT_POPULATED,
    VmemmapCell.OWN: Token.OWN,
    VmemmapCell.SPLIT: Token.SPLIT,
    VmemmapCell.PARTLY_SHARED: Token.PARTLY_SHARED,
    VmemmapCell.SHARED: Token.SHARED,
}
"""What each code of a vmemmap CellMap is."""

OWNER_TOKENS: Final[Mapping[FrameKind, Token]] = {kind: Token[f"OWNER_{kind.name}"] for kind in FrameKind}
"""The token of each owner of frames."""
