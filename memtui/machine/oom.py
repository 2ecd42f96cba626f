"""The OOM killer: when nothing more can be reclaimed, the process that holds most is killed.

As mm/oom_kill.c of Linux 6.18: badness is resident pages, swap and page-table pages; of equals
the youngest goes. A victim exits at once. If it is the very process that needs memory, it cannot
go in the middle of what it does: it is marked, its request fails, and it exits when the failed
operation has been undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memtui.machine import costs
from memtui.machine.core import Core, Severity
from memtui.machine.errors import MachineStopped, OutOfMemory
from memtui.units import format_count, format_frames, kb_of_frames

if TYPE_CHECKING:
    from memtui.machine.process import Process


class Killed(OutOfMemory):
    """The process was killed by the OOM killer while it did this, and has exited."""


def badness(process: Process) -> int:
    """How much memory killing a process gives back, in pages (`oom_badness`; there is no swap)."""
    return process.rss_pages + process.shared_pages + process.tables.frames


class OomKiller:
    """Chooses and ends victims; the page allocator asks it when all else has failed."""

    def __init__(self, core: Core, candidates: Callable[[], Iterable[Process]], end: Callable[[Process], None]) -> None:
        self._core = core
        self._candidates = candidates
        self._end = end
        self.current: Process | None = None
        """The process on whose behalf memory is being asked for."""
        self.nothing_left = False
        """When last asked, no process was left to kill: Linux panics."""

    def kill(self) -> bool:
        """Kills one process (`out_of_memory`). False if that frees nothing now: nobody is left, or it is the caller."""
        victim: Process | None = None
        for process in self._candidates():
            if victim is None or badness(process) >= badness(victim):
                victim = process
        self.nothing_left = victim is None
        if victim is None or victim.killed:
            return False
        victim.killed = True
        self._core.meter.charge(costs.OOM_KILL)
        self._core.vm_events["oom_kill"] += 1
        self._report(victim)
        if victim is self.current:
            return False
        self._end(victim)
        return True

    def kill_program(self, who: str, held_frames: int) -> None:
        """Kills the asking program where it is no `Process` here: a writer, a holder of secret memory.

        By then every process has been killed for it, so it is the victim that is left.
        """
        self._core.meter.charge(costs.OOM_KILL)
        self._core.vm_events["oom_kill"] += 1
        held = f": {format_frames(held_frames)} of its own" if held_frames else ""
        self._core.log(f"Out of memory: killed {who}{held}", Severity.BAD, "oom")

    def raise_if_stopped(self) -> None:
        """Raises MachineStopped if there was nobody left to kill."""
        if self.nothing_left:
            raise MachineStopped("out of memory, and no process is left to kill")

    @contextmanager
    def running(self, process: Process) -> Iterator[None]:
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
            self._end(process)
            raise Killed(f"{process} was killed: out of memory")

    def _report(self, victim: Process) -> None:
        """Says who and how much, as `__oom_kill_process` does."""
        anon = format_frames(victim.rss_pages)
        shared = f", {format_frames(victim.shared_pages)} of tmpfs" if victim.shared_pages else ""
        tables = format_count(kb_of_frames(victim.tables.frames))
        text = f"Out of memory: killed process {victim}: {anon} of anonymous memory{shared}, {tables} kB of page tables"
        self._core.log(text, Severity.BAD, "oom")
