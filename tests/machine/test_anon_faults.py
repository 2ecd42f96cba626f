"""Write faults: huge pages at first touch, fallback, copy-on-write, reuse, partly unmapped huge pages."""

from __future__ import annotations

import pytest

from memtui.machine import costs
from memtui.machine.anon_fault import Written
from memtui.machine.compaction.scanners import Compaction
from memtui.machine.core import KernelOwner, Severity
from memtui.machine.errors import OutOfMemory
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE
from memtui.machine.vma import ThpAdvice, VmaKind
from memtui.snapshot import FrameKind
from memtui.units import GIB, KIB, MIB
from tests.machine.bench import fail_nth
from tests.machine.process_bench import ProcessBench, spread_over_2m, twin

HUGE = 2048
"""kB of one huge page."""


def huge_kb(kernel: str, advice: ThpAdvice) -> int:
    bench = ProcessBench(thp=kernel)
    bench.parent(4, advice)
    bench.check()
    return bench.counts()["AnonHugePages"]


@pytest.mark.parametrize(
    ("kernel", "advice", "expected"),
    [
        ("always", "always", 2 * HUGE),
        ("always", "madvise", 2 * HUGE),
        ("always", "never", 0),
        ("madvise", "always", 0),
        ("madvise", "madvise", 2 * HUGE),
        ("never", "always", 0),
        ("never", "madvise", 0),
    ],
)
def test_the_kernels_setting_and_the_areas_advice_decide(kernel: str, advice: ThpAdvice, expected: int) -> None:
    assert huge_kb(kernel, advice) == expected


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="thp: 'sometimes' is not known; expected never, madvise, always"):
        ProcessBench(thp="sometimes")


def test_one_byte_takes_a_whole_huge_page_and_its_table_is_deposited() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    vma = process.mmap(4 * MIB, "always")
    tables = process.tables.frames
    assert process.touch(vma, 700, 1) == Written(new_pages=512, huge_pages=1)
    assert process.tables.frames == tables + 1
    assert process.tlb_mix() == (16 * 4 * KIB, 2 * MIB, 0)
    assert bench.events["thp_fault_alloc"] == 1
    bench.check()


def test_ragged_ends_of_an_area_get_base_pages() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    vma = process.mmap(6 * MIB - 4 * KIB, "always")
    done = process.touch(vma)
    assert (done.huge_pages, done.new_pages) == (2, 1535)
    bench.check()


def test_a_region_that_has_base_pages_gets_no_huge_page_later() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    vma = process.mmap(2 * MIB, "always")
    bench.processes.memory.thp_enabled = "never"
    process.touch(vma, 0, 1)
    bench.processes.memory.thp_enabled = "always"
    assert process.touch(vma) == Written(new_pages=511)
    process.munmap(vma)
    vma = process.mmap(2 * MIB, "always")
    assert process.touch(vma).huge_pages == 1
    bench.check()


def test_without_free_blocks_faults_fall_back_and_say_so_once() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    bench.core.allocator.injector = lambda order, count: order == 9
    vma = process.mmap(8 * MIB, "always")
    assert process.touch(vma) == Written(new_pages=2048, fallbacks=4)
    assert bench.events["thp_fault_fallback"] == 4
    process.touch(process.mmap(2 * MIB, "always"))
    notices = [event for event in bench.core.events if event.severity is Severity.NOTICE]
    assert [event.text for event in notices] == [
        "no free 2 MiB block for a huge page: the fault falls back to base pages"
    ]
    bench.check()


def test_as_many_huge_pages_as_there_are_then_base_pages() -> None:
    bench = ProcessBench(256 * MIB)
    hog = KernelOwner("hog", FrameKind.KERNEL, movable=True)
    allocator = bench.core.allocator
    taken = allocator.allocate_many(hog, GFP_HIGHUSER_MOVABLE, allocator.free_frames - 6000)
    process = bench.processes.spawn("test")
    done = process.touch(process.mmap(20 * MIB, "always"))
    assert 0 < done.huge_pages < 10
    assert done.huge_pages + done.fallbacks == 10
    assert done.new_pages == 5120
    bench.processes.check()
    allocator.free_list(taken, hog)
    bench.check()


class CountingShrinker:
    """Has nothing to give; counts who asks."""

    def __init__(self) -> None:
        self.direct = 0

    def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
        self.direct += direct
        return 0


@pytest.mark.parametrize(("advice", "asks"), [("always", 0), ("madvise", 1)])
def test_only_with_madvise_a_huge_page_fault_reclaims_directly(advice: ThpAdvice, asks: int) -> None:
    bench = ProcessBench(256 * MIB)
    allocator = bench.core.allocator
    process = bench.processes.spawn("test")
    vma = process.mmap(2 * MIB, advice)
    hog = KernelOwner("hog", FrameKind.KERNEL)
    allocator.allocate_many(hog, GFP_HIGHUSER_MOVABLE, allocator.free_frames, 9, partial=True)
    shrinker = CountingShrinker()
    allocator.shrinkers.append(shrinker)
    assert process.touch(vma, 0, 1).fallbacks == 1
    assert shrinker.direct == asks


def test_a_write_to_what_nobody_else_has_any_more_copies_nothing() -> None:
    bench = ProcessBench()
    parent, vma = bench.parent(4)
    child = bench.processes.fork(parent)
    assert child.touch(twin(vma, child), 0, 100).copied_pages == 100
    assert parent.touch(vma, 0, 100) == Written(reused_pages=100)
    bench.processes.exit(child)
    assert parent.touch(vma) == Written(reused_pages=924)
    assert parent.touch(vma) == Written()
    bench.check()


def test_a_parent_that_writes_first_copies_and_the_child_keeps_the_old_page() -> None:
    bench = ProcessBench()
    parent, vma = bench.parent(4)
    child = bench.processes.fork(parent)
    before = bench.counts()["AnonPages"]
    assert parent.touch(vma).copied_pages == 1024
    assert bench.counts()["AnonPages"] == before + 4096
    assert child.touch(twin(vma, child)) == Written(reused_pages=1024)
    bench.check()


def test_a_huge_page_that_is_not_shared_any_more_is_written_without_a_split() -> None:
    bench = ProcessBench()
    parent, vma = bench.parent(4, "madvise")
    bench.processes.exit(bench.processes.fork(parent))
    assert parent.touch(vma, 5, 1) == Written(reused_pages=512)
    assert parent.touch(vma) == Written(reused_pages=512)
    assert "thp_split_pmd" not in bench.events
    bench.check()


def test_any_part_of_a_shared_huge_page_is_copied_even_where_nobody_else_maps_it() -> None:
    bench = ProcessBench()
    parent, vma = bench.parent(2, "madvise")
    child = bench.processes.fork(parent)
    child.touch(twin(vma, child), 0, 100)
    assert parent.touch(vma, 0, 1) == Written(copied_pages=1, split_leaves=1)
    assert bench.counts()["AnonHugePages"] == 0
    assert bench.events["thp_deferred_split_page"] == 1
    bench.check()


def test_frames_of_a_huge_page_go_back_when_nothing_maps_any_of_it() -> None:
    bench = ProcessBench()
    parent, vma = bench.parent(4, "madvise")
    children = [bench.processes.fork(parent) for _ in range(2)]
    for child in children:
        child.write(twin(vma, child), spread_over_2m(100, 2))
    bench.processes.exit(parent)
    assert bench.events["thp_deferred_split_page"] == 2
    anon_frames = bench.core.allocator.frame_map.by_kind[FrameKind.ANON]
    assert anon_frames - bench.processes.anon_frames == 200
    bench.check()
    for child in children:
        bench.processes.exit(child)
    bench.assert_empty()


def test_under_pressure_partly_unmapped_huge_pages_are_split_and_that_part_freed() -> None:
    bench = ProcessBench()
    parent, vma = bench.parent(4, "madvise")
    child = bench.processes.fork(parent)
    child.write(twin(vma, child), spread_over_2m(100, 2))
    bench.processes.exit(parent)
    memory = bench.processes.memory
    assert memory.shrink(1, direct=True) == 100
    assert bench.events["thp_split_page"] == 1
    bench.check()
    assert memory.shrink(1000, direct=False) == 100
    assert memory.shrink(1000, direct=False) == 0
    assert child.touch(twin(vma, child)) == Written(reused_pages=824)
    bench.check()


def test_munmap_gives_back_pages_tables_guards_and_objects() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    before = bench.counts()
    small, large = process.mmap(12 * KIB, guard=True), process.mmap(6 * MIB, "always", guard=True)
    for vma in (small, large):
        process.touch(vma)
    for vma in (small, large):
        process.munmap(vma)
        bench.check()
    assert bench.counts() == before
    assert (process.rss_pages, process.huge_pages) == (16, 0)


def test_writes_go_only_where_a_program_may_write() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    vma = process.mmap(4 * MIB, guard=True)
    text = next(area for area in process.space if area.kind is VmaKind.FILE)
    with pytest.raises(ValueError, match=r"elf headers of process 1000 \(test\) cannot be written"):
        process.touch(text)
    with pytest.raises(ValueError, match="are not all in anon"):
        process.touch(vma, 1000, 25)
    bench.check()


def test_an_address_space_that_is_full_refuses_and_changes_nothing() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    with pytest.raises(OutOfMemory, match="no gap of 34359738368 pages in the address space of 1000"):
        process.mmap(128 * 1024 * GIB)
    bench.check()


def test_first_touch_takes_the_time_of_its_parts() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    vma = process.mmap(4 * MIB)
    bench.core.meter.take_ns()
    process.touch(vma)
    page = sum(op.ns for op in (costs.FAULT, costs.ALLOC_PAGE, costs.ZERO_PAGE, costs.MAP_PAGE, costs.ACCESS_PAGE))
    assert bench.core.meter.take_ns() == 1024 * page + costs.ANON_VMA.ns + 2 * costs.PAGE_TABLE.ns
    process.touch(vma)
    assert bench.core.meter.take_ns() == 1024 * costs.ACCESS_PAGE.ns


def test_what_was_touched_before_memory_ran_out_stays() -> None:
    bench = ProcessBench(2 * GIB)
    process = bench.processes.spawn("test")
    vma = process.mmap(512 * MIB)
    bench.core.allocator.oom_killer = None
    bench.core.allocator.injector = fail_nth(5, always=True)
    with pytest.raises(OutOfMemory):
        process.touch(vma)
    assert 0 < vma.resident_pages() < vma.pages
    bench.core.allocator.injector = None
    bench.check()
    process.touch(vma)
    assert vma.resident_pages() == vma.pages
    bench.check()


def test_compaction_moves_anonymous_pages_and_every_law_holds() -> None:
    bench = ProcessBench(256 * MIB)
    processes = [bench.processes.spawn(f"p{number}") for number in range(4)]
    vmas = [process.mmap(20 * MIB) for process in processes]
    for first in range(0, 5120, 256):
        for process, vma in zip(processes, vmas, strict=True):
            process.touch(vma, first, 256)
    child = bench.processes.fork(processes[1])
    bench.processes.exit(processes[0])
    bench.processes.exit(processes[2])
    moved = sum(Compaction(bench.core, zone).run() for zone in bench.core.allocator.zones)
    assert moved > 0
    bench.check()
    child.touch(twin(vmas[1], child))
    for process in list(bench.processes):
        bench.processes.exit(process)
    bench.assert_empty()
