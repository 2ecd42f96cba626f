"""How many mappings there are of each page of a file, as ranges of equal count."""

from __future__ import annotations

from memtui.machine.physical.range_map import RangeMap


class Coverage:
    """Page → number of mappings. A file that many processes map whole is one range."""

    __slots__ = ("_counts", "covered")

    def __init__(self) -> None:
        self._counts: RangeMap[int] = RangeMap()
        self.covered = 0
        """Pages with a mapping at least."""

    def add(self, start: int, end: int, mappings: int) -> int:
        """Adds (below zero: takes away) mappings of pages [start, end); returns by how many `covered` changed."""
        before = self.covered
        pieces = [(low, high, mappings) for low, high in self._counts.gaps(start, end)]
        self.covered += sum(high - low for low, high, _ in pieces)
        for low, high, count in self._counts.overlapping(start, end):
            if count + mappings:
                pieces.append((low, high, count + mappings))
            else:
                self.covered -= high - low
        self._counts.replace(start, end, sorted(pieces))
        return self.covered - before

    def pieces(self) -> list[tuple[int, int, int]]:
        """(first page, one past the last, mappings), ascending."""
        return list(self._counts)
