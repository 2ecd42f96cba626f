"""The hugepage pools: 2 MiB and 1 GiB pages set aside, and their trade with the memmap.

`set_max_huge_pages` of mm/hugetlb.c: pages are taken on all nodes in turn as long as they can be
had, then (with `vm.hugetlb_optimize_vmemmap` on) their struct pages are optimised in one batch.
Whether a page is optimised is settled when it enters the pool. Freeing an optimised page takes
its struct-page frames back first; a page that cannot get them stays in the pool as surplus.

2 MiB pages come from the buddy allocator, 1 GiB pages from a free, aligned GiB
(`alloc_contig_pages`). A pool keeps runs of pages, so its cost follows how scattered it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from memtui.machine import costs
from memtui.machine.boot import GiganticPage
from memtui.machine.core import Core, KernelOwner, Severity
from memtui.machine.errors import FrameStateError
from memtui.machine.memmap import Memmap
from memtui.machine.memmap_backing import memmap_frames
from memtui.machine.physical.allocator import GFP_HUGETLB
from memtui.machine.physical.contiguous import allocate_contiguous
from memtui.machine.physical.extents import FrameList
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_1G, FRAMES_2M, format_count, format_duration, format_frames

PAGE_NAMES: Final = {FRAMES_2M: "2 MiB", FRAMES_1G: "1 GiB"}


@dataclass(frozen=True, slots=True)
class PoolRun:
    """Neighbouring pages of a pool that entered it in the same state."""

    start: int
    frames: int
    optimised: bool


@dataclass(slots=True)
class NodePool:
    """Free huge pages of one size on one node, last in first out (hugepage_freelists)."""

    runs: list[PoolRun] = field(default_factory=list)
    frames: int = 0
    surplus_pages: int = 0

    def put(self, run: PoolRun) -> None:
        """Adds pages on top."""
        if run.frames:
            self.runs.append(run)
            self.frames += run.frames

    def take(self, frames: int) -> list[PoolRun]:
        """Removes pages from the top; there must be as many."""
        taken: list[PoolRun] = []
        self.frames -= frames
        while frames:
            run = self.runs.pop()
            if run.frames > frames:
                self.runs.append(PoolRun(run.start, run.frames - frames, run.optimised))
                run = PoolRun(run.start + run.frames - frames, frames, run.optimised)
            taken.append(run)
            frames -= run.frames
        return taken


@dataclass(slots=True)
class Pool:
    """The pool of one page size (struct hstate)."""

    page_frames: int
    nodes: list[NodePool]
    next_to_alloc: int = 0
    next_to_free: int = 0

    @property
    def total_pages(self) -> int:
        """Pages in the pool, surplus included (nr_huge_pages)."""
        return sum(node.frames for node in self.nodes) // self.page_frames

    @property
    def surplus_pages(self) -> int:
        """Pages more than were asked for, that could not be freed (surplus_huge_pages)."""
        return sum(node.surplus_pages for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Resize:
    """What one write to nr_hugepages did."""

    page_frames: int
    before: int
    asked: int
    after: int
    """Persistent pages now: nr_hugepages reads this."""
    given_back_frames: int
    """Struct-page frames given back (below zero: taken back)."""
    surplus: int


class Hugetlb:
    """Both pools, `vm.hugetlb_optimize_vmemmap` and what /proc/meminfo says of them."""

    def __init__(self, core: Core, memmap: Memmap, *, optimize_vmemmap: bool) -> None:
        self._core = core
        self._memmap = memmap
        self._owner = KernelOwner("hugetlb", FrameKind.HUGETLB)
        self.optimize_vmemmap = optimize_vmemmap
        """The sysctl: whether pages entering a pool are optimised."""
        nodes = range(core.allocator.nodes)
        self.pools = {size: Pool(size, [NodePool() for _ in nodes]) for size in (FRAMES_2M, FRAMES_1G)}

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
        pool = self.pools[page_frames]
        before = self._persistent(pool, node)
        memmap_before = self._memmap.boot_frames + self._memmap.allocated_frames
        if count > before:
            self._unsurplus(pool, count - before, node)
            self._grow(pool, count - self._persistent(pool, node), node)
        elif count < before:
            self._shrink(pool, before - count, node)
        after = self._persistent(pool, node)
        given = memmap_before - self._memmap.boot_frames - self._memmap.allocated_frames
        result = Resize(page_frames, before, count, after, given, pool.surplus_pages)
        self._log(result)
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

    def check(self) -> None:
        """Recounts the pools. Raises FrameStateError where they disagree with themselves or the memmap."""
        optimised: dict[int, int] = {}
        for size, pool in self.pools.items():
            for node in pool.nodes:
                if (
                    sum(run.frames for run in node.runs) != node.frames
                    or not 0 <= node.surplus_pages * size <= node.frames
                ):
                    raise FrameStateError("a hugepage pool's count disagrees with its pages")
                optimised[size] = optimised.get(size, 0) + sum(run.frames for run in node.runs if run.optimised)
        for size, frames in optimised.items():
            if self._memmap.optimised_frames.get(size, 0) != frames:
                raise FrameStateError("optimised huge pages in the pools and in the memmap disagree")

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

    def _grow(self, pool: Pool, count: int, node: int | None) -> None:
        """Takes pages on the nodes in turn, then optimises them in one batch per node."""
        fresh = list(self._in_turn(pool, count, node))
        if fresh and self.optimize_vmemmap:
            self._charge_batch()
        for number, pages in fresh:
            done, plain = FrameList(), pages
            if self.optimize_vmemmap:
                done, plain = self._memmap.optimise(pages, pool.page_frames, number)
            for runs, optimised in ((done, True), (plain, False)):
                for start, frames in runs:
                    pool.nodes[number].put(PoolRun(start, frames, optimised))

    def _in_turn(self, pool: Pool, count: int, node: int | None) -> Iterator[tuple[int, FrameList]]:
        """Spreads a request evenly over the nodes, the rest over those that still can; yields what each gave."""
        open_nodes = list(range(len(pool.nodes))) if node is None else [node]
        if node is None:
            turn = pool.next_to_alloc % len(open_nodes)
            open_nodes = open_nodes[turn:] + open_nodes[:turn]
            pool.next_to_alloc = (turn + count) % len(open_nodes)
        while count and open_nodes:
            shares = [count // len(open_nodes) + (place < count % len(open_nodes)) for place in range(len(open_nodes))]
            still_open: list[int] = []
            for number, share in zip(open_nodes, shares, strict=True):
                pages = self._allocate(pool, share, number)
                got = pages.frames // pool.page_frames
                count -= got
                if got == share:
                    still_open.append(number)
                if got:
                    yield number, pages
            open_nodes = still_open

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

    def _shrink(self, pool: Pool, count: int, node: int | None) -> None:
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
        if any(run.optimised for _, runs in taken for run in runs):
            self._charge_batch()
        for number, runs in taken:
            self._free(pool, number, runs)

    def _free(self, pool: Pool, node: int, runs: list[PoolRun]) -> None:
        """Frees pages of one node; optimised ones get their struct pages back first, or stay as surplus."""
        size = pool.page_frames
        for run in runs:
            if not run.optimised:
                self._give_to_buddy(run.start, run.frames, size)
        waiting = [run for run in runs if run.optimised]
        while waiting:
            run = waiting.pop()
            done = self._memmap.restore(run.start, run.frames, node)
            if not done:
                waiting.append(run)
                break
            self._give_to_buddy(run.start, done, size)
            if done < run.frames:
                waiting.append(PoolRun(run.start + done, run.frames - done, optimised=True))
        for run in waiting:
            pool.nodes[node].put(run)
            pool.nodes[node].surplus_pages += run.frames // size

    def _give_to_buddy(self, start: int, frames: int, size: int) -> None:
        self._core.allocator.free(start, frames, self._owner)
        operation = costs.HUGETLB_PAGE_FREE if size == FRAMES_2M else costs.GIGANTIC_PAGE_FREE
        self._core.meter.charge(operation, frames // size)

    def _charge_batch(self) -> None:
        """A batch of vmemmap changes waits for readers and flushes twice: after splitting and after remapping."""
        self._core.meter.charge(costs.RCU_GRACE_PERIOD)
        self._core.meter.charge(costs.FLUSH_ALL, 2)

    def _log(self, result: Resize) -> None:
        size = result.page_frames
        moved = format_frames(abs(result.after - result.before) * size)
        words = [f"{PAGE_NAMES[size]} pages {format_count(result.before)} → {format_count(result.after)}"]
        if result.after != result.before:
            words.append(f"{moved} {'to the pool' if result.after > result.before else 'back to the allocator'}")
        if result.given_back_frames:
            way = "given back" if result.given_back_frames > 0 else "taken back"
            words.append(f"{format_frames(abs(result.given_back_frames))} of struct pages {way}")
        words.append(f"in {format_duration(self._core.meter.total_ns)}")
        short = result.after < result.asked
        if short:
            missing = result.asked - result.after
            words.append(f"{format_count(missing)} of the {format_count(result.asked)} asked for could not be had")
        if result.surplus:
            left = memmap_frames(size) - 1
            words.append(f"{format_count(result.surplus)} stay as surplus: no {left} frames for their struct pages")
        self._core.log(", ".join(words), Severity.NOTICE if short or result.surplus else Severity.INFO)


def spread(count: int, limits: list[int]) -> list[int]:
    """`count` pages taken in turn from places that can give at most `limits`: the share of each."""
    shares = [0] * len(limits)
    able = [place for place, limit in enumerate(limits) if limit]
    while count and able:
        base, extra = divmod(count, len(able))
        for turn, place in enumerate(able):
            part = min(base + (turn < extra), limits[place] - shares[place])
            shares[place] += part
            count -= part
        able = [place for place in able if shares[place] < limits[place]]
    return shares
