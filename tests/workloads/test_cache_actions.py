"""`page_cache` and `fragment`, as a timeline plays them."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.units import GIB
from tests.machine.changes import counters_with_lists
from tests.workloads.playing import end, play


@pytest.fixture
def machine() -> Machine:
    return Machine(MachineConfig("test", 8 * GIB, 1, CpuConfig(2)))


def test_page_cache_is_read_dirtied_and_deleted(machine: Machine) -> None:
    cached = play(machine, "page_cache", size="1GiB", dirty="10%")
    assert cached.said == ["1.00 GiB of file data read, 1.00 GiB of it cached, 102 MiB dirty"]
    counters = machine.counters()
    assert (counters["Cached"], counters["Dirty"]) == (1048576, 104856)
    assert 10 <= cached.steps <= 30
    assert cached.activity.holds
    assert end(machine, cached).said == ["file deleted: 1.00 GiB of page cache back"]
    assert machine.counters()["Cached"] == 0
    assert not cached.activity.holds


def test_page_cache_larger_than_memory_keeps_what_came_last(machine: Machine) -> None:
    cached = play(machine, "page_cache", size="20GiB")
    assert cached.said[0].startswith("20.0 GiB of file data read, 7.")
    counters = machine.counters()
    assert counters["pgsteal_kswapd"] + counters["pgsteal_direct"] > 12 * GIB // 4096
    assert counters["oom_kill"] == 0


def test_page_cache_gives_way_to_a_program(machine: Machine) -> None:
    play(machine, "page_cache", size="7GiB")
    play(machine, "anon", size="6GiB")
    counters = machine.counters()
    assert counters["AnonPages"] > 6 * 1048576
    assert counters["Cached"] < 2 * 1048576
    assert counters["oom_kill"] == 0


def test_fragment_leaves_small_blocks_and_the_end_joins_them(machine: Machine) -> None:
    before = machine.counters()
    scattered = play(machine, "fragment", free="100%", order=3)
    counters = machine.counters()
    blocks = [sum(counters[f"buddyinfo.0.{zone}.{order}"] for zone in ("DMA32", "Normal")) for order in range(11)]
    assert blocks[3] > 10000
    assert not any(blocks[4:])
    assert scattered.said[0].startswith("no free block above 32.0 KiB is left in 7.")
    assert scattered.activity.holds
    assert 50 <= scattered.steps <= 250
    end(machine, scattered)
    machine.core.allocator.drain_lists()
    after = counters_with_lists(machine)
    assert after["MemFree"] == before["MemFree"]
    assert after["buddyinfo.0.Normal.10"] == before["buddyinfo.0.Normal.10"]


def test_fragmented_memory_has_no_huge_page_for_tmpfs(machine: Machine) -> None:
    play(machine, "fragment", free="100%", order=6)
    play(machine, "tmpfs", mount="m", huge="always", size="1GiB")
    written = play(machine, "tmpfs_write", mount="m", file="f", size="256MiB")
    counters = machine.counters()
    assert (counters["ShmemHugePages"], counters["thp_file_fallback"], counters["Shmem"]) == (0, 128, 262144)
    assert written.said == ["256 MiB written to m/f: Shmem +256 MiB, 128 could not be had"]
    assert written.severities == ["notice"]
