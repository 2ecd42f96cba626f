"""Any history of processes, with failures anywhere in it: every law holds after every step."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from memtui.machine.errors import OutOfMemory
from memtui.machine.oom import Killed
from memtui.machine.process import Process
from memtui.machine.vma import Vma
from memtui.units import MIB, PAGE_BYTES
from tests.machine.bench import FailNth, fail_nth
from tests.machine.process_bench import ProcessBench

Choice = st.integers(0, 1 << 20)
Failure = st.one_of(st.none(), st.none(), st.builds(fail_nth, st.integers(1, 8), always=st.booleans()))
Pages = st.sampled_from([1, 7, 512, 700, 1024, 1536, 4096])
Advice = st.sampled_from(["madvise", "always", "never"])
Thp = st.sampled_from(["always", "always", "madvise", "never"])


def page_set(process: Process) -> set[tuple[int, int]]:
    """Every page the process maps, by store and number."""
    return {
        (id(mapping.store), page)
        for vma in process.space
        for low, high, mapping in vma.mapped
        for page in range(low, high)
    }


class ProcessStates(RuleBasedStateMachine):
    """Spawn, map, touch, write, fork, unmap and exit on a machine so small that memory runs out."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = ProcessBench(64 * MIB)

    def alive(self) -> list[Process]:
        return list(self.bench.processes)

    def choose(self, choice: int) -> Process:
        return self.alive()[choice % len(self.alive())]

    def choose_area(self, process: Process, choice: int) -> Vma | None:
        areas = [vma for vma in process.space if vma.name == "anon"]
        return areas[choice % len(areas)] if areas else None

    def failing(self, failure: FailNth | None) -> None:
        self.bench.core.allocator.injector = failure

    @initialize(pages=Pages, thp=Advice)
    def begin(self, pages: int, thp: str) -> None:
        process = self.bench.processes.spawn("first")
        process.touch(process.mmap(pages * PAGE_BYTES, thp, guard=True))

    @precondition(lambda self: len(self.alive()) < 3)
    @rule(failure=Failure)
    def spawn(self, failure: FailNth | None) -> None:
        self.failing(failure)
        with suppress(OutOfMemory):
            self.bench.processes.spawn("test")

    @precondition(lambda self: self.alive())
    @rule(who=Choice, pages=Pages, thp=Advice, guard=st.booleans(), failure=Failure)
    def mmap(self, who: int, pages: int, thp: str, guard: bool, failure: FailNth | None) -> None:
        process = self.choose(who)
        areas = len(process.space)
        self.failing(failure)
        try:
            process.mmap(pages * PAGE_BYTES, thp, guard=guard)
        except Killed:
            return
        except OutOfMemory:
            assert len(process.space) == areas

    @precondition(lambda self: self.alive())
    @rule(who=Choice, pages=Pages, thp=Advice, failure=Failure)
    def grow(self, who: int, pages: int, thp: str, failure: FailNth | None) -> None:
        process = self.choose(who)
        with suppress(OutOfMemory):
            self.write(process, process.mmap(pages * PAGE_BYTES, thp, guard=True), [(0, pages)], failure)

    @precondition(lambda self: self.alive())
    @rule(who=Choice, where=Choice, first=Choice, pages=Pages, failure=Failure)
    def touch(self, who: int, where: int, first: int, pages: int, failure: FailNth | None) -> None:
        process = self.choose(who)
        vma = self.choose_area(process, where)
        if vma is None:
            return
        first %= vma.pages
        self.write(process, vma, [(first, min(vma.pages, first + pages))], failure)

    @precondition(lambda self: self.alive())
    @rule(who=Choice, where=Choice, pages=st.integers(1, 512), failure=Failure)
    def write_spread(self, who: int, where: int, pages: int, failure: FailNth | None) -> None:
        process = self.choose(who)
        vma = self.choose_area(process, where)
        if vma is not None:
            starts = range(0, vma.pages, 512)
            self.write(process, vma, [(start, min(start + pages, vma.pages)) for start in starts], failure)

    def write(self, process: Process, vma: Vma, ranges: list[tuple[int, int]], failure: FailNth | None) -> None:
        self.failing(failure)
        try:
            process.write(vma, ranges)
        except OutOfMemory:
            return
        for low, high in ranges:
            pieces = vma.mapped.overlapping(vma.start + low, vma.start + high)
            assert sum(end - start for start, end, _ in pieces) == high - low
            assert all(mapping.exclusive for _, _, mapping in pieces)

    @precondition(lambda self: self.alive() and len(self.alive()) < 12)
    @rule(who=Choice, failure=Failure)
    def fork(self, who: int, failure: FailNth | None) -> None:
        parent = self.choose(who)
        before, free = self.bench.counts(), self.bench.unclaimed_frames
        kills = self.bench.core.vm_events["oom_kill"]
        self.failing(failure)
        try:
            child = self.bench.processes.fork(parent)
        except OutOfMemory:
            if self.bench.core.vm_events["oom_kill"] == kills:
                assert (self.bench.counts(), self.bench.unclaimed_frames) == (before, free)
            return
        if parent.alive:
            assert len(page_set(parent) - page_set(child)) == 6

    @precondition(lambda self: self.alive())
    @rule(who=Choice, where=Choice)
    def munmap(self, who: int, where: int) -> None:
        process = self.choose(who)
        vma = self.choose_area(process, where)
        if vma is not None:
            process.munmap(vma)

    @precondition(lambda self: len(self.alive()) > 2)
    @rule(who=Choice)
    def exit(self, who: int) -> None:
        self.bench.processes.exit(self.choose(who))

    @precondition(lambda self: len(self.alive()) > 4)
    @rule(order=st.permutations(range(5)))
    def exit_most(self, order: list[int]) -> None:
        for process in [self.alive()[place] for place in order[:4]]:
            self.bench.processes.exit(process)
            self.bench.check()

    @rule(thp=Thp)
    def set_thp(self, thp: str) -> None:
        self.bench.processes.memory.thp_enabled = thp

    @rule(frames=st.integers(1, 1000))
    def reclaim(self, frames: int) -> None:
        self.bench.processes.memory.shrink(frames, direct=True)

    @invariant()
    def laws_hold(self) -> None:
        self.bench.core.allocator.injector = None
        self.bench.check()
        mapped = set().union(*(page_set(process) for process in self.alive()))
        assert len(mapped) == self.bench.processes.anon_frames

    def teardown(self) -> None:
        for process in self.alive():
            self.bench.processes.exit(process)
        self.bench.assert_empty()


TestProcessStates = ProcessStates.TestCase
TestProcessStates.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
