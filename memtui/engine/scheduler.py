"""Simulated time: a clock in integer nanoseconds that jumps from one due event to the next."""

from __future__ import annotations

from collections.abc import Callable, Generator

from memtui.engine.queue import EventQueue, Priority, Process


class Scheduler:
    """A clock and its queue. One event is one resumption of one process; all happens in `step`."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._queue = EventQueue()

    @property
    def foreground(self) -> int:
        """How many processes wait that are not the kernel's own delayed work."""
        return self._queue.foreground

    def start(
        self,
        steps: Generator[int, None, None],
        priority: Priority,
        *,
        at_ns: int | None = None,
        rank: int = 0,
        on_done: Callable[[], None] | None = None,
    ) -> Process:
        """Queues a generator; its first part runs at `at_ns`, or at this moment after all that is due before it.

        Raises ValueError for a time that is past.
        """
        time_ns = self.now_ns if at_ns is None else at_ns
        if time_ns < self.now_ns:
            raise ValueError(f"cannot schedule at {time_ns} ns: the clock stands at {self.now_ns} ns")
        process = Process(steps, priority, rank, on_done)
        self._queue.schedule(time_ns, process)
        return process

    def begin(
        self,
        steps: Generator[int, None, None],
        priority: Priority,
        *,
        on_done: Callable[[], None] | None = None,
    ) -> Process:
        """Runs the first part of a generator at once, within the event now played, and queues what follows."""
        process = Process(steps, priority, on_done=on_done)
        self._resume(process)
        return process

    def cancel(self, process: Process) -> None:
        """Ends a process where it stands; what it did stays done."""
        self._queue.cancel(process)

    def next_ns(self) -> int | None:
        """When the next event is due, or None when nothing is."""
        return self._queue.next_ns()

    def step(self) -> bool:
        """Moves the clock to the next event and plays it; False when nothing is due.

        What the process raises comes through, and the process is not resumed again.
        """
        due = self._queue.pop()
        if due is None:
            return False
        self.now_ns, process = due
        self._resume(process)
        return True

    def move_to(self, time_ns: int) -> None:
        """Sets the clock to a moment before which nothing is due; never backwards."""
        self.now_ns = max(self.now_ns, time_ns)

    def _resume(self, process: Process) -> None:
        try:
            delay_ns = next(process.steps)
        except StopIteration:
            if process.on_done is not None:
                process.on_done()
            return
        if delay_ns < 0:
            raise ValueError(f"a process asked to wait {delay_ns} ns")
        self._queue.schedule(self.now_ns + delay_ns, process)
