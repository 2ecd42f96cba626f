"""What plays `process` and `process_*`: programs named by the scenario, driven step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memtui.machine.anon_fault import PageRange, Written
from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory, SegmentationFault
from memtui.machine.machine import Machine
from memtui.machine.oom import Killed
from memtui.machine.process import Process
from memtui.machine.vma import Vma
from memtui.units import PPM, format_bytes, format_count, format_frames, frames_of
from memtui.workloads.base import Activity, Context, Steps, in_parts, side_by_side
from memtui.workloads.process import (
    ProcessDiscardParams,
    ProcessForkParams,
    ProcessMapParams,
    ProcessParams,
    ProcessWriteParams,
)
from memtui.workloads.program_memory import Lineage, Pace, front, map_vmas, spread, step_pages, write_parts
from memtui.workloads.wording import plural


def named(machine: Machine, name: str) -> list[Process]:
    """Every process of this name, oldest first; an event says so when there is none."""
    found = [process for process in machine.processes if process.name == name and process.alive]
    if not found:
        machine.core.log(f"no process is called {name}: ESRCH", Severity.BAD)
    return found


def areas(process: Process, name: str) -> list[Vma]:
    """Its VMAs of this name, ascending."""
    return [vma for vma in process.space if vma.name == name]


def first_pages(parts: list[Vma], size_bytes: int | None) -> list[PageRange]:
    """(start, end) of the pages that `size_bytes` from the beginning of some VMAs reach over; all without a size."""
    whole = sum(vma.pages for vma in parts)
    return list(pages_from(parts, 0, whole if size_bytes is None else frames_of(size_bytes)))


def pages_from(parts: Iterable[Vma], first: int, last: int) -> Iterator[PageRange]:
    """(start, end) of the pages `first` up to `last` of some VMAs, counted on from one to the next."""
    for vma in parts:
        low, high = max(first, 0), min(last, vma.pages)
        if low < high:
            yield vma.start + low, vma.start + high
        first, last = first - vma.pages, last - vma.pages


class Start(Activity[ProcessParams]):
    """Starts a program."""

    action = "process"
    params_type = ProcessParams

    def __init__(self, params: ProcessParams, context: Context) -> None:
        super().__init__(params, context)
        self._process: Process | None = None

    def start(self) -> Steps:
        """fork(2) and exec(2)."""
        try:
            process = self._process = self.machine.processes.spawn(self.params.name)
        except OutOfMemory:
            return
        self.machine.core.log(f"process {process} started")
        yield self.machine.take_ns()

    def finish(self) -> Steps:
        """exit(2)."""
        if self._process is not None and self._process.alive:
            yield from in_parts(self.machine, self.machine.processes.exit_in_parts(self._process))
            self.machine.core.log(f"process {self._process} exited")
        self._process = None
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.alive


class Map(Activity[ProcessMapParams]):
    """Maps memory, and touches a share of it."""

    action = "process_map"
    params_type = ProcessMapParams

    def __init__(self, params: ProcessMapParams, context: Context) -> None:
        super().__init__(params, context)
        self._mapped: list[tuple[Process, Vma]] = []

    def start(self) -> Steps:
        """mmap(2), then a write to every page of the share."""
        params = self.params
        pace = Pace(frames_of(params.size) * params.touch // PPM)
        for process in named(self.machine, params.process):
            try:
                vmas = map_vmas(process, params.size, params.vmas, params.thp, params.area)
                self._mapped += [(process, vma) for vma in vmas]
                touched = 0
                for wrote in write_parts(process, front(vmas, params.touch)):
                    touched += wrote.pages
                    self.progress = f"{format_frames(touched)} of {format_bytes(params.size)} touched"
                    if pace.due(*wrote):
                        yield self.machine.take_ns()
            except Killed:
                self.progress = "killed"
                continue
            except OutOfMemory as short:
                self.machine.core.log(f"process {process} gets no memory mapped, ENOMEM: {short}", Severity.BAD)
                continue
            where = f"{format_bytes(params.size)} in {format_count(params.vmas)} {plural(params.vmas, 'VMA')}"
            self.machine.core.log(f"process {process} mapped {where} and touched {format_frames(touched)}")
        yield self.machine.take_ns()

    def finish(self) -> Steps:
        """munmap(2)."""
        for process, vma in self._mapped:
            if process.alive:
                process.munmap(vma)
        self._mapped.clear()
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether a process that mapped it lives."""
        return any(process.alive for process, _ in self._mapped)


class Fork(Activity[ProcessForkParams]):
    """Forks children, in a shape."""

    action = "process_fork"
    params_type = ProcessForkParams

    def __init__(self, params: ProcessForkParams, context: Context) -> None:
        super().__init__(params, context)
        self._children: list[Process] = []

    def start(self) -> Steps:
        """fork(2) again and again; one that fails ends it."""
        params = self.params
        parents = named(self.machine, params.process)
        if not parents:
            return
        count = 0
        try:
            lineage = Lineage(self.machine.processes, parents[0], params.shape)
            for _ in range(params.children):
                child = lineage.fork(params.child)
                self._children.append(child)
                self._write(child, count)
                count += 1
                lineage.pass_on(child)
                self.progress = f"{format_count(count)} of {format_count(params.children)} children"
                yield self.machine.take_ns()
        except OutOfMemory:
            self.progress += ": out of memory"
        self._children = [child for child in self._children if child.alive]
        alive = len(self._children)
        self.machine.core.log(
            f"{format_count(count)} {plural(count, 'fork')} of process {parents[0]}; {format_count(alive)} live"
        )
        yield self.machine.take_ns()

    def finish(self) -> Steps:
        """All that live exit, oldest first."""
        left = [child for child in self._children if child.alive]
        for child in left:
            yield from side_by_side(self.machine, self.machine.processes.exit_in_parts(child), len(left))
        self._children.clear()

    @property
    def holds(self) -> bool:
        """Whether a child lives."""
        return any(child.alive for child in self._children)

    def _write(self, child: Process, number: int) -> None:
        """What a child writes before the next fork: its own part of the area, which begins anew after its end."""
        there = areas(child, self.params.area)
        pages = sum(vma.pages for vma in there)
        own = min(frames_of(self.params.writes), pages)
        first = number * own % pages if pages else 0
        for low, high in (*pages_from(there, first, first + own), *pages_from(there, 0, first + own - pages)):
            vma = child.vma_at(low)
            child.write(vma, [(low - vma.start, high - vma.start)])


class Write(Activity[ProcessWriteParams]):
    """Writes to memory that is mapped."""

    action = "process_write"
    params_type = ProcessWriteParams

    def start(self) -> Steps:
        """Every process of the name in turn; one that is killed over it is gone, and the next goes on."""
        params, done = self.params, Written()
        processes = named(self.machine, params.process)
        pace = Pace(sum(high - low for each in processes for low, high in self._pages(each)) * params.share // PPM)
        for number, process in enumerate(processes, 1):
            parts = spread(self._pages(process), params.share)
            try:
                for wrote in write_parts(process, parts, done):
                    if pace.due(*wrote):
                        yield self.machine.take_ns()
            except Killed:
                continue
            except SegmentationFault:
                self._segfault(process)
                continue
            except OutOfMemory as short:
                self.machine.core.log(f"process {process} stops writing: {short}", Severity.BAD)
            self.progress = f"{format_count(number)} of {format_count(len(processes))} processes"
        new, copied = format_frames(done.new_pages), format_frames(done.copied_pages)
        self.machine.core.log(f"{params.process} wrote: {new} touched for the first time, {copied} copied")
        yield self.machine.take_ns()

    def _segfault(self, process: Process) -> None:
        """Something unmapped what it wrote to: the signal ends it, unless it has ended already."""
        if process.alive:
            self.machine.processes.exit(process)
            self.machine.core.log(f"process {process} exits: SIGSEGV, what it wrote to was unmapped", Severity.BAD)

    def _pages(self, process: Process) -> list[tuple[int, int]]:
        return first_pages(areas(process, self.params.area), self.params.size)


class Discard(Activity[ProcessDiscardParams]):
    """Gives single pages back."""

    action = "process_discard"
    params_type = ProcessDiscardParams

    def start(self) -> Steps:
        """madvise(2) page by page, in steps."""
        freed = 0
        for process in named(self.machine, self.params.process):
            for vma in areas(process, self.params.area):
                for pages in self._chosen(vma):
                    freed += process.discard(vma, pages)
                    self.progress = f"{format_frames(freed)} given back"
                    yield self.machine.take_ns()
        self.machine.core.log(f"{self.params.process} gave {format_frames(freed)} back, page by page")
        yield self.machine.take_ns()

    def _chosen(self, vma: Vma) -> Iterator[list[PageRange]]:
        """The pages that go, in groups that reach over a step's pages each."""
        every, rng = self.params.one_in, self.context.rng
        step = -(-step_pages(vma.pages) // every) * every
        for low in range(0, vma.pages, step):
            span = range(low, min(low + step, vma.pages))
            if self.params.random:
                yield [(page, page + 1) for page in span if not rng.randrange(every)]
            else:
                yield [(page, page + 1) for page in span[::every]]
