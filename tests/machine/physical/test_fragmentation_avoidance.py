"""How the kernel keeps pageblocks of one type: lower zones first, raised watermarks, kcompactd."""

from __future__ import annotations

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.machine.core import KernelOwner
from memtui.machine.page_cache import CachedFile
from memtui.machine.physical.allocator import GFP_KERNEL, Gfp
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.freelist import WATERMARK_BOOST_FACTOR
from memtui.snapshot import FrameKind
from memtui.units import GIB

DRIVER = KernelOwner("driver", FrameKind.KERNEL)
MOVABLE_HERE = Gfp(MigrateType.MOVABLE, reclaim=False, oom=False, kswapd=False)


class Cached:
    """Page cache that fills a zone and leaves a tenth of it free, in part-used pageblocks only."""

    def __init__(self, ram_gib: int) -> None:
        self.machine = Machine(MachineConfig("guest", ram_gib * GIB, 1, CpuConfig(2), KernelConfig(thp="never")))
        self.allocator = self.machine.core.allocator
        self.allocator.free_lists.boost_factor = 0
        self.zone = self.allocator.zones[-1]
        files = [self.file() for _ in range(10)]
        room = self.zone.spare_frames(self.zone.marks.low, 2)
        for step in range(room // 32):
            self.machine.page_cache.read(files[step % 10], 32)
        self.machine.page_cache.delete(files[3])
        self.taken = FrameList()
        for order in (10, 9):
            blocks = self.zone.buddy.blocks_from(order)
            self.taken.extend(self.allocator.allocate_many(DRIVER, MOVABLE_HERE, blocks, order))
        assert not any(self.zone.buddy.free_blocks()[9:])
        self.machine.core.timers.clear()
        self.allocator.free_lists.boost_factor = WATERMARK_BOOST_FACTOR

    def drive(self, frames: int, gfp: Gfp = GFP_KERNEL) -> FrameList:
        """Takes unmovable pages."""
        taken = self.allocator.allocate_many(DRIVER, gfp, frames)
        self.taken.extend(taken)
        return taken

    def finish(self) -> None:
        """Gives all that the driver has back, and proves the laws."""
        self.allocator.free_list(self.taken, DRIVER)
        self.machine.check()

    def file(self) -> CachedFile:
        return self.machine.page_cache.create()

    def run_timers(self) -> None:
        for _, work in self.machine.pop_timers():
            work()


def test_a_lower_zone_is_used_before_pageblocks_change_hands() -> None:
    cached = Cached(4)
    frames = cached.drive(5000)
    zones = {cached.allocator.zone_of(start).layout.name for start, _ in frames}
    assert "DMA32" in zones
    assert cached.zone.buddy.fallbacks == 0
    assert not cached.allocator.free_lists.boosted
    cached.finish()


def test_where_there_is_none_pageblocks_are_stolen_and_kswapd_makes_room_in_the_page_cache() -> None:
    cached = Cached(1)
    steals, reclaimed = cached.zone.buddy.fallbacks, cached.machine.core.vm_events["pgsteal_kswapd"]
    cached.drive(2000)
    steals = cached.zone.buddy.fallbacks - steals
    assert steals
    reclaimed = cached.machine.core.vm_events["pgsteal_kswapd"] - reclaimed
    assert reclaimed == min(steals * 512, cached.zone.marks.high * 3 // 2)
    assert cached.zone.watermark_boost == 0, "done with"
    cached.finish()


def test_kcompactd_is_woken_then_and_makes_whole_pageblocks() -> None:
    cached = Cached(1)
    cached.drive(2000)
    events = cached.machine.core.vm_events
    assert events["compact_daemon_wake"] == 0
    cached.run_timers()
    assert events["compact_daemon_wake"] == 1
    assert events["compact_daemon_migrate_scanned"] == events["compact_migrate_scanned"] > 0
    assert any(cached.zone.buddy.free_blocks()[9:])
    cached.finish()


def test_no_boost_without_a_factor() -> None:
    cached = Cached(1)
    cached.machine.sysctl.write("vm.watermark_boost_factor", 0)
    before = cached.machine.core.vm_events["pgsteal_kswapd"]
    cached.drive(2000)
    assert cached.machine.core.vm_events["pgsteal_kswapd"] == before
    assert not cached.machine.core.timers
    cached.finish()


def test_watermarks_rise_by_a_pageblock_at_a_time_up_to_150_percent_of_high() -> None:
    zone = Machine(MachineConfig("guest", GIB, 1, CpuConfig(2))).core.allocator.zones[-1]
    zone.boost(1, WATERMARK_BOOST_FACTOR)
    assert zone.watermark_boost == 512
    zone.boost(10_000, WATERMARK_BOOST_FACTOR)
    assert zone.watermark_boost == zone.marks.high * 3 // 2
    assert zone.marks.low == zone.marks.min + max(zone.marks.min // 4, zone.managed_frames // 1000)


def test_a_request_that_does_not_wake_kswapd_leaves_the_boost_to_the_next_that_does() -> None:
    cached = Cached(1)
    gentle = Gfp(MigrateType.UNMOVABLE, reclaim=False, oom=False, kswapd=False)
    cached.drive(2000, gentle)
    assert cached.zone.watermark_boost > 0
    cached.drive(1)
    assert cached.zone.watermark_boost == 0
    cached.finish()
