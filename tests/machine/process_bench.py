"""Processes on a small machine, with everything that is counted of them at hand."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.machine.process import Process
from memtui.machine.processes import Processes
from memtui.machine.rmap.anon_vma_chain import AnonVmaChain
from memtui.machine.slab import SlabCaches
from memtui.machine.traits import ALL_TABLE_LEVELS
from memtui.machine.vma import ThpAdvice, Vma
from memtui.units import GIB, MIB
from tests.machine.bench import check_frames, small_core

OBJECTS = ("vm_area_struct", "anon_vma", "anon_vma_chain", "maple_node", "mm_struct", "task_struct", "pid")


class ProcessBench:
    """A machine of processes and nothing else."""

    def __init__(self, ram_bytes: int = GIB, thp: str = "always", nodes: int = 1) -> None:
        self.core = small_core(ram_bytes, nodes)
        self.slabs = SlabCaches(self.core)
        self.rmap = AnonVmaChain(self.core, self.slabs)
        self.processes = Processes(self.core, self.slabs, self.rmap, thp)

    @property
    def events(self) -> dict[str, int]:
        """Counts of /proc/vmstat that are not zero."""
        return {name: count for name, count in self.core.vm_events.items() if count}

    @property
    def log(self) -> list[str]:
        """The lines of the log."""
        return [event.text for event in self.core.events]

    @property
    def free_frames(self) -> int:
        """Free frames, those of stacks that are kept for the next task included: a failed fork's stack is."""
        kept = self.processes.stacks.mapped_frames - self.processes.stack_frames
        return self.core.allocator.free_frames + kept

    @property
    def unclaimed_frames(self) -> int:
        """Those, and the frames of slabs: how large slabs are depends on what failed when they were made."""
        return self.free_frames + sum(self.slabs.frames_by_use())

    def counts(self) -> dict[str, int]:
        """What the recordings count: pages in kB, objects one by one."""
        processes = self.processes
        return {
            "AnonPages": processes.anon_frames * 4,
            "AnonHugePages": processes.huge_frames * 4,
            "PageTables": processes.counted_tables(ALL_TABLE_LEVELS) * 4,
            "KernelStack": processes.stack_frames * 4,
            **{name: self.slabs.active(name) for name in OBJECTS},
        }

    def check(self) -> None:
        """All laws: of processes, of slabs, and of every frame."""
        self.processes.check()
        self.slabs.check_objects(self.processes.objects())
        self.slabs.check()
        check_frames(self.core, self.processes.claims(), self.slabs.claims())

    def assert_empty(self) -> None:
        """Every frame is free again, but for the two stacks the kernel keeps for the next tasks."""
        self.check()
        assert self.free_frames == self.core.allocator.managed_frames

    def parent(self, mib: int, thp: ThpAdvice = "never") -> tuple[Process, Vma]:
        """A process that has touched one mapping of so many MiB."""
        process = self.processes.spawn("parent")
        vma = process.mmap(mib * MIB, thp, guard=True)
        process.touch(vma)
        return process, vma


def difference(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """What changed, counter by counter."""
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def twin(vma: Vma, process: Process) -> Vma:
    """The area of a relative that lies where this one does."""
    return process.vma_at(vma.start)


def spread_over_2m(pages: int, regions: int) -> Sequence[tuple[int, int]]:
    """The first pages of each 2 MiB, so many of them in each of the regions."""
    return [(512 * region, 512 * region + pages) for region in range(regions)]
