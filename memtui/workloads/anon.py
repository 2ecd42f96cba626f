"""`anon`: processes with private anonymous memory, which exit at the entry's `end`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory
from memtui.machine.oom import Killed
from memtui.machine.process import Process
from memtui.machine.vma import ThpAdvice
from memtui.units import PPM, format_bytes, format_count, format_frames, frames_of
from memtui.workloads.base import Activity, Context, Steps
from memtui.workloads.params import Count, Params, PositiveSize, Share
from memtui.workloads.program_memory import Pace, exit_all, front, map_vmas, write_parts
from memtui.workloads.wording import MAX_STEPS, plural


def check_vmas(size_bytes: int, vmas: int) -> None:
    """Raises ValueError unless every VMA gets a page at least."""
    pages = frames_of(size_bytes)
    if vmas > pages:
        raise ValueError(f"{vmas} VMAs need a page each and there are {pages}; expected fewer vmas or more memory")


class AnonParams(Params):
    """Processes that map and touch anonymous memory, all alike."""

    size: PositiveSize = Field(description="bytes each process maps, over all of its VMAs")
    processes: Count = Field(default=1, description="how many processes")
    vmas: Count = Field(default=1, description="VMAs of each process; they share the size evenly")
    thp: ThpAdvice = Field(
        default="never",
        description="never: no huge pages; madvise: MADV_HUGEPAGE, eligible unless the kernel says never; "
        "always: as the kernel's thp setting decides",
    )
    touch: Share = Field(default=PPM, description="share of each VMA that is written once, from its start")
    rewrite: int = Field(
        default=0, ge=0, le=1000, description="how many times what was touched is written over once more"
    )

    @model_validator(mode="after")
    def _whole_pages(self) -> Self:
        check_vmas(self.size, self.vmas)
        return self


class Anon(Activity[AnonParams]):
    """Starts processes one after the other; each maps its memory and writes it."""

    action = "anon"
    params_type = AnonParams

    def __init__(self, params: AnonParams, context: Context) -> None:
        super().__init__(params, context)
        self._processes: list[Process] = []
        self._pace = Pace(params.processes * (1 + params.rewrite) * (frames_of(params.size) * params.touch // PPM))

    def start(self) -> Steps:
        """Runs them all; one that finds no memory is gone, and the next has its turn."""
        count = self.params.processes
        batch = max(1, count // MAX_STEPS)
        for number in range(1, count + 1):
            try:
                process = self.machine.processes.spawn(f"anon {number}")
            except OutOfMemory:
                continue
            self._processes.append(process)
            try:
                yield from self._fill(process, number)
            except Killed:
                self.progress = f"process {format_count(number)} of {format_count(count)} killed"
            except OutOfMemory as short:
                self.machine.processes.exit(process)
                self.machine.core.log(f"process {process} exits: {short}", Severity.BAD)
            if number % batch == 0:
                yield self.machine.take_ns()
        yield self.machine.take_ns()
        self._report()

    def finish(self) -> Steps:
        """All that are left exit."""
        yield from exit_all(self.machine, [process for process in self._processes if process.alive])
        self._processes.clear()
        self.progress = "exited"

    @property
    def holds(self) -> bool:
        """Whether a process still lives."""
        return any(process.alive for process in self._processes)

    def _fill(self, process: Process, number: int) -> Steps:
        """One process maps its memory, writes it once and then over again."""
        params = self.params
        parts = front(map_vmas(process, params.size, params.vmas, params.thp), params.touch)
        which = f"process {format_count(number)} of {format_count(params.processes)}: " if params.processes > 1 else ""
        for round_number in range(1 + params.rewrite):
            verb = "touched" if round_number == 0 else f"rewritten, round {round_number} of {params.rewrite}"
            written = 0
            for wrote in write_parts(process, parts):
                written += wrote.pages
                self.progress = f"{which}{format_frames(written)} of {format_bytes(params.size)} {verb}"
                if self._pace.due(*wrote):
                    yield self.machine.take_ns()

    def _report(self) -> None:
        """Says what lives now."""
        alive = [process for process in self._processes if process.alive]
        if not alive:
            self.machine.core.log("no process is left", Severity.BAD)
            return
        count, huge = len(alive), sum(process.huge_pages for process in alive)
        held = format_frames(sum(process.rss_pages for process in alive))
        pages = f"{format_count(huge)} huge {plural(huge, 'page')}" if huge else "no huge pages"
        self.machine.core.log(
            f"{format_count(count)} {plural(count, 'process')} with {held} of anonymous memory, {pages}"
        )
