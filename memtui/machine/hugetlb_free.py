"""Freeing huge pages that have left a pool: their struct pages first, then the pages themselves.

An optimised page takes its struct-page frames back before it is freed; one that cannot get them goes
back into the pool as surplus. The writer to nr_hugepages does that itself (`DirectFree`); in the series
of December 2020 a kworker did, and the write returned at once (`WorkerFree`, `free_hpage_workfn`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Final, Protocol

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.hugetlb_pool import Pool, PoolRun
from memtui.machine.latency import Timed
from memtui.machine.memmap import Memmap
from memtui.machine.physical.extents import FrameList
from memtui.units import FRAMES_2M

WORKER_BATCH_PAGES: Final = 64
"""Pages the kworker frees before others may look at the machine again."""


Taken = tuple[int, list[PoolRun]]
"""(node, pages taken out of its pool)."""


class HugetlbFree(Protocol):
    """What becomes of pages that were taken out of a pool."""

    def __init__(self, core: Core, memmap: Memmap, owner: KernelOwner, *, batched: bool) -> None:
        """`batched`: pages that are freed together get their struct pages back together, before any is freed."""

    def free(self, pool: Pool, taken: list[Taken]) -> None:
        """Frees pages, now or later."""

    def settle(self) -> None:
        """Frees what was put off: somebody needs the memory, and waits."""

    def waiting(self) -> Iterator[tuple[Pool, PoolRun]]:
        """Pages that are in no pool any more and not free yet."""


class DirectFree:
    """The one that shrinks the pool frees the pages, and waits for it."""

    def __init__(self, core: Core, memmap: Memmap, owner: KernelOwner, *, batched: bool) -> None:
        self._core = core
        self._memmap = memmap
        self._owner = owner
        self._batched = batched

    def free(self, pool: Pool, taken: list[Taken]) -> None:
        """Frees pages; those that cannot be restored stay as surplus."""
        charge_removal(self._core, pool, taken)
        self._free(pool, taken)

    def settle(self) -> None:
        """Nothing is put off."""

    def waiting(self) -> Iterator[tuple[Pool, PoolRun]]:
        """None."""
        return iter(())

    def _free(self, pool: Pool, taken: list[Taken]) -> None:
        if self._batched and any(run.optimised for _, runs in taken for run in runs):
            charge_batch(self._core)
        for node, runs in taken:
            with nullcontext() if self._batched else self._core.meter.timed(Timed.HUGETLB_FREE) as timed:
                freed = self._restore_and_free(pool, node, runs)
                if timed is not None:
                    timed.count = freed // pool.page_frames

    def _restore_and_free(self, pool: Pool, node: int, runs: list[PoolRun]) -> int:
        """Frees what can be freed; returns the frames.

        In a batch all struct pages are restored before any page is freed; when that falls short, what
        could be restored is freed to pay for the rest (`update_and_free_pages_bulk`).
        """
        ready = FrameList((run.start, run.frames) for run in runs if not run.optimised)
        waiting = [run for run in runs if run.optimised]
        freed = 0
        while waiting:
            run = waiting.pop()
            done = self._restore(pool, run, node)
            ready.append(run.start, done)
            if done < run.frames:
                waiting.append(PoolRun(run.start + done, run.frames - done, optimised=True))
            if not (done or ready.frames):
                break
            if not (done and self._batched):
                freed += self._give_to_buddy(ready.take(ready.frames), pool.page_frames)
        freed += self._give_to_buddy(ready, pool.page_frames)
        for run in waiting:
            pool.nodes[node].put(run)
            pool.nodes[node].surplus_pages += run.frames // pool.page_frames
        return freed

    def _restore(self, pool: Pool, run: PoolRun, node: int) -> int:
        meter = self._core.meter
        with meter.timed(Timed.HVO_RESTORE) if self._batched else nullcontext() as timed:
            done = self._memmap.restore(run.start, run.frames, node)
            if timed is not None:
                timed.count = done // pool.page_frames
        return done

    def _give_to_buddy(self, pages: FrameList, page_frames: int) -> int:
        frames, meter = pages.frames, self._core.meter
        with meter.timed(Timed.HUGETLB_FREE, frames // page_frames) if self._batched else nullcontext():
            self._core.allocator.free_list(pages, self._owner, page_frames.bit_length() - 1)
            operation = costs.HUGETLB_PAGE_FREE if page_frames == FRAMES_2M else costs.GIGANTIC_PAGE_FREE
            meter.charge(operation, frames // page_frames)
        return frames


class WorkerFree(DirectFree):
    """Optimised pages are left to a kworker; until it comes to them they are neither in the pool nor free."""

    def __init__(self, core: Core, memmap: Memmap, owner: KernelOwner, *, batched: bool) -> None:
        super().__init__(core, memmap, owner, batched=batched)
        self._queue: deque[tuple[Pool, int, PoolRun]] = deque()

    def free(self, pool: Pool, taken: list[Taken]) -> None:
        """Frees plain pages, and queues the others for the worker."""
        charge_removal(self._core, pool, taken)
        self._free(pool, [(node, [run for run in runs if not run.optimised]) for node, runs in taken])
        queued = [(pool, node, run) for node, runs in taken for run in runs if run.optimised]
        if queued and not self._queue:
            self._core.timers.append((0, self._work))
        self._queue.extend(queued)

    def settle(self) -> None:
        """Allocating huge pages waits for the worker (`flush_free_hpage_work`)."""
        while self._queue:
            self._free_some()

    def waiting(self) -> Iterator[tuple[Pool, PoolRun]]:
        """What is queued."""
        for pool, _, run in self._queue:
            yield pool, run

    def _work(self) -> None:
        """One batch; the next when this one's time is over."""
        if not self._queue:
            return
        begin_ns = self._core.meter.total_ns
        self._free_some()
        if self._queue:
            self._core.timers.append((self._core.meter.total_ns - begin_ns, self._work))

    def _free_some(self) -> None:
        pool, node, run = self._queue.popleft()
        part = min(run.frames, WORKER_BATCH_PAGES * pool.page_frames)
        if part < run.frames:
            self._queue.appendleft((pool, node, PoolRun(run.start + part, run.frames - part, optimised=True)))
        self._free(pool, [(node, [PoolRun(run.start, part, optimised=True)])])


def charge_removal(core: Core, pool: Pool, taken: list[Taken]) -> None:
    """Each page was chosen and unlinked."""
    frames = sum(run.frames for _, runs in taken for run in runs)
    core.meter.charge(costs.HUGETLB_PAGE_REMOVE, frames // pool.page_frames)


def charge_batch(core: Core) -> None:
    """A batch of vmemmap changes waits for readers and flushes twice: after splitting and after remapping."""
    core.meter.charge(costs.RCU_GRACE_PERIOD)
    core.meter.charge(costs.FLUSH_ALL, 2)
