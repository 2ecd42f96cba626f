"""The flusher: what it writes, when it wakes, and that it sleeps when nothing is dirty."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.page_cache import CachedFile, PageCache
from memtui.machine.slab import SlabCaches
from memtui.machine.writeback import DIRTY_EXPIRE_NS, DIRTY_WRITEBACK_NS
from memtui.units import GIB, MIB, SECOND
from tests.machine.bench import small_core


class Bench:
    """A page cache, and a clock that plays the timers it sets."""

    def __init__(self, ram_bytes: int = 8 * GIB) -> None:
        self.core: Core = small_core(ram_bytes)
        self.slabs = SlabCaches(self.core)
        self.cache = PageCache(self.core, self.slabs)
        self.core.allocator.shrinkers = [self.cache]
        self.now_ns = 0
        self.played = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = 0

    def dirty(self, size_bytes: int) -> CachedFile:
        """A file of which all is dirty, or as much as may be."""
        file = self.cache.create()
        self.cache.read(file, size_bytes // 4096)
        self.cache.overwrite(file, file.frames)
        return file

    def run_until(self, time_ns: int) -> None:
        """Plays what is due until then, proving the laws after each."""
        self._take()
        while self._due and self._due[0][0] <= time_ns:
            self.now_ns, _, work = heapq.heappop(self._due)
            work()
            self.played += 1
            self.cache.check()
            self._take()
        self.now_ns = time_ns

    @property
    def asleep(self) -> bool:
        """Whether nothing is set to happen."""
        self._take()
        return not self._due

    def _take(self) -> None:
        for delay_ns, work in self.core.timers:
            self._serial += 1
            heapq.heappush(self._due, (self.now_ns + delay_ns, self._serial, work))
        self.core.timers.clear()


def test_nothing_dirty_sets_no_timer() -> None:
    bench = Bench()
    file = bench.cache.create()
    bench.cache.read(file, 100_000)
    assert bench.asleep


def test_above_a_tenth_it_is_written_at_once_until_a_tenth_is_left() -> None:
    bench = Bench()
    bench.dirty(7 * GIB)
    limit, background = bench.cache.flusher.limit_frames, bench.cache.flusher.background_frames
    assert limit - 1 <= 2 * background <= limit
    assert bench.cache.dirty_frames == limit
    bench.run_until(0)
    assert bench.cache.dirty_frames == max(background, limit - bench.cache.batch_frames)
    bench.run_until((limit - background) * costs.FILE_PAGE_WRITE.ns)
    assert bench.cache.dirty_frames == background
    assert bench.core.vm_events["nr_written"] == bench.core.vm_events["nr_dirtied"] - background


def test_a_chunk_takes_the_device_its_time_before_the_next_one() -> None:
    bench = Bench()
    bench.dirty(7 * GIB)
    before = bench.cache.dirty_frames
    took_ns = bench.cache.batch_frames * costs.FILE_PAGE_WRITE.ns
    for chunks in (1, 2, 3):
        bench.run_until(chunks * took_ns - 1)
        assert before - bench.cache.dirty_frames == chunks * bench.cache.batch_frames


def test_a_file_stays_dirty_for_30_s_and_not_longer() -> None:
    bench = Bench()
    file = bench.dirty(100 * MIB)
    bench.run_until(DIRTY_EXPIRE_NS - 1)
    assert file.dirty_frames == bench.cache.dirty_frames == 25600
    bench.run_until(DIRTY_EXPIRE_NS + SECOND)
    assert file.dirty_frames == bench.cache.dirty_frames == 0
    assert file.frames == 25600
    assert (bench.core.vm_events["nr_dirtied"], bench.core.vm_events["nr_written"]) == (25600, 25600)
    bench.run_until(2 * DIRTY_EXPIRE_NS)
    assert bench.asleep


def test_a_file_dirtied_later_waits_for_the_look_after_its_own_30_s() -> None:
    bench = Bench()
    bench.dirty(MIB)
    bench.run_until(3 * SECOND)
    later = bench.dirty(MIB)
    bench.run_until(DIRTY_EXPIRE_NS + SECOND)
    assert bench.cache.dirty_frames == later.dirty_frames == 256
    bench.run_until(DIRTY_EXPIRE_NS + DIRTY_WRITEBACK_NS - 1)
    assert later.dirty_frames == 256
    bench.run_until(DIRTY_EXPIRE_NS + DIRTY_WRITEBACK_NS)
    assert bench.cache.dirty_frames == 0


def test_a_file_clean_in_between_is_young_again() -> None:
    bench = Bench()
    file = bench.dirty(MIB)
    bench.run_until(20 * SECOND)
    bench.cache.write_back(256)
    bench.cache.overwrite(file, 10)
    bench.run_until(45 * SECOND)
    assert file.dirty_frames == 10
    bench.run_until(50 * SECOND)
    assert file.dirty_frames == 0


def test_what_became_dirty_first_is_written_first_whatever_was_read_first() -> None:
    bench = Bench()
    first, second = bench.cache.create(), bench.cache.create()
    for file in (first, second):
        bench.cache.read(file, 100)
    bench.cache.overwrite(second, 50)
    bench.cache.overwrite(first, 50)
    assert bench.cache.write_back(60) == 60
    assert (first.dirty_frames, second.dirty_frames) == (40, 0)


def test_a_deleted_file_is_not_written_and_lets_it_sleep() -> None:
    bench = Bench()
    bench.cache.delete(bench.dirty(MIB))
    bench.run_until(2 * DIRTY_EXPIRE_NS)
    assert bench.core.vm_events["nr_written"] == 0
    assert bench.asleep


def test_written_back_pages_give_way_to_a_later_read() -> None:
    bench = Bench()
    old = bench.dirty(7 * GIB)
    bench.run_until(60 * SECOND)
    young = bench.cache.create()
    bench.cache.read(young, 7 * GIB // 4096)
    assert young.frames == 7 * GIB // 4096
    assert old.frames * 4096 < GIB
    assert bench.core.vm_events["pgsteal_file"] == 7 * GIB // 4096 - old.frames
    bench.cache.check()


def test_a_terabyte_of_dirty_pages_is_a_few_wake_ups() -> None:
    bench = Bench(2048 * GIB)
    bench.dirty(1024 * GIB)
    bench.run_until(4000 * SECOND)
    assert bench.cache.dirty_frames == 0
    assert bench.asleep
    assert bench.played < 250
