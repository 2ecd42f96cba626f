"""Freeing huge pages that have left a pool: their struct pages first, then the pages themselves.

An optimised page takes its struct-page frames back before it is freed; one that cannot get them goes
back into the pool as surplus. The writer to nr_hugepages does that itself (`DirectFree`); in the series
of December 2020 a kworker did, and the write returned at once (`WorkerFree`, `free_hpage_workfn`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.hugetlb_pool import Pool, PoolRun, slice_pages
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

    def free(self, pool: Pool, taken: list[Taken]) -> Iterator[None]:
        """Frees pages, now or later, in slices; broken off, it does the rest at once."""

    def settle(self) -> None:
        """Frees what was put off: somebody needs the memory, and waits."""

    def waiting(self) -> Iterator[tuple[Pool, PoolRun]]:
        """Pages that are in no pool any more and not free yet."""


class _Batch:
    """Pages of one node on their way out, freed slice by slice; those without struct pages in the end stay as surplus.

    In a batch all struct pages are restored before any page is freed; when that falls short, what
    could be restored is freed to pay for the rest (`update_and_free_pages_bulk`).
    """

    def __init__(self, freeing: DirectFree, pool: Pool, node: int, runs: list[PoolRun]) -> None:
        self.pool = pool
        self._freeing = freeing
        self._node = node
        self._slice_frames = slice_pages(sum(run.frames for run in runs) // pool.page_frames) * pool.page_frames
        self._ready = FrameList((run.start, run.frames) for run in runs if not run.optimised)
        """Pages with struct pages of their own, to be freed."""
        self._paying = False
        """What is ready is freed now, for the struct pages of the others."""
        self._waiting = [run for run in runs if run.optimised]

    def step(self) -> bool:
        """Restores or frees one slice; False when all is done."""
        size, meter = self.pool.page_frames, self._freeing.meter
        if self._waiting and not self._paying and self._freeing.batched:
            with meter.timed(Timed.HVO_RESTORE) as timed:
                timed.count = self._restore() // size
            return True
        if self._waiting and not self._paying:
            with meter.timed(Timed.HUGETLB_FREE) as timed:
                self._restore()
                timed.count = self._give() // size
            return True
        if self._ready.frames:
            with meter.timed(Timed.HUGETLB_FREE) as timed:
                timed.count = self._give() // size
            self._paying = self._paying and self._ready.frames > 0
            return True
        for run in self._waiting:
            self.pool.nodes[self._node].put(run)
            self.pool.nodes[self._node].surplus_pages += run.frames // self.pool.page_frames
        self._waiting = []
        return False

    def runs(self) -> Iterator[PoolRun]:
        """Pages that are not free yet."""
        for start, frames in self._ready:
            yield PoolRun(start, frames, optimised=False)
        yield from self._waiting

    def _restore(self) -> int:
        """Gives some pages their struct pages back; returns their frames, 0 when there is no memory for it."""
        run = self._waiting.pop()
        part = min(run.frames, self._slice_frames)
        done = self._freeing.restore(PoolRun(run.start, part, optimised=True), self._node)
        self._ready.append(run.start, done)
        if done < run.frames:
            self._waiting.append(PoolRun(run.start + done, run.frames - done, optimised=True))
        self._paying = not done
        return done

    def _give(self) -> int:
        """Frees a slice of what is ready; returns the frames."""
        pages = self._ready.take(min(self._slice_frames, self._ready.frames))
        self._freeing.give_to_buddy(pages, self.pool.page_frames)
        return pages.frames


class DirectFree:
    """The one that shrinks the pool frees the pages, and waits for it."""

    def __init__(self, core: Core, memmap: Memmap, owner: KernelOwner, *, batched: bool) -> None:
        self._core = core
        self._memmap = memmap
        self._owner = owner
        self.batched = batched
        self.meter = core.meter
        self._open: list[_Batch] = []

    def free(self, pool: Pool, taken: list[Taken]) -> Iterator[None]:
        """Frees pages in slices; those that cannot be restored stay as surplus."""
        charge_removal(self._core, pool, taken)
        return self._free(pool, taken)

    def settle(self) -> None:
        """Nothing is put off."""

    def waiting(self) -> Iterator[tuple[Pool, PoolRun]]:
        """Those that are being freed."""
        for batch in self._open:
            for run in batch.runs():
                yield batch.pool, run

    def restore(self, run: PoolRun, node: int) -> int:
        """Gives optimised pages their struct pages back; returns the frames of those, from the start, that got them."""
        return self._memmap.restore(run.start, run.frames, node)

    def give_to_buddy(self, pages: FrameList, page_frames: int) -> None:
        """Frees pages that have struct pages of their own."""
        self._core.allocator.free_list(pages, self._owner, page_frames.bit_length() - 1)
        operation = costs.HUGETLB_PAGE_FREE if page_frames == FRAMES_2M else costs.GIGANTIC_PAGE_FREE
        self._core.meter.charge(operation, pages.frames // page_frames)

    def _free(self, pool: Pool, taken: list[Taken]) -> Iterator[None]:
        if self.batched and any(run.optimised for _, runs in taken for run in runs):
            charge_batch(self._core)
        batches = [_Batch(self, pool, node, runs) for node, runs in taken]
        self._open += batches
        try:
            for batch in batches:
                while batch.step():
                    yield
        finally:
            for batch in batches:
                while batch.step():
                    pass
            self._open = [batch for batch in self._open if batch not in batches]


class WorkerFree(DirectFree):
    """Optimised pages are left to a kworker; until it comes to them they are neither in the pool nor free."""

    def __init__(self, core: Core, memmap: Memmap, owner: KernelOwner, *, batched: bool) -> None:
        super().__init__(core, memmap, owner, batched=batched)
        self._queue: deque[tuple[Pool, int, PoolRun]] = deque()

    def free(self, pool: Pool, taken: list[Taken]) -> Iterator[None]:
        """Frees plain pages, and queues the others for the worker."""
        charge_removal(self._core, pool, taken)
        queued = [(pool, node, run) for node, runs in taken for run in runs if run.optimised]
        if queued and not self._queue:
            self._core.timers.append((0, self._work))
        self._queue.extend(queued)
        return self._free(pool, [(node, [run for run in runs if not run.optimised]) for node, runs in taken])

    def settle(self) -> None:
        """Allocating huge pages waits for the worker (`flush_free_hpage_work`)."""
        while self._queue:
            self._free_some()

    def waiting(self) -> Iterator[tuple[Pool, PoolRun]]:
        """What is queued, and what is being freed."""
        yield from super().waiting()
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
        for _ in self._free(pool, [(node, [PoolRun(run.start, part, optimised=True)])]):
            pass


def charge_removal(core: Core, pool: Pool, taken: list[Taken]) -> None:
    """Each page was chosen and unlinked."""
    frames = sum(run.frames for _, runs in taken for run in runs)
    core.meter.charge(costs.HUGETLB_PAGE_REMOVE, frames // pool.page_frames)


def charge_batch(core: Core) -> None:
    """A batch of vmemmap changes waits for readers and flushes twice: after splitting and after remapping."""
    core.meter.charge(costs.RCU_GRACE_PERIOD)
    core.meter.charge(costs.FLUSH_ALL, 2)
