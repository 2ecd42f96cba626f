"""The page cache: oldest first, clean before dirty, and counted as /proc/vmstat does."""

from __future__ import annotations

import pytest

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import OutOfMemory
from memtui.machine.page_cache import CachedFile, PageCache
from memtui.machine.slab import SlabCaches
from memtui.units import GIB, MIB
from tests.machine.bench import check_frames, fail_nth, small_core


class Bench:
    """Core, slabs and a page cache that reclaim may shrink."""

    def __init__(self, ram_bytes: int = GIB, nodes: int = 1) -> None:
        self.core: Core = small_core(ram_bytes, nodes)
        self.slabs = SlabCaches(self.core)
        self.cache = PageCache(self.core, self.slabs)
        self.core.allocator.shrinkers = [self.cache]

    def read(self, size_bytes: int) -> CachedFile:
        """A file read from its device."""
        file = self.cache.create()
        self.cache.read(file, size_bytes // 4096)
        return file

    def event(self, name: str) -> int:
        """A count of /proc/vmstat."""
        return self.core.vm_events[name]

    def check(self) -> None:
        """All laws."""
        self.cache.check()
        self.slabs.check()
        assert self.slabs.active("radix_tree_node") == self.cache.nodes
        check_frames(self.core, self.cache.claims(), self.slabs.claims())


def test_a_file_read_is_cached_with_its_tree_nodes() -> None:
    bench = Bench()
    before = bench.core.allocator.free_frames
    bench.read(256 * MIB)
    assert (bench.cache.frames, bench.cache.dirty_frames, bench.cache.nodes) == (65536, 0, 1041)
    assert before - bench.core.allocator.free_frames == 65536 + bench.slabs["radix_tree_node"].frames
    assert len(list(bench.cache.claims())) < 10
    bench.check()


def test_more_than_fits_is_read_by_dropping_the_oldest() -> None:
    bench = Bench()
    first = bench.read(500 * MIB)
    second = bench.read(4 * GIB)
    assert first.frames == 0
    assert 900 * MIB < second.frames * 4096 < GIB
    assert bench.event("pgsteal_kswapd") + bench.event("pgsteal_direct") > 131072
    assert bench.event("pgsteal_kswapd") == bench.event("pgscan_kswapd") > 0
    bench.check()


def test_reclaim_takes_the_oldest_file_first() -> None:
    bench = Bench()
    old, young = bench.read(64 * MIB), bench.read(64 * MIB)
    assert bench.cache.shrink(1000, direct=True) == 1000
    assert (old.frames, young.frames) == (16384 - 1000, 16384)
    assert (bench.event("pgscan_direct"), bench.event("pgsteal_direct"), bench.event("pgsteal_file")) == (1000,) * 3
    assert bench.event("pgsteal_kswapd") == 0
    bench.check()


def test_dirty_pages_are_written_back_before_they_go_and_after_all_clean_ones() -> None:
    bench = Bench()
    old, young = bench.read(8 * MIB), bench.read(8 * MIB)
    bench.cache.overwrite(old, 1024)
    assert bench.cache.dirty_frames == 1024
    assert bench.cache.shrink(3072, direct=False) == 3072
    assert (old.frames, old.dirty_frames, young.frames) == (1024, 1024, 0)
    bench.core.meter.take_ns()
    assert bench.cache.shrink(24, direct=False) == 24
    assert bench.core.meter.take_ns() == 24 * (costs.FILE_PAGE_WRITE.ns + costs.RECLAIM_PAGE.ns + costs.FREE_PAGE.ns)
    assert (old.frames, old.dirty_frames) == (1000, 1000)
    bench.check()


def test_drop_caches_1_leaves_dirty_pages() -> None:
    bench = Bench()
    file = bench.read(8 * MIB)
    bench.cache.overwrite(file, 100)
    assert bench.cache.drop() == 1948
    assert (bench.cache.frames, bench.cache.dirty_frames) == (100, 100)
    bench.check()


def test_a_fifth_of_dirtyable_memory_may_be_dirty() -> None:
    bench = Bench()
    file = bench.read(400 * MIB)
    bench.cache.overwrite(file, file.frames)
    share = bench.cache.dirty_frames / bench.core.allocator.managed_frames
    assert 0.18 < share < 0.2
    bench.check()


def test_a_deleted_file_leaves_nothing() -> None:
    bench = Bench()
    before = bench.core.allocator.free_frames
    file = bench.read(64 * MIB)
    bench.cache.overwrite(file, 77)
    bench.cache.delete(file)
    assert (bench.cache.frames, bench.cache.dirty_frames) == (0, 0)
    assert bench.core.allocator.free_frames == before
    bench.check()


@pytest.mark.parametrize("nth", range(1, 8))
def test_no_memory_reads_what_it_can(nth: int) -> None:
    bench = Bench()
    bench.core.allocator.injector = fail_nth(nth)
    file = bench.cache.create()
    try:
        bench.cache.read(file, 60000)
    except OutOfMemory:
        assert file.frames < 60000
    else:
        assert file.frames == 60000
    bench.check()


def test_reading_a_terabyte_into_a_large_machine_is_a_few_steps() -> None:
    bench = Bench(2048 * GIB)
    bench.read(1024 * GIB)
    assert bench.cache.frames == 1 << 28
    assert len(list(bench.cache.claims())) < 100


def test_reclaim_for_a_node_takes_that_nodes_pages_and_leaves_the_others() -> None:
    bench = Bench(2 * GIB, nodes=2)
    file = bench.read(1600 * MIB)
    boundary = next(zone.layout.start for zone in bench.core.allocator.zones if zone.layout.node == 1)
    near = sum(frames for start, frames in file.pages if start < boundary)
    far = file.frames - near
    assert min(near, far) > 100_000
    assert bench.cache.shrink(50_000, direct=True, node=1) == 50_000
    assert sum(frames for start, frames in file.pages if start < boundary) == near
    bench.check()
    assert bench.cache.shrink(file.frames, direct=True, node=1) == far - 50_000
    assert file.frames == near
    bench.check()


def test_dirty_pages_of_another_node_stay_dirty_where_they_are() -> None:
    bench = Bench(2 * GIB, nodes=2)
    file = bench.read(1600 * MIB)
    bench.cache.overwrite(file, 1000)
    held = file.frames
    dropped = file.drop_clean(held, node=1)
    assert 0 < dropped < held
    assert file.frames == held - dropped
    assert file.drop_clean(held) == held - dropped - 1000
    assert (file.frames, file.dirty_frames) == (1000, 1000)
