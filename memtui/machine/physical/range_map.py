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

Edit = tuple[int, int, Iterable[Piece[V]]]
"""(start, end, what is to be there instead, ascending)."""


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
        starts, ends, values = self._starts, self._ends, self._values
        first = bisect_right(ends, start)
        last = bisect_left(starts, end, first)
        if first == last:
            return []
        found = list(zip(starts[first:last], ends[first:last], values[first:last], strict=True))
        low, high, value = found[0]
        if low < start:
            found[0] = (start, high, value)
        low, high, value = found[-1]
        if high > end:
            found[-1] = (low, end, value)
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
        self.edit(((start, end, pieces),))

    def set(self, start: int, end: int, value: V) -> None:
        """Gives all of [start, end) one value."""
        self.edit(((start, end, ((start, end, value),)),))

    def clear(self, start: int, end: int) -> None:
        """Takes the values of [start, end) away."""
        self.edit(((start, end, ()),))

    def clear_many(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Takes the values of many ranges away, ascending and disjoint."""
        self.edit([(start, end, ()) for start, end in ranges])

    def edit(self, edits: Sequence[Edit[V]]) -> None:
        """Many replacements at once, ascending and disjoint: one splice, however many there are.

        What lies between them is copied in one go, so that an edit costs its own pieces and not its neighbours'.
        """
        if not edits:
            return
        starts, ends = self._starts, self._ends
        begin = cursor = max(0, bisect_right(ends, edits[0][0]) - 1)
        window = _Window(self)
        floor = 0
        for start, end, pieces in edits:
            first = bisect_right(ends, start, cursor)
            window.copy(cursor, first, floor)
            if first < len(starts) and starts[first] < start and floor < start:
                window.put(max(starts[first], floor), start, self._values[first])
            for piece in pieces:
                window.put(*piece)
            cursor = bisect_left(starts, end, first)
            if cursor > first and ends[cursor - 1] > end:
                cursor -= 1
            floor = end
        last = min(cursor + 1, len(starts))
        window.copy(cursor, last, floor)
        window.splice(begin, last)

    def update(self, change: Callable[[V], V]) -> None:
        """Replaces every value by `change` of it."""
        window = _Window(self)
        for low, high, value in self:
            window.put(low, high, change(value))
        window.splice(0, len(self._starts))

    def copy(self) -> RangeMap[V]:
        """The same ranges, in a map that can change on its own."""
        twin: RangeMap[V] = RangeMap()
        twin._starts, twin._ends, twin._values = self._starts.copy(), self._ends.copy(), self._values.copy()
        return twin


class _Window(Generic[V]):
    """What is to take the place of some neighbouring pieces of a map; equal neighbours are joined."""

    __slots__ = ("_ends", "_map", "_starts", "_values")

    def __init__(self, ranges: RangeMap[V]) -> None:
        self._map = ranges
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._values: list[V] = []

    def put(self, start: int, end: int, value: V) -> None:
        """One more piece, after all others."""
        ends = self._ends
        if ends and ends[-1] == start and self._values[-1] == value:
            ends[-1] = end
        else:
            self._starts.append(start)
            ends.append(end)
            self._values.append(value)

    def copy(self, first: int, last: int, floor: int) -> None:
        """The map's pieces [first, last) as they are; of the first only what lies above `floor`."""
        if first >= last:
            return
        old = self._map
        self.put(max(old._starts[first], floor), old._ends[first], old._values[first])
        if first + 1 < last:
            self._starts += old._starts[first + 1 : last]
            self._ends += old._ends[first + 1 : last]
            self._values += old._values[first + 1 : last]

    def splice(self, first: int, last: int) -> None:
        """Puts the pieces in the place of the map's [first, last)."""
        self._map._starts[first:last] = self._starts
        self._map._ends[first:last] = self._ends
        self._map._values[first:last] = self._values
