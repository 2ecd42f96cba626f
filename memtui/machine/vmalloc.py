"""Kernel memory mapped page by page: modules, JIT packs, long tables (mm/vmalloc.c).

The pages are single ones from the bulk allocator, wherever they lie; newer kernels ask for large
blocks first and split them. An area whose permissions were changed is freed with
VM_FLUSH_RESET_PERMS: every page's alias in the direct map is made invalid and then plain again,
one by one, which splits every large leaf they still lie in.

Areas of modules and BPF code have addresses in the module area, each with a guard page behind it.
Other areas lie in 32 TiB of addresses that nothing here exhausts, and have none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.direct_map import DirectMap, Perm
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.free_ranges import FreeRanges
from memtui.machine.physical.allocator import GFP_KERNEL, Gfp
from memtui.machine.physical.buddy import PAGEBLOCK_ORDER, MigrateType
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.top_runs import TOP_ORDER
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_2M, MIB, PAGE_BYTES, frames_of

POINTER_BYTES: Final = 8
"""One page in the list of an area's pages."""
MODULES_PAGES: Final = 1008 * MIB // PAGE_BYTES
"""x86-64's area for modules with KASLR (MODULES_LEN: a GiB less the 16 MiB of the fixmap)."""
GUARD_PAGES: Final = 1
"""Behind every area (no VM_NO_GUARD)."""

GFP_BULK: Final = GFP_KERNEL._replace(bulk=True)
"""Single pages by the dozen (`alloc_pages_bulk`), which keeps no zone from being fragmented."""
GFP_LARGE: Final = Gfp(MigrateType.UNMOVABLE, reclaim=False, oom=False)
"""A block that is split into pages, if there is one (GFP_KERNEL & ~__GFP_DIRECT_RECLAIM)."""
GFP_HUGE_VMALLOC: Final = Gfp(MigrateType.UNMOVABLE, reclaim=False, oom=False)
"""Huge vmalloc tries without effort (__GFP_NORETRY | __GFP_NOWARN) and falls back to single pages."""


class PageSource(Protocol):
    """Where the pages of an area come from, if not from the page allocator."""

    def allocate_many(self, owner: Owner, count: int, order: int = 0) -> FrameList:
        """`count` blocks for `owner`. Raises OutOfMemory with nothing changed."""

    def free_list(self, frames: FrameList, owner: Owner) -> None:
        """Takes pages back from their owner."""


class Area:
    """One vmalloc area: its frames in virtual order."""

    __slots__ = ("address", "frames", "lists", "owner", "source")

    def __init__(self, owner: KernelOwner, frames: FrameList, lists: FrameList, source: PageSource | None) -> None:
        self.owner = owner
        self.frames = frames
        self.lists = lists
        """Frames of the list of its pages, if that is more than a page and so a vmalloc area itself."""
        self.source = source
        """Where its frames go back to; None: the page allocator."""
        self.address: int | None = None
        """Its first page in the module area, if it lies there."""

    @property
    def mapped_frames(self) -> int:
        """All frames that are mapped for it."""
        return self.frames.frames + self.lists.frames

    def pages(self, first: int, count: int) -> Iterator[tuple[int, int]]:
        """The frames behind `count` of its pages from the `first` on, as runs."""
        for start, frames in self.frames:
            if first < frames:
                part = min(frames - first, count)
                yield start + first, part
                count -= part
                if not count:
                    return
            first = max(0, first - frames)


class Vmalloc:
    """All vmalloc areas, and the addresses of the module area."""

    def __init__(self, core: Core, direct_map: DirectMap, *, large_blocks: bool = False) -> None:
        """`large_blocks`: areas ask for the largest blocks that fit and split them (Linux 6.19 and later)."""
        self._core = core
        self._direct_map = direct_map
        self._large_blocks = large_blocks
        self._areas: dict[Area, None] = {}
        self._data = KernelOwner("vmalloc", FrameKind.VMALLOC)
        self._addresses = FreeRanges()
        self._addresses.add(0, MODULES_PAGES)
        self.frames = 0
        """Frames of all areas (their part of VmallocUsed)."""

    def allocate(self, size_bytes: int) -> Area:
        """An area of plain memory outside the module area. Raises OutOfMemory with nothing changed."""
        return self._new(frames_of(size_bytes), self._data, None, huge=False)

    def allocate_module(
        self, pages: int, owner: KernelOwner, *, source: PageSource | None = None, align: int = 1, huge: bool = False
    ) -> Area:
        """An area in the module area, its address a multiple of `align` pages (`execmem_vmalloc`).

        `huge`: of whole 2 MiB pages. Raises OutOfMemory with nothing changed.
        """
        address = self._addresses.first_fit(pages + GUARD_PAGES, align)
        if address is None:
            raise OutOfMemory(f"no {pages} pages of addresses in a row are left in the module area")
        area = self._new(pages, owner, source, huge=huge)
        self._place(area, address)
        return area

    def adopt_module(self, frames: FrameList, owner: KernelOwner) -> Area:
        """An area in the module area of frames that `owner` has already (boot code, when addresses are plenty)."""
        area = self._register(Area(owner, frames, FrameList(), None))
        address = self._addresses.first_fit(frames.frames + GUARD_PAGES)
        assert address is not None
        self._place(area, address)
        return area

    def free(self, area: Area, *, reset_perms: bool) -> None:
        """Gives an area back; `reset_perms` if its permissions were ever changed (VM_FLUSH_RESET_PERMS)."""
        if reset_perms:
            for perm in (Perm.NOT_PRESENT, Perm.READ_WRITE):
                self._reset(area, perm)
            self._core.meter.charge(costs.FLUSH_ALL)
        del self._areas[area]
        self.frames -= area.mapped_frames
        if area.address is not None:
            self._addresses.add(area.address, area.address + area.frames.frames + GUARD_PAGES)
        self._core.allocator.free_list(area.lists, self._data)
        self._core.meter.charge(costs.FREE_PAGE, area.frames.frames)
        (area.source or self._core.allocator).free_list(area.frames, area.owner)

    @property
    def module_pages(self) -> int:
        """Pages of addresses in use in the module area, guards included."""
        return MODULES_PAGES - self._addresses.count

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of every area."""
        for area in self._areas:
            for start, frames in area.frames:
                yield area.owner, start, frames
            for start, frames in area.lists:
                yield self._data, start, frames

    def check(self) -> None:
        """Raises FrameStateError unless the count is that of the areas, and those with addresses are disjoint."""
        frames = sum(area.mapped_frames for area in self._areas)
        if frames != self.frames:
            raise FrameStateError(f"vmalloc areas have {frames} frames, {self.frames} are counted")
        taken = sorted(
            (area.address, area.address + area.frames.frames + GUARD_PAGES)
            for area in self._areas
            if area.address is not None
        )
        last = 0
        for low, high in [*taken, (MODULES_PAGES, MODULES_PAGES)]:
            if low < last:
                raise FrameStateError(f"two areas have page {low:#x} of the module area, or one lies outside")
            last = high
        if sum(high - low for low, high in taken) != self.module_pages:
            raise FrameStateError(f"{self.module_pages} pages of addresses are counted in the module area")

    def _new(self, pages: int, owner: KernelOwner, source: PageSource | None, *, huge: bool) -> Area:
        if source is not None:
            frames = source.allocate_many(owner, pages)
        elif huge:
            frames = self._core.allocator.allocate_many(owner, GFP_HUGE_VMALLOC, pages // FRAMES_2M, PAGEBLOCK_ORDER)
        else:
            frames = self._pages(owner, pages)
        self._core.meter.charge(costs.ALLOC_PAGE, frames.frames)
        try:
            lists = self._page_lists(pages)
        except OutOfMemory:
            (source or self._core.allocator).free_list(frames, owner)
            raise
        return self._register(Area(owner, frames, lists, source))

    def _register(self, area: Area) -> Area:
        self._areas[area] = None
        self.frames += area.mapped_frames
        return area

    def _place(self, area: Area, address: int) -> None:
        area.address = address
        self._addresses.remove(address, address + area.frames.frames + GUARD_PAGES)

    def _pages(self, owner: KernelOwner, pages: int) -> FrameList:
        """Pages as `vm_area_alloc_pages` gets them. Raises OutOfMemory with nothing changed."""
        allocator = self._core.allocator
        taken = self._blocks(owner, pages) if self._large_blocks else FrameList()
        left = pages - taken.frames
        if left:
            try:
                taken.extend(allocator.allocate_many(owner, GFP_BULK if left > 1 else GFP_KERNEL, left))
            except OutOfMemory:
                allocator.free_list(taken, owner)
                raise
        return taken

    def _blocks(self, owner: KernelOwner, pages: int) -> FrameList:
        """Blocks, the largest first, of as many of the pages as can be had so; an order that fails is not tried again.

        Single pages are left to the bulk allocator.
        """
        taken = FrameList()
        order = TOP_ORDER
        while (left := pages - taken.frames) > 1 and (order := min(order, left.bit_length() - 1)):
            count = left >> order
            got = self._core.allocator.allocate_many(owner, GFP_LARGE, count, order, partial=True)
            taken.extend(got)
            if got.frames < count << order:
                order -= 1
        return taken

    def _page_lists(self, pages: int) -> FrameList:
        """The list of an area's pages, 8 bytes each, where it takes more than a page (`__vmalloc_area_node`).

        And the list of that list's pages, and so on. Raises OutOfMemory.
        """
        lists = 0
        while pages * POINTER_BYTES > PAGE_BYTES:
            pages = frames_of(pages * POINTER_BYTES)
            lists += pages
        return self._core.allocator.allocate_many(self._data, GFP_BULK, lists) if lists else FrameList()

    def _reset(self, area: Area, perm: Perm) -> None:
        """Sets the alias of each page; one that gets no page table for a split is left (`set_area_direct_map`)."""
        for start, frames in area.frames:
            self._core.meter.charge(costs.SET_MEMORY_PAGE, frames)
            try:
                self._direct_map.set_noflush(start, frames, perm)
            except OutOfMemory:
                if perm is Perm.READ_WRITE:
                    raise
