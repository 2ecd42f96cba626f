"""Executable memory in any order of loads and unloads, with failures, under every policy: all laws after each step.

A load that is refused leaves every counter as it was, but for splits, which are never undone, for
slabs of another size, and for what a policy keeps for the next load.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, OutOfMemory
from memtui.machine.bpf import Program
from memtui.machine.exec_memory.packs import Packs
from memtui.machine.exec_memory.rox_cache import RoxCache
from memtui.machine.kernels import DIRECT_MAP_COLLAPSE, EXEC_MEMORY, KERNELS
from memtui.machine.modules import Module, ModuleSizes
from memtui.machine.physical.fail_page_alloc import FaultAttributes
from memtui.machine.process import Process
from memtui.units import GIB, KIB, MIB, PAGE_BYTES, kb_of_frames
from tests.machine.changes import counters_with_lists, settle
from tests.machine.faults import faults

SIZES = st.sampled_from(
    [
        ModuleSizes(1),
        ModuleSizes(20 * KIB, 9 * KIB, 5 * KIB, 1, init_text=8 * KIB),
        ModuleSizes(90 * KIB, 40 * KIB, 48 * KIB, 4 * KIB, 12 * KIB, 4 * KIB, 4 * KIB),
        ModuleSizes(3 * MIB, 300 * KIB, 200 * KIB, init_text=1),
        ModuleSizes(2 * MIB, 0, 64 * KIB),
    ]
)
JITED_BYTES = st.sampled_from([1, 64, 2600, 40 * KIB, 900 * KIB, 2 * MIB, 2 * MIB + 1])
FAULT = st.none() | st.tuples(st.integers(1, 40), st.sampled_from([1, 1, 3, None])).map(
    lambda nth_times: FaultAttributes(interval=nth_times[0], times=nth_times[1])
)
"""The nth allocation fails: once, three times, or every nth."""
LEFT_FRAMES = 2000
"""What a process that takes nearly all memory leaves."""
MOVES = ("MemFree", "MemAvailable", "Slab", "SUnreclaim", "VmallocUsed", "nr_free_pages")
"""Counters that splits, slabs and what a policy keeps change as well: they are put together by hand."""


def kept_frames(machine: Machine) -> tuple[int, int]:
    """Frames that the policy keeps for later loads: as vmalloc memory, and in the cache of unmapped pages."""
    policy = machine.exec_memory
    text = sum(frames for _, frames in policy.modules.blocks.runs()) if isinstance(policy, RoxCache) else 0
    return text, machine.unmapped_cache.free_frames


def account(machine: Machine) -> dict[str, int]:
    """Every counter that a refused load leaves alone."""
    counters = counters_with_lists(machine)
    left_out = (
        "buddyinfo",
        "direct_map_",
        "DirectMap",
        "nr_slab",
        "nr_page_table",
        "PageTables",
        "pgalloc",
        "allocstall",
    )
    same = {name: count for name, count in counters.items() if not name.startswith(left_out) and name not in MOVES}
    text, unmapped = kept_frames(machine)
    frames = machine.direct_map.table_frames + text + unmapped
    packs = machine.exec_memory.programs
    return same | {
        "free": counters["MemFree"] + counters["Slab"] + kb_of_frames(frames),
        "vmalloc": machine.vmalloc.frames - text,
        "chunks": packs.used_chunks if isinstance(packs, Packs) else 0,
        "packs": packs.count if isinstance(packs, Packs) else 0,
        "modules": len(machine.modules.loaded),
        "programs": len(machine.bpf.loaded),
    }


class ExecLaws(RuleBasedStateMachine):
    """Modules and BPF programs, and somebody else who takes nearly all memory."""

    def __init__(self) -> None:
        super().__init__()
        self.modules: list[Module] = []
        self.programs: list[Program] = []
        self.hog: Process | None = None

    @initialize(
        version=st.sampled_from(list(KERNELS)),
        policy=st.sampled_from(list(EXEC_MEMORY.choices)),
        collapse=st.sampled_from(list(DIRECT_MAP_COLLAPSE.choices)),
        quirks=st.booleans(),
        nodes=st.sampled_from([1, 1, 2]),
    )
    def boot(self, version: str, policy: str, collapse: str, quirks: bool, nodes: int) -> None:
        kernel = KernelConfig(version, exec_memory=policy, direct_map_collapse=collapse, rfc_quirks=quirks, thp="never")
        self.machine = Machine(MachineConfig("laws", nodes * GIB, nodes, CpuConfig(2), kernel))

    def attempt(self, operation: Callable[[], None], fault: FaultAttributes | None) -> None:
        """Runs an operation that may be refused only as a whole."""
        machine = self.machine
        if self.hog is None:
            settle(machine)
        before, killed = account(machine), machine.counters()["oom_kill"]
        machine.core.allocator.fail_page_alloc = faults(fault) if fault else None
        refused = False
        try:
            operation()
        except OutOfMemory:
            refused = True
        machine.core.allocator.fail_page_alloc = None
        if self.hog is None:
            settle(machine)
            assert fault or not refused
            assert not refused or account(machine) == before
        elif machine.counters()["oom_kill"] > killed:
            self.hog = None

    @rule(sizes=SIZES, fault=FAULT)
    def load_module(self, sizes: ModuleSizes, fault: FaultAttributes | None) -> None:
        self.attempt(lambda: self.modules.append(self.machine.modules.load(sizes)), fault)

    @precondition(lambda self: self.modules)
    @rule(place=st.integers(0, 100), fault=FAULT)
    def unload_module(self, place: int, fault: FaultAttributes | None) -> None:
        """Without memory for a window of the ROX cache it is unloaded all the same."""
        module = self.modules.pop(place % len(self.modules))
        self.machine.core.allocator.fail_page_alloc = faults(fault) if fault else None
        self.machine.modules.unload(module)
        self.machine.core.allocator.fail_page_alloc = None

    @precondition(lambda self: self.modules)
    @rule(place=st.integers(0, 100), sizes=st.none() | SIZES, fault=FAULT)
    def reload_module(self, place: int, sizes: ModuleSizes | None, fault: FaultAttributes | None) -> None:
        module = self.modules.pop(place % len(self.modules))
        self.machine.modules.unload(module)
        again = sizes or module.sizes
        self.attempt(lambda: self.modules.append(self.machine.modules.load(again)), fault)

    @rule(size=JITED_BYTES, fault=FAULT)
    def load_bpf(self, size: int, fault: FaultAttributes | None) -> None:
        self.attempt(lambda: self.programs.append(self.machine.bpf.load(size)), fault)

    @precondition(lambda self: self.programs)
    @rule(place=st.integers(0, 100), count=st.integers(1, 4))
    def close_bpf(self, place: int, count: int) -> None:
        for _ in range(min(count, len(self.programs))):
            self.machine.bpf.close(self.programs.pop(place % len(self.programs)))

    @rule(frames=st.sampled_from([1, 100, 5000]), fault=FAULT)
    def shrink(self, frames: int, fault: FaultAttributes | None) -> None:
        self.machine.core.allocator.fail_page_alloc = faults(fault) if fault else None
        for shrinker in self.machine.core.allocator.shrinkers:
            shrinker.shrink(frames, direct=True)
        self.machine.core.allocator.fail_page_alloc = None

    @precondition(lambda self: self.hog is None)
    @rule()
    def take_nearly_all(self) -> None:
        allocator = self.machine.core.allocator
        self.hog = hog = self.machine.processes.spawn("hog")
        frames = allocator.free_frames + allocator.listed_frames - LEFT_FRAMES
        with suppress(OutOfMemory):
            hog.touch(hog.mmap(frames * PAGE_BYTES))
        if hog not in list(self.machine.processes):
            self.hog = None

    @precondition(lambda self: self.hog is not None)
    @rule()
    def give_all_back(self) -> None:
        if self.hog in list(self.machine.processes):
            self.machine.processes.exit(self.hog)
        self.hog = None

    @rule()
    def time_goes_by(self) -> None:
        """Init memory is freed, what could not be freed is tried again, blocks that are all free go back."""
        settle(self.machine)

    @invariant()
    def laws_hold(self) -> None:
        if not hasattr(self, "machine"):
            return
        self.machine.check()
        self.machine.drain_events()
        self.machine.take_ns()

    def teardown(self) -> None:
        """What is left at the end can all be given back."""
        if not hasattr(self, "machine"):
            return
        for module in self.modules:
            self.machine.modules.unload(module)
        for program in self.programs:
            self.machine.bpf.close(program)
        settle(self.machine)
        self.machine.check()


QUICK = settings(
    max_examples=60,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

TestExecLaws = ExecLaws.TestCase
TestExecLaws.settings = QUICK


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_laws_for_minutes() -> None:
    run_state_machine_as_test(ExecLaws, settings=settings(QUICK, max_examples=600, stateful_step_count=50))
