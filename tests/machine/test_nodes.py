"""Machines of several nodes: whose memory a request gets when its own node has none left, and what counts it."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.machine.core import KernelOwner
from memtui.machine.errors import OutOfMemory
from memtui.machine.physical.allocator import Gfp
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.zone import NORMAL, Zone
from memtui.snapshot import FrameKind, MapRequest
from memtui.units import FRAMES_2M, GIB

DRIVER = KernelOwner("driver", FrameKind.KERNEL)
ANYWHERE = Gfp(MigrateType.UNMOVABLE, reclaim=False, oom=False, kswapd=False, bulk=True)
HERE = ANYWHERE._replace(this_node=True)


def server(nodes: int, gib_each: int = 8) -> Machine:
    return Machine(MachineConfig("server", nodes * gib_each * GIB, nodes, CpuConfig(4), KernelConfig(thp="never")))


def nodes_of(machine: Machine, taken: FrameList) -> list[int]:
    """The nodes that runs come from, each once, in the order in which they came."""
    return list(dict.fromkeys(machine.core.allocator.zone_of(start).layout.node for start, _ in taken))


def exhaust(machine: Machine, node: int) -> FrameList:
    """Takes all that an ordinary request may have of one node."""
    return machine.core.allocator.allocate_many(DRIVER, HERE, 1 << 30, node=node, partial=True)


def normal(machine: Machine, node: int) -> Zone:
    (zone,) = (zone for zone in machine.core.allocator.zones_of(node) if zone.index == NORMAL)
    return zone


@pytest.mark.parametrize(
    ("nodes", "start", "order"),
    [
        (2, 0, [0, 1]),
        (2, 1, [1, 0]),
        (3, 1, [1, 2, 0]),
        (4, 0, [0, 1, 2, 3]),
        (4, 2, [2, 3, 0, 1]),
        (4, 3, [3, 0, 1, 2]),
    ],
)
def test_an_exhausted_node_falls_back_to_the_next_and_so_on_around(nodes: int, start: int, order: list[int]) -> None:
    """All nodes are equally far (distance 20): `find_next_best_node` then prefers the next numbers."""
    machine = server(nodes, 2)
    taken = FrameList()
    for expected in order:
        taken.extend(exhaust(machine, expected))
        with pytest.raises(OutOfMemory):
            machine.core.allocator.allocate(DRIVER, HERE, node=expected)
        if expected != order[-1]:
            page = machine.core.allocator.allocate_many(DRIVER, ANYWHERE, 1, node=start)
            assert nodes_of(machine, page) == [order[order.index(expected) + 1]]
            taken.extend(page)
    with pytest.raises(OutOfMemory):
        machine.core.allocator.allocate(DRIVER, ANYWHERE, node=start)
    machine.core.allocator.free_list(taken, DRIVER)
    machine.check()


def test_one_large_request_runs_over_all_nodes_in_that_order() -> None:
    machine = server(4, 2)
    taken = machine.core.allocator.allocate_many(DRIVER, ANYWHERE, 1 << 30, node=2, partial=True)
    assert nodes_of(machine, taken) == [2, 3, 0, 1]
    machine.core.allocator.free_list(taken, DRIVER)
    machine.check()


def test_what_lists_took_to_the_last_and_what_is_free_make_up_the_watermark_on_every_node() -> None:
    """A refill may take more than the watermark leaves; requests get none of it."""
    machine = server(3, 2)
    taken = machine.core.allocator.allocate_many(DRIVER, ANYWHERE, 1 << 30, node=0, partial=True)
    for zone in machine.core.allocator.zones:
        if zone.managed_frames and zone.layout.name != "DMA":
            left = zone.buddy.free_frames + zone.lists.count
            assert left >= zone.marks.min + zone.lowmem_reserve[NORMAL] - 1
            assert zone.spare_frames(zone.marks.min, NORMAL) <= 0
    machine.core.allocator.free_list(taken, DRIVER)
    machine.check()


def test_a_pool_on_one_node_takes_from_that_node_alone_and_falls_short_there() -> None:
    machine = server(4)
    before = [sum(zone.buddy.free_frames for zone in machine.core.allocator.zones_of(node)) for node in range(4)]
    resize = machine.hugetlb.set_nr_hugepages(100, node=2)
    after = [sum(zone.buddy.free_frames for zone in machine.core.allocator.zones_of(node)) for node in range(4)]
    assert resize.after == 100
    assert [old - new for old, new in zip(before, after, strict=True)] == [0, 0, 100 * FRAMES_2M, 0]
    greedy = machine.hugetlb.set_nr_hugepages(1 << 20, node=2)
    shares = [node.frames // FRAMES_2M for node in machine.hugetlb.pools[FRAMES_2M].nodes]
    assert shares == [0, 0, greedy.after, 0]
    assert 8 * GIB // (2 << 20) * 95 // 100 < greedy.after < 8 * GIB // (2 << 20)
    machine.hugetlb.set_nr_hugepages(0, node=2)
    machine.check()


def test_a_pool_for_all_nodes_goes_on_with_those_that_still_have_memory() -> None:
    machine = server(3, 2)
    taken = exhaust(machine, 1)
    machine.hugetlb.set_nr_hugepages(600)
    shares = [node.frames // FRAMES_2M for node in machine.hugetlb.pools[FRAMES_2M].nodes]
    assert shares == [300, 0, 300]
    machine.core.allocator.free_list(taken, DRIVER)
    machine.check()


@pytest.mark.parametrize("nodes", [2, 3, 4, 7])
def test_pages_come_from_all_nodes_in_turn_and_the_next_request_goes_on_where_the_last_ended(nodes: int) -> None:
    machine = server(nodes, 2)
    pool = machine.hugetlb.pools[FRAMES_2M]
    total = 0
    for more in (1, 1, nodes, 100, 250, 3):
        total += more
        machine.hugetlb.set_nr_hugepages(total)
        shares = [node.frames // FRAMES_2M for node in pool.nodes]
        assert shares == [total // nodes + (place < total % nodes) for place in range(nodes)]


def test_every_node_has_zones_watermarks_and_free_blocks_of_its_own() -> None:
    machine = server(4)
    zones = machine.observe(MapRequest()).zones
    assert [(zone.node, zone.name) for zone in zones if zone.managed_frames] == [
        (0, "DMA"),
        (0, "DMA32"),
        (0, "Normal"),
        (1, "Normal"),
        (2, "Normal"),
        (3, "Normal"),
    ]
    counters = machine.counters()
    for zone in zones:
        listed = sum(counters[f"buddyinfo.{zone.node}.{zone.name}.{order}"] << order for order in range(11))
        assert listed == zone.free_frames
    assert sum(zone.free_frames for zone in zones) == counters["nr_free_pages"]
    managed = sum(zone.managed_frames for zone in zones)
    for zone in zones:
        assert zone.min_frames == machine.min_free_kbytes // 4 * zone.managed_frames // managed


def test_lowmem_reserve_keeps_memory_of_low_zones_for_those_that_can_use_no_other() -> None:
    """One 256th of what lies above in the same node; other nodes do not count."""
    machine = server(2)
    dma, dma32, upper = machine.core.allocator.zones_of(0)[::-1]
    assert dma32.lowmem_reserve[NORMAL] == upper.managed_frames // 256
    assert dma.lowmem_reserve == (0, dma32.managed_frames // 256, (dma32.managed_frames + upper.managed_frames) // 256)
    assert normal(machine, 1).lowmem_reserve == (0, 0, 0)
    taken = exhaust(machine, 0)
    assert dma32.buddy.free_frames + dma32.lists.count >= dma32.marks.min + dma32.lowmem_reserve[NORMAL] - 1
    low = ANYWHERE._replace(highest_zone=1)
    page = machine.core.allocator.allocate_many(DRIVER, low, 1, node=0)
    assert machine.core.allocator.zone_of(next(iter(page))[0]) is dma32
    taken.extend(page)
    machine.core.allocator.free_list(taken, DRIVER)
    machine.check()


def test_a_run_that_crosses_zones_and_nodes_is_cut_at_their_borders() -> None:
    machine = server(2)
    allocator = machine.core.allocator
    border = normal(machine, 1).layout.start
    assert allocator.zone_of(border - 1).layout.node == 0
    assert allocator.zone_of(border).layout.node == 1
    with pytest.raises(ValueError, match="in no zone"):
        allocator.zone_of(normal(machine, 1).layout.end)
