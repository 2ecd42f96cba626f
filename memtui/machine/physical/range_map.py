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
        return self.within(((start, end),))

    def within(self, ranges: Iterable[tuple[int, int]]) -> list[Piece[V]]:
        """The pieces inside ranges, ascending and disjoint and none of them empty, cut to them."""
        starts, ends, values = self._starts, self._ends, self._values
        found: list[Piece[V]] = []
        first = 0
        for start, end in ranges:
            first = bisect_right(ends, start, first)
            last = bisect_left(starts, end, first)
            if last - first > 1:
                found.append((max(starts[first], start), ends[first], values[first]))
                first, last = first + 1, last - 1
                found.extend(zip(starts[first:last], ends[first:last], values[first:last], strict=True))
                found.append((starts[last], min(ends[last], end), values[last]))
            elif first < last:
                low, high = starts[first], ends[first]
                found.append((low if low > start else start, high if high < end else end, values[first]))
        return found

    def reach(self, start: int, end: int, pieces: int) -> tuple[int, int]:
        """How far from `start` so many pieces go, up to where the next begins or to `end`; and how many go there."""
        first = bisect_right(self._ends, start)
        last = first + pieces
        if last < len(self._starts) and self._starts[last] < end:
            return self._starts[last], pieces
        return end, bisect_left(self._starts, end, first) - first

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end), which is not empty, that have no value."""
        return self.gaps_within(((start, end),))

    def gaps_within(self, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """The parts of ranges, ascending and disjoint, that have no value."""
        starts, ends = self._starts, self._ends
        holes: list[tuple[int, int]] = []
        place = 0
        for start, end in ranges:
            place = bisect_right(ends, start, place)
            while place < len(starts) and starts[place] < end:
                if start < starts[place]:
                    holes.append((start, starts[place]))
                start = ends[place]
                if start >= end:
                    break
                place += 1
            if start < end:
                holes.append((start, end))
        return holes

    def replace(self, start: int, end: int, pieces: Sequence[Piece[V]]) -> None:
        """Makes `pieces` (ascending, inside [start, end)) all there is in [start, end)."""
        self.replace_within(((start, end),), pieces)

    def set(self, start: int, end: int, value: V) -> None:
        """Gives all of [start, end) one value."""
        self.replace_within(((start, end),), ((start, end, value),))

    def set_many(self, pieces: Sequence[Piece[V]]) -> None:
        """Gives ranges, ascending and disjoint, a value each."""
        if pieces and (not self._ends or self._ends[-1] <= pieces[0][0]):
            self._append(pieces)
        else:
            self.replace_within([(start, end) for start, end, _ in pieces], pieces)

    def clear(self, start: int, end: int) -> None:
        """Takes the values of [start, end) away."""
        self.replace_within(((start, end),), ())

    def clear_many(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Takes the values of ranges, ascending and disjoint, away."""
        self.replace_within(ranges, ())

    def replace_within(self, ranges: Sequence[tuple[int, int]], pieces: Sequence[Piece[V]]) -> None:
        """Makes `pieces` all there is in ranges, both ascending and disjoint: one splice, however many there are.

        What lies between the ranges is copied in one go: a range costs its own pieces and not its neighbours.
        """
        if not ranges:
            return
        starts, ends = self._starts, self._ends
        begin = cursor = max(0, bisect_right(ends, ranges[0][0]) - 1)
        window = _Window(self)
        floor = place = 0
        for start, end in ranges:
            first = bisect_right(ends, start, cursor)
            if cursor < first:
                window.copy(cursor, first, floor)
            if first < len(starts) and starts[first] < start and floor < start:
                window.put(max(starts[first], floor), start, self._values[first])
            while place < len(pieces) and pieces[place][0] < end:
                window.put(*pieces[place])
                place += 1
            cursor = bisect_left(starts, end, first)
            if cursor > first and ends[cursor - 1] > end:
                cursor -= 1
            floor = end
        last = min(cursor + 1, len(starts))
        window.copy(cursor, last, floor)
        window.splice(begin, last)

    def _append(self, pieces: Iterable[Piece[V]]) -> None:
        """Adds pieces behind all others; one that continues the last becomes part of it."""
        starts, ends, values = self._starts, self._ends, self._values
        for start, end, value in pieces:
            if ends and ends[-1] == start and values[-1] == value:
                ends[-1] = end
            else:
                starts.append(start)
                ends.append(end)
                values.append(value)

    def update(self, change: Callable[[V], V]) -> None:
        """Replaces every value by `change` of it."""
        window = _Window(self)
        for low, high, value in self:
            window.put(low, high, change(value))
        window.splice(0, len(self._starts))

    def update_in_place(self, ranges: Iterable[tuple[int, int]], change: Callable[[V], V]) -> bool:
        """Replaces the values inside ranges, ascending and disjoint, by `change` of them, if no border moves by it.

        `change` keeps different values different. False, with nothing changed, where a range cuts a
        piece or a piece would become one with its neighbour.
        """
        starts, ends, values = self._starts, self._ends, self._values
        fresh: list[tuple[int, int, list[V]]] = []
        last = 0
        for start, end in ranges:
            first = bisect_right(ends, start, last)
            last = bisect_left(starts, end, first)
            if first == last:
                continue
            if starts[first] < start or ends[last - 1] > end:
                return False
            changed = [change(values[first])] if last - first == 1 else list(map(change, values[first:last]))
            if first and values[first - 1] == changed[0] and ends[first - 1] == starts[first]:
                return False
            if last < len(starts) and values[last] == changed[-1] and starts[last] == ends[last - 1]:
                return False
            fresh.append((first, last, changed))
        for first, last, changed in fresh:
            values[first:last] = changed
        return True

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
