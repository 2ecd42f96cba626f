"""An operation in parts comes to the same as in one go, and leaves a sound machine after every part."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.fragment import Fragmentation
from memtui.machine.page_cache import CachedFile
from memtui.machine.parts import Parts, whole
from memtui.machine.process import Process
from memtui.machine.tmpfs.files import Mount, TmpfsFile
from memtui.units import GIB, MIB


class Bench:
    """A machine in which everything lies scattered, and what lies there."""

    def __init__(self) -> None:
        self.machine = Machine(MachineConfig("parts", 4 * GIB, 1, CpuConfig(2)))
        self.kept: Fragmentation = self.machine.fragmenter.begin(0, random.Random(7))
        self.kept.scatter(0, 128 * MIB >> 12)
        self.process: Process = self.machine.processes.spawn("scattered")
        self.process.touch(self.process.mmap(12 * MIB))
        self.machine.processes.fork(self.process)
        self.cached: CachedFile = self.machine.page_cache.create()
        self.machine.page_cache.read(self.cached, 12 * MIB >> 12)
        self.mount: Mount = self.machine.tmpfs.mount("t")
        self.file: TmpfsFile = self.machine.tmpfs.create(self.mount, "f")
        self.machine.tmpfs.write(self.file, 0, 12 * MIB)
        self.machine.take_ns()


OPERATIONS: Final[dict[str, Callable[[Bench], Parts[Any]]]] = {
    "drop_caches": lambda bench: bench.machine.reclaim.drop_caches_in_parts(3),
    "compact_memory": lambda bench: bench.machine.compact_memory_in_parts(),
    "delete": lambda bench: bench.machine.page_cache.delete_in_parts(bench.cached),
    "end of fragmentation": lambda bench: bench.machine.fragmenter.end_in_parts(bench.kept),
    "truncate": lambda bench: bench.machine.tmpfs.truncate_in_parts(bench.file, 5000),
    "punch": lambda bench: bench.machine.tmpfs.punch_in_parts(bench.file, 4096, 11 * MIB),
    "unlink": lambda bench: bench.machine.tmpfs.unlink_in_parts(bench.file),
    "unmount": lambda bench: bench.machine.tmpfs.unmount_in_parts(bench.mount),
    "exit": lambda bench: exit_all(bench),
}


def exit_all(bench: Bench) -> Parts[None]:
    """Parent and child exit."""
    for process in list(bench.machine.processes):
        yield from bench.machine.processes.exit_in_parts(process)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_parts_come_to_the_same_as_one_go(operation: str) -> None:
    by_parts, at_once = Bench(), Bench()
    parts, count, spent_ns = OPERATIONS[operation](by_parts), 0, 0
    while next(parts, parts) is not parts:
        count += 1
        spent_ns += by_parts.machine.take_ns()
        by_parts.machine.check()
    spent_ns += by_parts.machine.take_ns()
    by_parts.machine.check()
    whole(OPERATIONS[operation](at_once))
    assert count >= 2
    assert spent_ns == at_once.machine.take_ns()
    assert by_parts.machine.counters() == at_once.machine.counters()
    assert by_parts.machine.core.meter.latencies() == at_once.machine.core.meter.latencies()


def test_exit_in_parts_is_exit() -> None:
    by_parts, at_once = Bench(), Bench()
    whole(exit_all(by_parts))
    for process in list(at_once.machine.processes):
        at_once.machine.processes.exit(process)
    assert by_parts.machine.counters() == at_once.machine.counters()
    assert by_parts.machine.take_ns() == at_once.machine.take_ns()
    assert by_parts.machine.core.meter.latencies() == at_once.machine.core.meter.latencies()
    assert not len(by_parts.machine.processes)


def test_pages_read_during_a_drop_do_not_keep_it_going() -> None:
    bench = Bench()
    parts, count = bench.machine.page_cache.drop_in_parts(), 0
    while next(parts, parts) is not parts:
        bench.machine.page_cache.read(bench.cached, 2048)
        count += 1
    assert bench.cached.frames == 2048 * count
    assert count < 12
    bench.machine.check()


def test_a_process_that_exits_does_nothing_more() -> None:
    bench = Bench()
    parts = bench.machine.processes.exit_in_parts(bench.process)
    next(parts)
    assert not bench.process.alive
    bench.machine.processes.exit(bench.process)
    assert bench.process in list(bench.machine.processes), "it goes part by part"
    whole(parts)
    assert bench.process not in list(bench.machine.processes)
    bench.machine.check()


def test_a_process_that_is_exiting_is_finished_off_when_memory_runs_out() -> None:
    """The OOM killer waits for it and kills nobody (`task_will_free_mem`)."""
    bench = Bench()
    machine = bench.machine
    machine.processes.exit(list(machine.processes)[1])
    parts = machine.processes.exit_in_parts(bench.process)
    next(parts)
    assert machine.processes.oom.kill()
    assert not len(machine.processes)
    assert machine.core.vm_events["oom_kill"] == 0
    whole(parts)
    machine.check()


def test_compaction_sees_what_has_changed_since_its_last_part() -> None:
    bench = Bench()
    machine = bench.machine
    parts = machine.compact_memory_in_parts()
    rounds = 0
    while next(parts, parts) is not parts:
        if rounds % 2:
            machine.page_cache.shrink(300, direct=True)
        else:
            machine.page_cache.read(bench.cached, 300)
        machine.tmpfs.punch(bench.file, rounds * 65536, 16384)
        machine.core.allocator.drain_lists()
        machine.check()
        rounds += 1
    assert rounds > 1
