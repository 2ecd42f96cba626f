"""The OOM killer: when nothing more can be reclaimed, the process that holds most is killed.

As mm/oom_kill.c of Linux 6.18: badness is resident pages, swap and page-table pages; of equals
the youngest goes. A victim exits at once. If it is the very process that needs memory, it cannot
go in the middle of what it does: it is marked, its request fails, and it exits when the failed
operation has been undone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from memtui.machine import costs
from memtui.machine.core import Core, Severity
from memtui.machine.errors import MachineStopped, OutOfMemory
from memtui.units import format_count, format_frames, kb_of_frames

if TYPE_CHECKING:
    from memtui.machine.process import Process


T = TypeVar("T")

LEAKED: Final = "Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF"
"""What the kernel says of a page fault that failed and killed nobody; it is rate-limited."""
MAX_FAULT_RETRIES: Final = 100
"""Linux would try for ever; a person would end the program by then."""


class Killed(OutOfMemory):
    """The process was killed by the OOM killer while it did this, and has exited."""


class Program(ABC):
    """A program that is no `Process` here, for all that matters of it is one kind of memory it holds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.killed = False
        """The OOM killer chose it."""

    def __str__(self) -> str:
        return self.name

    @property
    @abstractmethod
    def memory_pages(self) -> int:
        """Pages it has mapped."""

    @property
    @abstractmethod
    def table_pages(self) -> int:
        """Its page tables."""

    @abstractmethod
    def held(self) -> str:
        """What it has, in words: `4.00 MiB of secret memory`."""

    def exit(self) -> None:
        """Ends it; what it held has been given back by then."""
        self.alive = False


def badness(victim: Process | Program) -> int:
    """How much memory killing a process gives back, in pages (`oom_badness`; there is no swap)."""
    if isinstance(victim, Program):
        return victim.memory_pages + victim.table_pages
    return victim.rss_pages + victim.shared_pages + victim.tables.frames


class OomKiller:
    """Chooses and ends victims; the page allocator asks it when all else has failed."""

    def __init__(self, core: Core, candidates: Callable[[], Iterable[Process]], end: Callable[[Process], None]) -> None:
        self._core = core
        self._candidates = candidates
        self._end = end
        self._programs: dict[Program, None] = {}
        """Programs that are no processes here, and have something to give."""
        self.current: Process | Program | None = None
        """The process on whose behalf memory is being asked for."""
        self.nothing_left = False
        """When last asked, no process was left to kill: Linux panics."""

    def kill(self) -> bool:
        """Kills one process (`out_of_memory`). False if that frees nothing now: nobody is left, or it is the caller.

        One that is exiting already is not killed but waited for (`task_will_free_mem`).
        """
        victim: Process | Program | None = None
        candidates: list[Process | Program] = [*self._candidates(), *self._programs]
        for candidate in candidates:
            if victim is None or badness(candidate) >= badness(victim):
                victim = candidate
        self.nothing_left = victim is None
        if victim is None or victim.killed:
            return False
        if not victim.alive:
            self._finish(victim)
            return True
        victim.killed = True
        self._core.meter.charge(costs.OOM_KILL)
        self._core.vm_events["oom_kill"] += 1
        self._report(victim)
        if victim is self.current:
            return False
        self._finish(victim)
        return True

    def enter(self, program: Program) -> None:
        """A program that has something to give may be chosen from now on."""
        self._programs[program] = None

    def leave(self, program: Program) -> None:
        """It has nothing any more."""
        self._programs.pop(program, None)

    def kill_program(self, who: str, held_frames: int) -> None:
        """Kills the asking program where it is no `Process` here: a writer, a holder of secret memory.

        By then every process has been killed for it, so it is the victim that is left; but nobody is
        where allocations fail on purpose.
        """
        if self._core.allocator.spoilt:
            return
        self._core.meter.charge(costs.OOM_KILL)
        self._core.vm_events["oom_kill"] += 1
        held = f": {format_frames(held_frames)} of its own" if held_frames else ""
        self._core.log(f"Out of memory: killed {who}{held}", Severity.BAD, "oom")

    def raise_if_stopped(self) -> None:
        """Raises MachineStopped if there was nobody left to kill."""
        if self.nothing_left:
            raise MachineStopped("out of memory, and no process is left to kill")

    @contextmanager
    def running(self, process: Process | Program) -> Iterator[None]:
        """What happens inside is done by `process`. Raises Killed if it is the victim of the OOM killer.

        So it is even when what it did came to a good end without the memory it was killed for: the
        signal takes it on its way back to user space. A process that has ended can do nothing: Killed.
        """
        if not process.alive:
            raise Killed(f"{process} has ended")
        outer, self.current = self.current, process
        try:
            yield
        except OutOfMemory:
            if not process.killed:
                raise
        finally:
            self.current = outer
        if process.killed:
            self._finish(process)
            raise Killed(f"{process} was killed: out of memory")

    def faulting(self, serve: Callable[[], T]) -> T:
        """Page faults: one that gets no memory and kills nobody is tried again (`pagefault_out_of_memory`).

        That comes of fault injection alone. Raises OutOfMemory when it gets nowhere.
        """
        allocator = self._core.allocator
        least, retries = allocator.free_frames, 0
        while True:
            spoilt = allocator.spoilt
            try:
                return serve()
            except OutOfMemory:
                if allocator.spoilt == spoilt or (self.current is not None and self.current.killed):
                    raise
            if not retries:
                self._core.log(LEAKED, Severity.NOTICE, "oom")
            retries = retries + 1 if allocator.free_frames >= least else 1
            least = min(least, allocator.free_frames)
            if retries > MAX_FAULT_RETRIES:
                raise OutOfMemory("a page fault gets no memory however often it is tried")

    def _finish(self, victim: Process | Program) -> None:
        if isinstance(victim, Program):
            victim.exit()
        else:
            self._end(victim)

    def _report(self, victim: Process | Program) -> None:
        """Says who and how much, as `__oom_kill_process` does."""
        if isinstance(victim, Program):
            tables = format_count(kb_of_frames(victim.table_pages))
            text = f"Out of memory: killed {victim}: {victim.held()}, {tables} kB of page tables"
            self._core.log(text, Severity.BAD, "oom")
            return
        anon = format_frames(victim.rss_pages)
        shared = f", {format_frames(victim.shared_pages)} of tmpfs" if victim.shared_pages else ""
        tables = format_count(kb_of_frames(victim.tables.frames))
        text = f"Out of memory: killed process {victim}: {anon} of anonymous memory{shared}, {tables} kB of page tables"
        self._core.log(text, Severity.BAD, "oom")
