"""What /proc/zoneinfo and /proc/pagetypeinfo tell of a zone, against the zone and against what Linux prints."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.snapshot import MapRequest, Snapshot, ZoneDetail
from memtui.units import FRAMES_2M, GIB


def details(machine: Machine) -> tuple[ZoneDetail, ...]:
    return machine.observe(MapRequest(zone_details=True)).zone_details


def machine(ram: int = 8 * GIB, nodes: int = 1, version: str = "6.18") -> Machine:
    return Machine(MachineConfig("detail", ram, nodes, CpuConfig(4), KernelConfig(version=version)))


def test_they_are_told_only_when_asked_for() -> None:
    assert machine().observe(MapRequest()).zone_details == ()
    assert Snapshot.__dataclass_fields__["zone_details"].default == ()


def test_spanned_present_and_first_frame_are_those_that_linux_prints() -> None:
    """A PC of this shape prints spanned 4095, present 3998, start_pfn 1, and 1044480 spanned in DMA32."""
    dma, dma32, normal = details(machine())
    assert (dma.spanned_frames, dma.present_frames, dma.start_frame) == (4095, 3998, 1)
    assert (dma32.spanned_frames, dma32.start_frame) == (1_044_480, 4096)
    assert (normal.spanned_frames, normal.start_frame) == (normal.present_frames, 1_048_576)


def test_types_hold_what_the_zone_has_free_and_every_pageblock_is_of_one_type() -> None:
    booted = machine(nodes=2)
    for zone, detail in zip(booted.core.allocator.zones, details(booted), strict=True):
        by_order = [sum(blocks) for blocks in zip(*(kind.free_blocks for kind in detail.types), strict=True)]
        assert tuple(by_order) == zone.buddy.free_blocks()
        blocks = sum(kind.pageblocks for kind in detail.types)
        assert blocks == pytest.approx(detail.present_frames / FRAMES_2M, abs=1)
        assert detail.types[1].name == "Movable"


def test_the_first_cpu_of_each_node_has_lists_and_their_limits_are_a_range_from_6_7_on() -> None:
    sets = [detail.page_sets[0] for detail in details(machine(nodes=2)) if detail.name == "Normal"]
    assert [each.cpu for each in sets] == [0, 2]
    for each in sets:
        assert each.tuned_between is not None
        assert each.tuned_between[0] <= each.high <= each.tuned_between[1]
        assert each.batch == 63
    assert details(machine(version="6.1"))[-1].page_sets[0].tuned_between is None


def test_counts_of_lists_add_up_to_what_lies_on_them() -> None:
    booted = machine()
    process = booted.processes.spawn("p")
    booted.processes.exit(process)
    on_lists = sum(pages.held for detail in details(booted) for pages in detail.page_sets)
    assert on_lists == booted.core.allocator.listed_frames > 0


def test_protection_is_lowmem_reserve_for_each_of_linuxs_five_zones() -> None:
    booted = machine()
    for zone, detail in zip(booted.core.allocator.zones, details(booted), strict=True):
        assert len(detail.protection) == 5
        assert detail.protection[:3] == zone.lowmem_reserve
