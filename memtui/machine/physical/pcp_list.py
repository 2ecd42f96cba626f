"""One per-CPU list: free pages of one order and migratetype, as runs.

Pages are taken from the head, where freed ones are put, so the last freed is the first used again;
what is given back to the buddy allocator comes from the tail. Pages of one refill are taken in the
order in which the buddy allocator gave them. Of one run freed page by page the last page is the
first at the head; several pages taken at once are handed out lowest first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from memtui.machine.physical.extents import Run


class PcpList:
    """Pages in the order in which they will be used."""

    __slots__ = ("_runs", "frames")

    def __init__(self) -> None:
        self._runs: deque[tuple[int, int, bool]] = deque()
        """(first frame, frames, lowest first), the head at the right."""
        self.frames = 0

    def __iter__(self) -> Iterator[Run]:
        return ((start, frames) for start, frames, _ in self._runs)

    def push(self, start: int, frames: int) -> None:
        """Puts pages that were freed, from the lowest up, at the head."""
        self.frames += frames
        if self._runs:
            last, length, rising = self._runs[-1]
            if not rising and last + length == start:
                self._runs[-1] = (last, length + frames, False)
                return
        self._runs.append((start, frames, False))

    def refill(self, runs: Iterable[Run]) -> None:
        """Puts pages from the buddy allocator at the tail, in its order."""
        for start, frames in runs:
            self._runs.appendleft((start, frames, True))
            self.frames += frames

    def take(self, frames: int) -> list[Run]:
        """Takes up to so many frames from the head."""
        taken: list[Run] = []
        while frames and self._runs:
            start, length, rising = self._runs.pop()
            part = min(frames, length)
            first = start if rising else start + length - part
            if part < length:
                self._runs.append((start + part if rising else start, length - part, rising))
            taken.append((first, part))
            frames -= part
            self.frames -= part
        return taken

    def reach(self, runs: int) -> tuple[int, int]:
        """(frames, runs) of up to `runs` runs at the head."""
        if runs >= len(self._runs):
            return self.frames, len(self._runs)
        return sum(frames for _, frames, _ in islice(reversed(self._runs), runs)), runs

    def drop(self, frames: int) -> list[Run]:
        """Takes up to so many frames from the tail."""
        dropped: list[Run] = []
        while frames and self._runs:
            start, length, rising = self._runs.popleft()
            part = min(frames, length)
            first = start + length - part if rising else start
            if part < length:
                self._runs.appendleft((start if rising else start + part, length - part, rising))
            dropped.append((first, part))
            frames -= part
            self.frames -= part
        return dropped
