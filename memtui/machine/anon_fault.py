"""Write faults on anonymous memory: first touch, huge pages at fault time, copy-on-write.

What `do_anonymous_page`, `do_huge_pmd_anonymous_page`, `do_wp_page` and `do_huge_pmd_wp_page` of
Linux 6.18 do, for ranges of pages at once: a batch is allocated in one request and mapped in
address order. When memory runs out, what could be had stays mapped and OutOfMemory is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memtui.machine import costs
from memtui.machine.anon_memory import AnonMemory, by_store
from memtui.machine.anon_store import HUGE_ORDER, Part, slots_around
from memtui.machine.core import Severity
from memtui.machine.errors import SegmentationFault
from memtui.machine.latency import Timed
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE, GFP_TRANSHUGE_LIGHT, Gfp
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.extents import FrameList
from memtui.machine.vma import Mapping, Vma, VmaKind
from memtui.units import FRAMES_2M

if TYPE_CHECKING:
    from memtui.machine.process import Process

PageRange = tuple[int, int]
"""Virtual pages [start, end)."""

GFP_TRANSHUGE: Final = Gfp(MigrateType.MOVABLE, oom=False)
"""A huge page at fault time in a VMA with MADV_HUGEPAGE: it may reclaim directly (defrag=madvise)."""

GFP_WITHOUT_KILL: Final = Gfp(MigrateType.MOVABLE, oom=False)
"""Base pages, as many as can be had without killing anybody."""

BATCH_PAGES: Final = 65536
"""256 MiB: as far as one batch of faults reaches."""


@dataclass(slots=True)
class Written:
    """What writes did."""

    new_pages: int = 0
    """Base pages' worth of memory that is there for the first time."""
    huge_pages: int = 0
    """Huge pages among it."""
    fallbacks: int = 0
    """Huge pages that were wanted and could not be had."""
    copied_pages: int = 0
    """Shared pages replaced by copies."""
    reused_pages: int = 0
    """Pages that were shared once and are this process's alone by now."""
    split_leaves: int = 0
    """2 MiB leaves split into page tables."""

    def add(self, other: Written) -> None:
        """Counts what other writes did as well."""
        self.new_pages += other.new_pages
        self.huge_pages += other.huge_pages
        self.fallbacks += other.fallbacks
        self.copied_pages += other.copied_pages
        self.reused_pages += other.reused_pages
        self.split_leaves += other.split_leaves


def batches(ranges: Iterable[PageRange]) -> Iterator[list[PageRange]]:
    """Ascending ranges in groups that reach over at most BATCH_PAGES each, cut at their multiples."""
    group: list[PageRange] = []
    for start, end in ranges:
        while start < end:
            border = start - start % BATCH_PAGES + BATCH_PAGES
            if group and group[0][0] < border - BATCH_PAGES:
                yield group
                group = []
            group.append((start, min(end, border)))
            start = min(end, border)
    if group:
        yield group


def write(
    memory: AnonMemory, process: Process, vma: Vma, ranges: Iterable[PageRange], done: Written | None = None
) -> Written:
    """The process writes every page of the ranges (ascending); what that does is added to `done`.

    Raises OutOfMemory, and SegmentationFault for pages that no write may reach.
    """
    if vma.kind is not VmaKind.ANON:
        raise SegmentationFault(f"{vma.name} of process {process} cannot be written")
    memory.rmap.prepare(vma, process.node)
    fault = _Faults(memory, process, vma, Written() if done is None else done)
    for batch in batches(ranges):
        fault.serve(batch)
    return fault.done


class _Faults:
    """Faults of one process in one VMA."""

    def __init__(self, memory: AnonMemory, process: Process, vma: Vma, done: Written) -> None:
        self.done = done
        self._memory = memory
        self._core = memory.core
        self._process = process
        self._vma = vma

    def serve(self, batch: list[PageRange]) -> None:
        """Makes every page of a batch present and writable. Raises OutOfMemory with some of them served."""
        if batch[0][0] < self._vma.start or batch[-1][1] > self._vma.end:
            raise SegmentationFault(f"pages {batch[0][0]:#x}..{batch[-1][1]:#x} are not all in {self._vma.name}")
        absent = self._absent(batch)
        slots = self._huge_slots(absent) if absent and self._memory.may_have_huge_pages(self._vma) else []
        if slots:
            with self._core.meter.timed(Timed.HUGE_FAULT, 0) as timed:
                self._populate(absent)
                timed.count = self._fault_huge(slots)
            absent = self._absent(batch)
        with self._core.meter.timed(Timed.ANON_FAULT, 0) as timed:
            self._populate(absent)
            copies = self._break_sharing(batch)
            timed.count = sum(high - low for low, high in [*absent, *copies])
            timed.what = Timed.COW_FAULT if copies else Timed.ANON_FAULT
            if timed.count:
                self._fault_pages(sorted([(*pages, False) for pages in absent] + [(*pages, True) for pages in copies]))
        self._core.meter.charge(costs.ACCESS_PAGE, sum(high - low for low, high in batch))

    def _populate(self, absent: list[PageRange]) -> None:
        """Page tables for pages that are not there."""
        for low, high in absent:
            self._process.tables.populate(low, high - low)

    def _absent(self, batch: list[PageRange]) -> list[PageRange]:
        return self._vma.mapped.gaps_within(batch)

    def _huge_slots(self, absent: list[PageRange]) -> list[PageRange]:
        """Slots where a fault tries for a huge page: wholly in the VMA, and without a table so far."""
        reached, ceiling = self._vma.huge_slots()
        found: list[PageRange] = []
        for pages in absent:
            first, last = slots_around(*pages)
            first, last = max(first, reached), min(last, ceiling)
            if first < last:
                found += self._process.tables.slots_without_table(first, last)
                reached = last
        return found

    def _fault_huge(self, slots: list[PageRange]) -> int:
        """Maps huge pages at as many of the slots as there are huge pages to be had; returns how many."""
        wanted = sum(last - first for first, last in slots)
        store = self._memory.store_of(self._vma)
        gfp = GFP_TRANSHUGE if self._vma.thp == "madvise" else GFP_TRANSHUGE_LIGHT
        frames = self._core.allocator.allocate_many(store, gfp, wanted, HUGE_ORDER, self._process.node, partial=True)
        got = frames.frames // FRAMES_2M
        parts: list[Part] = []
        for first, last in slots:
            if not frames.frames:
                break
            part = frames.take((last - first) * FRAMES_2M)
            parts.append((first * FRAMES_2M, first * FRAMES_2M + part.frames, part))
        if parts:
            self._memory.map_new(self._vma, parts, huge=True)
        self._process.rss_pages += got * FRAMES_2M
        self._process.huge_pages += got
        self._note_huge(got, wanted - got)
        return got

    def _note_huge(self, got: int, fallbacks: int) -> None:
        """Counts and charges huge-page faults."""
        self.done.new_pages += got * FRAMES_2M
        self.done.huge_pages += got
        self.done.fallbacks += fallbacks
        events, meter = self._core.vm_events, self._core.meter
        events["pgfault"] += got
        events["thp_fault_alloc"] += got
        if fallbacks and not events["thp_fault_fallback"]:
            text = "no free 2 MiB block for a huge page: the fault falls back to base pages"
            self._core.log(text, Severity.NOTICE)
        events["thp_fault_fallback"] += fallbacks
        for operation in (costs.FAULT, costs.ALLOC_HUGE_PAGE, costs.ZERO_HUGE_PAGE, costs.MAP_HUGE_PAGE):
            meter.charge(operation, got)

    def _break_sharing(self, batch: list[PageRange]) -> list[PageRange]:
        """Takes over what nobody else has any more; returns the pages that must be copied."""
        mapped = self._vma.mapped
        shared = [piece for piece in mapped.within(batch) if not piece[2].exclusive]
        copies = [
            pages for start, end, mapping in shared if mapping.huge for pages in self._break_huge(start, end, mapping)
        ]
        for store, pieces in by_store(piece for piece in shared if not piece[2].huge).items():
            own: list[PageRange] = []
            for first, last, alone in store.reusable([(low, high) for low, high, _ in pieces], mapped):
                (own if alone else copies).append((first, last))
            self._reuse(own, Mapping(store, True, False))
        return copies

    def _break_huge(self, start: int, end: int, mapping: Mapping) -> Iterator[PageRange]:
        """Writes through shared 2 MiB leaves: they stay where the huge page is not shared, else they split."""
        first, last = slots_around(start, end)
        parts = mapping.store.reusable([(first * FRAMES_2M, last * FRAMES_2M)], self._vma.mapped)
        for low, high, own in parts:
            slots = (high - low) // FRAMES_2M
            if own:
                self._reuse([(low, high)], mapping._replace(exclusive=True))
                continue
            self._memory.split_leaves(self._vma, low // FRAMES_2M, high // FRAMES_2M, mapping.store)
            self._process.huge_pages -= slots
            self.done.split_leaves += slots
            yield max(low, start), min(high, end)

    def _reuse(self, own: list[PageRange], mapping: Mapping) -> None:
        """Makes pages that only this process has writable; each leaf took a fault."""
        self._vma.mapped.set_many([(low, high, mapping) for low, high in own])
        pages = sum(high - low for low, high in own)
        faults = pages // FRAMES_2M if mapping.huge else pages
        self.done.reused_pages += pages
        self._core.vm_events["pgfault"] += faults
        self._core.meter.charge(costs.FAULT, faults)

    def _fault_pages(self, jobs: list[tuple[int, int, bool]]) -> None:
        """Serves (start, end, is a copy) in order with base pages. Raises OutOfMemory when they run out.

        Only a request for the one next page may kill: what came before is mapped by then, and counts.
        """
        store, allocate = self._memory.store_of(self._vma), self._core.allocator.allocate_many
        while jobs:
            wanted = sum(high - low for low, high, _ in jobs)
            frames = allocate(store, GFP_WITHOUT_KILL, wanted, 0, self._process.node, partial=True)
            if not frames.frames:
                frames = allocate(store, GFP_HIGHUSER_MOVABLE, 1, 0, self._process.node)
            jobs = self._map_pages(jobs, frames)

    def _map_pages(self, jobs: list[tuple[int, int, bool]], frames: FrameList) -> list[tuple[int, int, bool]]:
        """Serves jobs from the front until the frames are used up; returns what is left to do."""
        parts: list[Part] = []
        copied: list[PageRange] = []
        rest: list[tuple[int, int, bool]] = []
        for low, high, copy in jobs:
            if not frames.frames:
                break
            end = low + min(high - low, frames.frames)
            parts.append((low, end, frames.take_runs(end - low)))
            if copy:
                copied.append((low, end))
            rest = [(end, high, copy)] if end < high else []
        self._memory.unmap(self._vma.mapped.within(copied))
        self._memory.map_new(self._vma, parts, huge=False)
        copies = sum(high - low for low, high in copied)
        self._note_pages(sum(end - low for low, end, _ in parts) - copies, copies)
        return rest + jobs[len(parts) :]

    def _note_pages(self, new: int, copied: int) -> None:
        """Counts and charges base-page faults."""
        self._process.rss_pages += new
        self.done.new_pages += new
        self.done.copied_pages += copied
        self._core.vm_events["pgfault"] += new + copied
        meter = self._core.meter
        for operation in (costs.FAULT, costs.ALLOC_PAGE, costs.MAP_PAGE):
            meter.charge(operation, new + copied)
        meter.charge(costs.ZERO_PAGE, new)
        meter.charge(costs.COPY_PAGE, copied)
