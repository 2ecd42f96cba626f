"""The laws of the whole machine notice what is wrong: each is broken on purpose here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.machine.errors import FrameStateError
from memtui.machine.modules import ModuleSizes
from memtui.machine.physical.buddy import MigrateType
from memtui.units import FRAMES_2M, GIB, KIB, MIB

Break = Callable[[Machine], object]


@pytest.fixture
def busy() -> Machine:
    """A machine in which every subsystem has something."""
    machine = Machine(MachineConfig("busy", 2 * GIB, 1, CpuConfig(1), KernelConfig(hugetlb_optimize_vmemmap=True)))
    machine.hugetlb.set_nr_hugepages(100)
    machine.modules.load(ModuleSizes(100 * KIB, 20 * KIB, 8 * KIB))
    machine.bpf.load(3000)
    machine.secretmem.touch(machine.secretmem.create(1 * MIB), 100)
    process = machine.processes.spawn("busy")
    process.touch(process.mmap(3 * MIB))
    mount = machine.tmpfs.mount("m")
    machine.tmpfs.write(machine.tmpfs.create(mount, "f"), 0, 1 * MIB)
    machine.page_cache.read(machine.page_cache.create(), 300)
    machine.check()
    return machine


def swap_optimised(machine: Machine) -> None:
    """The memmap has the optimised pages 2 MiB further up than the pool."""
    backings = machine.memmap._backings
    start, backing = backings.popitem(-1)
    backings[start + FRAMES_2M] = backing


def unmerged(machine: Machine) -> None:
    """A free block lies in two halves."""
    buddy = machine.core.allocator.zones[-1].buddy
    lists = buddy._lists[MigrateType.MOVABLE]
    order = next(order for order in range(9, 0, -1) if lists[order])
    start = next(iter(lists[order]))
    del lists[order][start]
    lists[order - 1].update({start: None, start + (1 << order - 1): None})


BREAKS: dict[str, tuple[Break, str]] = {
    "slab object nobody has": (lambda m: m.slabs.alloc("dentry"), "dentry in use, subsystems have"),
    "slab object lost": (lambda m: m.slabs.free("kmalloc-1k"), "kmalloc-1k in use, subsystems have"),
    "VmallocUsed": (lambda m: setattr(m.vmalloc, "frames", m.vmalloc.frames + 1), "vmalloc areas have"),
    "pages of the ROX cache": (lambda m: setattr(m.exec_memory.modules.blocks, "pages", 7), "ROX blocks have"),
    "module area": (lambda m: m.vmalloc._addresses.remove(9000, 9001), "pages of addresses are counted"),
    "kernel stacks": (lambda m: setattr(m.processes.stacks, "in_use", 2), "kernel stacks in use"),
    "MemTotal": (lambda m: setattr(m.core.allocator.zones[0], "managed_frames", 5), "manages 5 frames"),
    "nr_memmap_pages": (lambda m: setattr(m.memmap, "allocated_frames", 1), "memmap counters disagree"),
    "boot memmap": (lambda m: m.memmap._boot.hand_over(0, 64, 0), "boot frames of the memmap"),
    "where optimised pages are": (swap_optimised, "boot frames of the memmap|optimised pages"),
    "unmerged buddies": (unmerged, "are buddies"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_law_is_noticed(busy: Machine, what: str) -> None:
    break_it, words = BREAKS[what]
    break_it(busy)
    with pytest.raises(FrameStateError, match=words):
        busy.check()
