"""Frames in order, as runs: what bulk allocation hands out and owners keep.

A run is (first frame, number of frames). A GiB just touched on a fresh machine is one run; only
what is scattered costs an element each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

Run = tuple[int, int]
"""(first frame, frames)."""


class FrameList:
    """An ordered sequence of frames, run-length encoded; taken from the front, added to at the back."""

    __slots__ = ("_runs", "frames")

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs: deque[Run] = deque()
        self.frames = 0
        """Frames in all runs."""
        if runs:
            self.extend(runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def __len__(self) -> int:
        """Number of runs."""
        return len(self._runs)

    def append(self, start: int, frames: int) -> None:
        """Adds a run at the back, joining it to the last where it continues it."""
        if frames == 0:
            return
        self.frames += frames
        if self._runs:
            last, length = self._runs[-1]
            if last + length == start:
                self._runs[-1] = (last, length + frames)
                return
        self._runs.append((start, frames))

    def extend(self, runs: Iterable[Run]) -> None:
        """Adds runs at the back, in order."""
        known = self._runs
        for run in runs:
            start, frames = run
            if known:
                last, length = known[-1]
                if last + length == start:
                    known[-1] = (last, length + frames)
                    self.frames += frames
                    continue
            if frames:
                known.append(run)
                self.frames += frames

    def at(self, number: int) -> int:
        """The frame at that place, counted from the front. Raises IndexError for a place behind the last."""
        for start, frames in self._runs:
            if number < frames:
                return start + number
            number -= frames
        raise IndexError("no frame at that place")

    def take(self, frames: int) -> FrameList:
        """Removes the first `frames` frames (at most all there are) and returns them in order."""
        taken, before = FrameList(), self.frames
        taken._runs.extend(self.take_runs(frames))
        taken.frames = before - self.frames
        return taken

    def first(self, runs: int) -> int:
        """Frames in the first `runs` runs."""
        if runs >= len(self._runs):
            return self.frames
        return sum(frames for _, frames in islice(self._runs, runs))

    def take_runs(self, frames: int) -> list[Run]:
        """The same, as plain runs."""
        known = self._runs
        taken: list[Run] = []
        self.frames -= min(frames, self.frames)
        while frames and known:
            start, length = known[0]
            if length > frames:
                known[0] = (start + frames, length - frames)
                taken.append((start, frames))
                break
            taken.append(known.popleft())
            frames -= length
        return taken

    def copy(self) -> FrameList:
        """A list of the same runs that can change on its own."""
        twin = FrameList()
        twin._runs = self._runs.copy()
        twin.frames = self.frames
        return twin
