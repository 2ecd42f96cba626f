"""Reclaim: the order of shrinkers, MemAvailable and vm.drop_caches."""

from __future__ import annotations

from memtui.machine import Machine, MachineConfig
from memtui.machine.core import Core
from memtui.machine.page_cache import PageCache
from memtui.machine.reclaim import Reclaim, available_frames
from memtui.machine.slab import SlabCaches
from memtui.machine.tmpfs.multi_order import MultiOrder
from memtui.machine.tmpfs.tmpfs import Tmpfs
from memtui.units import GIB, KIB, MIB
from tests.machine.bench import check_frames, small_core


class Bench:
    """Everything reclaim takes from."""

    def __init__(self, ram_bytes: int = GIB) -> None:
        self.core: Core = small_core(ram_bytes)
        self.slabs = SlabCaches(self.core)
        self.cache = PageCache(self.core, self.slabs)
        self.tmpfs = Tmpfs(self.core, self.slabs, MultiOrder)
        self.reclaim = Reclaim(self.core, self.cache, self.tmpfs, self.slabs)

    def fill(self) -> None:
        """300 MiB of page cache and 64 ragged files."""
        self.cache.read(self.cache.create(), 300 * MIB // 4096)
        mount = self.tmpfs.mount("m", "always")
        for number in range(64):
            self.tmpfs.write(self.tmpfs.create(mount, str(number)), 0, 2200 * KIB)

    def check(self) -> None:
        """All laws."""
        self.cache.check()
        self.tmpfs.check()
        assert self.slabs.active("radix_tree_node") == self.cache.nodes + self.tmpfs.nodes
        check_frames(self.core, self.cache.claims(), self.tmpfs.claims(), self.slabs.claims())


def test_page_cache_goes_before_ragged_pages_of_tmpfs() -> None:
    bench = Bench()
    bench.fill()
    assert bench.core.allocator.shrinkers == [bench.cache, bench.tmpfs]
    bench.tmpfs.write(bench.tmpfs.create(bench.tmpfs.mounts["m"], "base"), 0, 4096)
    file = bench.cache.create()
    bench.cache.read(file, 500 * MIB // 4096)
    assert bench.core.vm_events["thp_split_page"] == 0
    bench.cache.delete(file)
    mount = bench.tmpfs.mount("n", "never", 2 * GIB)
    bench.tmpfs.write(bench.tmpfs.create(mount, "all"), 0, 800 * MIB)
    assert bench.cache.frames == 0
    assert bench.core.vm_events["thp_split_page"] == 65
    bench.check()


def test_drop_caches_1_2_and_3() -> None:
    bench = Bench()
    bench.fill()
    bench.reclaim.drop_caches(1)
    assert (bench.cache.frames, bench.tmpfs.frames * 4) == (0, 262144)
    bench.reclaim.drop_caches(2)
    assert bench.tmpfs.frames * 4 == 140800
    bench.reclaim.drop_caches(3)
    events = bench.core.vm_events
    assert (events["drop_pagecache"], events["drop_slab"], events["thp_split_page"]) == (2, 2, 64)
    assert [event.text for event in bench.core.events] == [
        "vm.drop_caches 1: 300 MiB of page cache given back",
        "vm.drop_caches 2: 118 MiB past the ends of tmpfs files given back",
        "vm.drop_caches 3: 0 B of page cache and 0 B past the ends of tmpfs files given back",
    ]
    bench.check()


def test_mem_available_is_free_memory_less_reserves_and_half_the_cache_at_most() -> None:
    bench = Bench()
    zones = bench.core.allocator.zones
    low = sum(zone.marks.low for zone in zones)
    reserve = sum(min(zone.managed_frames, zone.marks.high + max(zone.lowmem_reserve)) for zone in zones)
    base = bench.core.allocator.free_frames - reserve
    assert available_frames(zones, 0, 0) == base
    assert available_frames(zones, 10 * low, 0) == base + 9 * low
    assert available_frames(zones, low, low) == base + 2 * (low - low // 2)
    bench.cache.read(bench.cache.create(), 50000)
    slab = bench.slabs.reclaimable_frames
    assert base - bench.reclaim.available_frames == min(25000, low) + min(slab // 2, low)


def test_mem_available_is_never_below_zero() -> None:
    bench = Bench(64 * MIB)
    mount = bench.tmpfs.mount("m", "never", GIB)
    bench.tmpfs.write(bench.tmpfs.create(mount, "f"), 0, 64 * MIB)
    assert bench.reclaim.available_frames == 0


def test_a_pool_of_both_nodes_grows_over_page_cache_of_both_nodes() -> None:
    machine = Machine(MachineConfig("two", 4 * GIB, 2))
    file = machine.page_cache.create()
    machine.page_cache.read(file, 5 * GIB // 4096)
    assert machine.core.allocator.free_frames < 1000 * MIB // 4096
    assert machine.hugetlb.set_nr_hugepages(1500).after == 1500
    assert file.frames > 500 * MIB // 4096
    machine.check()
