"""Every operation with its first allocation made to fail, its second, and so on until it needs no more.

Whatever fails: the laws hold, an operation that is refused leaves nothing behind but splits (and
slabs of another size), and what one that got only so far has made can be given back to the last frame.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, NoSpace, OutOfMemory
from memtui.machine.counters import VM_EVENTS
from memtui.machine.modules import ModuleSizes
from memtui.machine.physical.fail_page_alloc import FaultAttributes
from memtui.machine.tmpfs.shared import map_file
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, KIB, MIB, PAGE_BYTES, kb_of_frames
from tests.machine.changes import count_of, counters_with_lists, settle
from tests.machine.faults import faults

MOST_ALLOCATIONS = 400
"""Operations here are small enough to need fewer."""
FOLLOWS = ("MemFree", "MemAvailable", "Slab", "SReclaimable", "SUnreclaim", "KReclaimable", "PageTables")
"""Counters that splits and the size of slabs change as well."""
Do = Callable[[Machine, Any], Any]


@dataclass(frozen=True)
class Operation:
    """What is done, and how it is undone."""

    do: Do
    """Told what `prepare` made; returns what it made itself."""
    undo: Do
    """Told what `prepare` made; gives everything back that `do` made, as far as it came."""
    prepare: Callable[[Machine], Any] = lambda machine: None
    atomic: bool = True
    """It is done or refused; else it may also come half-way."""
    never_fails: bool = False
    """It falls short, but never raises."""


def seen(machine: Machine) -> dict[str, int]:
    """Every counter that must be as before once put-off work is done; free memory with what splits and slabs hold.

    The ROX cache keeps blocks that are not whole 2 MiB for ever.
    """
    settle(machine)
    counters = counters_with_lists(machine)
    names = [name for name in counters if not name.startswith(("buddyinfo", "DirectMap", "nr_slab", "nr_page_table"))]
    same = {name: counters[name] for name in names if name not in FOLLOWS and name not in VM_EVENTS}
    del same["nr_free_pages"], same["VmallocUsed"]
    processes = machine.processes
    kept = processes.stacks.mapped_frames - processes.stack_frames
    split = machine.direct_map.table_frames + machine.memmap.table_frames
    tables = sum(part.counted_tables(4) for part in (processes, machine.secretmem, machine.fragmenter))
    text = count_of(machine, "free") // PAGE_BYTES
    loose = kb_of_frames(split + kept + text) + counters["Slab"]
    return same | {
        "free": counters["MemFree"] + loose,
        "program tables": tables,
        "vmalloc": machine.vmalloc.frames - text,
    }


def resize(count: int, page_frames: int = FRAMES_2M) -> Do:
    return lambda machine, made: machine.hugetlb.set_nr_hugepages(count, page_frames)


def cycle(machine: Machine, count: int, page_frames: int = FRAMES_2M) -> None:
    """The struct pages of these huge pages leave the boot memmap, and the tables of their vmemmap are there."""
    machine.hugetlb.set_nr_hugepages(count, page_frames)
    machine.hugetlb.set_nr_hugepages(0, page_frames)


def full_pool(machine: Machine) -> None:
    machine.hugetlb.set_nr_hugepages(5)


def refill(machine: Machine, made: object) -> None:
    """The pool as it was: surplus pages are its own again."""
    machine.hugetlb.set_nr_hugepages(5)


def load_module(machine: Machine, made: object) -> None:
    machine.modules.load(ModuleSizes(20 * KIB, 9 * KIB, 5 * KIB, init_text=8 * KIB))


def unload_modules(machine: Machine, made: object) -> None:
    for module in list(machine.modules.loaded):
        machine.modules.unload(module)


def load_bpf(machine: Machine, made: object) -> None:
    machine.bpf.load(5 * KIB)


def close_bpf(machine: Machine, made: object) -> None:
    for program in list(machine.bpf.loaded):
        machine.bpf.close(program)


def touch_secret(machine: Machine, made: object) -> None:
    file = machine.secretmem.create(80 * KIB)
    machine.secretmem.touch(file, file.pages)


def close_secret(machine: Machine, made: object) -> None:
    for file in list(machine.secretmem.files):
        machine.secretmem.close(file)


def program(machine: Machine) -> Any:
    """A process with 40 base pages and a huge one, and its areas."""
    process = machine.processes.spawn("program")
    small, huge = process.mmap(160 * KIB, guard=True), process.mmap(4 * MIB, "madvise", guard=True)
    process.touch(small)
    process.touch(huge, 0, 1)
    return process, small, huge


def exit_others(machine: Machine, made: Any) -> None:
    """All but the process that was there."""
    first = made[0] if made else None
    for process in list(machine.processes):
        if process is not first:
            machine.processes.exit(process)


def fork_and_write(machine: Machine, made: Any) -> None:
    process, small, huge = made
    child = machine.processes.fork(process)
    child.touch(child.vma_at(small.start), 0, 20)
    child.touch(child.vma_at(huge.start), 0, 3)


def unmap_new(machine: Machine, made: Any) -> None:
    process = made[0]
    for vma in [vma for vma in process.space if vma.name in ("new", "shared")]:
        process.munmap(vma)


def touch_new(machine: Machine, made: Any) -> None:
    """Areas of whole 2 MiB: the page tables of others begin beside the guards of an area of theirs, and stay."""
    process = made[0]
    process.touch(process.mmap(6 * MIB, "madvise", guard=True, name="new"))
    process.touch(process.mmap(2 * MIB, "never", guard=True, name="new"), 100, 50)


def map_many(machine: Machine, made: Any) -> None:
    for _ in range(60):
        made[0].mmap(4 * MIB, guard=True, name="new")


def create_many(machine: Machine, mounted: Any) -> None:
    for number in range(60):
        machine.tmpfs.create(mounted, str(number))


def unmount(machine: Machine, made: object) -> None:
    for mounted in list(machine.tmpfs.mounts.values()):
        machine.tmpfs.unmount(mounted)


def mount(machine: Machine) -> Any:
    return machine.tmpfs.mount("m", "always")


def empty_mount(machine: Machine, mounted: Any) -> None:
    for file in list(mounted.files.values()):
        machine.tmpfs.unlink(file)


def map_tmpfs(machine: Machine) -> Any:
    """A process, and a file on a tmpfs to map: a huge page and some base pages long."""
    mounted = machine.tmpfs.mount("m", "always")
    file = machine.tmpfs.create(mounted, "f")
    machine.tmpfs.truncate(file, 2 * MIB + 40 * KIB)
    return machine.processes.spawn("mapper"), file


def touch_tmpfs(machine: Machine, made: Any) -> None:
    process, file = made
    vma = map_file(machine.tmpfs, process, file, 0, file.size_pages, advised=False, misaligned=False)
    process.touch_shared(vma, 0, vma.pages)


def unmap_tmpfs(machine: Machine, made: Any) -> None:
    unmap_new(machine, made)
    machine.tmpfs.punch(made[1], 0, 4 * MIB)


def read_file(machine: Machine) -> Any:
    return machine.page_cache.create()


OPERATIONS = {
    "pool of 2 MiB pages, HVO": Operation(resize(5), resize(0), lambda m: cycle(m, 5), atomic=False, never_fails=True),
    "pool of 1 GiB pages, HVO": Operation(
        resize(1, FRAMES_1G), resize(0, FRAMES_1G), lambda m: cycle(m, 1, FRAMES_1G), atomic=False, never_fails=True
    ),
    "pool given back": Operation(resize(0), refill, full_pool, atomic=False, never_fails=True),
    "module": Operation(load_module, unload_modules),
    "BPF program": Operation(load_bpf, close_bpf),
    "secret memory": Operation(touch_secret, close_secret, atomic=False),
    "secret file": Operation(lambda m, _: m.secretmem.create(4 * KIB), close_secret),
    "process": Operation(lambda m, _: m.processes.spawn("new"), exit_others),
    "fork": Operation(lambda m, made: m.processes.fork(made[0]), exit_others, program),
    "fork and copies": Operation(fork_and_write, exit_others, program, atomic=False),
    "mmap": Operation(map_many, unmap_new, program, atomic=False),
    "first touch": Operation(touch_new, unmap_new, program, atomic=False),
    "tmpfs mount": Operation(lambda m, _: m.tmpfs.mount("new"), unmount),
    "tmpfs files": Operation(create_many, empty_mount, mount, atomic=False),
    "tmpfs write": Operation(
        lambda m, mounted: m.tmpfs.write(m.tmpfs.create(mounted, "f"), 0, 2 * MIB + 300 * KIB),
        empty_mount,
        mount,
        atomic=False,
    ),
    "tmpfs mapping": Operation(touch_tmpfs, unmap_tmpfs, map_tmpfs, atomic=False),
    "page cache": Operation(
        lambda m, file: m.page_cache.read(file, 100), lambda m, file: m.page_cache.delete(file), read_file, atomic=False
    ),
}


def fresh(operation: Operation) -> tuple[Machine, Any]:
    """A machine on which the operation can be done."""
    ram = 4 * GIB if "1 GiB" in NAMES[operation.do] else 256 * MIB
    kernel = KernelConfig(hugetlb_optimize_vmemmap=True)
    machine = Machine(MachineConfig("small", ram, 1, CpuConfig(1), kernel))
    return machine, operation.prepare(machine)


NAMES = {operation.do: name for name, operation in OPERATIONS.items()}


def attempt(operation: Operation, nth: int, times: int | None) -> int:
    """The operation with its nth allocation made to fail, or every nth; returns how many were."""
    machine, made = fresh(operation)
    before = seen(machine)
    fault = machine.core.allocator.fail_page_alloc = faults(FaultAttributes(interval=nth, times=times))
    refused = False
    try:
        operation.do(machine, made)
    except (OutOfMemory, NoSpace):
        refused = True
    machine.core.allocator.fail_page_alloc = None
    machine.check()
    assert fault.failures or not refused, "it is refused only where an allocation failed"
    assert not (refused and operation.never_fails)
    if refused and operation.atomic:
        assert seen(machine) == before, "what is refused leaves nothing behind"
    operation.undo(machine, made)
    machine.check()
    assert seen(machine) == before, "everything can be given back"
    assert machine.counters()["oom_kill"] == 0
    return fault.failures


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_allocation_of_an_operation_may_fail(name: str, times: int | None) -> None:
    nth = 1
    while attempt(OPERATIONS[name], nth, times):
        nth += 1
    assert 2 <= nth <= MOST_ALLOCATIONS, "it allocates something, and the end was reached"


def test_scattering_may_fail_at_any_allocation() -> None:
    """`fragment` takes what it gets."""
    for nth in range(1, 40):
        machine, _ = fresh(OPERATIONS["process"])
        before = seen(machine)
        machine.core.allocator.fail_page_alloc = faults(FaultAttributes(interval=nth, times=1))
        made = machine.fragmenter.begin(3, random.Random(nth))
        made.scatter(0, 40 * MIB // PAGE_BYTES)
        machine.core.allocator.fail_page_alloc = None
        machine.check()
        machine.fragmenter.end(made)
        machine.check()
        assert seen(machine) == before
