"""What one operation costs when much has happened already, by what it costs when little has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.process import Process
from memtui.machine.vma import Vma
from memtui.units import GIB, MIB, PAGE_BYTES
from tests.benchmarks.measure import Benchmark, Bound, Measured

FEW, MANY = 5_000, 50_000
LIMIT: Final = Bound(2)
"""Twice, for the logarithms and the caches of the computer: a cost that grows with history would be ten times."""


def _machine() -> Machine:
    return Machine(MachineConfig("growth", 64 * GIB, 1, CpuConfig(8)))


def _per_item(work: Callable[[int], float], few: int = FEW, many: int = MANY) -> Measured:
    """CPU seconds per item of some work on many items, by those on few; `work` returns seconds for so many items."""
    least, most = (min(work(count) for _ in range(3)) / count for count in (few, many))
    return Measured(most / least, f"{most * 1e6:.2f} µs each of {many} against {least * 1e6:.2f} µs each of {few}")


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _scattered(count: int) -> tuple[Machine, Process, Vma, Process, Vma]:
    """A parent, and a child that has copied every other page of what both had: machine, parent, child and areas."""
    machine = _machine()
    parent = machine.processes.spawn("parent")
    vma = parent.mmap(2 * count * PAGE_BYTES, guard=True)
    parent.touch(vma)
    child = machine.processes.fork(parent)
    return machine, parent, vma, child, child.vma_at(vma.start)


def _every_other(count: int) -> list[tuple[int, int]]:
    return [(page, page + 1) for page in range(0, 2 * count, 2)]


def copies() -> Measured:
    """Writing every other page of shared memory."""

    def work(count: int) -> float:
        _, _, _, child, vma = _scattered(count)
        return _seconds(lambda: child.write(vma, _every_other(count)))

    return _per_item(work)


def exits() -> Measured:
    """Exit of a process that has copied every other page."""

    def work(count: int) -> float:
        machine, _, _, child, vma = _scattered(count)
        child.write(vma, _every_other(count))
        return _seconds(lambda: machine.processes.exit(child))

    return _per_item(work)


def forks() -> Measured:
    """Fork of a process with every other page copied."""

    def work(count: int) -> float:
        machine, _, _, child, vma = _scattered(count)
        child.write(vma, _every_other(count))
        return _seconds(lambda: machine.processes.fork(child))

    return _per_item(work)


def unmaps() -> Measured:
    """munmap(2) of memory of which every other page was copied."""

    def work(count: int) -> float:
        _, _, _, child, vma = _scattered(count)
        child.write(vma, _every_other(count))
        return _seconds(lambda: child.munmap(vma))

    return _per_item(work)


def programs() -> Measured:
    """Loading BPF programs that all stay, and closing them, the latest first."""

    def work(count: int) -> float:
        bpf = _machine().bpf

        def load_and_close() -> None:
            loaded = [bpf.load(2600) for _ in range(count)]
            while loaded:
                bpf.close(loaded.pop())

        return _seconds(load_and_close)

    return _per_item(work, 8_000, 80_000)


def children() -> Measured:
    """Forking children that all live, and their exit, the youngest first: a storm."""

    def work(count: int) -> float:
        processes = _machine().processes
        parent = processes.spawn("parent")
        parent.touch(parent.mmap(16 * MIB, guard=True))

        def storm() -> None:
            born = [processes.fork(parent) for _ in range(count)]
            while born:
                processes.exit(born.pop())

        return _seconds(storm)

    return _per_item(work, 100, 1_000)


BENCHMARKS: Final = (
    Benchmark("growth-copies", "a page copied on write, scattered", LIMIT, copies),
    Benchmark("growth-exit", "a scattered page at exit", LIMIT, exits),
    Benchmark("growth-fork", "a scattered page at fork", LIMIT, forks),
    Benchmark("growth-munmap", "a scattered page at munmap", LIMIT, unmaps),
    Benchmark("growth-bpf", "a BPF program loaded and closed", LIMIT, programs),
    Benchmark("growth-storm", "a child of a storm, forked and ended", LIMIT, children),
)
