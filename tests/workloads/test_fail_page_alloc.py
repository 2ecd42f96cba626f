"""Allocations that fail on purpose: what each operation reports then, and that nothing is lost."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.scenario import load_text
from memtui.sources.simulation import Simulation
from memtui.units import GIB
from tests.workloads.playing import end, play


@pytest.fixture
def machine() -> Machine:
    return Machine(MachineConfig("test", 4 * GIB, 1, CpuConfig(2)))


def test_a_pool_falls_short(machine: Machine) -> None:
    failing = play(machine, "fail_page_alloc", interval=100, times=1)
    resized = play(machine, "nr_hugepages", count=500)
    assert machine.counters()["HugePages_Total"] == 99
    assert resized.said[0] == "an allocation of order 9 is made to fail"
    assert "401 of the 500 asked for could not be had" in resized.said[1]
    assert end(machine, failing).said == ["1 allocation made to fail"]
    play(machine, "nr_hugepages", count=500)
    assert machine.counters()["HugePages_Total"] == 500


def test_huge_pages_at_fault_time_become_base_pages(machine: Machine) -> None:
    play(machine, "fail_page_alloc", min_order=9, interval=4)
    play(machine, "anon", size="64MiB", thp="always")
    counters = machine.counters()
    assert (counters["thp_fault_alloc"], counters["thp_fault_fallback"]) == (24, 8)
    assert counters["AnonHugePages"] == 24 * 2048


def test_a_fork_returns_enomem(machine: Machine) -> None:
    play(machine, "fail_page_alloc", interval=60, times=1)
    forked = play(machine, "fork_storm", parent="4KiB", children=3)
    assert any("fork" in text and "failed: out of memory" in text for text in forked.said)
    assert machine.counters()["oom_kill"] == 0


def test_a_module_fails_to_load(machine: Machine) -> None:
    before = machine.counters()["VmallocUsed"]
    play(machine, "fail_page_alloc")
    loaded = play(machine, "load_module", text="4MiB", rodata="1MiB", data="1MiB")
    assert loaded.severities.count("bad") == 1
    assert machine.counters()["VmallocUsed"] == before


def test_a_write_to_tmpfs_ends_early(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m")
    play(machine, "fail_page_alloc", space="10MiB")
    written = play(machine, "tmpfs_write", mount="m", file="f", size="64MiB")
    assert machine.counters()["Shmem"] <= 10 * 1024
    assert "ENOMEM after" in " ".join(written.said)


def test_the_latest_takes_the_place_of_those_before(machine: Machine) -> None:
    first = play(machine, "fail_page_alloc")
    second = play(machine, "fail_page_alloc", min_order=10)
    assert end(machine, first).said == ["0 allocations made to fail"]
    assert machine.core.allocator.fail_page_alloc is not None
    assert second.activity.holds
    end(machine, second)
    assert machine.core.allocator.fail_page_alloc is None


SCENARIO = """
machine: {ram: 1GiB}
timeline:
  - {at: 1s, label: faults, fail_page_alloc: {probability: 2%, space: 1MiB}}
  - {at: 2s, nr_hugepages: 100}
  - {at: 3s, anon: {size: 64MiB, thp: always}}
  - {at: 4s, tmpfs: {mount: m}}
  - {at: 5s, tmpfs_write: {mount: m, file: f, size: 30MiB}}
  - {at: 6s, end: faults}
  - {at: 7s, nr_hugepages: 0}
"""


def test_a_scenario_with_failures_is_the_same_every_time_and_keeps_the_laws() -> None:
    runs = []
    for seed in (1, 1, 2):
        simulation = Simulation(load_text(SCENARIO), seed, check_every_event=True)
        simulation.advance(10**12)
        runs.append([(event.time_ns, event.text) for event in simulation.events])
    assert runs[0] == runs[1] != runs[2]
    assert any("is made to fail" in text for _, text in runs[0])
