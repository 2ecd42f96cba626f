"""Rows of cells: text in runs, each with the token that says what it means.

A drawing is a list of rows. Rows compare by value, so a screen repaints only those that
changed, and `plain()` makes text of them, for tests and for pictures without a terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from memtui.view.tokens import Token


class Span(NamedTuple):
    """A run of text of one meaning."""

    text: str
    token: Token = Token.TEXT
    action: str = ""
    """The id of the action that a click on it runs, if any."""


Row = tuple[Span, ...]
Rows = list[Row]


def row(*parts: Span | str) -> Row:
    """A row of spans, empty ones left out; plain text counts as `TEXT`."""
    return tuple([part if isinstance(part, Span) else Span(part) for part in parts if part and part[0]])


def dim(text: str) -> Span:
    """A label or a unit."""
    return Span(text, Token.DIM)


def strong(text: str) -> Span:
    """A figure the eye should find first."""
    return Span(text, Token.STRONG)


@lru_cache(4096)
def cell_width(text: str) -> int:
    """Terminal cells that `text` takes."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if character < "\u0300":
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def row_width(spans: Iterable[Span]) -> int:
    """Terminal cells that a row takes."""
    return sum([cell_width(span[0]) for span in spans])


def cut_text(text: str, width: int, more: str) -> str:
    """`text` in at most `width` cells, ending in the sign `more` where it was cut."""
    if cell_width(text) <= width:
        return text
    return _prefix(text, width - 1) + more if width > 0 else ""


def _prefix(text: str, width: int) -> str:
    """As much of the start of `text` as `width` cells hold."""
    used = 0
    for position, character in enumerate(text):
        used += _character_width(character)
        if used > width:
            return text[:position]
    return text


def cut(spans: Row, width: int, more: str) -> Row:
    """The row in at most `width` cells, ending in the sign `more` where it was cut."""
    if row_width(spans) <= width:
        return spans
    kept: list[Span] = []
    room = width
    for span in spans:
        size = cell_width(span.text)
        if size >= room:
            shown = cut_text(span.text + " ", room, more) if size == room else cut_text(span.text, room, more)
            return (*kept, span._replace(text=shown)) if room > 0 else tuple(kept)
        kept.append(span)
        room -= size
    return tuple(kept)


def fit(spans: Row, width: int, more: str) -> Row:
    """The row in exactly `width` cells: cut with the sign `more`, or filled with spaces."""
    missing = width - row_width(spans)
    if missing < 0:
        spans = cut(spans, width, more)
        missing = width - row_width(spans)
    return (*spans, Span(" " * missing)) if missing > 0 else spans


def spread(left: Row, right: Row, width: int, more: str) -> Row:
    """`left` and `right` at the two ends of `width` cells; the left one is cut when both do not fit."""
    right = cut(right, width, more)
    room = width - row_width(right)
    gap = 1 if right and room > 1 else 0
    return (*fit(left, room - gap, more), Span(" " * gap), *right) if gap else (*fit(left, room, more), *right)


def flow(groups: Sequence[Row], width: int, gap: int = 2) -> Rows:
    """The groups one after the other, wrapped between groups only, at most `width` cells a row."""
    rows: Rows = []
    current: Row = ()
    used = 0
    for group in groups:
        size = row_width(group)
        if current and used + gap + size <= width:
            current, used = (*current, Span(" " * gap), *group), used + gap + size
        else:
            if current:
                rows.append(current)
            current, used = group, size
    return [*rows, current] if current else rows


def flow_some(groups: Sequence[Row], width: int, height: int, more: str, gap: int = 2) -> Rows:
    """As many groups as `height` rows hold; the last one then says how many more there are."""
    lines = flow([cut(group, width, more) for group in groups], width, gap)
    kept = len(groups)
    while len(lines) > max(0, height) and kept:
        kept -= 1
        rest = row(dim(f"{more} {len(groups) - kept} more"))
        lines = flow([*(cut(group, width, more) for group in groups[:kept]), rest], width, gap)
    return lines[: max(0, height)]


def wrap(text: str, width: int) -> list[str]:
    """`text` broken between words into lines of at most `width` cells; a longer word is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while cell_width(word) > width > 1:
            if line:
                lines.append(line)
                line = ""
            head = _prefix(word, width)
            lines.append(head)
            word = word[len(head) :]
        joined = f"{line} {word}" if line else word
        if cell_width(joined) > width:
            lines.append(line)
            joined = word
        line = joined
    return [*lines, line] if line else lines


def plain(rows: Iterable[Row]) -> str:
    """The rows as text, one line each, without spaces at the ends of lines."""
    return "\n".join("".join(span.text for span in spans).rstrip() for spans in rows)
