"""`anon` and `fork_storm`, as a timeline plays them, on a whole machine."""

from __future__ import annotations

import random

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.units import GIB
from memtui.workloads.base import Context
from memtui.workloads.fork_storm import ForkStorm, ForkStormParams
from memtui.workloads.wording import MAX_STEPS
from tests.machine.changes import counters_with_lists
from tests.workloads.playing import end, play

WATCHED = (
    "MemFree",
    "AnonPages",
    "AnonHugePages",
    "KernelStack",
    "PageTables",
    "Slab",
    "vm_area_struct",
    "anon_vma",
    "anon_vma_chain",
    "mm_struct",
    "task_struct",
)


def machine_of(gib: int = 8, thp: str = "always") -> Machine:
    return Machine(MachineConfig("test", gib * GIB, 1, CpuConfig(2), KernelConfig(thp=thp)))


@pytest.fixture
def machine() -> Machine:
    return machine_of()


def watched(machine: Machine) -> dict[str, int]:
    counters = counters_with_lists(machine)
    return {name: counters[name] for name in WATCHED}


def change(machine: Machine, before: dict[str, int]) -> dict[str, int]:
    now = watched(machine)
    return {name: now[name] - before[name] for name in WATCHED if now[name] != before[name]}


def test_anon_holds_its_memory_until_its_end(machine: Machine) -> None:
    before = watched(machine)
    played = play(machine, "anon", size="512MiB", processes=2)
    assert played.said == ["2 processes with 1.00 GiB of anonymous memory, no huge pages"]
    assert change(machine, before)["AnonPages"] == 1024 * 1024 + 2 * 64
    assert played.activity.holds
    assert played.activity.progress == "process 2 of 2: 512 MiB of 512 MiB touched"
    assert 16 <= played.steps <= 20
    assert end(machine, played).said == ["2 processes exited: 1.00 GiB of memory back"]
    assert change(machine, before) == {}
    assert not played.activity.holds


@pytest.mark.parametrize(
    ("kernel", "thp", "huge_kb"),
    [("always", "never", 0), ("always", "always", 65536), ("madvise", "always", 0), ("madvise", "madvise", 65536)],
)
def test_anon_has_huge_pages_where_kernel_and_advice_agree(kernel: str, thp: str, huge_kb: int) -> None:
    machine = machine_of(thp=kernel)
    play(machine, "anon", size="64MiB", thp=thp)
    assert machine.counters()["AnonHugePages"] == huge_kb


def test_anon_touches_a_share_of_each_vma_from_its_start(machine: Machine) -> None:
    before = watched(machine)
    play(machine, "anon", size="64MiB", vmas=4, touch="25%")
    assert change(machine, before)["AnonPages"] == 16 * 1024 + 64
    assert change(machine, before)["anon_vma"] == 5 + 4


def test_anon_writes_over_again_without_more_memory(machine: Machine) -> None:
    once = play(machine, "anon", size="64MiB")
    held = machine.counters()["AnonPages"]
    again = play(machine, "anon", size="64MiB", rewrite=3)
    assert machine.counters()["AnonPages"] == 2 * held
    assert again.took_ns > once.took_ns
    assert again.activity.progress == "64.0 MiB of 64.0 MiB rewritten, round 3 of 3"


def test_a_terabyte_is_touched_in_a_few_hundred_steps() -> None:
    played = play(machine_of(1100), "anon", size="1TiB", thp="always")
    assert 100 < played.steps < 2 * MAX_STEPS


def test_pressure_row_a_1_gib_machine_kills_one_process_at_some_900_mb_of_anonymous_memory() -> None:
    machine = machine_of(1, thp="never")
    before = watched(machine)
    played = play(machine, "anon", size="2GiB")
    assert machine.counters()["oom_kill"] == 1
    report, left = played.said
    assert report.startswith("Out of memory: killed process 1000 (anon 1): 9")
    assert 885 <= int(report.split(": ")[2].split()[0]) <= 960
    assert left == "no process is left"
    assert played.severities == ["bad", "bad"]
    assert played.activity.progress == "process 1 of 1 killed"
    assert change(machine, before) == {}
    assert not played.activity.holds


def test_when_one_process_is_killed_the_next_has_its_turn() -> None:
    machine = machine_of(1, thp="never")
    played = play(machine, "anon", size="600MiB", processes=3)
    assert machine.counters()["oom_kill"] == 2
    assert played.said[-1] == "1 process with 600 MiB of anonymous memory, no huge pages"
    assert end(machine, played).said == ["1 process exited: 600 MiB of memory back"]


def test_fan_row_per_child(machine: Machine) -> None:
    play(machine, "anon", size="4KiB")
    before = watched(machine)
    played = play(machine, "fork_storm", parent="256MiB", children=10, hold="forever")
    alone = machine_of()
    play(alone, "anon", size="4KiB")
    play(alone, "anon", size="256MiB")
    parent = {name: count - before[name] for name, count in watched(alone).items()}
    children = {name: count - parent.get(name, 0) for name, count in change(machine, before).items()}
    expected = {
        "AnonPages": 240,
        "KernelStack": 160,
        "PageTables": 5560,
        "vm_area_struct": 140,
        "anon_vma": 60,
        "anon_vma_chain": 120,
    }
    assert {name: children[name] for name in expected} == expected
    assert played.activity.progress == "10 of 10 children"
    assert end(machine, played).said == ["11 processes exited: 256 MiB of memory back"]
    assert change(machine, before) == {"MemFree": -16}, "one of the stacks is kept for the next task"


def test_cow_row_10_percent_of_4_mib_are_102_pages_a_child(machine: Machine) -> None:
    played = play(machine, "fork_storm", parent="4MiB", children=3, writes="10%", hold="2s")
    assert played.said == [
        "the parent has touched 4.00 MiB in 1 VMA, with 52.0 KiB of page tables",
        "child 1: 102 pages copied, anon_vma +6, anon_vma_chain +12",
        "child 2: 102 pages copied, anon_vma +6, anon_vma_chain +12",
        "child 3: 102 pages copied, anon_vma +6, anon_vma_chain +12",
        "4 processes exited: 5.33 MiB of memory back",
    ]
    assert played.took_ns > 2_000_000_000
    assert not played.activity.holds


def test_thp_row_each_child_splits_each_region_it_writes(machine: Machine) -> None:
    played = play(machine, "fork_storm", parent="8MiB", children=2, writes="10%", thp="madvise", hold="forever")
    assert played.said[1] == "child 1: 204 pages copied, 4 huge mappings split, anon_vma +6, anon_vma_chain +12"
    counters = machine.counters()
    assert (counters["thp_split_pmd"], counters["AnonHugePages"]) == (8, 8192)
    assert (counters["thp_fault_alloc"], counters["thp_split_page"]) == (4, 0)


def test_chain_row_grows_with_the_square_of_the_depth(machine: Machine) -> None:
    before = watched(machine)
    play(machine, "fork_storm", parent="4MiB", children=50, shape="chain", hold="forever")
    assert change(machine, before)["anon_vma_chain"] == 7950 + 6
    assert change(machine, before)["anon_vma"] == 300 + 6


@pytest.mark.parametrize("children", [10, 100])
def test_relay_row_does_not_grow(machine: Machine, children: int) -> None:
    before = watched(machine)
    played = play(machine, "fork_storm", parent="4MiB", children=children, shape="relay", hold="forever")
    now = change(machine, before)
    assert (now["anon_vma"], now["anon_vma_chain"], now["mm_struct"]) == (6 + 12, 6 + 18, 2)
    end(machine, played)
    assert change(machine, before) == {}


def test_a_large_storm_says_about_ten_lines(machine: Machine) -> None:
    played = play(machine, "fork_storm", parent="4MiB", children=1000)
    assert len([line for line in played.said if line.startswith("child")]) == 10
    assert played.said[1] == "children 1 to 100: anon_vma +600, anon_vma_chain +1200"


def test_spacing_lies_between_forks(machine: Machine) -> None:
    dense = play(machine, "fork_storm", parent="4MiB", children=5)
    apart = play(machine, "fork_storm", parent="4MiB", children=5, spacing="1s")
    assert 4_000_000_000 <= apart.took_ns - dense.took_ns < 4_001_000_000


def test_a_storm_that_is_ended_half_way_leaves_nothing(machine: Machine) -> None:
    before = watched(machine)
    params = ForkStormParams.model_validate({"parent": "64MiB", "children": 100, "writes": "50%", "spacing": "1s"})
    storm = ForkStorm(params, Context(machine, random.Random(7), "fork_storm"))
    steps = storm.start()
    for _ in range(20):
        next(steps)
    assert 0 < len(machine.processes) < 100
    list(storm.finish())
    machine.check()
    assert change(machine, before) == {}


def test_a_storm_that_memory_cannot_hold_ends_with_kills_and_the_machine_goes_on() -> None:
    machine = machine_of(1, thp="never")
    before = watched(machine)
    played = play(machine, "fork_storm", parent="400MiB", children=4, writes="100%", hold="1s")
    assert machine.counters()["oom_kill"] >= 1
    assert any(line.startswith("Out of memory: killed process") for line in played.said)
    assert change(machine, before) == {}


def test_a_fork_that_finds_no_memory_ends_the_storm(machine: Machine) -> None:
    params = ForkStormParams.model_validate({"parent": "4MiB", "children": 5, "hold": "forever"})
    storm = ForkStorm(params, Context(machine, random.Random(7), "fork_storm"))
    steps = storm.start()
    for _ in range(3):
        next(steps)
    machine.core.allocator.injector = lambda order, count: True
    list(steps)
    machine.core.allocator.injector = None
    machine.check()
    assert storm.progress == "2 of 5 children: out of memory"
    assert machine.drain_events()[-1].text == "fork of process 1000 (fork_storm) failed: out of memory"
    assert storm.holds
