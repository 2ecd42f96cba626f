"""Migration: pages that go elsewhere in memory, and the owners who must know where they went.

Whatever moves pages (compaction, contiguous allocation) notes each move here and then tells every
owner once, so that an owner rewrites its own runs and nothing is kept per page.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from memtui.machine.physical.extents import Run


class Moves:
    """Where frames went: a translation of runs, in order of the old frames."""

    def __init__(self, pieces: Iterable[tuple[int, int, int]] = ()) -> None:
        """Begins with some moves: (old first frame, frames, new first frame), ascending."""
        self._old: list[int] = []
        self._frames: list[int] = []
        self._new: list[int] = []
        for old, frames, new in pieces:
            self.add(old, frames, new)

    def add(self, old: int, frames: int, new: int) -> None:
        """Notes a move; old frames must come in ascending order."""
        if self._old and self._old[-1] + self._frames[-1] == old and self._new[-1] + self._frames[-1] == new:
            self._frames[-1] += frames
            return
        self._old.append(old)
        self._frames.append(frames)
        self._new.append(new)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """(old first frame, frames, new first frame)."""
        return zip(self._old, self._frames, self._new, strict=True)

    def __len__(self) -> int:
        """Number of runs."""
        return len(self._old)

    @property
    def frames(self) -> int:
        """Frames that moved."""
        return sum(self._frames)

    def translate(self, start: int, frames: int) -> Iterator[Run]:
        """The run as it lies now, in its old order, in as many pieces as it takes."""
        end = start + frames
        index = max(bisect_right(self._old, start) - 1, 0)
        while start < end:
            while index < len(self._old) and self._old[index] + self._frames[index] <= start:
                index += 1
            if index == len(self._old) or self._old[index] >= end:
                yield start, end - start
                return
            if start < self._old[index]:
                yield start, self._old[index] - start
                start = self._old[index]
            stop = min(end, self._old[index] + self._frames[index])
            yield self._new[index] + start - self._old[index], stop - start
            start = stop


@runtime_checkable
class Relocatable(Protocol):
    """A movable owner: told where its frames went, it puts its own records right."""

    @property
    def records(self) -> int:
        """How many runs of frames it goes through for that; 0 where it finds those that moved at once."""

    def relocate(self, moves: Moves) -> None:
        """Replaces every frame that moved by the one it moved to."""


Folio = tuple[int, int]
"""(first frame, order)."""


@runtime_checkable
class FolioOwner(Relocatable, Protocol):
    """An owner some of whose pages are larger than one frame: such a page moves whole or not at all."""

    def large_folios(self, start: int, end: int) -> list[Folio]:
        """Its folios of more than one frame that begin in frames [start, end), ascending."""
