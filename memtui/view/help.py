"""Help in words: all keys, and what a panel shows and where its figures come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memtui.fields import field
from memtui.snapshot import RunInfo
from memtui.units import format_bytes, format_count
from memtui.view.cells import Row, Rows, Span, dim, flow, row, strong, wrap
from memtui.view.glyphs import Glyphs
from memtui.view.maps import legend
from memtui.view.scene import Panel
from memtui.view.tokens import DIRECT_MAP_TOKENS, OWNER_TOKENS, VMEMMAP_TOKENS, Token

_KEY_WIDTH = 11
_LEGENDS: Final[Sequence[tuple[str, Sequence[Token]]]] = (
    ("Map of the direct map", (*tuple(DIRECT_MAP_TOKENS.values())[1:], Token.HOLE)),
    ("Map of the vmemmap", (*tuple(VMEMMAP_TOKENS.values())[1:], Token.NOT_POPULATED)),
    ("Owners of frames", tuple(OWNER_TOKENS.values())),
)
"""What each map is drawn with; the glyph of nothing there comes last."""

_MOUSE: Final = (
    ("click", "On the time bar: go there. On a key, a tab or the state: as if its key was pressed"),
    ("", "In a map: put the cursor there. On an event: go to it"),
    ("twice", "Enlarge the panel, or take it back; in an enlarged map, zoom in"),
    ("wheel", "Zoom in a map, scroll a list, go through the accesses of the TLB"),
    ("right", "Zoom out of a map, then back to all panels"),
)
"""What the mouse does; `--no-mouse` leaves it to the terminal."""

KeyHelp = tuple[str, str, str]
"""Group, key, and the sentence that says what it does."""


def about(info: RunInfo, width: int, glyphs: Glyphs) -> Rows:
    """The scenario's name, and what it says of itself."""
    lines = wrap(glyphs.text(info.about), width)
    name = row(Span(glyphs.text(info.scenario), Token.TITLE))
    return [name, *(row(line) for line in lines)]


def history_row(kept: int, capacity: int, memory_bytes: int) -> Row:
    """How much of the past is kept, and what that takes."""
    figures = f"{format_count(kept)} of {format_count(capacity)} moments, {format_bytes(memory_bytes)}"
    return row(dim("history "), strong(figures), dim("; --history N keeps more or fewer"))


def keys_help(keys: Sequence[KeyHelp], width: int, glyphs: Glyphs) -> Rows:
    """Every key under the heading of its group, then what the glyphs of the maps mean."""
    rows: Rows = []
    heading = ""
    for group, key, words in keys:
        if group != heading:
            rows += [()] * bool(rows) + [row(Span(group, Token.TITLE))]
            heading = group
        rows += _key_rows(key, words, width, glyphs)
    rows += [(), row(Span("Mouse", Token.TITLE))]
    rows += [line for key, words in _MOUSE for line in _key_rows(key, words, width, glyphs)]
    rows += [(), row(Span("Time bar", Token.TITLE)), *flow(_marks(glyphs), width)]
    for title, kinds in _LEGENDS:
        rows += [(), row(Span(title, Token.TITLE)), *legend(kinds, width, glyphs)]
    return rows


def _key_rows(key: str, words: str, width: int, glyphs: Glyphs) -> Rows:
    lines = wrap(words, width - _KEY_WIDTH) or [""]
    first = row(Span(glyphs.text(key).ljust(_KEY_WIDTH), Token.KEY), lines[0])
    return [first, *(row(" " * _KEY_WIDTH, line) for line in lines[1:])]


def _marks(glyphs: Glyphs) -> list[Row]:
    """What stands on the time bar, and before events."""
    marks = (
        (glyphs.here, Token.STRONG, "what shows"),
        (glyphs.after, Token.TEXT, "the live edge"),
        (glyphs.entry, Token.ENTRY, "entry of the timeline"),
        (glyphs.notice, Token.NOTICE, "event worth a look"),
        (glyphs.bad, Token.BAD, "failure"),
    )
    return [row(Span(sign, token), dim(f" {words}")) for sign, token, words in marks]


def panel_help(panel: Panel, width: int, glyphs: Glyphs) -> Rows:
    """What the panel shows, and the counters behind its figures with their units and meaning."""
    rows: Rows = []
    for paragraph in panel.help.split("\n\n"):
        rows += [*(row(line) for line in wrap(glyphs.text(paragraph), width)), ()]
    rows.append(row(Span("Counters", Token.TITLE)))
    for name in panel.counters:
        rows += _counter(name, width, glyphs)
    return rows


def _counter(name: str, width: int, glyphs: Glyphs) -> Rows:
    known = field(name)
    if known is None:
        return [row(strong(name))]
    head: Row = row(strong(name), dim(f"  {known.source.value}, {known.unit.value}"))
    return [head, *(row("  ", line) for line in wrap(glyphs.text(known.meaning), width - 2))]
