"""Ranges of whole numbers with a value each: which pages lie where, how often they are mapped.

Disjoint half-open ranges, none of them empty, in ascending order; neighbours with equal values are one range, so that
what was done in bulk stays one entry. Kept in plain lists: a copy (fork makes many) is a copy of
three lists, a change is one splice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

V = TypeVar("V")

Piece = tuple[int, int, V]
"""(start, end, value)."""


class RangeMap(Generic[V]):
    """Number → value, stored by ranges. Values are compared with ==."""

    __slots__ = ("_ends", "_starts", "_values")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._values: list[V] = []

    def __iter__(self) -> Iterator[Piece[V]]:
        return zip(self._starts, self._ends, self._values, strict=True)

    def __len__(self) -> int:
        """Number of ranges."""
        return len(self._starts)

    def overlapping(self, start: int, end: int) -> list[Piece[V]]:
        """The pieces inside [start, end), which is not empty, cut to it."""
        first, last = self._window(start, end)
        found = list(zip(self._starts[first:last], self._ends[first:last], self._values[first:last], strict=True))
        if found:
            low, high, value = found[0]
            found[0] = (max(low, start), high, value)
            low, high, value = found[-1]
            found[-1] = (low, min(high, end), value)
        return found

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that have no value."""
        holes: list[tuple[int, int]] = []
        for low, high, _ in self.overlapping(start, end):
            if start < low:
                holes.append((start, low))
            start = high
        if start < end:
            holes.append((start, end))
        return holes

    def replace(self, start: int, end: int, pieces: Iterable[Piece[V]]) -> None:
        """Makes `pieces` (ascending, inside [start, end)) all there is in [start, end)."""
        first, last = self._window(start, end)
        fresh = list(pieces)
        if first < last and self._starts[first] < start:
            fresh.insert(0, (self._starts[first], start, self._values[first]))
        if first < last and self._ends[last - 1] > end:
            fresh.append((end, self._ends[last - 1], self._values[last - 1]))
        if first:
            first -= 1
            fresh.insert(0, (self._starts[first], self._ends[first], self._values[first]))
        if last < len(self._starts):
            fresh.append((self._starts[last], self._ends[last], self._values[last]))
            last += 1
        self._splice(first, last, fresh)

    def set(self, start: int, end: int, value: V) -> None:
        """Gives all of [start, end) one value."""
        self.replace(start, end, ((start, end, value),))

    def clear(self, start: int, end: int) -> None:
        """Takes the values of [start, end) away."""
        self.replace(start, end, ())

    def clear_many(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Takes the values of many ranges away, ascending and disjoint, in one pass over what lies between them."""
        if not ranges:
            return
        start, end = ranges[0][0], ranges[-1][1]
        kept: list[Piece[V]] = []
        place = 0
        for low, high, value in self.overlapping(start, end):
            while place < len(ranges) and ranges[place][0] < high:
                cut_low, cut_high = ranges[place]
                if low < cut_low:
                    kept.append((low, cut_low, value))
                low = max(low, cut_high)
                if cut_high > high:
                    break
                place += 1
            if low < high:
                kept.append((low, high, value))
        self.replace(start, end, kept)

    def update(self, change: Callable[[V], V]) -> None:
        """Replaces every value by `change` of it."""
        self._splice(0, len(self._starts), [(low, high, change(value)) for low, high, value in self])

    def copy(self) -> RangeMap[V]:
        """The same ranges, in a map that can change on its own."""
        twin: RangeMap[V] = RangeMap()
        twin._starts, twin._ends, twin._values = self._starts.copy(), self._ends.copy(), self._values.copy()
        return twin

    def _window(self, start: int, end: int) -> tuple[int, int]:
        """Indices of the pieces that overlap [start, end)."""
        return bisect_right(self._ends, start), bisect_left(self._starts, end)

    def _splice(self, first: int, last: int, pieces: list[Piece[V]]) -> None:
        """Puts pieces in the place of those at [first, last), joining equal neighbours among them."""
        starts: list[int] = []
        ends: list[int] = []
        values: list[V] = []
        for start, end, value in pieces:
            if ends and ends[-1] == start and values[-1] == value:
                ends[-1] = end
            else:
                starts.append(start)
                ends.append(end)
                values.append(value)
        self._starts[first:last] = starts
        self._ends[first:last] = ends
        self._values[first:last] = values
