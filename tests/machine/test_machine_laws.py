"""The whole machine as a state machine: any order of operations, failures injected, all laws after each step."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, MachineStopped, NoSpace, OutOfMemory
from memtui.machine.bpf import Program
from memtui.machine.counters import VM_EVENTS
from memtui.machine.fragment import Fragmentation
from memtui.machine.kernels import POLICIES
from memtui.machine.modules import Module, ModuleSizes
from memtui.machine.page_cache import CachedFile
from memtui.machine.physical.fail_page_alloc import FaultAttributes
from memtui.machine.process import Process
from memtui.machine.secretmem import SecretFile
from memtui.machine.tmpfs.files import TmpfsFile
from memtui.machine.vma import ThpAdvice
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, KIB, MIB, PAGE_BYTES
from tests.machine.faults import ATTRIBUTES, faults

THP: st.SearchStrategy[ThpAdvice] = st.sampled_from(["never", "madvise", "always"])
SIZES = st.sampled_from([1, 4 * KIB, 64 * KIB, 300 * KIB, 2 * MIB, 3 * MIB + 1])

ANY_POLICIES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {axis: st.sampled_from(list(names)) for axis, names in POLICIES.items()} | {"rfc_quirks": st.booleans()}
)
"""A kernel of any policies that are built."""


class MachineLaws(RuleBasedStateMachine):
    """Everything that holds memory, on a small machine of one or two nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.modules: list[Module] = []
        self.programs: list[Program] = []
        self.secrets: list[SecretFile] = []
        self.files: list[TmpfsFile] = []
        self.cached: list[CachedFile] = []
        self.scattered: list[Fragmentation] = []
        self.events: dict[str, int] = {}

    @initialize(nodes=st.integers(1, 2), hvo=st.booleans(), gib=st.sampled_from([1, 6]), policies=ANY_POLICIES)
    def boot(self, nodes: int, hvo: bool, gib: int, policies: dict[str, Any]) -> None:
        kernel = KernelConfig(hugetlb_optimize_vmemmap=hvo, **policies)
        self.machine = Machine(MachineConfig("laws", gib * GIB, nodes, CpuConfig(2), kernel))

    def attempt(self, operation: Callable[[], None], fail_at: int) -> None:
        """Runs an operation whose `fail_at`th allocation fails (0: none does)."""
        calls = iter(range(1, 1_000_000))
        if fail_at:
            self.machine.core.allocator.injector = lambda order, count: next(calls) == fail_at
        try:
            operation()
        except (OutOfMemory, NoSpace, MachineStopped):
            pass
        finally:
            self.machine.core.allocator.injector = None

    @rule(pages=st.integers(0, 700), gigantic=st.booleans(), node=st.sampled_from([None, 0]), fail_at=st.integers(0, 4))
    def nr_hugepages(self, pages: int, gigantic: bool, node: int | None, fail_at: int) -> None:
        size = FRAMES_1G if gigantic else FRAMES_2M
        count = pages // 200 if gigantic else pages
        self.attempt(lambda: self.resize(count, size, node), fail_at)

    def resize(self, count: int, size: int, node: int | None) -> None:
        result = self.machine.hugetlb.set_nr_hugepages(count, size, node)
        assert result.after <= max(count, result.before)

    @rule(value=st.booleans())
    def optimize_vmemmap(self, value: bool) -> None:
        self.machine.sysctl.write("vm.hugetlb_optimize_vmemmap", int(value))

    @rule(text=SIZES, rodata=SIZES, data=SIZES, init=st.sampled_from([0, 8 * KIB]), fail_at=st.integers(0, 12))
    def load_module(self, text: int, rodata: int, data: int, init: int, fail_at: int) -> None:
        self.attempt(
            lambda: self.modules.append(self.machine.modules.load(ModuleSizes(text, rodata, data, init_text=init))),
            fail_at,
        )

    @precondition(lambda self: self.modules)
    @rule(place=st.integers(0, 50), fail_at=st.integers(0, 3))
    def unload_module(self, place: int, fail_at: int) -> None:
        module = self.modules.pop(place % len(self.modules))
        self.attempt(lambda: self.machine.modules.unload(module), fail_at)

    @rule(size=SIZES, count=st.integers(1, 40), fail_at=st.integers(0, 12))
    def load_bpf(self, size: int, count: int, fail_at: int) -> None:
        def load() -> None:
            for _ in range(count):
                self.programs.append(self.machine.bpf.load(size))

        self.attempt(load, fail_at)

    @precondition(lambda self: self.programs)
    @rule(count=st.integers(1, 30))
    def close_bpf(self, count: int) -> None:
        for _ in range(min(count, len(self.programs))):
            self.machine.bpf.close(self.programs.pop(0))

    @rule(size=SIZES, fail_at=st.integers(0, 12))
    def memfd_secret(self, size: int, fail_at: int) -> None:
        def create() -> None:
            file = self.machine.secretmem.create(size)
            self.secrets.append(file)
            self.machine.secretmem.touch(file, file.pages)

        self.attempt(create, fail_at)

    @precondition(lambda self: self.secrets)
    @rule(place=st.integers(0, 50))
    def close_secret(self, place: int) -> None:
        self.machine.secretmem.close(self.secrets.pop(place % len(self.secrets)))

    @rule(size=st.sampled_from([4 * KIB, 5 * MIB, 64 * MIB, 700 * MIB]), thp=THP, fail_at=st.integers(0, 15))
    def spawn_and_touch(self, size: int, thp: ThpAdvice, fail_at: int) -> None:
        def spawn() -> None:
            process = self.machine.processes.spawn("laws")
            process.touch(process.mmap(size, thp))

        self.attempt(spawn, fail_at)

    @precondition(lambda self: len(self.machine.processes))
    @rule(place=st.integers(0, 50), part=st.integers(1, 20), fail_at=st.integers(0, 30))
    def fork_and_write(self, place: int, part: int, fail_at: int) -> None:
        def fork() -> None:
            child = self.machine.processes.fork(self.process(place))
            for vma in [vma for vma in child.space if vma.name == "anon"]:
                child.touch(vma, 0, -(-vma.pages // part))

        self.attempt(fork, fail_at)

    @precondition(lambda self: len(self.machine.processes))
    @rule(place=st.integers(0, 50))
    def exit(self, place: int) -> None:
        self.machine.processes.exit(self.process(place))

    def process(self, place: int) -> Process:
        everyone = list(self.machine.processes)
        return everyone[place % len(everyone)]

    @rule(
        huge=st.sampled_from(["never", "always", "within_size", "advise"]),
        size=st.sampled_from([1, 5 * MIB, 40 * MIB, 600 * MIB]),
        offset=st.sampled_from([0, 4 * KIB, 3 * MIB]),
        fail_at=st.integers(0, 15),
    )
    def write_tmpfs(self, huge: str, size: int, offset: int, fail_at: int) -> None:
        def write() -> None:
            mounts = self.machine.tmpfs.mounts
            mount = mounts[huge] if huge in mounts else self.machine.tmpfs.mount(huge, huge)
            file = self.machine.tmpfs.create(mount, f"file {len(self.files) % 5}")
            self.files.append(file)
            self.machine.tmpfs.write(file, offset, size)

        self.attempt(write, fail_at)

    @precondition(lambda self: self.files)
    @rule(
        place=st.integers(0, 50),
        offset=st.integers(0, 700),
        size=st.sampled_from([1, 2 * MIB, 30 * MIB]),
        cut=st.booleans(),
    )
    def punch_or_truncate(self, place: int, offset: int, size: int, cut: bool) -> None:
        file = self.files[place % len(self.files)]
        if file.linked and cut:
            self.machine.tmpfs.truncate(file, offset * 16 * KIB)
        elif file.linked:
            self.machine.tmpfs.punch(file, offset * 16 * KIB, size)

    @precondition(lambda self: self.files)
    @rule(place=st.integers(0, 50))
    def unlink(self, place: int) -> None:
        file = self.files.pop(place % len(self.files))
        if file.linked:
            self.machine.tmpfs.unlink(file)

    @rule(size=st.sampled_from([4 * KIB, 9 * MIB, 2 * GIB]), dirty=st.booleans(), fail_at=st.integers(0, 6))
    def read_files(self, size: int, dirty: bool, fail_at: int) -> None:
        def read() -> None:
            file = self.machine.page_cache.create()
            self.cached.append(file)
            self.machine.page_cache.read(file, size // PAGE_BYTES or 1)
            if dirty:
                self.machine.page_cache.overwrite(file, file.frames)

        self.attempt(read, fail_at)

    @rule(value=st.integers(1, 3))
    def drop_caches(self, value: int) -> None:
        self.machine.sysctl.write("vm.drop_caches", value)

    @rule()
    def compact(self) -> None:
        self.machine.sysctl.write("vm.compact_memory", 1)

    @rule(order=st.integers(0, 9), seed=st.integers(0, 9), fail_at=st.integers(0, 6))
    def fragment(self, order: int, seed: int, fail_at: int) -> None:
        def scatter() -> None:
            fragmenter = self.machine.fragmenter
            made = fragmenter.begin(order, random.Random(seed))
            self.scattered.append(made)
            for node in range(self.machine.config.nodes):
                made.scatter(node, 64 * MIB // PAGE_BYTES)

        self.attempt(scatter, fail_at)

    @precondition(lambda self: self.scattered)
    @rule()
    def gather(self) -> None:
        self.machine.fragmenter.end(self.scattered.pop())

    @rule(attributes=ATTRIBUTES, seed=st.integers(0, 9))
    def fail_allocations(self, attributes: FaultAttributes, seed: int) -> None:
        self.machine.core.allocator.fail_page_alloc = faults(attributes, seed)

    @rule()
    def let_allocations_be(self) -> None:
        self.machine.core.allocator.fail_page_alloc = None

    @rule()
    def kernel_work(self) -> None:
        for _, work in self.machine.pop_timers():
            work()

    @invariant()
    def laws_hold(self) -> None:
        if not hasattr(self, "machine"):
            return
        self.machine.check()
        seen = self.machine.counters()
        assert all(value >= 0 for value in seen.values())
        assert seen["HugePages_Surp"] <= seen["HugePages_Total"]
        assert all(seen[name] >= self.events.get(name, 0) for name in VM_EVENTS), "event counts only grow"
        self.events = {name: seen[name] for name in VM_EVENTS}
        self.machine.take_ns()
        self.machine.drain_events()


LAWS = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestMachineLaws = MachineLaws.TestCase
TestMachineLaws.settings = LAWS


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_laws_for_minutes() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(MachineLaws, settings=settings(LAWS, max_examples=4000, stateful_step_count=50))
