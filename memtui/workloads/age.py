"""`age`: memory as a machine has it after a month of use.

The composition is that of the 24 GiB machine behind the quiet recordings of Linux 6.18
(`host-idle-quiet`), by then well used: 15 % of its memory is page cache, and in 13 % free memory
lies in blocks below 4 MiB, between pages that stay. How finely follows its /proc/buddyinfo
(zone Normal: 12859 10469 5784 2608 1364 647 1382 1206 333 621 3443): a page kept in 2^(n + 1)
frames leaves one free block of every order up to n, so the differences from order to order say in
how much of memory which n is found. Who keeps the pages is as with `fragment`.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from memtui.machine.errors import OutOfMemory
from memtui.machine.fragment import Fragmentation
from memtui.machine.page_cache import CachedFile
from memtui.units import PPM, format_count, format_frames
from memtui.workloads.base import Activity, Context, Steps, in_parts
from memtui.workloads.params import Params, Share
from memtui.workloads.program_memory import step_pages

RECORDED_BLOCKS: Final = (12859, 10469, 5784, 2608, 1364, 647, 1382, 1206, 333, 621)
"""Free blocks by order of the recorded machine, orders 0 to 9."""


def _shares() -> tuple[tuple[int, int], ...]:
    """(order, parts per million of what is scattered), the coarsest first."""
    groups: list[tuple[int, int]] = []
    found = 0
    for order in range(len(RECORDED_BLOCKS) - 1, -1, -1):
        more = max(0, RECORDED_BLOCKS[order] - found)
        found += more
        if more:
            groups.append((order, more << (order + 1)))
    total = sum(frames for _, frames in groups)
    return tuple((order, frames * PPM // total) for order, frames in groups)


SHARES: Final = _shares()


class AgeParams(Params):
    """How much of memory is in use, and how much of it is scattered."""

    cache: Share = Field(default=PPM * 15 // 100, description="share of memory in page cache")
    scattered: Share = Field(
        default=PPM * 13 // 100, description="share of memory in which free blocks are smaller than 4 MiB"
    )


class Age(Activity[AgeParams]):
    """Reads files, then leaves pages in the way of large free blocks."""

    action = "age"
    params_type = AgeParams

    def __init__(self, params: AgeParams, context: Context) -> None:
        super().__init__(params, context)
        self._file: CachedFile | None = None
        self._rounds: list[Fragmentation] = []

    def start(self) -> Steps:
        """Fills the page cache and scatters memory on every node, the coarsest parts first."""
        fragmenter, nodes = self.machine.fragmenter, range(self.machine.core.allocator.nodes)
        yield from self._read(sum(fragmenter.share_of(node, self.params.cache) for node in nodes))
        for order, share in SHARES:
            work = fragmenter.begin(order, self.context.rng)
            self._rounds.append(work)
            for node in nodes:
                yield from self._scatter(work, node, fragmenter.share_of(node, self.params.scattered) * share // PPM)
        movable, unmovable = (
            sum(pages.frames for pages in kept)
            for kept in zip(*((work.anon, work.pinned) for work in self._rounds), strict=True)
        )
        cached = format_frames(self._file.frames if self._file is not None else 0)
        kept = f"{format_count(movable)} movable and {format_count(unmovable)} unmovable pages lie scattered"
        self.machine.core.log(f"aged: {cached} of page cache, {kept}")

    def finish(self) -> Steps:
        """Gives everything back."""
        for work in reversed(self._rounds):
            yield from in_parts(self.machine, self.machine.fragmenter.end_in_parts(work))
            yield self.machine.take_ns()
        self._rounds.clear()
        if self._file is not None:
            file, self._file = self._file, None
            yield from in_parts(self.machine, self.machine.page_cache.delete_in_parts(file))
        self.machine.core.log("young again: page cache and scattered pages given back")
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether anything of it is there."""
        return self._file is not None

    def _read(self, frames: int) -> Steps:
        file = self._file = self.machine.page_cache.create()
        step, done = step_pages(frames), 0
        while done < frames:
            part = self.machine.page_cache.portion(min(step, frames - done))
            try:
                self.machine.page_cache.read(file, part)
            except OutOfMemory:
                return
            done += part
            self.progress = f"{format_frames(done)} of {format_frames(frames)} read"
            yield self.machine.take_ns()

    def _scatter(self, work: Fragmentation, node: int, frames: int) -> Steps:
        step, done = step_pages(frames), 0
        while done < frames and (part := work.scatter(node, min(step, frames - done))):
            done += part
            self.progress = f"scattering, {format_frames(done)} of {format_frames(frames)}"
            yield self.machine.take_ns()
