"""Kernel memory mapped page by page: module data, JIT packs (mm/vmalloc.c).

The pages are single ones from the allocator, wherever they lie. An area whose permissions were
changed is freed with VM_FLUSH_RESET_PERMS: every page's alias in the direct map is made invalid
and then plain again, one by one, which splits every large leaf they still lie in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.direct_map import DirectMap, Perm
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.physical.allocator import GFP_KERNEL, Gfp
from memtui.machine.physical.extents import FrameList
from memtui.snapshot import FrameKind
from memtui.units import PAGE_BYTES, frames_of

POINTER_BYTES: Final = 8
"""One page in the list of an area's pages."""


class Area:
    """One vmalloc area: its frames in virtual order."""

    __slots__ = ("frames", "lists", "owner")

    def __init__(self, owner: KernelOwner, frames: FrameList, lists: FrameList) -> None:
        self.owner = owner
        self.frames = frames
        self.lists = lists
        """Frames of the list of its pages, if that is more than a page and so a vmalloc area itself."""

    @property
    def mapped_frames(self) -> int:
        """All frames that are mapped for it."""
        return self.frames.frames + self.lists.frames


class Vmalloc:
    """All areas made of single pages."""

    def __init__(self, core: Core, direct_map: DirectMap) -> None:
        self._core = core
        self._direct_map = direct_map
        self._areas: dict[Area, None] = {}
        self._data = KernelOwner("vmalloc", FrameKind.VMALLOC)
        self.frames = 0
        """Frames of all areas (their part of VmallocUsed)."""

    def allocate(
        self, size_bytes: int, owner: KernelOwner | None = None, gfp: Gfp = GFP_KERNEL, *, order: int = 0
    ) -> Area:
        """An area of whole blocks of `order` (single pages by default). Raises OutOfMemory with nothing changed."""
        who = owner or self._data
        pages = frames_of(size_bytes)
        frames = self._core.allocator.allocate_many(who, gfp, -(-pages // (1 << order)), order)
        self._core.meter.charge(costs.ALLOC_PAGE, frames.frames)
        try:
            lists = self._page_lists(pages)
        except OutOfMemory:
            self._core.allocator.free_list(frames, who)
            raise
        return self.adopt(frames, who, lists)

    def adopt(self, frames: FrameList, owner: KernelOwner, lists: FrameList | None = None) -> Area:
        """An area of frames that `owner` has already."""
        area = Area(owner, frames, lists or FrameList())
        self._areas[area] = None
        self.frames += area.mapped_frames
        return area

    def extend(self, area: Area, start: int, frames: int) -> None:
        """Adds frames that are free to an area, exactly these (boot code)."""
        self._core.allocator.allocate_at(area.owner, start, frames)
        area.frames.append(start, frames)
        self.frames += frames

    def set_read_only(self, area: Area) -> None:
        """Write-protects an area: its alias in the direct map page by page. Raises OutOfMemory half-way."""
        for start, frames in area.frames:
            self._core.meter.charge(costs.SET_MEMORY_PAGE, frames)
            self._direct_map.set_noflush(start, frames, Perm.READ_ONLY)
        self._direct_map.flush(area.frames.frames)

    def free(self, area: Area, *, reset_perms: bool) -> None:
        """Gives an area back; `reset_perms` if its permissions were ever changed (VM_FLUSH_RESET_PERMS)."""
        if reset_perms:
            for perm in (Perm.NOT_PRESENT, Perm.READ_WRITE):
                self._reset(area, perm)
            self._core.meter.charge(costs.FLUSH_ALL)
        del self._areas[area]
        self.frames -= area.mapped_frames
        self._core.allocator.free_list(area.lists, self._data)
        self._core.meter.charge(costs.FREE_PAGE, area.frames.frames)
        self._core.allocator.free_list(area.frames, area.owner)

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of every area."""
        for area in self._areas:
            for start, frames in area.frames:
                yield area.owner, start, frames
            for start, frames in area.lists:
                yield self._data, start, frames

    def check(self) -> None:
        """Raises FrameStateError unless its part of VmallocUsed is that of the areas."""
        mapped = sum(area.mapped_frames for area in self._areas)
        if mapped != self.frames:
            raise FrameStateError(f"vmalloc areas have {mapped} frames, {self.frames} counted")

    def _page_lists(self, pages: int) -> FrameList:
        """The list of an area's pages, 8 bytes each, where it takes more than a page (`__vmalloc_area_node`).

        And the list of that list's pages, and so on. Raises OutOfMemory.
        """
        lists = 0
        while pages * POINTER_BYTES > PAGE_BYTES:
            pages = frames_of(pages * POINTER_BYTES)
            lists += pages
        return self._core.allocator.allocate_many(self._data, GFP_KERNEL, lists) if lists else FrameList()

    def _reset(self, area: Area, perm: Perm) -> None:
        """Sets the alias of each page; one that gets no page table for a split is left (`set_area_direct_map`)."""
        for start, frames in area.frames:
            self._core.meter.charge(costs.SET_MEMORY_PAGE, frames)
            try:
                self._direct_map.set_noflush(start, frames, perm)
            except OutOfMemory:
                if perm is Perm.READ_WRITE:
                    raise
