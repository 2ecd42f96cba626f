"""What is given back when memory runs short, in which order, and how much could be.

Page cache goes first, then huge pages of tmpfs that reach past the ends of their files; there is
no swap, so anonymous memory and tmpfs pages themselves stay. The page allocator asks these
shrinkers in this order before it turns to the OOM killer.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from memtui.machine.core import Core
from memtui.machine.latency import Timed
from memtui.machine.page_cache import PageCache
from memtui.machine.parts import Parts, whole
from memtui.machine.physical.zone import Zone, total_reserve_frames
from memtui.machine.slab import SlabCaches
from memtui.machine.tmpfs.tmpfs import Tmpfs
from memtui.machine.unmapped_cache import UnmappedCache
from memtui.units import format_frames

DROP_PAGECACHE: Final = 1
"""Bit of vm.drop_caches: clean page cache."""
DROP_SLAB: Final = 2
"""Bit of vm.drop_caches: what shrinkers have: huge pages past the ends of tmpfs files, cached unmapped pages."""


def available_frames(zones: Sequence[Zone], file_frames: int, reclaimable_frames: int) -> int:
    """MemAvailable (`si_mem_available`).

    Free memory less the reserves, page cache and reclaimable slabs, of which half each, or the low
    watermarks if that is less, has to stay.
    """
    low = sum(zone.marks.low for zone in zones)
    free = sum(zone.buddy.free_frames for zone in zones) - total_reserve_frames(list(zones))
    cache = file_frames - min(file_frames // 2, low)
    slab = reclaimable_frames - min(reclaimable_frames // 2, low)
    return max(0, free + cache + slab)


class Reclaim:
    """The shrinkers of files, and vm.drop_caches."""

    def __init__(
        self,
        core: Core,
        page_cache: PageCache,
        tmpfs: Tmpfs,
        slabs: SlabCaches,
        unmapped: UnmappedCache | None = None,
    ) -> None:
        """Registers page cache and tmpfs with the page allocator, in this order and before all others."""
        self._core = core
        self._page_cache = page_cache
        self._tmpfs = tmpfs
        self._slabs = slabs
        self._unmapped = unmapped
        core.allocator.shrinkers[:0] = [page_cache, tmpfs]
        core.allocator.clean_cache = page_cache.shrink_clean
        core.allocator.cache_reach = page_cache.reach
        core.allocator.reclaim_time = self._time

    @property
    def available_frames(self) -> int:
        """MemAvailable, in frames."""
        zones = self._core.allocator.zones
        return available_frames(zones, self._page_cache.frames, self._slabs.reclaimable_frames)

    def _time(self, direct: bool) -> AbstractContextManager[object]:
        """A direct reclaimer waits for what it does; kswapd runs on another CPU."""
        meter = self._core.meter
        return meter.timed(Timed.DIRECT_RECLAIM) if direct else meter.daemon(Timed.KSWAPD)

    def drop_caches(self, value: int) -> None:
        """Writes vm.drop_caches: 1 clean page cache, 2 what shrinkers have, 3 both."""
        whole(self.drop_caches_in_parts(value))

    def drop_caches_in_parts(self, value: int) -> Parts[None]:
        """The same in parts."""
        parts: list[str] = []
        if value & DROP_PAGECACHE:
            self._core.vm_events["drop_pagecache"] += 1
            dropped = yield from self._page_cache.drop_in_parts()
            parts.append(f"{format_frames(dropped)} of page cache")
        if value & DROP_SLAB:
            self._core.vm_events["drop_slab"] += 1
            ragged = yield from self._tmpfs.drop_slab_in_parts()
            unmapped = self._unmapped.drop() if self._unmapped is not None else 0
            if unmapped:
                parts.append(f"{format_frames(unmapped)} of unmapped pages")
            if ragged or not unmapped:
                parts.append(f"{format_frames(ragged)} past the ends of tmpfs files")
        self._core.log(f"vm.drop_caches {value}: {' and '.join(parts)} given back")
