"""Anonymous memory of the whole machine: all stores, the huge-page setting, the counters.

Mappings are added, shared and removed here, so that AnonPages, AnonHugePages and the queue of
huge pages to split follow every change; `anon_fault` decides what to add, `fork` what to share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from memtui.machine import costs
from memtui.machine.anon_store import HUGE_ORDER, AnonStore, Mapped, Part, Unmapped
from memtui.machine.core import Core
from memtui.machine.costs import Operation
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.range_map import Piece
from memtui.machine.rmap.base import ReverseMap
from memtui.machine.vma import Mapping, Vma, VmaKind
from memtui.units import FRAMES_2M

THP_ENABLED: Final = ("never", "madvise", "always")
"""What /sys/kernel/mm/transparent_hugepage/enabled takes."""


class AnonMemory:
    """Who has which anonymous pages, and what /proc/meminfo and /proc/vmstat say of them."""

    def __init__(self, core: Core, rmap: ReverseMap, thp_enabled: str) -> None:
        """Raises ValueError for a huge-page setting that Linux has not."""
        if thp_enabled not in THP_ENABLED:
            raise ValueError(f"thp: {thp_enabled!r} is not known; expected {', '.join(THP_ENABLED)}")
        self.core = core
        self.rmap = rmap
        self.thp_enabled = thp_enabled
        """May change at any time; what is mapped stays as it is."""
        self.anon_pages = 0
        """Anonymous pages that something maps, parts of huge pages included (nr_anon_pages)."""
        self.huge_pages = 0
        """Huge pages that some 2 MiB leaf maps (nr_anon_transparent_hugepages)."""
        self.stores: dict[AnonStore, None] = {}
        """Every store that has frames, in the order in which they got their first."""
        self.deferred: dict[tuple[AnonStore, int], None] = {}
        """Huge pages (store and slot) partly unmapped, oldest first: split when memory is short."""

    def may_have_huge_pages(self, vma: Vma) -> bool:
        """Whether faults in a VMA try for huge pages (`thp_vma_allowable_order`)."""
        if vma.kind is not VmaKind.ANON or vma.thp == "never" or self.thp_enabled == "never":
            return False
        return vma.thp == "madvise" or self.thp_enabled == "always"

    def store_of(self, vma: Vma) -> AnonStore:
        """The store that takes the VMA's new pages; the VMA must be prepared for reverse mapping."""
        if vma.store is None:
            vma.store = AnonStore(self.rmap.anchor(vma))
        return vma.store

    def map_new(self, vma: Vma, parts: Sequence[Part], *, huge: bool) -> None:
        """Maps frames just allocated for the VMA's store: ascending runs of pages with the frames for each."""
        store = self.store_of(vma)
        store.add(parts, huge=huge)
        self.stores[store] = None
        mapping = Mapping(store, True, huge)
        vma.mapped.set_many([(page, end, mapping) for page, end, _ in parts])
        pages = sum(end - page for page, end, _ in parts)
        self.anon_pages += pages
        self.huge_pages += pages // FRAMES_2M if huge else 0

    def share(self, parent: Vma, child: Vma) -> None:
        """Maps into a child's VMA all that the parent's maps; neither may write without a fault from now on."""
        parent.store = None
        if any(mapping.exclusive for _, _, mapping in parent.mapped):
            parent.mapped.update(lambda mapping: mapping._replace(exclusive=False))
        child.mapped = parent.mapped.copy()
        for store, mapped in by_store(child.mapped).items():
            store.share(mapped)
        self._charge(costs.FORK_PAGE, costs.FORK_HUGE_PAGE, child)

    def split_leaves(self, vma: Vma, first: int, last: int, store: AnonStore) -> None:
        """Replaces the 2 MiB leaves of slots [first, last) by the tables deposited for them (`__split_huge_pmd`)."""
        self.huge_pages -= store.split_leaves(first, last)
        vma.mapped.set(first * FRAMES_2M, last * FRAMES_2M, Mapping(store, False, False))
        self.core.vm_events["thp_split_pmd"] += last - first
        self.core.meter.charge(costs.SPLIT_PMD, last - first)

    def unmap(self, pieces: Iterable[Piece[Mapping]]) -> None:
        """Removes mappings of ascending runs of pages; frames that nothing maps any more go back together."""
        for store, mapped in by_store(pieces).items():
            gone = self._drop(store, mapped)
            self._free(store, gone.runs, gone.huge_runs)

    def unmap_vma(self, vma: Vma) -> None:
        """Removes everything a VMA maps."""
        self._charge(costs.UNMAP_PAGE, costs.UNMAP_HUGE_PAGE, vma)
        self.unmap(vma.mapped)
        vma.mapped.clear(vma.start, vma.end)
        vma.store = None

    def zap(self, vma: Vma, start: int, end: int) -> tuple[int, int]:
        """Removes what a VMA maps in pages [start, end), which cut no 2 MiB slot of it (`zap_pte_range`).

        Returns the pages and the 2 MiB leaves that were mapped.
        """
        pieces = vma.mapped.overlapping(start, end)
        pages = sum(high - low for low, high, _ in pieces)
        leaves = sum(high - low for low, high, mapping in pieces if mapping.huge) // FRAMES_2M
        self.core.meter.charge(costs.UNMAP_HUGE_PAGE, leaves)
        self.core.meter.charge(costs.UNMAP_PAGE, pages - leaves * FRAMES_2M)
        self.unmap(pieces)
        vma.mapped.clear(start, end)
        return pages, leaves

    def discard(self, vma: Vma, ranges: list[tuple[int, int]]) -> int:
        """Removes what ranges of base pages of a VMA map (`zap_page_range`); returns the pages that were mapped."""
        pieces = vma.mapped.within(ranges)
        pages = sum(high - low for low, high, _ in pieces)
        self.core.meter.charge(costs.UNMAP_PAGE, pages)
        self.unmap(pieces)
        vma.mapped.clear_many(ranges)
        return pages

    def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
        """Splits huge pages that are partly unmapped, oldest first, and frees those parts (`deferred_split_scan`)."""
        freed = 0
        while self.deferred and freed < frames:
            store, slot = next(iter(self.deferred))
            del self.deferred[store, slot]
            runs = store.split_huge(slot)
            self._free(store, runs)
            freed += sum(length for _, length in runs)
            self.core.vm_events["thp_split_page"] += 1
            self.core.meter.charge(costs.SPLIT_HUGE_PAGE)
        return freed

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run of anonymous memory."""
        for store in self.stores:
            for start, frames in store.runs():
                yield store, start, frames

    def _drop(self, store: AnonStore, mapped: Sequence[Mapped]) -> Unmapped:
        """Removes mappings of a store's pages, with all that is counted; frames nobody has any more are to be freed."""
        gone, meter = store.unmap(mapped), self.core.meter
        self.anon_pages -= gone.pages
        self.huge_pages -= gone.huge_unmapped
        for slot in gone.newly_partial:
            self.deferred[store, slot] = None
        for slot in gone.partial_freed:
            del self.deferred[store, slot]
        self.core.vm_events["thp_deferred_split_page"] += len(gone.newly_partial)
        meter.charge(costs.FREE_PAGE, sum(frames for _, frames in gone.runs))
        meter.charge(costs.FREE_HUGE_PAGE, sum(frames for _, frames in gone.huge_runs) // FRAMES_2M)
        return gone

    def _charge(self, page: Operation, huge_page: Operation, vma: Vma) -> None:
        """What an operation costs for each page a VMA maps, and for each 2 MiB leaf."""
        leaves = vma.huge_leaves()
        self.core.meter.charge(huge_page, leaves)
        self.core.meter.charge(page, vma.resident_pages() - leaves * FRAMES_2M)

    def _free(self, store: AnonStore, runs: Iterable[Run], huge_runs: Iterable[Run] = ()) -> None:
        """Gives frames back, those that lie side by side together."""
        self.core.allocator.free_list(FrameList(runs), store)
        self.core.allocator.free_list(FrameList(huge_runs), store, HUGE_ORDER)
        if not len(store.frames):
            self.stores.pop(store, None)


def by_store(pieces: Iterable[Piece[Mapping]]) -> dict[AnonStore, list[Mapped]]:
    """What is mapped of each store, in order; the stores in the order in which they come."""
    found: dict[AnonStore, list[Mapped]] = {}
    last: AnonStore | None = None
    mapped: list[Mapped] = []
    for low, high, mapping in pieces:
        store, _, huge = mapping
        if store is not last:
            last, mapped = store, found.setdefault(store, [])
        mapped.append((low, high, huge))
    return found
