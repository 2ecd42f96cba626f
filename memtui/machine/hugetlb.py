"""The hugepage pools: 2 MiB and 1 GiB pages set aside, and their trade with the memmap.

`set_max_huge_pages` of mm/hugetlb.c: pages are taken on all nodes in turn as long as they can be
had, then (with `vm.hugetlb_optimize_vmemmap` on) their struct pages are optimised in one batch.
Whether a page is optimised is settled when it enters the pool. Freeing an optimised page takes
its struct-page frames back first; a page that cannot get them stays in the pool as surplus.

2 MiB pages come from the buddy allocator, 1 GiB pages from a free, aligned GiB
(`alloc_contig_pages`). A pool keeps runs of pages, so its cost follows how scattered it is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Final, NamedTuple

from memtui.machine import costs
from memtui.machine.boot import GiganticPage
from memtui.machine.contiguous import allocate_contiguous
from memtui.machine.core import Core, KernelOwner, Severity
from memtui.machine.errors import FrameStateError
from memtui.machine.hugetlb_free import DirectFree, HugetlbFree, charge_batch
from memtui.machine.hugetlb_pool import NodePool, Pool, PoolRun, Turns, merged, slice_pages, spread
from memtui.machine.latency import Timed
from memtui.machine.memmap import Memmap
from memtui.machine.physical.allocator import GFP_HUGETLB
from memtui.machine.physical.extents import FrameList, Run
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_1G, FRAMES_2M, format_count, format_duration, format_frames

PAGE_NAMES: Final = {FRAMES_2M: "2 MiB", FRAMES_1G: "1 GiB"}


class Resize(NamedTuple):
    """What one write to nr_hugepages did."""

    page_frames: int
    before: int
    asked: int
    after: int
    """Persistent pages now: nr_hugepages reads this."""
    given_back_frames: int
    """Struct-page frames given back (below zero: taken back)."""
    surplus: int


class _Watch:
    """Adds up the time of work that is done in steps, whoever takes it from the meter between them."""

    def __init__(self, core: Core) -> None:
        self._meter = core.meter
        self.spent_ns = 0

    def over(self, steps: Iterator[None]) -> Iterator[None]:
        """The steps, timed."""
        while True:
            begin_ns = self._meter.total_ns
            ended = next(steps, self) is self
            self.spent_ns += self._meter.total_ns - begin_ns
            if ended:
                return
            yield


class Hugetlb:
    """Both pools, `vm.hugetlb_optimize_vmemmap` and what /proc/meminfo says of them."""

    def __init__(
        self,
        core: Core,
        memmap: Memmap,
        *,
        optimize_vmemmap: bool,
        batched: bool = True,
        freeing: type[HugetlbFree] = DirectFree,
    ) -> None:
        """`batched`: struct pages of many huge pages are changed together; else page by page."""
        self._core = core
        self._memmap = memmap
        self._batched = batched
        self._owner = KernelOwner("hugetlb", FrameKind.HUGETLB)
        self.optimize_vmemmap = optimize_vmemmap
        """The sysctl: whether pages entering a pool are optimised."""
        self._freeing = freeing(core, memmap, self._owner, batched=batched)
        nodes = range(core.allocator.nodes)
        self.pools = {size: Pool(size, [NodePool() for _ in nodes]) for size in (FRAMES_2M, FRAMES_1G)}
        self._gathered: list[list[tuple[int, FrameList]]] = []
        """Pages of resizes under way that are in no pool yet, by node."""
        self._resizes = 0
        """Resizes under way."""

    def adopt(self, pages: Iterable[GiganticPage]) -> None:
        """1 GiB pages that boot took come into their pool, and under the page allocator's management.

        With the sysctl on, their struct pages are optimised: before they were made if boot took page
        tables for that, else as those of any page.
        """
        pool = self.pools[FRAMES_1G]
        for page in pages:
            self._core.allocator.adopt(page.start, FRAMES_1G, self._owner)
            done, plain = FrameList(), FrameList([(page.start, FRAMES_1G)])
            if page.tables.frames:
                self._memmap.optimise_early(page.start, page.node, page.tables)
                done, plain = plain, done
            elif self.optimize_vmemmap:
                done, plain = self._memmap.optimise(plain, FRAMES_1G, page.node)
            for runs, optimised in ((done, True), (plain, False)):
                for start, frames in runs:
                    pool.nodes[page.node].put(PoolRun(start, frames, optimised))

    def set_nr_hugepages(self, count: int, page_frames: int = FRAMES_2M, node: int | None = None) -> Resize:
        """What `echo count > nr_hugepages` does, for all nodes in turn or one; falls short where memory does."""
        steps = self.resize(count, page_frames, node)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                result: Resize = done.value
                return result

    def resize(self, count: int, page_frames: int, node: int | None) -> Generator[None, None, Resize]:
        """The same in steps, so that pages can be watched as they come and go.

        The struct pages of a growing pool are optimised in one step, as the kernel does it in one
        batch: all heads are taken before the first frame is given back. The caller takes the meter's
        time at each step, the last of which comes before the log tells of the end. What a step
        leaves is a machine like any other.
        """
        self._resizes += 1
        try:
            result: Resize = yield from self._resize(count, page_frames, node)
        finally:
            self._resizes -= 1
        return result

    def _resize(self, count: int, page_frames: int, node: int | None) -> Generator[None, None, Resize]:
        """What `resize` does while it holds the resize_lock."""
        pool = self.pools[page_frames]
        before, surplus = self._persistent(pool, node), pool.surplus_pages
        memmap_before = self._memmap.boot_frames + self._memmap.allocated_frames
        watch = _Watch(self._core)
        if count > before:
            self._freeing.settle()
            self._unsurplus(pool, count - before, node)
            yield from watch.over(self._grow(pool, count - self._persistent(pool, node), node))
        elif count < before:
            yield from watch.over(self._shrink(pool, before - count, node))
        after = self._persistent(pool, node)
        given = memmap_before - self._memmap.boot_frames - self._memmap.allocated_frames
        result = Resize(page_frames, before, count, after, given, pool.surplus_pages)
        yield
        self._core.meter.note(Timed.POOL_GROW if count > before else Timed.POOL_SHRINK, watch.spent_ns)
        self._log(result, watch.spent_ns, new_surplus=result.surplus - surplus)
        return result

    def pages(self, page_frames: int) -> int:
        """Pages of one size in the pool, surplus included."""
        return self.pools[page_frames].total_pages

    @property
    def frames(self) -> int:
        """RAM in both pools."""
        return sum(node.frames for pool in self.pools.values() for node in pool.nodes)

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of every page in the pools."""
        for pool in self.pools.values():
            for node in pool.nodes:
                for run in node.runs:
                    yield self._owner, run.start, run.frames
        for fresh in self._gathered:
            for _, pages in fresh:
                for start, frames in pages:
                    yield self._owner, start, frames
        for _, run in self._freeing.waiting():
            yield self._owner, run.start, run.frames

    @property
    def unpooled_frames(self) -> int:
        """RAM in pages on their way into a pool or out of one."""
        gathered = sum(pages.frames for fresh in self._gathered for _, pages in fresh)
        return gathered + sum(run.frames for _, run in self._freeing.waiting())

    @property
    def resizing(self) -> bool:
        """Whether a pool is being resized: another write to nr_hugepages waits (resize_lock)."""
        return self._resizes > 0

    def check(self) -> None:
        """Recounts the pools. Raises FrameStateError where they disagree with themselves."""
        for size, pool in self.pools.items():
            for node in pool.nodes:
                held = sum(run.frames for run in node.runs)
                if held != node.frames or not 0 <= node.surplus_pages * size <= node.frames:
                    raise FrameStateError("a hugepage pool's count disagrees with its pages")

    def optimised_runs(self, pool: Pool) -> Iterator[Run]:
        """Runs of pages of a pool, or on their way out of it, that share their struct pages."""
        for node in pool.nodes:
            for run in node.runs:
                if run.optimised:
                    yield run.start, run.frames
        for left, run in self._freeing.waiting():
            if left is pool and run.optimised:
                yield run.start, run.frames

    def _persistent(self, pool: Pool, node: int | None) -> int:
        """Pages that were asked for: all but the surplus ones."""
        nodes = pool.nodes if node is None else [pool.nodes[node]]
        return sum(each.frames // pool.page_frames - each.surplus_pages for each in nodes)

    def _unsurplus(self, pool: Pool, count: int, node: int | None) -> None:
        """A growing pool first takes surplus pages as its own (`adjust_pool_surplus`)."""
        for each in pool.nodes if node is None else [pool.nodes[node]]:
            part = min(count, each.surplus_pages)
            each.surplus_pages -= part
            count -= part

    def _grow(self, pool: Pool, count: int, node: int | None) -> Iterator[None]:
        """Takes pages on the nodes in turn, then puts them into the pool, optimised in one batch.

        When it is broken off (the write to nr_hugepages is interrupted), what was gathered enters the pool.
        """
        fresh: list[tuple[int, FrameList]] = []
        self._gathered.append(fresh)
        turns = Turns(pool, list(range(len(pool.nodes))) if node is None else [node])
        step = slice_pages(count)
        try:
            while count and turns.nodes:
                count -= self._gather(pool, min(step, count), turns, fresh)
                yield
        finally:
            self._gathered = [other for other in self._gathered if other is not fresh]
            if fresh and self.optimize_vmemmap:
                charge_batch(self._core)
            for number, pages in merged(fresh):
                with self._core.meter.timed(Timed.HVO_OPTIMIZE) as timed:
                    timed.count = self._enter(pool, number, pages) // pool.page_frames

    def _gather(self, pool: Pool, count: int, turns: Turns, fresh: list[tuple[int, FrameList]]) -> int:
        """Takes up to `count` pages, which go to `fresh`, or, one by one, straight into the pool; returns how many."""
        got = 0
        with self._core.meter.timed(Timed.HUGETLB_ALLOC) as timed:
            for number, pages in self._in_turn(pool, count, turns):
                got += pages.frames // pool.page_frames
                if self._batched:
                    fresh.append((number, pages))
                else:
                    self._enter(pool, number, pages)
            timed.count = got
        return got

    def _enter(self, pool: Pool, number: int, pages: FrameList) -> int:
        """Pages come into the pool; whether they are optimised is settled now. Returns the frames that are."""
        done, plain = FrameList(), pages
        if self.optimize_vmemmap:
            done, plain = self._memmap.optimise(pages, pool.page_frames, number)
        for runs, optimised in ((done, True), (plain, False)):
            for start, frames in runs:
                pool.nodes[number].put(PoolRun(start, frames, optimised))
        return done.frames

    def _in_turn(self, pool: Pool, count: int, turns: Turns) -> Iterator[tuple[int, FrameList]]:
        """Spreads a request evenly over the nodes, the rest over those that still can; yields what each gave.

        A node that has run out is still asked, in vain, before every page another one gives
        (`alloc_pool_huge_folio`), and counted so.
        """
        while count and turns.nodes:
            nodes = turns.nodes
            shares = [count // len(nodes) + (place < count % len(nodes)) for place in range(len(nodes))]
            still_open: list[int] = []
            exhausted, asked = turns.total - len(nodes), count
            for number, share in zip(nodes, shares, strict=True):
                pages = self._allocate(pool, share, number)
                got = pages.frames // pool.page_frames
                count -= got
                if pool.page_frames == FRAMES_2M:
                    self._core.vm_events["htlb_buddy_alloc_fail"] += got * exhausted
                if got == share:
                    still_open.append(number)
                if got:
                    yield number, pages
            turns.pass_on(asked, still_open)

    def _allocate(self, pool: Pool, count: int, node: int) -> FrameList:
        """Up to `count` pages of one node."""
        allocator = self._core.allocator
        if pool.page_frames == FRAMES_2M:
            pages = allocator.allocate_many(self._owner, GFP_HUGETLB, count, 9, node, partial=True)
            got = pages.frames // FRAMES_2M
            self._core.vm_events["htlb_buddy_alloc_success"] += got
            self._core.vm_events["htlb_buddy_alloc_fail"] += got < count
            self._core.meter.charge(costs.HUGETLB_PAGE_GROW, got)
            return pages
        starts = allocate_contiguous(self._core, self._owner, FRAMES_1G, node, count)
        self._core.meter.charge(costs.GIGANTIC_PAGE_GROW, len(starts))
        return FrameList((start, FRAMES_1G) for start in starts)

    def _shrink(self, pool: Pool, count: int, node: int | None) -> Iterator[None]:
        """Removes pages from the nodes in turn and frees them (`remove_pool_hugetlb_folio`)."""
        numbers = list(range(len(pool.nodes))) if node is None else [node]
        turn = pool.next_to_free % len(pool.nodes)
        pool.next_to_free = (turn + count) % len(pool.nodes)
        numbers.sort(key=lambda number: (number - turn) % len(pool.nodes))
        limits = [self._persistent(pool, number) for number in numbers]
        taken = [
            (number, pool.nodes[number].take(pages * pool.page_frames))
            for number, pages in zip(numbers, spread(count, limits), strict=True)
        ]
        yield from self._freeing.free(pool, taken)

    def _log(self, result: Resize, spent_ns: int, *, new_surplus: int) -> None:
        size = result.page_frames
        pages = abs(result.after - result.before) - max(0, new_surplus)
        words = [f"{PAGE_NAMES[size]} pages {format_count(result.before)} → {format_count(result.after)}"]
        if pages:
            moved = format_frames(pages * size)
            words.append(f"{moved} {'to the pool' if result.after > result.before else 'back to the allocator'}")
        if result.given_back_frames:
            way = "given back" if result.given_back_frames > 0 else "taken back"
            words.append(f"{format_frames(abs(result.given_back_frames))} of struct pages {way}")
        words.append(f"in {format_duration(spent_ns)}")
        if waiting := sum(run.frames for each, run in self._freeing.waiting() if each.page_frames == size):
            words.append(f"{format_frames(waiting)} left to a kworker")
        short = result.after < result.asked
        if short:
            missing = result.asked - result.after
            none = "none" if result.after == result.before else format_count(missing)
            words.append(f"{none} of the {format_count(result.asked)} asked for could be had")
            if result.after != result.before:
                words[-1] = f"{format_count(missing)} of the {format_count(result.asked)} asked for could not be had"
        if new_surplus > 0:
            left = self._memmap.shared_frames(size)
            words.append(f"{format_count(result.surplus)} stay as surplus: no {left} frames for their struct pages")
        self._core.log(", ".join(words), Severity.NOTICE if short or new_surplus > 0 else Severity.INFO)
