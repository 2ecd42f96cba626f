"""A set of whole numbers kept as disjoint ranges: sections, page-table slots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sortedcontainers import SortedDict


class RangeSet:
    """Numbers as [start, end) ranges, ascending; adding a terabyte of neighbours is one range."""

    __slots__ = ("_ranges", "count")

    def __init__(self) -> None:
        self._ranges: SortedDict[int, int] = SortedDict()
        self.count = 0
        """How many numbers are in the set."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges.items())

    def __contains__(self, number: int) -> bool:
        index = self._ranges.bisect_right(number) - 1
        return bool(index >= 0 and number < self._ranges.peekitem(index)[1])

    def __len__(self) -> int:
        """Number of ranges."""
        return len(self._ranges)

    def missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that are not in the set, ascending."""
        gaps: list[tuple[int, int]] = []
        for low, high in self.overlapping(start, end):
            if low > start:
                gaps.append((start, low))
            start = max(start, high)
        if start < end:
            gaps.append((start, end))
        return gaps

    def overlapping(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The ranges that touch [start, end), as stored, ascending."""
        index = max(self._ranges.bisect_right(start) - 1, 0)
        for low in self._ranges.islice(index):
            if low >= end:
                return
            high = self._ranges[low]
            if high > start:
                yield low, high

    def add(self, start: int, end: int) -> int:
        """Adds [start, end); returns how many numbers were not there before."""
        added = sum(high - low for low, high in self.missing(start, end))
        self.count += added
        for low, high in list(self.overlapping(start - 1, end + 1)):
            start, end = min(start, low), max(end, high)
            del self._ranges[low]
        self._ranges[start] = end
        return added

    def add_apart(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Adds ranges of which none touches another, or any number that is in the set."""
        self._ranges.update(ranges)
        self.count += sum([end - start for start, end in ranges])

    def remove(self, start: int, end: int) -> int:
        """Takes [start, end) out; returns how many numbers were there."""
        removed = 0
        for low, high in list(self.overlapping(start, end)):
            del self._ranges[low]
            if low < start:
                self._ranges[low] = start
            if high > end:
                self._ranges[end] = high
            removed += min(high, end) - max(low, start)
        self.count -= removed
        return removed

    def copy(self) -> RangeSet:
        """The same numbers, in a set that can change on its own."""
        twin = RangeSet()
        twin._ranges = self._ranges.copy()
        twin.count = self.count
        return twin
