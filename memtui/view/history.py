"""History strips: how a figure moved over simulated time, as columns one cell wide.

All strips span the same stretch of simulated time, from the oldest moment kept to the live edge.
Where what shows is a moment of the past, a mark stands at it and what came after is fainter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from memtui.curves import Figure, Series
from memtui.view.bars import columns
from memtui.view.cells import Row, Rows, Span, dim, fit, row, row_width, spread
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import axis_time
from memtui.view.tokens import Token

WORDS: Final = 25
"""Cells for the words right of a strip of one row: the same for all, so that strips line up."""

_ALIGNED_FROM: Final = 46
"""Width from which the words have that much room."""


class History(Protocol):
    """What strips are drawn from: the past of any figure a Snapshot carries."""

    @property
    def span_ns(self) -> tuple[int, int]:
        """The oldest and the newest moment there is."""

    def series(self, name: str) -> Series:
        """The past of a figure by its name; both parts empty for a name nothing has."""

    def past(self, figure: Figure) -> Series:
        """The past of anything that can be read from a Snapshot."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The stretch of simulated time that all strips span, and the moment in it that shows."""

    start_ns: int
    end_ns: int
    """The live edge."""
    cursor_ns: int | None = None
    """The moment of the past that shows; None at the live edge."""

    def column(self, width: int) -> int | None:
        """The column of `width` that the cursor stands in; None where there is none."""
        if self.cursor_ns is None or self.end_ns <= self.start_ns:
            return None
        place = (self.cursor_ns - self.start_ns) * width // (self.end_ns - self.start_ns)
        return max(0, min(width - 1, place))

    @property
    def words(self) -> str:
        """What it spans, and where in it the cursor stands: `0s - 30s`, `0s - 30s, at 12.5s`."""
        span = f"{axis_time(self.start_ns)} - {axis_time(self.end_ns)}"
        return span if self.cursor_ns is None else f"{span}, at {axis_time(self.cursor_ns)}"


def resample(
    times_ns: Sequence[int], values: Sequence[float], width: int, start_ns: int, end_ns: int
) -> list[float | None]:
    """The value at the end of each of `width` equal stretches of time; None before the first is known."""
    span = end_ns - start_ns
    result: list[float | None] = []
    for column in range(1, width + 1):
        position = bisect_right(times_ns, start_ns + span * column // width)
        result.append(values[position - 1] if position else None)
    return result


def strip(
    series: Series, axis: Axis, label: str, most: str, width: int, height: int, glyphs: Glyphs, token: Token
) -> Rows:
    """A figure over the axis, its zero at the bottom.

    One row has its label and the largest value, `most`, at its right; more rows have them above
    and, where there is room, the time they span. Zero is blank; a value that never changed is a
    low line, so that it does not look like a peak. Nothing is drawn of a figure that has no past.
    """
    times_ns, values = series
    if height < 1 or not times_ns:
        return []
    words = f"{label}, max {most}"
    if height == 1:
        beside = f" {words}"
        room = max(1, width - max(len(beside), WORDS if width >= _ALIGNED_FROM else 0))
        shown = _heights(resample(times_ns, values, room, axis.start_ns, axis.end_ns), 1, glyphs)
        return [fit((*marked(shown[0], axis, token, glyphs), dim(beside)), width, glyphs.more)]
    shown = _heights(resample(times_ns, values, width, axis.start_ns, axis.end_ns), height - 1, glyphs)
    return [_title(words, axis, width, glyphs), *(marked(line, axis, token, glyphs) for line in shown)]


def changes(series: Series, axis: Axis, label: str, width: int, height: int, glyphs: Glyphs, token: Token) -> Rows:
    """When a counter rose, and by how much: each column is what came in its stretch of time."""
    times_ns, values = series
    if height < 2 or not times_ns:
        return []
    shown = resample(times_ns, values, width, axis.start_ns, axis.end_ns)
    known = [values[0], *(values[0] if value is None else value for value in shown)]
    rises = [max(0.0, after - before) for before, after in pairwise(known)]
    most = int(max(rises, default=0))
    stretch = axis_time((axis.end_ns - axis.start_ns) // max(1, width))
    words = f"{label}, max {most} in {stretch}" if most else f"{label}, none"
    lines = columns(rises, height - 1, most, glyphs)
    return [_title(words, axis, width, glyphs), *(marked(line, axis, token, glyphs) for line in lines)]


def marked(line: str, axis: Axis, token: Token, glyphs: Glyphs) -> Row:
    """A line of a strip with the cursor's mark in it, and what came after the cursor fainter."""
    place = axis.column(len(line))
    if place is None:
        return row(Span(line, token))
    after = Span(line[place + 1 :], Token.AFTER)
    return row(Span(line[:place], token), Span(glyphs.boundary, Token.STRONG), after)


def beside(parts: Sequence[Rows], widths: Sequence[int], height: int, glyphs: Glyphs) -> Rows:
    """Drawings side by side, each in its width, three cells apart."""
    rows: Rows = []
    for y in range(height):
        spans: list[Span] = []
        for part, width in zip(parts, widths, strict=True):
            spans += [Span("   ")] * bool(spans) + list(fit(part[y] if y < len(part) else (), width, glyphs.more))
        rows.append(tuple(spans))
    return rows


def largest(series: Series) -> int:
    """The largest value kept, for the words of a strip."""
    return int(max(series[1], default=0))


def _title(words: str, axis: Axis, width: int, glyphs: Glyphs) -> Row:
    title, moments = row(dim(words)), row(dim(axis.words))
    fits = row_width(title) + 2 + row_width(moments) <= width
    return spread(title, moments if fits else (), width, glyphs.more)


def _heights(shown: Sequence[float | None], height: int, glyphs: Glyphs) -> list[str]:
    known = [value for value in shown if value is not None]
    top = max(known, default=0.0)
    if len(set(known)) == 1:
        top *= height * (len(glyphs.levels) - 1)
    return columns(shown, height, top, glyphs)
