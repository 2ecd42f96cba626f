"""`age`: the recorded composition of a machine in use, on machines of other sizes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.units import FRAMES_1G, GIB, PPM
from memtui.workloads.age import RECORDED_BLOCKS, SHARES
from memtui.workloads.base import Context
from memtui.workloads.registry import ACTIONS, activity_type
from tests.workloads.playing import end, play

RECORDED_RAM = 24 * GIB


def machine_of(ram_bytes: int, nodes: int = 1) -> Machine:
    return Machine(MachineConfig("aged", ram_bytes, nodes, CpuConfig(2)))


def free_blocks(machine: Machine) -> list[int]:
    """Free blocks by order, all zones together."""
    zones = [zone.buddy.free_blocks() for zone in machine.core.allocator.zones]
    return [sum(counts) for counts in zip(*zones, strict=True)]


def test_the_shares_are_all_of_it() -> None:
    assert PPM - len(SHARES) <= sum(share for _, share in SHARES) <= PPM
    assert [order for order, _ in SHARES] == sorted((order for order, _ in SHARES), reverse=True)


@pytest.mark.parametrize("gib", [6, 24, 48])
def test_free_blocks_are_those_recorded_in_proportion_to_memory(gib: int) -> None:
    machine = machine_of(gib * GIB)
    play(machine, "age")
    aged = free_blocks(machine)
    most = 0
    for order in range(9, -1, -1):
        most = max(most, RECORDED_BLOCKS[order])
        wanted = most * gib * GIB // RECORDED_RAM
        assert abs(aged[order] - wanted) <= wanted // 5 + 12, f"order {order}"
    managed = machine.core.allocator.managed_frames
    assert 0.14 < machine.page_cache.frames / managed < 0.16
    assert 0.65 < machine.core.allocator.free_frames / managed < 0.85


def test_the_same_seed_ages_the_same_on_every_node() -> None:
    ways = []
    for seed in (1, 1, 2):
        machine = machine_of(16 * GIB, nodes=2)
        params: Any = ACTIONS["age"].params()
        list(activity_type("age")(params, Context(machine, random.Random(seed), "age")).start())
        machine.check()
        claims = ((start, frames) for _, start, frames in machine.fragmenter.claims())
        ways.append(sorted(claims))
        assert all(any(zone.buddy.free_blocks()[:5]) for zone in machine.core.allocator.zones if zone.index == 2)
    assert ways[0] == ways[1] != ways[2]


def test_an_aged_machine_has_fewer_gib_pages_until_it_is_young_again() -> None:
    young, old = machine_of(24 * GIB), machine_of(24 * GIB)
    aged = play(old, "age")
    counts = [machine.hugetlb.set_nr_hugepages(24, FRAMES_1G).after for machine in (young, old)]
    assert counts[1] < counts[0]
    old.hugetlb.set_nr_hugepages(0, FRAMES_1G)
    old.drain_events()
    assert end(old, aged).said == ["young again: page cache and scattered pages given back"]
    old.core.allocator.drain_lists()
    assert free_blocks(old)[10] > 5500
    assert not aged.activity.holds
    assert old.hugetlb.set_nr_hugepages(24, FRAMES_1G).after == counts[0]


def test_how_old_can_be_said() -> None:
    machine = machine_of(8 * GIB)
    aged = play(machine, "age", cache="50%", scattered="40%")
    assert aged.said[0].startswith("aged: 3.8")
    assert machine.core.allocator.free_frames < 0.5 * machine.core.allocator.managed_frames
    assert aged.steps > 20
