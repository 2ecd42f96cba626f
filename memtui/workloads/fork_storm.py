"""`fork_storm`: a big process forks, and its children live for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from memtui.machine.anon_fault import Written
from memtui.machine.errors import OutOfMemory
from memtui.machine.oom import Killed
from memtui.machine.process import Process
from memtui.machine.vma import ThpAdvice
from memtui.units import DURATION_HINT, PPM, format_bytes, format_count, format_frames, frames_of
from memtui.workloads.anon import check_vmas
from memtui.workloads.base import Activity, Context, Steps
from memtui.workloads.params import MAX_TIME_NS, WRITTEN, Count, Duration, Params, PositiveSize, Share, read_duration
from memtui.workloads.program_memory import Lineage, Pace, Part, exit_all, front, map_vmas, spread, write_parts
from memtui.workloads.wording import plural

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

LOG_LINES: Final = 10
"""About how many lines of the log a storm's children get."""
FOREVER: Final = "forever"
"""What `hold` says when the children live until the entry's `end`."""


def _hold(value: Any, info: ValidationInfo) -> int | None:
    if value == FOREVER or (value is None and info.context is not WRITTEN):
        return None
    try:
        return read_duration(value, info)
    except ValueError as error:
        raise ValueError(f"{error}, or forever") from None


Hold = Annotated[
    Annotated[int, Field(ge=0, le=MAX_TIME_NS)] | None,
    BeforeValidator(_hold),
    WithJsonSchema(
        {"type": ["string", "integer"], "format": "duration", "description": f"{DURATION_HINT}, or forever"}
    ),
]
"""Nanoseconds, or None for `forever`."""


class ForkStormParams(Params):
    """One parent's memory, and the children that come of it."""

    parent: PositiveSize = Field(description="bytes the first process has touched before it forks")
    children: Count = Field(description="how many forks in all")
    shape: Literal["fan", "chain", "relay"] = Field(
        default="fan",
        description="fan: one parent forks all; chain: each child forks the next and all live; "
        "relay: each parent exits after forking",
    )
    vmas: Count = Field(default=1, description="VMAs the parent's memory is split into, evenly")
    thp: ThpAdvice = Field(default="never", description="huge pages for the parent's memory, as in anon")
    writes: Share = Field(default=0, description="share of the memory each child writes, and so copies")
    spacing: Duration = Field(default=0, description="time between two forks, beyond what a fork takes")
    hold: Hold = Field(
        default=0, description="how long all live after the last fork, then all exit; forever: until end"
    )

    @model_validator(mode="after")
    def _whole_pages(self) -> Self:
        check_vmas(self.parent, self.vmas)
        return self


class _Tally:
    """What children did since the last line of the log: about ten lines for a storm of any size."""

    def __init__(self, machine: Machine, children: int) -> None:
        self.written = Written()
        self.killed = 0
        self._machine = machine
        self._children = children
        self._batch = -(-children // LOG_LINES)
        self._objects: Counter[str] = Counter()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts the objects of reverse mapping that come and go inside, and nobody else's."""
        before = self._count()
        yield
        after = self._count()
        self._objects.update({name: after[name] - before[name] for name in after})

    def child_done(self, number: int) -> None:
        """Says what the children up to this one did, if it is time to."""
        if number % self._batch and number < self._children:
            return
        first = (number - 1) // self._batch * self._batch + 1
        who = f"child {format_count(number)}"
        if first < number:
            who = f"children {format_count(first)} to {format_count(number)}"
        changes = ", ".join(f"{name} {self._objects[name]:+d}" for name in self._count())
        self._machine.core.log(f"{who}: {self._words()}{changes}")
        self.written, self.killed, self._objects = Written(), 0, Counter()

    def _words(self) -> str:
        copied, split = self.written.copied_pages, self.written.split_leaves
        parts = [f"{format_count(copied)} {plural(copied, 'page')} copied"] if copied else []
        if split:
            parts.append(f"{format_count(split)} huge {plural(split, 'mapping')} split")
        if self.killed:
            parts.append(f"{format_count(self.killed)} killed")
        return "".join(f"{part}, " for part in parts)

    def _count(self) -> dict[str, int]:
        """Objects of reverse mapping there are now."""
        machine = self._machine
        return {name: machine.slabs.active(name) for name in machine.processes.memory.rmap.caches}


class ForkStorm(Activity[ForkStormParams]):
    """A parent touches its memory and is forked from, child by child."""

    action = "fork_storm"
    params_type = ForkStormParams

    def __init__(self, params: ForkStormParams, context: Context) -> None:
        super().__init__(params, context)
        self._processes: list[Process] = []
        """The parent first, then its children in order of birth."""
        self._writes: list[Part] = []
        """What each child writes."""
        frames = frames_of(params.parent)
        self._pace = Pace(frames + params.children * (frames * params.writes // PPM))
        self._tally = _Tally(self.machine, params.children)

    def start(self) -> Steps:
        """Touches, forks, and holds; with `hold: forever` the processes live until the entry's end."""
        try:
            yield from self._begin()
            yield from self._fork_all()
        except OutOfMemory as short:
            self.progress = "killed" if isinstance(short, Killed) else f"{self.progress}: out of memory"
        yield self.machine.take_ns()
        if self.params.hold is not None:
            yield self.params.hold
            yield from self.finish()

    def finish(self) -> Steps:
        """All that are left exit, the youngest first."""
        yield from exit_all(self.machine, [process for process in reversed(self._processes) if process.alive])
        self._processes.clear()

    @property
    def holds(self) -> bool:
        """Whether a process of the storm still lives."""
        return any(process.alive for process in self._processes)

    def _begin(self) -> Steps:
        """The first process and its memory."""
        params = self.params
        parent = self.machine.processes.spawn("fork_storm")
        self._processes.append(parent)
        vmas = map_vmas(parent, params.parent, params.vmas, params.thp)
        self._writes = spread([(vma.start, vma.end) for vma in vmas], params.writes)
        touched = 0
        for wrote in write_parts(parent, front(vmas, PPM)):
            touched += wrote.pages
            self.progress = f"{format_frames(touched)} of {format_bytes(params.parent)} touched"
            if self._pace.due(*wrote):
                yield self.machine.take_ns()
        huge = f", {format_count(parent.huge_pages)} huge pages" if parent.huge_pages else ""
        where = f"{format_bytes(params.parent)} in {format_count(params.vmas)} {plural(params.vmas, 'VMA')}"
        tables = format_frames(parent.tables.frames)
        self.machine.core.log(f"the parent has touched {where}{huge}, with {tables} of page tables")
        yield self.machine.take_ns()

    def _fork_all(self) -> Steps:
        """One fork after the other, as the shape says who forks; a forker that was killed ends the storm."""
        params = self.params
        lineage = Lineage(self.machine.processes, self._processes[0], params.shape)
        for number in range(1, params.children + 1):
            with self._tally.counting():
                child = lineage.fork(f"child {number}")
            self._processes.append(child)
            yield from self._write(child)
            self.progress = f"{format_count(number)} of {format_count(params.children)} children"
            with self._tally.counting():
                gone = lineage.pass_on(child)
            if gone is not None:
                self._processes.remove(gone)
            self._tally.child_done(number)
            yield self.machine.take_ns()
            if params.spacing and number < params.children:
                yield params.spacing

    def _write(self, child: Process) -> Steps:
        """A child writes its share; one that is killed over it is gone, and the storm goes on."""
        try:
            for wrote in write_parts(child, self._writes, self._tally.written):
                if self._pace.due(*wrote):
                    yield self.machine.take_ns()
        except Killed:
            self._tally.killed += 1
