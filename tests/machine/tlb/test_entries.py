"""Entries that a mapping holds in each array, and what a Snapshot tells of who accesses what."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.tlb import CPUS, Mix, Use, tlb_model
from memtui.snapshot import MapRequest
from memtui.units import GIB, KIB, MIB


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
    access = booted.observe(MapRequest()).tlb.accesses[-1]
    assert (access.name, access.mapped_bytes) == ("vmemmap", (("4K", 0), ("2M", 256 * MIB), ("1G", 0)))
    booted.sysctl.write("vm.hugetlb_optimize_vmemmap", 1)
    booted.hugetlb.set_nr_hugepages(1024)
    split = booted.memmap.table_frames
    mapped = dict(booted.observe(MapRequest()).tlb.accesses[-1].mapped_bytes)
    assert split > 0
    assert mapped == {"4K": split * 2 * MIB, "2M": 256 * MIB - split * 2 * MIB, "1G": 0}


def test_skewed_accesses_are_told_when_they_are_asked_for() -> None:
    booted = machine()
    assert booted.observe(MapRequest()).tlb.skewed == ()
    view = booted.observe(MapRequest(skewed=True)).tlb
    assert [access.name for access in view.skewed] == [access.name for access in view.accesses]
    assert all(skewed.miss_ppm <= even.miss_ppm for even, skewed in zip(view.accesses, view.skewed, strict=True))
