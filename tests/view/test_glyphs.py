from __future__ import annotations

from dataclasses import fields

import pytest

from memtui.snapshot import FrameKind
from memtui.view.cells import cell_width
from memtui.view.glyphs import ASCII, BLOCK, GLYPH_SETS, UNICODE, Glyphs, choose_glyphs
from memtui.view.tokens import DIRECT_MAP_TOKENS, OWNER_TOKENS, VMEMMAP_TOKENS, Token

SETS = list(GLYPH_SETS.values())
WORDS = ("yes", "no")
"""Glyphs that may be words: they stand in sentences, not in cells."""


def characters(glyphs: Glyphs) -> list[str]:
    """Every character of the set that is drawn in a cell of its own."""
    texts = [
        getattr(glyphs, part.name) for part in fields(glyphs) if part.name not in ("name", "kinds", "words", *WORDS)
    ]
    return [character for text in (*texts, *glyphs.kinds.values()) for character in text]


@pytest.mark.parametrize("glyphs", SETS, ids=lambda glyphs: glyphs.name)
def test_every_glyph_is_one_cell_wide(glyphs: Glyphs) -> None:
    assert {cell_width(character) for character in characters(glyphs)} == {1}
    assert {len(glyph) for glyph in glyphs.kinds.values()} == {1}


def test_the_ascii_set_is_ascii() -> None:
    assert all(character.isascii() for character in (*characters(ASCII), ASCII.yes, ASCII.no))


def test_the_block_set_has_only_what_code_page_437_has() -> None:
    for character in (*characters(BLOCK), BLOCK.yes, BLOCK.no):
        assert character in "►◄♦▲" or character.encode("cp437")


@pytest.mark.parametrize("glyphs", SETS, ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize(
    "group", [DIRECT_MAP_TOKENS, VMEMMAP_TOKENS, OWNER_TOKENS], ids=["direct", "vmemmap", "owners"]
)
def test_kinds_of_one_map_differ_in_glyph_and_not_only_in_colour(glyphs: Glyphs, group: dict[object, Token]) -> None:
    drawn = [glyphs.kinds[token] for token in group.values()]
    assert len(set(drawn)) == len(drawn)
    assert glyphs.boundary not in drawn


def test_owners_have_the_letters_of_page_types() -> None:
    assert {kind: UNICODE.kinds[OWNER_TOKENS[kind]] for kind in (FrameKind.FREE, FrameKind.SLAB, FrameKind.ANON)} == {
        FrameKind.FREE: "B",
        FrameKind.SLAB: "S",
        FrameKind.ANON: "a",
    }


@pytest.mark.parametrize(
    ("words", "ascii_words"),
    [
        ("1G→2M ×10 …", "1G->2M x10 ..."),
        ("naïve café", "naive cafe"),
        ("漢字", "??"),
        ("plain words", "plain words"),
    ],
)
def test_words_from_elsewhere_in_ascii(words: str, ascii_words: str) -> None:
    assert ASCII.text(words) == ascii_words


@pytest.mark.parametrize("glyphs", SETS, ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize(
    "words", ["\x1b[31mred", "bell\a", "a\nb", "nul\0", "back\b", "csi\x9b31m", "rtl\u202e", "\u200b"]
)
def test_words_from_elsewhere_cannot_command_the_terminal(glyphs: Glyphs, words: str) -> None:
    assert glyphs.text(words).isprintable()


@pytest.mark.parametrize(
    ("name", "encoding", "term", "chosen"),
    [
        ("auto", "utf-8", "xterm-256color", UNICODE),
        ("auto", "UTF8", None, UNICODE),
        ("auto", "utf-8", "linux", BLOCK),
        ("auto", "ascii", "xterm", ASCII),
        ("auto", None, None, ASCII),
        ("ascii", "utf-8", "xterm", ASCII),
        ("unicode", "ascii", "linux", UNICODE),
        ("block", "utf-8", "xterm", BLOCK),
    ],
)
def test_choosing_glyphs(name: str, encoding: str | None, term: str | None, chosen: Glyphs) -> None:
    assert choose_glyphs(name, encoding, term) is chosen


def test_a_glyph_set_there_is_none_of() -> None:
    with pytest.raises(ValueError, match=r"no glyph set 'emoji'; expected auto, unicode, block, ascii"):
        choose_glyphs("emoji", "utf-8", None)
