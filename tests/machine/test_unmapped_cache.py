"""The cache of unmapped pages: blocks removed whole, smallest fit, and the shrinker that splits what it returns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, OutOfMemory
from memtui.machine.core import KernelOwner
from memtui.machine.direct_map import Perm
from memtui.machine.physical.extents import FrameList
from memtui.machine.unmapped_cache import SHRINK_BATCH, UnmappedCache
from memtui.snapshot import FrameKind, MapRequest
from memtui.units import FRAMES_2M, GIB, MIB, PAGE_BYTES
from tests.machine.bench import fail_nth
from tests.machine.changes import Changes, free_with_lists

GUEST = MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(thp="never"))
USER = KernelOwner("user", FrameKind.SECRET)


class Lender:
    """A machine, its cache, and what a user of the cache has, so that all laws can be proved."""

    def __init__(self, config: MachineConfig = GUEST) -> None:
        self.machine = Machine(config)
        self.cache: UnmappedCache = self.machine.unmapped_cache
        self.lent: list[FrameList] = []

    def take(self, count: int, order: int = 0) -> FrameList:
        frames = self.cache.allocate_many(USER, count, order)
        self.lent.append(frames)
        return frames

    def give(self, frames: FrameList) -> None:
        self.lent.remove(frames)
        self.cache.free_list(frames, USER)

    def check(self) -> None:
        for frames in self.lent:
            for start, length in frames:
                assert self.machine.core.allocator.frame_map.owner_at(start) is USER
                assert self.machine.direct_map.not_present_in(start, length) == length
        held = self.cache.held_frames
        assert self.machine.direct_map.not_present_frames() == held - self.cache.mapped_frames
        assert held == self.cache.free_frames + sum(frames.frames for frames in self.lent)
        self.cache.check()
        self.machine.direct_map.check()

    def rows(self) -> dict[str, tuple[int, ...]]:
        """What debugfs shows, and the panel and the exported figures with it."""
        rows = self.cache.rows()
        assert rows == dict(self.cache.policy_state("secret_memory").by_order)
        derived = self.machine.observe(MapRequest()).derived
        for name, blocks in rows.items():
            assert blocks == tuple(derived[f"unmapped_{name.lower()}.{order}"] for order in range(11))
        assert derived["unmapped_cache_free_frames"] == self.cache.free_frames
        return rows


@pytest.fixture
def lender() -> Lender:
    return Lender()


def test_golden_39_one_page_takes_2_mib_out_of_a_1g_leaf_and_splits_no_2m_leaf(lender: Lender) -> None:
    with Changes(lender.machine) as first:
        lender.take(1)
    assert (first["direct_map_level3_splits"], first["direct_map_level2_splits"]) == (1, 0)
    assert first["nr_free_pages"] == -FRAMES_2M - 1, "the block, and the page table of the 1G leaf"
    lender.check()
    with Changes(lender.machine) as rest:
        lender.take(FRAMES_2M - 1)
    assert rest.only(), "511 more pages are there already"
    lender.check()
    with Changes(lender.machine) as second:
        lender.take(1)
    assert (second["direct_map_level3_splits"], second["direct_map_level2_splits"]) == (0, 0)
    assert lender.rows()["Cached"] == (0,) * 9 + (2, 0)


def test_freed_pages_stay_and_coalesce_in_the_cache(lender: Lender) -> None:
    held = [lender.take(1) for _ in range(FRAMES_2M)]
    assert lender.cache.free_frames == 0
    with Changes(lender.machine) as nothing:
        for frames in held[::2] + held[1::2]:
            lender.give(frames)
    assert nothing.only(), "nothing returns to the page allocator, nothing is mapped again"
    assert lender.rows()["Free"] == (0,) * 9 + (1, 0)
    lender.check()


def test_the_smallest_block_that_fits_serves(lender: Lender) -> None:
    first = lender.take(1)
    assert lender.rows()["Free"] == (1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)
    lender.take(1, 3)
    assert lender.rows()["Free"] == (1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0)
    lender.take(1)
    assert lender.rows()["Free"] == (0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0)
    lender.give(first)
    assert lender.rows()["Free"] == (1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0), "its buddy is in use"
    lender.check()


@pytest.mark.parametrize("order", [8, 5, 0])
def test_without_2_mib_blocks_smaller_ones_are_removed_and_split_their_leaf(lender: Lender, order: int) -> None:
    lender.machine.core.allocator.injector = lambda asked, count: asked > order
    with Changes(lender.machine) as taken:
        lender.take(1)
    lender.machine.core.allocator.injector = None
    assert lender.rows()["Cached"][order] == 1
    assert taken["direct_map_level2_splits"] == 1, "part of a leaf is not present, the rest is"
    lender.check()


def test_a_request_larger_than_what_is_there_fails_and_lends_nothing(lender: Lender) -> None:
    lender.take(3)
    lender.machine.core.allocator.injector = lambda asked, count: True
    with pytest.raises(OutOfMemory, match="order-0 allocation of unmapped memory failed"):
        lender.take(1000)
    lender.machine.core.allocator.injector = None
    assert lender.cache.free_frames == FRAMES_2M - 3
    lender.check()


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_block_that_cannot_be_removed_goes_back(lender: Lender, nth: int) -> None:
    """Fails the block itself (a smaller one does), or the page table of a split."""
    free = free_with_lists(lender.machine)
    failure = fail_nth(nth)
    lender.machine.core.allocator.injector = failure
    try:
        lender.take(1)
    except OutOfMemory:
        tables = lender.machine.direct_map.table_frames
        assert free_with_lists(lender.machine) == free - (tables - Machine(GUEST).direct_map.table_frames)
    lender.machine.core.allocator.injector = None
    assert failure.failed or nth == 3
    lender.check()


def test_the_shrinker_returns_small_blocks_first_and_splits_the_leaf_for_good(lender: Lender) -> None:
    frames = lender.take(1)
    allocator = lender.machine.core.allocator
    free = allocator.free_frames
    with Changes(lender.machine) as shrunk:
        freed = lender.cache.shrink(1, direct=True)
    assert allocator.free_frames >= free + freed - 1, "past the per-CPU lists"
    assert freed == 255 >= SHRINK_BATCH, "blocks of 1, 2, 4 ... 128 pages: the batch is 128"
    assert shrunk["direct_map_level2_splits"] == 1, "pages come back one by one"
    assert lender.rows()["Released"] == (1,) * 8 + (0, 0, 0)
    assert shrunk["slabs_scanned"] == 255
    lender.check()
    lender.give(frames)
    with Changes(lender.machine) as rest:
        assert lender.cache.drop() == FRAMES_2M - 255
    assert rest["direct_map_level2_splits"] == rest["direct_map_level2_collapses"] == 0
    assert lender.cache.held_frames == 0
    lender.machine.check()


def test_memory_pressure_reaches_the_shrinker(lender: Lender) -> None:
    frames = lender.take(64 * MIB // PAGE_BYTES)
    lender.give(frames)
    process = lender.machine.processes.spawn("hog")
    with Changes(lender.machine) as squeezed:
        process.touch(process.mmap(lender.machine.core.allocator.free_frames * PAGE_BYTES))
    assert squeezed["direct_map_level2_splits"] >= 1
    assert sum(lender.rows()["Released"]) >= 1
    assert any(cause.cause.endswith("mm-unmapped-alloc") for cause in lender.machine.direct_map.split_causes())
    lender.machine.check()


def test_a_shrinker_without_page_tables_gives_nothing_back(lender: Lender) -> None:
    lender.give(lender.take(1))
    lender.machine.core.allocator.injector = lambda asked, count: True
    assert lender.cache.shrink(1, direct=True) == 0
    lender.machine.core.allocator.injector = None
    assert lender.rows()["Free"] == (0,) * 9 + (1, 0)
    lender.machine.check()


def test_a_block_of_4_mib_whose_second_leaf_cannot_be_split_stays_whole(lender: Lender) -> None:
    lender.give(lender.take(3 * FRAMES_2M))
    lender.cache.shrink(1, direct=True)
    free = [start for _, start, _ in lender.cache.claims()]
    assert lender.rows()["Free"] == (0,) * 10 + (1,)
    lender.machine.core.allocator.injector = fail_nth(2)
    assert lender.cache.shrink(1, direct=True) == 0
    lender.machine.core.allocator.injector = None
    assert [start for _, start, _ in lender.cache.claims()] == free
    lender.machine.check()
    assert lender.cache.shrink(1, direct=True) == 2 * FRAMES_2M
    lender.machine.check()


def test_drop_caches_2_empties_the_cache(lender: Lender) -> None:
    lender.give(lender.take(700))
    lender.machine.sysctl.write("vm.drop_caches", 2)
    assert lender.cache.held_frames == 0
    assert "4.00 MiB of unmapped pages" in lender.machine.drain_events()[-1].text
    lender.machine.check()


def test_rfc_quirk_pages_freed_in_a_marked_pageblock_enter_the_cache_mapped() -> None:
    lender = Lender(replace(GUEST, kernel=replace(GUEST.kernel, rfc_quirks=True)))
    lent = lender.take(1)
    assert lender.cache.shrink(1, direct=True) == 255
    allocator, other = lender.machine.core.allocator, KernelOwner("other", FrameKind.KERNEL)
    block = next(iter(lent))[0] // FRAMES_2M * FRAMES_2M
    free = next(run for run in allocator.frame_map.free_in(block, FRAMES_2M) if run[1] >= 4)
    allocator.allocate_at(other, free[0], 4)
    before = lender.cache.free_frames
    allocator.free(free[0], 4, other)
    assert lender.cache.free_frames == before + 4, "they were the page allocator's, and mapped"
    assert lender.cache.mapped_frames == 4
    assert lender.machine.direct_map.perm_at(free[0]) is Perm.READ_WRITE
    lender.machine.unmapped_cache.free_list(lent, USER)
    lender.machine.check()


def test_without_the_quirk_they_do_not(lender: Lender) -> None:
    lent = lender.take(1)
    lender.cache.shrink(1, direct=True)
    allocator, other = lender.machine.core.allocator, KernelOwner("other", FrameKind.KERNEL)
    frame = allocator.frame_map.free_in(next(iter(lent))[0] // FRAMES_2M * FRAMES_2M, FRAMES_2M)[0][0]
    allocator.allocate_at(other, frame, 1)
    before = lender.cache.free_frames
    allocator.free(frame, 1, other)
    assert lender.cache.free_frames == before
    lender.check()


def test_rfc_quirk_a_mark_goes_with_a_whole_block_of_2_mib_only() -> None:
    lender = Lender(replace(GUEST, kernel=replace(GUEST.kernel, rfc_quirks=True)))
    for count, marked in ((1, 0), (3 * FRAMES_2M, 2)):
        lender.give(lender.take(count))
        lender.cache.drop()
        assert len(lender.cache._marked) == marked, "a block of 4 MiB leaves its marks"
    lender.machine.check()
