"""Sets of modules, and modules and programs that come and go, word by word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.machine.kernels import POLICIES
from memtui.units import GIB, SECOND
from memtui.workloads.churn import gaps
from tests.machine.changes import counters_with_lists, settle
from tests.workloads.playing import end, play

GUEST = MachineConfig("guest", 4 * GIB, 1, CpuConfig(2), KernelConfig(thp="never"))


def loaded(machine: Machine, name: str) -> list[str]:
    return [module.name for module in machine.modules.of(name)]


def test_a_set_is_loaded_reloaded_upgraded_and_unloaded() -> None:
    guest = Machine(GUEST)
    played = play(guest, "load_modules", count=40, name="agent")
    assert played.said[-1].startswith("40 modules of agent loaded; ")
    names, sizes = loaded(guest, "agent"), [module.sizes for module in guest.modules.loaded]
    assert play(guest, "reload_modules", name="agent").said[-1].startswith("40 modules of agent reloaded; ")
    assert (loaded(guest, "agent"), [module.sizes for module in guest.modules.loaded]) == (names, sizes)
    assert play(guest, "reload_modules", name="agent", upgrade=True).said[-1].startswith("40 modules of agent upgraded")
    assert [module.sizes for module in guest.modules.loaded] != sizes
    some = play(guest, "unload_modules", name="agent", share=250_000)
    assert some.said == ["10 modules of agent unloaded; leaves that were split stay split"]
    assert loaded(guest, "agent") == names[:30]
    assert played.activity.holds
    assert end(guest, played).said == ["30 modules of agent unloaded; leaves that were split stay split"]
    assert not guest.modules.loaded
    assert not played.activity.holds


def test_what_merges_when_a_set_goes_is_told() -> None:
    kernel = KernelConfig(thp="never", exec_memory="per_allocation", direct_map_collapse="always")
    guest = Machine(replace(GUEST, kernel=kernel))
    played = play(guest, "load_modules", count=40, name="agent")
    assert end(guest, played).said == ["40 modules of agent unloaded; 1 table of equal leaves merged into large leaves"]
    assert guest.direct_map.collapses == 1


def test_a_set_nobody_loaded() -> None:
    guest = Machine(GUEST)
    for action in ("unload_modules", "reload_modules"):
        assert play(guest, action, name="none").said == ["no module of none is loaded: ENOENT"]


@pytest.mark.parametrize("policy", POLICIES["exec_memory"])
def test_churn_leaves_nothing_but_splits(policy: str) -> None:
    guest = Machine(MachineConfig("guest", 4 * GIB, 1, CpuConfig(2), KernelConfig(exec_memory=policy, thp="never")))
    before = counters_with_lists(guest)
    modules = play(guest, "module_churn", count=20, loads=60, over=60 * SECOND)
    programs = play(guest, "bpf_churn", programs=50, loads=200, over=200 * SECOND, large=100_000)
    assert modules.took_ns >= 60 * SECOND
    assert 200 * SECOND <= programs.took_ns < 201 * SECOND
    assert modules.said[-1].startswith("80 modules loaded; ")
    assert programs.said[-1].startswith("250 BPF programs loaded; ")
    assert len(guest.modules.loaded) == 20
    assert len(guest.bpf.loaded) == 50
    end(guest, modules)
    end(guest, programs)
    settle(guest)
    guest.check()
    after = counters_with_lists(guest)
    assert after["VmallocUsed"] == before["VmallocUsed"]
    cached = 4 * guest.unmapped_cache.held_frames if policy == "unmapped_cache" else 0
    packs = 2048 if policy == "unmapped_cache" else 0
    splits = 4 * guest.direct_map.splits.total
    assert before["MemFree"] - after["MemFree"] == splits + cached - packs


def test_churn_without_memory_says_so_and_goes_on() -> None:
    guest = Machine(GUEST)
    calls = iter(range(1_000_000))
    guest.core.allocator.injector = lambda order, count: next(calls) % 40 == 39
    played = play(guest, "module_churn", count=20, loads=30, over=SECOND)
    guest.core.allocator.injector = None
    assert any("fails to load: ENOMEM, order-" in text for text in played.said)
    assert played.activity.progress == "30 of 30 loads"
    assert 0 < len(guest.modules.loaded) < 20


def test_gaps_make_up_the_whole_time() -> None:
    parts = list(gaps(1_000_003, 7))
    assert sum(parts) == 1_000_003
    assert max(parts) - min(parts) <= 1
