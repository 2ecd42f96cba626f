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


SAID = {
    "load_bpf": ("program 1 of 3 fails to load: ENOMEM", [], {"size": "64KiB", "count": 3}),
    "load_module": ("module 1 of 1 fails to load: ENOMEM", [], {"text": "4MiB", "rodata": "1MiB", "data": "1MiB"}),
    "memfd_secret": ("memfd_secret ends: order-0 allocation failed", [], {"size": "64KiB"}),
    "tmpfs": ("mount of m: ENOMEM", [], {"mount": "m"}),
    "tmpfs_write": ("m/f: ENOMEM after nothing", ["tmpfs"], {"mount": "m", "file": "f", "size": "1MiB"}),
    "tmpfs_map": (
        "process tmpfs_map 1 does not start: out of memory",
        ["tmpfs", "tmpfs_write"],
        {"mount": "m", "file": "f"},
    ),
    "process": ("process p does not start: out of memory", [], {"name": "p"}),
    "anon": ("process anon 1 does not start: out of memory", [], {"size": "4MiB"}),
    "process_map": (
        "process 1000 (p) gets no memory mapped, ENOMEM",
        ["process"],
        {"process": "p", "size": "4MiB", "vmas": 200},
    ),
    "process_fork": ("fork of process 1000 (p) failed: out of memory", ["process"], {"process": "p", "children": 3}),
    "page_cache": ("read ends early: ENOMEM, nothing read", [], {"size": "1MiB"}),
    "nr_hugepages": ("none of the 10 asked for could be had", [], {"count": 10}),
}
"""Action → what it says when every allocation fails, the actions before it, its parameters."""


@pytest.mark.parametrize("action", SAID)
def test_what_each_action_says_when_every_allocation_fails(machine: Machine, action: str) -> None:
    words, before, values = SAID[action]
    for earlier in before:
        play(machine, earlier, **SAID[earlier][2])
    play(machine, "fail_page_alloc")
    played = play(machine, action, **values)
    assert any(words in text for text in played.said), played.said
    assert machine.counters()["oom_kill"] == 0


def test_pages_that_get_no_struct_pages_back_stay_as_surplus(machine: Machine) -> None:
    play(machine, "sysctl", **{"vm.hugetlb_optimize_vmemmap": 1})
    play(machine, "nr_hugepages", count=5)
    play(machine, "fail_page_alloc")
    said = play(machine, "nr_hugepages", count=0).said[-1]
    assert said.startswith("2 MiB pages 5 → 0, in ")
    assert said.endswith("5 stay as surplus: no 7 frames for their struct pages")


def test_a_page_fault_that_fails_is_tried_again(machine: Machine) -> None:
    """pagefault_out_of_memory, since 5.16: nobody is killed for an allocation that only seems to fail."""
    play(machine, "process", name="p")
    play(machine, "fail_page_alloc", interval=100)
    mapped = play(machine, "process_map", process="p", size="4MiB")
    assert "touched 4.00 MiB" in mapped.said[-1]
    secret = play(machine, "memfd_secret", size="64KiB", count=30)
    assert "Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF" in secret.said
    assert machine.secretmem.frames == 30 * 16
    assert "30 secret files" in secret.said[-1]
    assert machine.counters()["oom_kill"] == 0


def test_a_page_fault_that_gets_nowhere_ends_the_program(machine: Machine) -> None:
    play(machine, "process", name="p")
    play(machine, "process_map", process="p", size="4MiB", touch=0)
    play(machine, "fail_page_alloc")
    written = play(machine, "process_write", process="p", area="memory")
    words = "process 1000 (p) stops writing: a page fault gets no memory however often it is tried"
    assert words in written.said


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
