"""Free blocks of the largest order, kept as runs, last in first out.

Blocks of this order never merge any further, so nothing ever has to be looked up by address on
the hot path: an untouched zone of any size is one run.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from memtui.machine.physical.extents import Run

TOP_ORDER: Final = 10
"""MAX_PAGE_ORDER on x86-64: 4 MiB."""
TOP_FRAMES: Final = 1 << TOP_ORDER


class TopRuns:
    """Free order-10 blocks of one migratetype, as (first frame → frames) in order of arrival."""

    __slots__ = ("_runs", "blocks")

    def __init__(self) -> None:
        self._runs: dict[int, int] = {}
        self.blocks = 0
        """How many free blocks there are."""

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs.items())

    def push(self, start: int, frames: int) -> None:
        """Adds a run of whole blocks; it is joined to the last run where they touch."""
        self.blocks += frames >> TOP_ORDER
        if self._runs:
            last = next(reversed(self._runs))
            length = self._runs[last]
            if last + length == start:
                self._runs[last] = length + frames
                return
            if start + frames == last:
                del self._runs[last]
                frames += length
        self._runs[start] = frames

    def pop(self, blocks: int) -> Run:
        """Takes up to `blocks` blocks from the front of the run that came last; there must be one."""
        start, frames = self._runs.popitem()
        taken = min(frames, blocks << TOP_ORDER)
        if taken < frames:
            self._runs[start + taken] = frames - taken
        self.blocks -= taken >> TOP_ORDER
        return start, taken

    def reach(self, runs: int) -> int:
        """Frames in the `runs` runs that came last."""
        if runs >= len(self._runs):
            return self.blocks << TOP_ORDER
        return sum(islice(reversed(self._runs.values()), runs))

    def __len__(self) -> int:
        """Number of runs."""
        return len(self._runs)

    def carve(self, start: int, end: int) -> int:
        """Takes out every free block inside [start, end); returns how many frames that were."""
        removed = 0
        for low, frames in [run for run in self._runs.items() if run[0] < end and run[0] + run[1] > start]:
            high = low + frames
            del self._runs[low]
            if low < start:
                self._runs[low] = start - low
            if high > end:
                self._runs[end] = high - end
            removed += min(high, end) - max(low, start)
        self.blocks -= removed >> TOP_ORDER
        return removed
