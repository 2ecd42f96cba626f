"""vm.min_free_kbytes: what boot makes of it, and the watermarks it gives the zones (mm/page_alloc.c).

Boot sets it twice, as Linux does: from the size of memory before anything is allocated
(`init_per_zone_wmark_min`), and once more when khugepaged starts, which wants whole pageblocks.
"""

from __future__ import annotations

from memtui.machine.config import KernelConfig
from memtui.machine.physical.allocator import PageAllocator
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES
from memtui.machine.physical.zone import default_min_free_kbytes


def set_watermarks(allocator: PageAllocator, min_free_kbytes: int) -> int:
    """Shares vm.min_free_kbytes out to the zones by managed memory (`setup_per_zone_wmarks`); returns it."""
    managed = max(allocator.managed_frames, 1)
    for zone in allocator.zones:
        zone.set_marks(min_free_kbytes // 4 * zone.managed_frames // managed)
    return min_free_kbytes


def init_watermarks(allocator: PageAllocator) -> int:
    """Sets the watermarks that follow from the size of memory (`init_per_zone_wmark_min`)."""
    return set_watermarks(allocator, default_min_free_kbytes(allocator.managed_frames * 4))


def final_watermarks(allocator: PageAllocator, kernel: KernelConfig) -> int:
    """Sets those the machine starts its work with: as configured, or as huge pages want them."""
    if kernel.min_free_kbytes is not None:
        return set_watermarks(allocator, kernel.min_free_kbytes)
    least = default_min_free_kbytes(allocator.managed_frames * 4)
    return set_watermarks(allocator, least if kernel.thp == "never" else max(least, recommended_kbytes(allocator)))


def recommended_kbytes(allocator: PageAllocator) -> int:
    """What khugepaged wants kept free: pageblocks for every migratetype (`set_recommended_min_free_kbytes`).

    Two in every zone and three for each pair of types, a twentieth of memory at most.
    """
    zones = sum(1 for zone in allocator.zones if zone.managed_frames)
    return min(PAGEBLOCK_FRAMES * zones * (2 + 3 * 3), allocator.managed_frames // 20) * 4
