"""Free ranges of numbers with a first fit that does not walk all of them: virtual pages, chunks of packs.

The ranges lie in rows of a few dozen, ascending; of each row the longest range is known, so that a
search looks at one number per row and then into one row. It finds what a walk from the lowest
range would find.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

from memtui.machine.errors import FrameStateError

ROW: Final = 32
"""Ranges in a row when it is made; twice as many split it."""

Range = tuple[int, int]
"""[start, end)."""


class FreeRanges:
    """Disjoint ranges that do not touch each other."""

    __slots__ = ("_firsts", "_longest", "_rows", "count")

    def __init__(self) -> None:
        self._rows: list[list[Range]] = []
        self._firsts: list[int] = []
        """Where each row begins."""
        self._longest: list[int] = []
        """The length of each row's longest range."""
        self.count = 0
        """How many numbers are free."""

    def __iter__(self) -> Iterator[Range]:
        for row in self._rows:
            yield from row

    def first_fit(self, length: int, align: int = 1) -> int | None:
        """The lowest multiple of `align` at which so many numbers in a row are free; None if there is none."""
        for place, longest in enumerate(self._longest):
            if longest < length:
                continue
            for start, end in self._rows[place]:
                first = -(-start // align) * align
                if end - first >= length:
                    return first
        return None

    def add(self, start: int, end: int) -> Range:
        """Frees [start, end), none of which was free; returns the free range it is now part of."""
        low, high = start, end
        below, above = self._neighbours(start)
        if (below and below[1] > start) or (above and above[0] < end):
            raise FrameStateError(f"part of [{start:#x}, {end:#x}) is free already")
        self.count += end - start
        if below and below[1] == start:
            low = below[0]
            self._delete(*self._find(below[0]))
        if above and above[0] == end:
            high = above[1]
            self._delete(*self._find(above[0]))
        self._insert(low, high)
        return low, high

    def remove(self, start: int, end: int) -> None:
        """Takes [start, end) out; all of it lies in one free range."""
        place, at = self._find(start)
        if at < 0 or self._rows[place][at][1] < end:
            raise FrameStateError(f"[{start:#x}, {end:#x}) is not all free")
        low, high = self._rows[place][at]
        self.count -= end - start
        self._delete(place, at)
        if low < start:
            self._insert(low, start)
        if end < high:
            self._insert(end, high)

    def _neighbours(self, number: int) -> tuple[Range | None, Range | None]:
        """The last range that begins at or before a number, and the first behind it."""
        place, at = self._find(number)
        below = self._rows[place][at] if at >= 0 else None
        if place >= 0 and at + 1 < len(self._rows[place]):
            return below, self._rows[place][at + 1]
        return below, self._rows[place + 1][0] if place + 1 < len(self._rows) else None

    def _find(self, number: int) -> tuple[int, int]:
        """(row, place in it) of the last range that begins at or before a number; -1 if none does."""
        place = self._row_of(number)
        return (place, bisect_left(self._rows[place], (number + 1, 0)) - 1) if place >= 0 else (-1, -1)

    def _row_of(self, number: int) -> int:
        """The last row that begins at or before a number; -1 if none does."""
        return bisect_right(self._firsts, number) - 1

    def _insert(self, start: int, end: int) -> None:
        place = max(self._row_of(start), 0)
        if not self._rows:
            self._rows, self._firsts, self._longest = [[(start, end)]], [start], [end - start]
            return
        row = self._rows[place]
        row.insert(bisect_right(row, (start, end)), (start, end))
        if len(row) > 2 * ROW:
            self._rows[place : place + 1] = [row[:ROW], row[ROW:]]
            self._firsts.insert(place + 1, row[ROW][0])
            self._longest.insert(place + 1, _longest(row[ROW:]))
            self._longest[place] = _longest(row[:ROW])
        else:
            self._longest[place] = max(self._longest[place], end - start)
        self._firsts[place] = self._rows[place][0][0]

    def _delete(self, place: int, at: int) -> None:
        row = self._rows[place]
        start, end = row.pop(at)
        if not row:
            del self._rows[place], self._firsts[place], self._longest[place]
            return
        self._firsts[place] = row[0][0]
        if end - start == self._longest[place]:
            self._longest[place] = _longest(row)


def _longest(row: list[Range]) -> int:
    return max(end - start for start, end in row)
