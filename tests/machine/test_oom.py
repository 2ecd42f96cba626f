"""The OOM killer, and failures at every allocation of every operation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from memtui.machine.core import Severity
from memtui.machine.errors import MachineStopped, OutOfMemory
from memtui.machine.oom import Killed, badness
from memtui.machine.physical.extents import FrameList
from memtui.machine.process import Process
from memtui.units import GIB, MIB
from tests.machine.bench import fail_nth
from tests.machine.process_bench import ProcessBench, twin


def test_one_process_that_takes_all_memory_is_killed_with_all_but_the_reserve_in_its_hands() -> None:
    bench = ProcessBench(GIB)
    process = bench.processes.spawn("hog")
    vma = process.mmap(2 * GIB)
    with pytest.raises(Killed, match=r"1000 \(hog\) was killed: out of memory"):
        process.touch(vma)
    (report,) = [text for text in bench.log if text.startswith("Out of memory")]
    megabytes = int(report.split(": ")[2].split()[0])
    assert 1000 < megabytes < 1020
    assert bench.events["oom_kill"] == 1
    assert not process.alive
    bench.assert_empty()


def test_the_log_says_who_was_killed_and_how_much_it_had() -> None:
    bench = ProcessBench(GIB)
    small = bench.processes.spawn("small")
    large, _ = bench.parent(700)
    with pytest.raises(OutOfMemory):
        small.touch(small.mmap(2 * GIB))
    events = [event for event in bench.core.events if event.source == "oom"]
    assert [event.severity for event in events] == [Severity.BAD] * 2
    assert events[0].text == (
        "Out of memory: killed process 1001 (parent): 700 MiB of anonymous memory, 1 444 kB of page tables"
    )
    assert not large.alive
    bench.assert_empty()


def test_the_worst_goes_and_of_equals_the_youngest() -> None:
    bench = ProcessBench(GIB)
    first, second, third = (bench.parent(mib)[0] for mib in (100, 200, 200))
    assert badness(second) == badness(third) > badness(first)
    assert bench.processes.oom.kill()
    assert [process.alive for process in (first, second, third)] == [True, True, False]
    assert bench.processes.oom.kill()
    assert bench.processes.oom.kill()
    assert not bench.processes.oom.kill()
    bench.assert_empty()


def test_a_victim_elsewhere_makes_room_and_the_request_succeeds() -> None:
    bench = ProcessBench(GIB)
    victim, _ = bench.parent(600)
    process = bench.processes.spawn("next")
    vma = process.mmap(550 * MIB)
    process.touch(vma)
    assert vma.resident_pages() == vma.pages
    assert (victim.alive, process.alive) == (False, True)
    bench.check()


def test_a_victim_that_gets_what_it_wanted_all_the_same_dies_when_it_is_done() -> None:
    """The fatal signal is delivered on the way back to user space, whatever the system call returns."""
    bench = ProcessBench(GIB)
    process, vma = bench.parent(10)
    kills: list[bool] = []
    with pytest.raises(Killed), bench.processes.oom.running(process):
        kills.append(bench.processes.oom.kill())
    assert kills == [False], "the caller cannot go in the middle of what it does"
    assert not process.alive
    assert bench.processes.oom.current is None
    with pytest.raises(Killed):
        process.touch(vma)
    bench.assert_empty()


def test_a_forker_that_is_killed_over_its_fork_leaves_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """copy_process: a fatal signal that is pending at the end undoes the child."""
    bench = ProcessBench(GIB)
    parent, _ = bench.parent(10)
    take = bench.processes.stacks.take

    def killing(node: int) -> FrameList:
        bench.processes.oom.kill()
        return take(node)

    monkeypatch.setattr(bench.processes.stacks, "take", killing)
    with pytest.raises(Killed):
        bench.processes.fork(parent)
    assert len(bench.processes) == 0
    bench.assert_empty()


def test_a_child_may_be_killed_while_its_parent_copies_what_they_share() -> None:
    bench = ProcessBench(GIB)
    parent, vma = bench.parent(300)
    child = bench.processes.fork(parent)
    child.touch(child.mmap(250 * MIB))
    parent.touch(vma)
    more = parent.mmap(400 * MIB)
    parent.touch(more)
    assert (parent.alive, child.alive) == (True, False)
    bench.check()


def test_a_process_that_has_ended_can_do_nothing_more() -> None:
    bench = ProcessBench()
    process, vma = bench.parent(4)
    bench.processes.exit(process)
    bench.processes.exit(process)
    for act in (lambda: process.touch(vma), lambda: process.mmap(MIB), lambda: bench.processes.fork(process)):
        with pytest.raises(Killed, match=r"1000 \(parent\) has ended"):
            act()
    bench.assert_empty()


def test_with_nobody_left_to_kill_the_machine_stops() -> None:
    bench = ProcessBench()
    bench.core.allocator.injector = lambda order, count: True
    with pytest.raises(MachineStopped, match="out of memory, and no process is left to kill"):
        raise_when_asked(bench)
    bench.core.allocator.injector = None
    bench.assert_empty()


def raise_when_asked(bench: ProcessBench) -> None:
    """Starts a process on a machine whose allocator asks the OOM killer before it fails."""
    bench.core.allocator.injector = lambda order, count: bench.processes.oom.kill() or True
    bench.processes.spawn("test")


Operation = Callable[[ProcessBench, Process], object]


def prepare(bench: ProcessBench) -> Process:
    """A parent with huge pages, base pages and a child that shares them."""
    parent, vma = bench.parent(8, "madvise")
    parent.touch(parent.mmap(3 * MIB, guard=True))
    child = bench.processes.fork(parent)
    child.touch(twin(vma, child), 0, 100)
    return parent


def spawn(bench: ProcessBench, parent: Process) -> object:
    return bench.processes.spawn("more")


def fork(bench: ProcessBench, parent: Process) -> object:
    return bench.processes.fork(parent)


def map_many(bench: ProcessBench, parent: Process) -> object:
    return [parent.mmap(4096, guard=True) for _ in range(60)]


def touch(bench: ProcessBench, parent: Process) -> object:
    return parent.touch(parent.mmap(7 * MIB, "always", guard=True))


def rewrite(bench: ProcessBench, parent: Process) -> object:
    return [parent.touch(vma) for vma in parent.space if len(vma.mapped)]


@pytest.mark.parametrize("operation", [spawn, fork, map_many, touch, rewrite])
@pytest.mark.parametrize("killer", [False, True])
@pytest.mark.parametrize("always", [False, True])
def test_no_memory_at_any_allocation_leaves_every_law_true(operation: Operation, killer: bool, always: bool) -> None:
    nth, failed = 0, True
    refused = 0
    while failed:
        nth += 1
        bench = ProcessBench()
        parent = prepare(bench)
        if not killer:
            bench.core.allocator.oom_killer = None
        before, free = bench.counts(), bench.free_frames
        bench.core.allocator.injector = injector = fail_nth(nth, always=always)
        try:
            operation(bench, parent)
        except OutOfMemory:
            refused += 1
            if operation in (spawn, fork):
                assert (bench.counts(), bench.free_frames) == (before, free)
        failed = injector.failed
        bench.core.allocator.injector = None
        bench.check()
        for process in list(bench.processes):
            bench.processes.exit(process)
        bench.assert_empty()
    assert refused > (2 if always else 0) or operation is rewrite


def test_a_refused_fork_says_so() -> None:
    bench = ProcessBench()
    parent, _ = bench.parent(4)
    bench.core.allocator.injector = lambda order, count: True
    with pytest.raises(OutOfMemory):
        bench.processes.fork(parent)
    assert bench.log == ["fork of process 1000 (parent) failed: out of memory"]
