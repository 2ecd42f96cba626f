"""History strips: how a figure moved over simulated time, as columns one cell wide."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from memtui.view.bars import columns
from memtui.view.cells import Rows, Span, dim, fit, row, spread
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import axis_time
from memtui.view.tokens import Token

Series = tuple[Sequence[int], Sequence[float]]
"""Moments in ns, rising, and the values of one figure then."""


class History(Protocol):
    """What strips are drawn from: the past of any figure a Snapshot carries, by its name."""

    def series(self, name: str) -> Series:
        """The past of one figure; both parts empty for a name nothing has."""


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


def strip(series: Series, label: str, most: str, width: int, height: int, glyphs: Glyphs, token: Token) -> Rows:
    """A figure from the oldest moment kept (left) to now (right), its zero at the bottom.

    One row has its label and the largest value, `most`, at its right; more rows have them above
    and, where there is room, the time they span. Zero is blank; a value that never changed is a
    low line, so that it does not look like a peak. Nothing is drawn of a figure that has no past.
    """
    times_ns, values = series
    if height < 1 or not times_ns:
        return []
    if height == 1:
        words = f" {label}, max {most}"
        lines = _lines(times_ns, values, max(1, width - len(words)), 1, glyphs)
        return [fit((Span(lines[0], token), dim(words)), width, glyphs.more)]
    title = f"{label}, max {most}"
    moments = f"{axis_time(times_ns[0])} - {axis_time(times_ns[-1])}"
    right = row(dim(moments)) if len(title) + 2 + len(moments) <= width else ()
    lines = _lines(times_ns, values, width, height - 1, glyphs)
    return [spread(row(dim(title)), right, width, glyphs.more), *((Span(line, token),) for line in lines)]


def largest(series: Series) -> int:
    """The largest value kept, for the words of a strip."""
    return int(max(series[1], default=0))


def _lines(times_ns: Sequence[int], values: Sequence[float], width: int, height: int, glyphs: Glyphs) -> list[str]:
    shown = resample(times_ns, values, width, times_ns[0], times_ns[-1])
    known = [value for value in shown if value is not None]
    top = max(known, default=0.0)
    if len(set(known)) == 1:
        top *= height * (len(glyphs.levels) - 1)
    return columns(shown, height, top, glyphs)
