"""All processes: how they begin, fork and end, and what they hold together.

`copy_process`, `dup_mmap` and `do_exit` of Linux 6.18. Whatever a child needs is asked for first,
kernel objects, stack and page tables; only when all is there is anything linked or shared, so
that a fork that fails leaves no trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from functools import partial

from memtui.machine import anon_fault, costs
from memtui.machine.address_space import AddressSpace
from memtui.machine.anon_memory import AnonMemory
from memtui.machine.core import Core, Severity
from memtui.machine.costs import Operation
from memtui.machine.errors import OutOfMemory
from memtui.machine.exit_mmap import exit_mmap
from memtui.machine.kernel_stacks import STACK_FRAMES, KernelStacks
from memtui.machine.latency import Timed
from memtui.machine.oom import Killed, OomKiller
from memtui.machine.page_tables import PageTables
from memtui.machine.parts import Parts
from memtui.machine.physical.frame_map import Owner
from memtui.machine.process import NODE_CACHE, VMA_CACHE, Process, ProcessKernel, ProcessParts
from memtui.machine.process_laws import check_processes, objects_in_use
from memtui.machine.program import IMAGE, TASK_OBJECTS
from memtui.machine.rmap.base import ReverseMap
from memtui.machine.slab import SlabCaches
from memtui.machine.vma import Vma
from memtui.units import FRAMES_2M

FIRST_PID = 1000
WRITTEN_AFTER_FORK = {segment.start: segment.written_after_fork for segment in IMAGE if segment.written_after_fork}


class Processes:
    """Every process there is, oldest first."""

    def __init__(self, core: Core, slabs: SlabCaches, rmap: ReverseMap, thp_enabled: str) -> None:
        """Becomes the page allocator's OOM killer, and one of its shrinkers (huge pages partly unmapped)."""
        self.memory = AnonMemory(core, rmap, thp_enabled)
        """Anonymous memory and its counters; `memory.thp_enabled` may be changed at any time."""
        self.stacks = KernelStacks(core)
        self.oom = OomKiller(core, self.__iter__, self._end)
        self._kernel = ProcessKernel(self.memory, slabs, self.oom)
        self._core = core
        self._slabs = slabs
        self._table: dict[int, Process] = {}
        self._next_pid = FIRST_PID
        core.allocator.oom_killer = self.oom.kill
        core.allocator.shrinkers.append(self.memory)

    @property
    def max_map_count(self) -> int:
        """vm.max_map_count: how many areas a process may have."""
        return self._kernel.max_map_count

    @max_map_count.setter
    def max_map_count(self, areas: int) -> None:
        self._kernel.max_map_count = areas

    def __iter__(self) -> Iterator[Process]:
        return iter(self._table.values())

    def __len__(self) -> int:
        return len(self._table)

    def of_pid(self, pid: int) -> Process | None:
        """The process of that number, if it runs."""
        return self._table.get(pid)

    def spawn(self, name: str) -> Process:
        """Starts a process: the recorded test program, with nothing mapped of its own.

        Raises OutOfMemory with nothing changed; MachineStopped if nobody is left whose memory it could have.
        """
        space = AddressSpace()
        for segment in IMAGE:
            space.insert(Vma(segment.name, segment.start, segment.start + segment.pages, segment.kind))
        node = self._next_node()
        objects = Counter(_space_objects(space))
        self.oom.nothing_left = False
        try:
            process = self._make(name, node, space, objects, lambda: PageTables(self._core, node))
            self._or_end(process, self._load_image)
        except OutOfMemory:
            self.oom.raise_if_stopped()
            self._core.log(f"process {name} does not start: out of memory", Severity.BAD)
            raise
        self._core.meter.charge(costs.FORK)
        self._core.meter.charge(costs.MMAP, len(IMAGE))
        return self._enter(process)

    def fork(self, parent: Process, name: str | None = None) -> Process:
        """A child that shares all of its parent's memory until one of them writes.

        It writes a little of its stack and data at once, as every child does. Raises OutOfMemory
        (as Killed if the parent was the OOM killer's victim) with nothing changed.
        """
        child: Process | None = None
        try:
            with self.oom.running(parent), self._core.meter.timed(Timed.FORK):
                child = self._copy(parent, name or parent.name)
        except Killed:
            if child is not None:
                self._end(child)
            raise
        except OutOfMemory:
            self._core.log(f"fork of process {parent} failed: out of memory", Severity.BAD)
            raise
        return self._enter(child)

    def exit(self, process: Process, *, aside: bool = False) -> None:
        """Ends a process and gives back all that it alone had; nothing if it has ended already.

        `aside`: on another CPU, if there is one, while what it forked goes on.
        """
        if process.alive:
            meter = self._core.meter
            elsewhere = meter.background() if aside and self._core.cpus > 1 else nullcontext()
            with elsewhere, meter.timed(Timed.EXIT):
                self._end(process)

    def exit_in_parts(self, process: Process) -> Parts[None]:
        """The same in parts; from the first on the process does nothing any more."""
        if not process.alive:
            return
        process.alive = False
        earlier: Counter[Operation] = Counter()
        parts = exit_mmap(process, self.memory)
        while process.pid in self._table:
            with self._core.meter.timed(Timed.EXIT, 0) as timed:
                timed.charges.update(earlier)
                if next(parts, parts) is parts:
                    timed.count = 1
                    self._end(process)
            earlier = Counter(timed.charges)
            if not timed.count:
                yield

    @property
    def anon_frames(self) -> int:
        """Anonymous pages that something maps (AnonPages)."""
        return self.memory.anon_pages

    @property
    def huge_frames(self) -> int:
        """Those of them in huge pages that a 2 MiB leaf maps (AnonHugePages)."""
        return self.memory.huge_pages * FRAMES_2M

    def counted_tables(self, levels: int) -> int:
        """Page-table pages of all processes, of the lowest `levels` levels."""
        return sum(process.tables.counted(levels) for process in self)

    @property
    def stack_frames(self) -> int:
        """Frames of the kernel stacks of all processes (KernelStack)."""
        return STACK_FRAMES * len(self)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of everything processes hold, slab objects apart."""
        for process in self:
            yield from process.claims()
        yield from self.stacks.claims()
        yield from self.memory.claims()

    def objects(self) -> Counter[str]:
        """Slab objects of processes and of reverse mapping, by cache, counted from the structures."""
        return objects_in_use(self._table.values(), self.memory.rmap)

    def check(self) -> None:
        """Raises FrameStateError if a law of processes or their memory is broken."""
        check_processes(self._table.values(), self.memory)
        self.stacks.check(process.stack.frames for process in self)

    def _copy(self, parent: Process, name: str) -> Process:
        vmas = list(parent.space)
        plan = self.memory.rmap.plan_fork(vmas)
        space = parent.space.copy()
        node = self._next_node()
        objects = Counter(_space_objects(space))
        objects.update(plan.objects)
        child = self._make(name, node, space, objects, lambda: parent.tables.copy_for_fork(node, _copied(parent)))
        for vma, copy in zip(vmas, space, strict=True):
            if len(vma.mapped):
                self.memory.share(vma, copy)
            if vma.shared is not None:
                child.attach(copy, vma.shared.fork(child.tables))
        plan.link(list(space))
        child.rss_pages, child.huge_pages = parent.rss_pages, parent.huge_pages
        self._core.meter.charge(costs.FORK)
        self._core.meter.charge(costs.FORK_VMA, len(vmas))
        self._or_end(child, self._write_after_fork)
        return child

    def _make(
        self, name: str, node: int, space: AddressSpace, objects: Counter[str], tables: Callable[[], PageTables]
    ) -> Process:
        """A process with everything but pages. Raises OutOfMemory with nothing changed."""
        with ExitStack() as undo:
            self._slabs.alloc_many(objects, node)
            undo.callback(self._slabs.free_many, objects)
            stack = self.stacks.take(node)
            undo.callback(self.stacks.give, stack)
            parts = ProcessParts(space, tables(), stack)
            undo.pop_all()
        return Process(self._next_pid, name, node, parts, self._kernel)

    def _or_end(self, process: Process, step: Callable[[Process], None]) -> None:
        """Does something to a process that is just being made; if memory runs out, it is unmade."""
        try:
            step(process)
        except OutOfMemory:
            self._end(process)
            raise

    def _load_image(self, process: Process) -> None:
        """Maps the program's file pages and writes its data, as exec and the first instructions do."""
        for segment, vma in zip(IMAGE, process.space, strict=True):
            if segment.written:
                anon_fault.write(self.memory, process, vma, [(vma.start, vma.start + segment.written)])
            else:
                process.tables.populate(vma.start, vma.pages)

    def _write_after_fork(self, child: Process) -> None:
        """A child's first instructions write to its stack and data (24 kB, recorded)."""
        for vma in child.space:
            pages = WRITTEN_AFTER_FORK.get(vma.start)
            if pages:
                written = [(vma.start, vma.start + pages)]
                self.oom.faulting(partial(anon_fault.write, self.memory, child, vma, written))

    def _enter(self, process: Process) -> Process:
        self._table[process.pid] = process
        self._next_pid += 1
        return process

    def _end(self, process: Process) -> None:
        """Undoes everything a process is (`do_exit`, `exit_mmap`)."""
        vmas = list(process.space)
        for vma in vmas:
            self.memory.unmap_vma(vma)
        self.memory.rmap.unlink(vmas)
        for shared in process.shared.values():
            shared.release()
        process.tables.release()
        self.stacks.give(process.stack)
        self._slabs.free_many(_space_objects(process.space))
        self._core.meter.charge(costs.EXIT)
        self._core.meter.charge(costs.EXIT_VMA, len(vmas))
        process.alive = False
        self._table.pop(process.pid, None)

    def _next_node(self) -> int:
        """New processes go to the nodes in turn, as the scheduler spreads them over an idle machine."""
        return (self._next_pid - FIRST_PID) % self._core.allocator.nodes


def _copied(parent: Process) -> list[tuple[int, int]] | None:
    """The areas whose page tables a fork copies (`vma_needs_copy`); None: all of them.

    Not those of files mapped shared, which faults fill again. The program's own text and pages
    shared with the kernel are left out by Linux too, but a child uses them at once.
    """
    if not parent.shared:
        return None
    return [(vma.start, vma.end) for vma in parent.space if vma.shared is None]


def _space_objects(space: AddressSpace) -> dict[str, int]:
    """Kernel objects of a process with these areas, apart from those of reverse mapping."""
    return {**TASK_OBJECTS, VMA_CACHE: len(space), NODE_CACHE: space.tree_nodes}
