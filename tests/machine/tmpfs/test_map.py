"""Mapped tmpfs files: recordings.md, "tmpfs", the row on mappings; and what unmaps pages again."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.machine.oom import Killed
from memtui.machine.tmpfs.shared import map_file
from memtui.units import GIB, KIB, MIB
from tests.machine.tmpfs.shmem import Bench

PAGES_8M = 2048


@pytest.mark.parametrize(
    ("huge", "advised", "huge_kb"),
    [
        ("always", False, 8192),
        ("within_size", False, 8192),
        ("advise", False, 0),
        ("advise", True, 8192),
        ("never", True, 0),
    ],
)
def test_row_mapping_aligned_touch_of_8_mib(huge: str, advised: bool, huge_kb: int) -> None:
    bench = Bench()
    file = bench.file(huge)
    bench.tmpfs.truncate(file, 8 * MIB)
    mapping = bench.map(file, 8192, advised=advised)
    assert bench.touch_all(mapping) == PAGES_8M
    assert (bench.shmem_kb, bench.mapped_kb) == (8192, 8192)
    assert (bench.huge_kb, bench.pmd_kb) == (huge_kb, huge_kb)
    assert bench.event("thp_file_alloc") == bench.event("thp_file_mapped") == huge_kb // 2048
    bench.check()
    bench.tmpfs.unmap(mapping)
    assert (bench.shmem_kb, bench.mapped_kb, bench.pmd_kb, bench.huge_kb) == (8192, 0, 0, huge_kb)
    bench.check()


@pytest.mark.parametrize("huge", ["always", "within_size"])
def test_row_mapping_one_page_off_same_huge_pages_none_mapped_as_such(huge: str) -> None:
    bench = Bench()
    file = bench.file(huge)
    bench.tmpfs.write(file, 0, 8 * MIB)
    mapping = bench.map(file, 8192, off_by=1)
    bench.touch_all(mapping)
    assert (bench.huge_kb, bench.mapped_kb, bench.pmd_kb) == (8192, 8192, 0)
    assert bench.event("thp_file_mapped") == 0
    bench.check()


def test_row_mapping_page_tables_none_below_2_mib_entries_and_one_per_2_mib_touched_otherwise() -> None:
    """Recorded: PageTables +0 aligned, +16 kB aligned with base pages, +20 kB one page off."""
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 8 * MIB)
    huge, small = bench.map(file, 8192), bench.map(file, 8192, off_by=1)
    bench.touch_all(huge)
    bench.touch_all(small)
    assert huge.tables.frames == 3, "PGD, PUD and PMD"
    assert small.tables.frames == 3 + 5
    base = bench.map(bench.file("never"), 8192)
    bench.tmpfs.truncate(base.file, 8 * MIB)
    bench.touch_all(base)
    assert base.tables.frames == 3 + 4
    bench.check()


def test_a_new_file_mapped_one_page_off_gets_base_pages() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.truncate(file, 8 * MIB)
    bench.touch_all(bench.map(file, 8192, off_by=1))
    assert (bench.shmem_kb, bench.huge_kb, bench.event("thp_file_fallback")) == (8192, 0, 0)
    bench.check()


def test_a_mapping_of_part_of_a_huge_page_maps_base_pages_of_it() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 4 * MIB)
    bench.touch_all(bench.map(file, 3 * 1024))
    assert (bench.mapped_kb, bench.pmd_kb, bench.huge_kb) == (3072, 2048, 4096)
    bench.check()


def test_touching_one_page_maps_the_whole_huge_page_or_the_whole_small_folio() -> None:
    bench = Bench()
    file = bench.file("within_size")
    bench.tmpfs.write(file, 0, 3 * MIB)
    mapping = bench.map(file, 3072)
    bench.tmpfs.touch(mapping, 5, 6)
    assert (bench.mapped_kb, bench.pmd_kb) == (2048, 2048)
    bench.tmpfs.touch(mapping, 600, 601)
    assert (bench.mapped_kb, bench.pmd_kb) == (3072, 2048)
    bench.check()


def test_an_advised_mapping_within_size_has_a_huge_page_at_the_ragged_end_too() -> None:
    bench = Bench()
    file = bench.file("within_size")
    bench.tmpfs.truncate(file, 2 * MIB + 4096)
    mapping = bench.map(file, 4096, advised=True)
    assert bench.tmpfs.touch(mapping, 512, 1024) == 513
    assert (bench.shmem_kb, bench.huge_kb) == (2048, 2048)
    bench.check()


def test_behind_the_end_of_the_file_there_is_nothing_to_touch() -> None:
    bench = Bench()
    file = bench.file("never")
    bench.tmpfs.truncate(file, 6 * KIB)
    mapping = bench.map(file, 64)
    assert bench.touch_all(mapping) == 2
    assert bench.tmpfs.touch(mapping, 5, 9) == 5
    assert bench.mapped_kb == 8
    bench.check()


def test_a_page_many_processes_map_counts_once() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 8 * MIB)
    mappings = [bench.map(file, 8192, off_by=number) for number in (0, 1, 0)]
    for mapping in mappings:
        bench.touch_all(mapping)
    assert (bench.mapped_kb, bench.pmd_kb, bench.event("thp_file_mapped")) == (8192, 8192, 8)
    bench.check()
    bench.tmpfs.unmap(mappings[0])
    assert (bench.mapped_kb, bench.pmd_kb) == (8192, 8192)
    bench.tmpfs.unmap(mappings[2])
    assert (bench.mapped_kb, bench.pmd_kb) == (8192, 0)
    bench.tmpfs.unmap(mappings[1])
    assert bench.mapped_kb == 0
    bench.check()


def test_a_split_unmaps_the_huge_page_from_everyone_and_faults_bring_the_rest_back() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 4 * MIB)
    mappings = [bench.map(file, 4096) for _ in range(2)]
    for mapping in mappings:
        bench.touch_all(mapping)
    bench.tmpfs.punch(file, 4096, 4096)
    assert (bench.event("thp_split_pmd"), bench.event("thp_split_page")) == (2, 1)
    assert (bench.mapped_kb, bench.pmd_kb) == (2048, 2048)
    bench.check()
    bench.tmpfs.touch(mappings[0], 2, 512)
    assert (bench.mapped_kb, bench.pmd_kb) == (4096 - 8, 2048)
    bench.check()


def test_punching_a_whole_huge_page_and_truncating_take_pages_out_of_mappings() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 8 * MIB)
    mapping = bench.map(file, 8192)
    bench.touch_all(mapping)
    bench.tmpfs.punch(file, 0, 2 * MIB)
    assert (bench.mapped_kb, bench.pmd_kb, bench.event("thp_split_pmd")) == (6144, 6144, 0)
    bench.tmpfs.truncate(file, 4 * MIB)
    assert (bench.mapped_kb, mapping.resident_frames) == (2048, 512)
    bench.check()


def test_a_huge_page_where_a_page_table_is_in_the_way_is_mapped_by_its_entries() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.core.allocator.injector = lambda order, count: order > 0
    bench.tmpfs.write(file, 0, 4096)
    bench.core.allocator.injector = None
    mapping = bench.map(file, 2048)
    bench.tmpfs.touch(mapping, 0, 1)
    bench.tmpfs.truncate(file, 0)
    bench.tmpfs.write(file, 0, 2 * MIB)
    bench.touch_all(mapping)
    assert (bench.huge_kb, bench.mapped_kb, bench.pmd_kb) == (2048, 2048, 0)
    bench.check()


def test_a_deleted_file_lives_while_it_is_mapped_and_its_mount_too() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 2 * MIB)
    mapping = bench.map(file, 2048)
    bench.touch_all(mapping)
    bench.tmpfs.unlink(file)
    assert bench.shmem_kb == 2048
    bench.check()
    bench.tmpfs.unmount(file.mount)
    assert bench.shmem_kb == 2048
    bench.tmpfs.check()
    bench.tmpfs.unmap(mapping)
    assert (bench.shmem_kb, bench.slabs.active("shmem_inode_cache")) == (0, 0)
    bench.check()


def test_a_fault_on_a_full_mount_fails_and_leaves_what_is_there() -> None:
    bench = Bench()
    mount = bench.tmpfs.mount("m", "never", 40 * KIB)
    file = bench.tmpfs.create(mount, "f")
    bench.tmpfs.truncate(file, MIB)
    mapping = bench.map(file, 1024)
    with pytest.raises(NoSpace):
        bench.touch_all(mapping)
    assert (bench.shmem_kb, bench.mapped_kb) == (40, 40)
    bench.check()


@pytest.mark.parametrize("nth", range(1, 12))
def test_a_fault_without_memory_leaves_all_laws_true(nth: int) -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.truncate(file, 8 * MIB)
    mapping = bench.map(file, 8192)
    calls = iter(range(1, 1000))
    bench.core.allocator.injector = lambda order, count: next(calls) >= nth
    try:
        bench.touch_all(mapping)
    except OutOfMemory:
        assert bench.mapped_kb < 8192
    else:
        assert bench.mapped_kb == 8192
    bench.core.allocator.injector = None
    bench.check()
    bench.touch_all(mapping)
    assert bench.mapped_kb == 8192
    bench.check()


def machine(ram_bytes: int = GIB) -> Machine:
    return Machine(MachineConfig("small", ram_bytes, 1, CpuConfig(2)))


def test_exit_unmaps() -> None:
    small = machine()
    mount = small.tmpfs.mount("m", "always")
    file = small.tmpfs.create(mount, "f")
    small.tmpfs.write(file, 0, 8 * MIB)
    process = small.processes.spawn("reader")
    vma = map_file(small.tmpfs, process, file, 0, PAGES_8M, advised=False, misaligned=False)
    assert process.touch_shared(vma, 0, PAGES_8M) == PAGES_8M
    assert (process.shared_pages, small.counters()["ShmemPmdMapped"]) == (PAGES_8M, 8192)
    assert process.tlb_mix()[1] == 8 * MIB
    small.check()
    small.processes.exit(process)
    assert (small.counters()["Mapped"], small.counters()["Shmem"]) == (0, 8192)
    small.check()


def test_munmap_unmaps_and_frees_the_page_tables() -> None:
    small = machine()
    file = small.tmpfs.create(small.tmpfs.mount("m"), "f")
    small.tmpfs.truncate(file, 64 * MIB)
    process = small.processes.spawn("reader")
    before = process.tables.frames
    vma = map_file(small.tmpfs, process, file, 3, 9000, advised=False, misaligned=True)
    process.touch_shared(vma, 0, 9000)
    assert process.tables.frames > before
    process.munmap(vma)
    assert (process.tables.frames, process.shared_pages) == (before, 0)
    small.check()


def test_a_child_has_the_mapping_and_faults_its_own_entries() -> None:
    small = machine()
    file = small.tmpfs.create(small.tmpfs.mount("m", "always"), "f")
    small.tmpfs.truncate(file, 4 * MIB)
    parent = small.processes.spawn("parent")
    vma = map_file(small.tmpfs, parent, file, 0, 1024, advised=False, misaligned=False)
    parent.touch_shared(vma, 0, 1024)
    child = small.processes.fork(parent)
    assert (child.shared_pages, len(file.mappings)) == (0, 2)
    child.touch_shared(child.vma_at(vma.start), 0, 512)
    assert (child.shared_pages, small.counters()["ShmemPmdMapped"]) == (512, 4096)
    small.check()
    small.processes.exit(parent)
    assert small.counters()["ShmemPmdMapped"] == 2048
    small.check()


def test_a_fork_copies_no_page_tables_of_files_mapped_shared() -> None:
    """vma_needs_copy: "Don't copy ptes where a page fault will fill them correctly"."""
    small = machine()
    parent = small.processes.spawn("parent")
    plain = small.processes.fork(parent).tables.frames
    file = small.tmpfs.create(small.tmpfs.mount("m"), "f")
    small.tmpfs.truncate(file, 64 * MIB)
    vma = map_file(small.tmpfs, parent, file, 0, 64 * MIB // 4096, advised=False, misaligned=False)
    parent.touch_shared(vma, 0, vma.pages)
    assert parent.tables.frames == plain + 32
    child = small.processes.fork(parent)
    assert child.tables.frames == plain
    small.check()
    child.touch_shared(child.vma_at(vma.start), 512, 1024)
    assert child.tables.frames == plain + 1
    small.check()


def test_the_oom_killer_counts_shared_pages_and_the_file_outlives_the_victim() -> None:
    small = machine(256 * MIB)
    file = small.tmpfs.create(small.tmpfs.mount("m", "never", GIB), "f")
    small.tmpfs.truncate(file, GIB)
    bystander = small.processes.spawn("bystander")
    process = small.processes.spawn("eater")
    vma = map_file(small.tmpfs, process, file, 0, GIB // 4096, advised=False, misaligned=False)
    with pytest.raises(Killed):
        process.touch_shared(vma, 0, vma.pages)
    assert (process.alive, bystander.alive) == (False, True)
    assert small.counters()["oom_kill"] == 1
    assert small.counters()["Mapped"] == 0
    assert small.counters()["Shmem"] > 100 * 1024
    assert "of tmpfs" in small.drain_events()[-1].text
    small.check()
