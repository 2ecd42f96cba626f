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
    Token.LEAF_1G: Kind("1G", "█", "█", "#", "#1DAA7D", "#07906C"),
    Token.LEAF_2M: Kind("2M", "▪", "■", "=", "#5DBDF5", "#00558E"),
    Token.LEAF_4K: Kind("4K", "·", "·", ".", "#F0E442", "#5B3400"),
    Token.NOT_PRESENT: Kind("not present", "×", "x", "x", "#E04C14", "#BC3B00"),
    Token.HOLE: Kind("no RAM", "∅", "_", "_", "#707070", "#909090"),
    Token.OWN: Kind("own", "▓", "▓", "O", "#5ABDF5", "#006CAB"),
    Token.SPLIT: Kind("split", "┼", "┼", "+", "#F0E442", "#583400"),
    Token.PARTLY_SHARED: Kind("partly", "▒", "▒", "p", "#C0680B", "#B07100"),
    Token.SHARED: Kind("given back", "░", "░", "s", "#22AA7D", "#0B5D3C"),
    Token.NOT_POPULATED: Kind("no memmap", "∅", "_", "_", "#707070", "#909090"),
    Token.OWNER_FREE: _owner(FrameKind.FREE, "#199B6A", "#108F75"),
    Token.OWNER_RESERVED: _owner(FrameKind.RESERVED, "#898787", "#6D694F"),
    Token.OWNER_MEMMAP: _owner(FrameKind.MEMMAP, "#58BCF7", "#124C8D"),
    Token.OWNER_KERNEL: _owner(FrameKind.KERNEL, "#B1B0B0", "#727E8F"),
    Token.OWNER_SLAB: _owner(FrameKind.SLAB, "#F0E441", "#957D01"),
    Token.OWNER_PAGE_TABLE: _owner(FrameKind.PAGE_TABLE, "#D45D00", "#C25E37"),
    Token.OWNER_KERNEL_STACK: _owner(FrameKind.KERNEL_STACK, "#CFD3D9", "#404345"),
    Token.OWNER_VMALLOC: _owner(FrameKind.VMALLOC, "#9DE1BC", "#055A2D"),
    Token.OWNER_MODULE: _owner(FrameKind.MODULE, "#EE8C8A", "#A12A36"),
    Token.OWNER_ANON: _owner(FrameKind.ANON, "#F0AB16", "#944D00"),
    Token.OWNER_FILE: _owner(FrameKind.FILE, "#92B9DD", "#3E6F98"),
    Token.OWNER_SHMEM: _owner(FrameKind.SHMEM, "#CD7DAF", "#8C3C6B"),
    Token.OWNER_HUGETLB: _owner(FrameKind.HUGETLB, "#7A9CFF", "#3D60E6"),
    Token.OWNER_SECRET: _owner(FrameKind.SECRET, "#FF8036", "#DC2F59"),
    Token.OWNER_UNMAPPED: _owner(FrameKind.UNMAPPED, "#AF84D0", "#6D41BD"),
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
