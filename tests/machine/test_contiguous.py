"""1 GiB pages out of memory that is in use: what is movable moves, what is not is in the way."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.contiguous import allocate_contiguous
from memtui.machine.core import KernelOwner
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE, GFP_KERNEL
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.migration import Moves
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, KIB, PAGE_BYTES, PPM
from tests.machine.bench import check_frames, small_core

POOL = KernelOwner("pool", FrameKind.HUGETLB)
SLAB = KernelOwner("slab", FrameKind.SLAB)


class Pages:
    """A movable owner: base pages in order."""

    kind = FrameKind.ANON
    movable = True

    def __init__(self) -> None:
        self.pages = FrameList()
        self.told = 0

    records = 0

    def relocate(self, moves: Moves) -> None:
        self.told += 1
        self.pages = FrameList(part for start, n in self.pages for part in moves.translate(start, n))

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        return ((self, start, frames) for start, frames in self.pages)


class Bench:
    """Memory with a movable owner whose pages are scattered or not."""

    def __init__(self, ram_bytes: int = 8 * GIB, nodes: int = 1) -> None:
        self.core = small_core(ram_bytes, nodes)
        self.allocator = self.core.allocator
        self.pages = Pages()
        self.slabs = FrameList()
        self.found: list[int] = []

    def fill(self, frames: int, keep_one_in: int = 1, seed: int = 3) -> None:
        """Takes frames and frees all but one in so many of them, at random places."""
        taken = self.allocator.allocate_many(self.pages, GFP_HIGHUSER_MOVABLE, frames, 0, partial=True)
        chance = random.Random(seed)
        for start, length in taken:
            for first in range(start, start + length, keep_one_in):
                kept = first + chance.randrange(min(keep_one_in, start + length - first))
                self.pages.pages.append(kept, 1)
                for low, high in ((first, kept), (kept + 1, min(first + keep_one_in, start + length))):
                    if low < high:
                        self.allocator.free(low, high - low, self.pages)

    def take(self, count: int, node: int = 0) -> list[int]:
        """Allocates GiB runs."""
        found = allocate_contiguous(self.core, POOL, FRAMES_1G, node, count)
        self.found += found
        return found

    def check(self) -> None:
        """Every frame has one owner, and the free lists have the rest."""
        pool = ((POOL, start, FRAMES_1G) for start in self.found)
        slabs = ((SLAB, start, frames) for start, frames in self.slabs)
        check_frames(self.core, self.pages.claims(), pool, slabs)
        listed = sum(frames for zone in self.allocator.zones for _, frames, _ in zone.buddy.free_runs())
        assert listed == self.allocator.free_frames


def test_the_lowest_free_gib_of_the_highest_zone_comes_first() -> None:
    bench = Bench()
    assert bench.take(2) == [4 * FRAMES_1G, 5 * FRAMES_1G]
    assert bench.core.vm_events["compact_isolated"] == 2 * FRAMES_1G, "recorded on 6.18: 262144 for each page"
    assert bench.core.vm_events["pgmigrate_success"] == 0
    bench.check()


@pytest.mark.parametrize("keep_one_in", [1, 2, 7, 512, 1024])
def test_what_is_movable_moves_and_stays_in_order(keep_one_in: int) -> None:
    bench = Bench()
    bench.fill(3 * FRAMES_1G // 2, keep_one_in)
    before = [frame for start, n in bench.pages.pages for frame in range(start, start + n)]
    free = bench.allocator.free_frames
    found = bench.take(1)
    assert found == [4 * FRAMES_1G]
    assert bench.allocator.free_frames == free - FRAMES_1G
    after = [frame for start, n in bench.pages.pages for frame in range(start, start + n)]
    inside = [4 * FRAMES_1G <= frame < 5 * FRAMES_1G for frame in before]
    assert any(inside)
    assert bench.core.vm_events["pgmigrate_success"] == sum(inside)
    assert all(old == new for old, new, moved in zip(before, after, inside, strict=True) if not moved)
    assert not any(4 * FRAMES_1G <= frame < 5 * FRAMES_1G for frame in after)
    assert len(set(after)) == len(after)
    assert bench.pages.told == 1
    bench.check()


def test_one_unmovable_page_is_in_the_way_of_its_gib_only() -> None:
    bench = Bench()
    bench.slabs = bench.allocator.allocate_many(SLAB, GFP_KERNEL, 1)
    (first, _), *_ = bench.slabs
    assert first // FRAMES_1G == 4
    assert bench.take(2) == [5 * FRAMES_1G, 6 * FRAMES_1G]
    bench.check()


def test_a_gib_of_another_node_is_no_substitute() -> None:
    bench = Bench(16 * GIB, nodes=2)
    assert all(start >= 9 * FRAMES_1G for start in bench.take(20, node=1))
    assert len(bench.found) == 8
    bench.check()


def test_without_room_to_move_to_nothing_has_moved() -> None:
    bench = Bench()
    bench.fill(8 * FRAMES_1G)
    free = [zone.buddy.free_blocks() for zone in bench.allocator.zones]
    assert bench.take(1) == []
    assert [zone.buddy.free_blocks() for zone in bench.allocator.zones] == free
    assert bench.pages.told == 0
    bench.check()


def test_pages_freed_on_the_way_are_not_moved() -> None:
    """Reclaim for the targets gives up pages of the very range: they need no target any more."""
    bench = Bench()
    bench.fill(8 * FRAMES_1G)

    class Shrinker:
        def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
            freed = bench.pages.pages.take(frames + 1000)
            bench.allocator.free_list(freed, bench.pages)
            return freed.frames

    bench.allocator.shrinkers.append(Shrinker())
    assert len(bench.take(1)) == 1
    bench.check()


def test_an_owner_that_is_movable_must_be_able_to_move() -> None:
    bench = Bench()
    stuck = KernelOwner("stuck", FrameKind.SLAB, movable=True)
    bench.allocator.allocate_many(stuck, GFP_HIGHUSER_MOVABLE, 1)
    with pytest.raises(FrameStateError, match="cannot be moved"):
        bench.take(1)


def large_machine(ram_gib: int = 12) -> Machine:
    return Machine(MachineConfig("contig", ram_gib * GIB, 1, CpuConfig(2)))


def all_but_free(machine: Machine) -> dict[str, int]:
    """Counters that say what is in memory, and must not change when it moves."""
    names = ("AnonPages", "AnonHugePages", "Shmem", "ShmemHugePages", "PageTables", "Slab", "Cached", "Mapped")
    seen = machine.counters()
    return {name: seen[name] for name in names}


def test_huge_pages_move_whole() -> None:
    machine = large_machine()
    process = machine.processes.spawn("test")
    area = process.mmap(3 * GIB // 2, "always")
    process.touch(area)
    mapped, before = list(area.mapped), all_but_free(machine)
    assert machine.hugetlb.set_nr_hugepages(8, FRAMES_1G).after == 8
    assert list(area.mapped) == mapped
    assert all_but_free(machine) == before
    assert area.store is not None
    folios = area.store.large_folios(0, 1 << 52)
    assert len(folios) == 768
    assert all(frame % FRAMES_2M == 0 for frame, _ in folios)
    assert machine.core.vm_events["thp_migration_success"] >= 250, "those that lay in the second GiB of the zone"
    assert machine.core.vm_events["thp_migration_success"] * FRAMES_2M <= machine.core.vm_events["pgmigrate_success"]
    machine.check()


def test_folios_of_a_file_move_whole_and_keep_their_places_in_it() -> None:
    machine = large_machine()
    mount = machine.tmpfs.mount("t", "within_size")
    file = machine.tmpfs.create(mount, "large")
    machine.tmpfs.write(file, 0, 3 * GIB // 2)
    small = [machine.tmpfs.create(mount, f"small{number}") for number in range(9)]
    for number, other in enumerate(small):
        machine.tmpfs.write(other, 0, (600 + 52 * number) * KIB)
    shapes = [[(run.index, run.pages, run.order) for run in other.index] for other in small]
    orders = {order for shape in shapes for _, _, order in shape}
    assert len(orders) > 3
    before = all_but_free(machine)
    assert machine.hugetlb.set_nr_hugepages(8, FRAMES_1G).after == 8
    assert all_but_free(machine) == before
    assert file.index.pages * PAGE_BYTES == 3 * GIB // 2
    merged = [[(run.index, run.pages, run.order) for run in other.index] for other in small]
    assert [sum(pages for _, pages, _ in shape) for shape in merged] == [
        sum(pages for _, pages, _ in shape) for shape in shapes
    ]
    assert {order for shape in merged for _, _, order in shape} == orders
    machine.check()


def test_a_huge_page_of_a_pool_is_in_the_way() -> None:
    """pfn_range_valid_contig of 6.18 refuses a range with a hugetlb page in it."""
    machine = large_machine(8)
    most = machine.hugetlb.set_nr_hugepages(100, FRAMES_1G).after
    machine.hugetlb.set_nr_hugepages(0, FRAMES_1G)
    pages = machine.hugetlb.set_nr_hugepages(700, FRAMES_2M).after
    assert pages * FRAMES_2M > FRAMES_1G, "more than the part of the zone that no 1 GiB page can have"
    assert machine.hugetlb.set_nr_hugepages(100, FRAMES_1G).after < most
    machine.check()


@pytest.mark.parametrize("fail_at", range(1, 8))
def test_a_failure_at_any_allocation_leaves_all_laws_true(fail_at: int) -> None:
    machine = large_machine(8)
    process = machine.processes.spawn("test")
    process.touch(process.mmap(GIB, "never"))
    file = machine.page_cache.create()
    machine.page_cache.read(file, FRAMES_1G)
    calls = iter(range(1, 1_000_000))
    machine.core.allocator.injector = lambda order, count: next(calls) == fail_at
    result = machine.hugetlb.set_nr_hugepages(4, FRAMES_1G)
    machine.core.allocator.injector = None
    assert result.after <= 4
    machine.check()
    machine.processes.exit(process)
    machine.hugetlb.set_nr_hugepages(0, FRAMES_1G)
    machine.check()


def test_fragmented_memory_yields_gib_pages_only_where_all_of_it_is_movable() -> None:
    machine = large_machine(8)
    round_ = machine.fragmenter.begin(4, random.Random(1))
    round_.scatter(0, machine.fragmenter.share_of(0, PPM))
    assert machine.hugetlb.set_nr_hugepages(4, FRAMES_1G).after == 0, "one block in four keeps unmovable pages"
    machine.fragmenter.end(round_)
    machine.check()
    assert machine.hugetlb.set_nr_hugepages(4, FRAMES_1G).after == 4
    machine.check()
