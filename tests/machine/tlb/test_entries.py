"""Entries that a mapping holds in each array, and what a Snapshot tells of who accesses what."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.tlb import CPUS, Mix, Use, tlb_model
from memtui.snapshot import MapRequest
from memtui.units import GIB, KIB, MIB
from tests.workloads.playing import play


def used(cpu: str, mix: Mix, use: Use | None = None) -> dict[str, int]:
    model = tlb_model(cpu)
    access = model.access("it", mix, use or Use())
    return {
        f"{row.level} {row.page}": count
        for row, count in zip(model.levels(), access.entries_used, strict=True)
        if count
    }


def test_a_mapping_that_fits_holds_an_entry_per_leaf() -> None:
    assert used("skylake-sp", Mix(40 * 4 * KIB)) == {"L1 4K": 40, "L2 4K": 40}
    assert used("skylake-sp", Mix(0, 20 * MIB, 3 * GIB)) == {"L1 2M": 10, "L1 1G": 3, "L2 2M": 10, "L2 1G": 3}


def test_a_mapping_far_too_large_fills_every_entry_its_leaves_can_have() -> None:
    assert used("skylake-sp", Mix(0, 0, 64 * GIB)) == {"L1 1G": 4, "L2 1G": 16}
    assert used("skylake-sp", Mix(64 * GIB)) == {"L1 4K": 64, "L2 4K": 1536}


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("use", [Use(), Use(0.99)], ids=["uniform", "zipf"])
def test_no_array_holds_more_than_it_has(cpu: str, use: Use) -> None:
    model = tlb_model(cpu)
    access = model.access("it", Mix(3 * GIB, 9 * GIB, 30 * GIB), use)
    for row, count in zip(model.levels(), access.entries_used, strict=True):
        assert 0 <= count <= row.entries
    for level, arrays in (("L1", model.cpu.l1), ("L2", model.cpu.l2)):
        held = sum(count for row, count in zip(model.levels(), access.entries_used, strict=True) if row.level == level)
        assert held <= sum(array.entries for array in arrays) + len(arrays)


def machine() -> Machine:
    return Machine(MachineConfig("tlb", 16 * GIB, 1, CpuConfig(4)))


def test_the_vmemmap_is_accessed_through_2m_leaves_that_optimised_pages_split() -> None:
    booted = machine()
    access = booted.observe(MapRequest()).tlb.accesses[1]
    assert (access.name, access.mapped_bytes) == ("vmemmap", (("4K", 0), ("2M", 256 * MIB), ("1G", 0)))
    booted.sysctl.write("vm.hugetlb_optimize_vmemmap", 1)
    booted.hugetlb.set_nr_hugepages(1024)
    split = booted.memmap.table_frames
    mapped = dict(booted.observe(MapRequest()).tlb.accesses[1].mapped_bytes)
    assert split > 0
    assert mapped == {"4K": split * 2 * MIB, "2M": 256 * MIB - split * 2 * MIB, "1G": 0}


def test_the_processes_asked_for_come_last_and_the_largest_first() -> None:
    booted = machine()
    for megabytes in (2, 9, 5, 7):
        process = booted.processes.spawn(f"p{megabytes}")
        process.touch(process.mmap(megabytes * MIB))

    def told(request: MapRequest) -> list[str]:
        return [access.name for access in booted.observe(request).tlb.accesses][2:]

    assert told(MapRequest()) == ["1001 (p9)"]
    assert told(MapRequest(processes=0)) == []
    assert told(MapRequest(processes=9)) == ["1001 (p9)", "1003 (p7)", "1002 (p5)", "1000 (p2)"]
    assert told(MapRequest(processes=2, first_process=1)) == ["1003 (p7)", "1002 (p5)"]
    assert told(MapRequest(process=1000)) == ["1001 (p9)", "1000 (p2)"]
    assert told(MapRequest(process=4711)) == ["1001 (p9)"]
    view = booted.observe(MapRequest(processes=2, first_process=99)).tlb
    assert (view.processes, view.first_process, view.accesses[-1].pid) == (4, 3, 1000)


def test_a_process_is_as_large_as_all_it_maps_files_included() -> None:
    booted = machine()
    process = booted.processes.spawn("anonymous")
    process.touch(process.mmap(4 * MIB))
    assert booted.observe(MapRequest()).tlb.accesses[-1].name == "1000 (anonymous)"
    play(booted, "tmpfs", mount="m", size=64 * MIB)
    play(booted, "tmpfs_write", mount="m", file="f", size=32 * MIB)
    play(booted, "tmpfs_map", mount="m", file="f")
    access = booted.observe(MapRequest()).tlb.accesses[-1]
    assert access.name == "1001 (tmpfs_map 1)"
    assert dict(access.mapped_bytes)["4K"] > 32 * MIB


def test_skewed_accesses_are_told_when_they_are_asked_for() -> None:
    booted = machine()
    assert booted.observe(MapRequest()).tlb.skewed == ()
    view = booted.observe(MapRequest(skewed=True)).tlb
    assert [access.name for access in view.skewed] == [access.name for access in view.accesses]
    assert all(skewed.miss_ppm <= even.miss_ppm for even, skewed in zip(view.accesses, view.skewed, strict=True))
