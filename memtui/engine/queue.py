"""The event queue: generators in order of simulated time.

A heap of (time, priority, rank, serial) carries generators that yield the nanoseconds to wait
before they go on. Ties are broken by priority, then by rank, then by who was scheduled first:
never by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final


class Priority(IntEnum):
    """Who goes first of those due at one moment."""

    KERNEL = 0
    """Delayed work of the kernel itself."""
    TIMELINE = 1
    """Entries of the timeline beginning; ranked by their place in the file."""
    ACTIVITY = 2
    """Activities going on."""
    EXPECTATION = 3
    """What is expected at a moment is checked when all else of that moment is done."""
    END = 4
    """The end of the run."""


_KERNEL: Final = Priority.KERNEL
"""Looked up once: a million events a second ask for it."""


@dataclass(slots=True, eq=False)
class Process:
    """A generator on its way through simulated time; it waits in the queue at most once."""

    steps: Generator[int, None, None]
    """Yields simulated nanoseconds to wait before it is resumed."""
    priority: Priority
    rank: int = 0
    """Order among processes of one priority that are due at one moment."""
    on_done: Callable[[], None] | None = None
    """Called when the generator has come to its end, not when it was cancelled."""
    due_ns: int | None = field(default=None, init=False)
    """When it goes on while it waits in the queue; the queue's own note."""


class EventQueue:
    """What is due when. Nothing in it happens by itself: `pop` hands out the next process."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, int, Process]] = []
        self._serial = 0
        self._foreground = 0

    @property
    def foreground(self) -> int:
        """How many processes wait that are not the kernel's own delayed work."""
        return self._foreground

    def schedule(self, time_ns: int, process: Process) -> None:
        """Lets `process` go on at `time_ns`."""
        self._serial += 1
        process.due_ns = time_ns
        priority = process.priority
        self._foreground += priority is not _KERNEL
        heappush(self._heap, (time_ns, priority, process.rank, self._serial, process))

    def cancel(self, process: Process) -> None:
        """Ends `process` where it stands: what it did stays done, and it is never resumed."""
        if process.due_ns is not None:
            process.due_ns = None
            self._foreground -= process.priority is not _KERNEL
        process.steps.close()

    def next_ns(self) -> int | None:
        """When the next process is due, or None when none is."""
        while self._heap and self._heap[0][4].due_ns is None:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self) -> tuple[int, Process] | None:
        """Takes out the process that is due next, with its time; None when none is."""
        while self._heap:
            time_ns, priority, _, _, process = heappop(self._heap)
            if process.due_ns is not None:
                process.due_ns = None
                self._foreground -= priority is not _KERNEL
                return time_ns, process
        return None
