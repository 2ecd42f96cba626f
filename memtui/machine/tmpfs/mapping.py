"""Shared mappings of tmpfs files: which pages a process has mapped, and by entries of which size.

As mm/memory.c and mm/huge_memory.c of Linux 6.18 do it: a whole 2 MiB page of the file is mapped
by one entry where addresses and file are aligned alike, the mapping holds all of it and no PTE
table is in the way (`do_set_pmd`; nothing is deposited); a smaller folio is mapped whole by one
fault where mapping and PTE table hold all of it (`finish_fault`); else a fault maps one page.
Pages that leave the file leave every mapping, and so does a folio that is split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from memtui.machine import costs
from memtui.machine.errors import FrameStateError
from memtui.machine.file_index import FolioRun
from memtui.machine.page_tables import PageTables
from memtui.machine.physical.ranges import RangeSet
from memtui.machine.tmpfs.design import PMD_ORDER
from memtui.units import FRAMES_2M

if TYPE_CHECKING:
    from memtui.machine.tmpfs.files import TmpfsFile
    from memtui.machine.tmpfs.store import ShmemStore


@dataclass(slots=True, eq=False)
class FileMapping:
    """Pages [first, end) of a file in one address space (a VMA with MAP_SHARED)."""

    file: TmpfsFile
    first: int
    pages: int
    virtual_page: int
    """Where it begins in the address space."""
    tables: PageTables
    advised: bool = False
    """MADV_HUGEPAGE."""
    small: RangeSet = field(default_factory=RangeSet)
    """Pages of the file mapped by PTEs."""
    huge: RangeSet = field(default_factory=RangeSet)
    """Pages of the file mapped by 2 MiB entries."""
    table_slots: RangeSet = field(default_factory=RangeSet)
    """2 MiB slots of the address space in which a PTE table was made for it."""

    @property
    def end(self) -> int:
        """One past the last page of the file it covers."""
        return self.first + self.pages

    @property
    def resident_frames(self) -> int:
        """Frames it has mapped: its part of the process's RSS."""
        return self.small.count + self.huge.count

    @property
    def congruent_order(self) -> int:
        """Largest order, up to 2 MiB, at which addresses and file are aligned alike."""
        offset = (self.virtual_page - self.first) & (FRAMES_2M - 1)
        return PMD_ORDER if not offset else (offset & -offset).bit_length() - 1

    def virtual(self, page: int) -> int:
        """The virtual page of a page of the file."""
        return self.virtual_page + page - self.first

    def is_mapped(self, page: int) -> bool:
        """Whether a page of the file needs no fault."""
        return page in self.small or page in self.huge


def map_pages(store: ShmemStore, mapping: FileMapping, start: int, end: int) -> None:
    """Maps what the file has in pages [start, end), as faults on all of them would.

    Raises OutOfMemory when a page table cannot be had; what was mapped before stays.
    """
    file = mapping.file
    file.locked = True
    try:
        for run in file.index.overlapping(start, end):
            low, high = max(run.index, start), min(run.end, end)
            parts = _huge_parts(mapping, low, high) if run.order == PMD_ORDER else ((low, high, False),)
            for first, last, huge in parts:
                if huge:
                    _map_huge(store, mapping, first, last)
                else:
                    _map_small(store, mapping, run, first, last)
    finally:
        file.locked = False


def unmap_pages(store: ShmemStore, file: TmpfsFile, start: int, end: int, *, splitting: bool = False) -> None:
    """Takes pages [start, end) of a file out of every mapping (`unmap_mapping_range`, or a split's `unmap_folio`)."""
    for mapping in file.mappings:
        unmap_from(store, mapping, start, end, splitting=splitting)


def unmap_from(store: ShmemStore, mapping: FileMapping, start: int, end: int, *, splitting: bool = False) -> None:
    """Takes pages [start, end) of the file out of one mapping; its page tables stay."""
    file, meter = mapping.file, store.core.meter
    for low, high in _clipped(mapping.small, start, end):
        store.mapped_frames += file.mapped.add(low, high, -1)
        meter.charge(costs.UNMAP_PAGE, mapping.small.remove(low, high))
    for low, high in _clipped(mapping.huge, start, end):
        if (low | high) & (FRAMES_2M - 1):
            raise FrameStateError(f"pages {low}..{high} of {file!r} cut a 2 MiB entry")
        entries = mapping.huge.remove(low, high) // FRAMES_2M
        store.mapped_frames += file.mapped.add(low, high, -1)
        store.pmd_mapped_frames += file.pmd_mapped.add(low, high, -1)
        meter.charge(costs.UNMAP_HUGE_PAGE, entries)
        if splitting:
            store.core.vm_events["thp_split_pmd"] += entries


def _map_huge(store: ShmemStore, mapping: FileMapping, start: int, end: int) -> None:
    """Maps whole 2 MiB pages by one entry each."""
    file, core = mapping.file, store.core
    for low, high in mapping.huge.missing(start, end):
        mapping.tables.populate(mapping.virtual(low), high - low, lowest=1)
        entries = mapping.huge.add(low, high) // FRAMES_2M
        store.mapped_frames += file.mapped.add(low, high, 1)
        store.pmd_mapped_frames += file.pmd_mapped.add(low, high, 1)
        core.vm_events["thp_file_mapped"] += entries
        core.meter.charge(costs.FAULT, entries)
        core.meter.charge(costs.MAP_HUGE_PAGE, entries)


def _map_small(store: ShmemStore, mapping: FileMapping, run: FolioRun, start: int, end: int) -> None:
    """Maps pages by PTEs, and with them the rest of the folios they belong to where one fault can."""
    file, core = mapping.file, store.core
    batch = run.order > 0 and _in_one_table(mapping, run, start)
    if batch:
        start = start >> run.order << run.order
    if run.order and _in_one_table(mapping, run, end - 1):
        end = (((end - 1) >> run.order) + 1) << run.order
    for low, high in mapping.small.missing(start, end):
        mapping.tables.populate(mapping.virtual(low), high - low)
        mapping.table_slots.add(*_slots(mapping, low, high))
        pages = mapping.small.add(low, high)
        store.mapped_frames += file.mapped.add(low, high, 1)
        core.meter.charge(costs.FAULT, -(-pages >> run.order) if batch else pages)
        core.meter.charge(costs.MAP_PAGE, pages)


def _huge_parts(mapping: FileMapping, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Cuts pages that lie in 2 MiB folios into (first, one past the last, mapped by 2 MiB entries)."""
    if mapping.congruent_order < PMD_ORDER:
        yield start, end, False
        return
    first = -(-mapping.first // FRAMES_2M) * FRAMES_2M
    last = mapping.end // FRAMES_2M * FRAMES_2M
    low, high = max(start // FRAMES_2M * FRAMES_2M, first), min(-(-end // FRAMES_2M) * FRAMES_2M, last)
    if low >= high:
        yield start, end, False
        return
    if start < low:
        yield start, low, False
    yield from _by_tables(mapping, low, high, start, end)
    if end > high:
        yield high, end, False


def _by_tables(mapping: FileMapping, low: int, high: int, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Whole 2 MiB slots [low, high): those with a PTE table are mapped by PTEs, and only as far as touched."""
    first, last = _slots(mapping, low, high)
    shift = low - first * FRAMES_2M
    for slot, stop in mapping.table_slots.missing(first, last):
        yield slot * FRAMES_2M + shift, stop * FRAMES_2M + shift, True
    for slot, stop in mapping.table_slots.overlapping(first, last):
        from_page, to_page = max(slot, first) * FRAMES_2M + shift, min(stop, last) * FRAMES_2M + shift
        yield max(from_page, start), min(to_page, end), False


def _in_one_table(mapping: FileMapping, run: FolioRun, page: int) -> bool:
    """Whether the folio around a page lies inside the mapping and inside one PTE table's 2 MiB."""
    low = page >> run.order << run.order
    high = low + (1 << run.order)
    if low < mapping.first or high > mapping.end:
        return False
    return mapping.virtual(low) // FRAMES_2M == (mapping.virtual(high) - 1) // FRAMES_2M


def _slots(mapping: FileMapping, start: int, end: int) -> tuple[int, int]:
    """The 2 MiB slots of the address space that pages of the file fall into."""
    return mapping.virtual(start) // FRAMES_2M, (mapping.virtual(end) - 1) // FRAMES_2M + 1


def _clipped(ranges: RangeSet, start: int, end: int) -> list[tuple[int, int]]:
    return [(max(low, start), min(high, end)) for low, high in ranges.overlapping(start, end)]
