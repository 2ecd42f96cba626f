"""The timeline's entries on their way: occurrences that begin, activities that live, labels that end."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import Any, Final

from memtui.engine.queue import Priority, Process
from memtui.engine.scheduler import Scheduler
from memtui.machine.core import Severity
from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.machine.machine import Machine
from memtui.scenario.model import Entry
from memtui.snapshot import WorkloadView
from memtui.units import MS, format_count
from memtui.workloads.base import Activity, Context, Steps
from memtui.workloads.end import EndParams
from memtui.workloads.registry import activity_type

AnyActivity = Activity[Any]

IDLE_NS: Final = MS
"""After so long without anything the caches of an idle machine hold something else."""


class Stage:
    """What the entries of a run share: the machine they act on, the clock, the seed, and who has which label."""

    def __init__(self, machine: Machine, scheduler: Scheduler, seed: int) -> None:
        self.machine = machine
        self.scheduler = scheduler
        self.seed = seed
        self._places = 0
        self._busy_until_ns = -IDLE_NS
        """When the last of what anybody did is over."""
        self._labelled: dict[str, list[EntryRun]] = {}

    def join(self, run: EntryRun) -> None:
        """Lets the entry be found under its label."""
        if run.entry.label is not None:
            self._labelled.setdefault(run.entry.label, []).append(run)

    def next_place(self) -> int:
        """The place of an activity among all that began, from 1."""
        self._places += 1
        return self._places

    def release(self, label: str) -> list[AnyActivity]:
        """Takes everything alive under the label out of its entries, the last begun first."""
        found = [pair for run in self._labelled.get(label, ()) for pair in run.release()]
        return [activity for _, activity in sorted(found, key=lambda pair: pair[0], reverse=True)]

    def play(self, action: str, entry: str, steps: Steps) -> Generator[int, None, None]:
        """The steps of an activity, with its action as the cause of what happens.

        Running out of memory or space ends them, with an event.
        """
        try:
            while True:
                self.machine.core.act(action, entry)
                now_ns = self.scheduler.now_ns
                if now_ns - self._busy_until_ns >= IDLE_NS:
                    self.machine.core.meter.rest()
                try:
                    delay_ns = next(steps)
                except StopIteration:
                    return
                except (OutOfMemory, NoSpace) as refused:
                    self.machine.core.log(f"gives up: {refused}", Severity.BAD)
                    yield self.machine.take_ns()
                    return
                self._busy_until_ns = max(self._busy_until_ns, now_ns + delay_ns)
                yield delay_ns
        finally:
            close = getattr(steps, "close", None)
            if close is not None:
                close()


class EntryRun:
    """One entry of the timeline in one run."""

    def __init__(self, index: int, entry: Entry, stage: Stage) -> None:
        self.entry = entry
        self.name = entry_name(entry)
        self._index = index
        self._stage = stage
        self._begun = 0
        self._working: dict[int, Process] = {}
        self._living: dict[int, AnyActivity] = {}
        self._said = ""
        self._last: AnyActivity | None = None
        self._occurrences: Process | None = None
        stage.join(self)

    def schedule(self) -> None:
        """Queues the first occurrence; each queues the next, so that a million of them cost nothing ahead."""
        self._occurrences = self._stage.scheduler.start(
            self._occur(), Priority.TIMELINE, at_ns=self.entry.at_ns, rank=self._index
        )

    def release(self) -> list[tuple[int, AnyActivity]]:
        """Gives up all that lives, with its place; what is still at work stops where it is."""
        for process in self._working.values():
            self._stage.scheduler.cancel(process)
        self._working.clear()
        released = list(self._living.items())
        self._living.clear()
        return released

    def view(self) -> WorkloadView:
        """The entry as one line of the list of what runs."""
        return WorkloadView(self.name, self._state(), self._progress(), self._next_ns())

    def _occur(self) -> Generator[int, None, None]:
        while True:
            self._begun += 1
            self._begin(self._stage.next_place())
            if self._begun >= self.entry.times:
                return
            yield self.entry.every_ns

    def _begin(self, place: int) -> None:
        params = self.entry.params
        if isinstance(params, EndParams):
            self._work(place, self._end(params.label))
            return
        rng = random.Random(f"{self._stage.seed}/{self._index}/{self._begun}")
        activity = activity_type(self.entry.action)(params, Context(self._stage.machine, rng, self.name))
        self._last = self._living[place] = activity
        self._work(place, activity.start(), lambda: self._started(place))

    def _work(self, place: int, steps: Steps, on_done: Callable[[], None] | None = None) -> None:
        def done() -> None:
            self._working.pop(place, None)
            if on_done is not None:
                on_done()

        process = self._stage.scheduler.begin(
            self._stage.play(self.entry.action, self.name, steps), Priority.ACTIVITY, on_done=done
        )
        if process.due_ns is not None:
            self._working[place] = process

    def _started(self, place: int) -> None:
        if not self._living[place].holds:
            del self._living[place]

    def _end(self, label: str) -> Steps:
        """Finishes everything made under the label so far, last first; later occurrences make anew."""
        activities = self._stage.release(label)
        if not activities:
            self._stage.machine.core.log(f"nothing made under {label} is left to end", Severity.NOTICE)
        for number, activity in enumerate(activities, 1):
            self._said = f"{format_count(number)} of {format_count(len(activities))}"
            yield from activity.finish()

    def _state(self) -> str:
        if self._begun == 0:
            return "waiting"
        if self._working or self._begun < self.entry.times:
            return "running"
        return "holding" if self._living else "done"

    def _progress(self) -> str:
        said = self._said if self._last is None else self._last.progress
        if self.entry.times == 1 or self._begun == 0:
            return said
        count = f"{format_count(self._begun)} of {format_count(self.entry.times)}"
        return f"{count}, {said}" if said else count

    def _next_ns(self) -> int:
        waiting = [*self._working.values(), *([self._occurrences] if self._occurrences else [])]
        return min((process.due_ns for process in waiting if process.due_ns is not None), default=-1)


def entry_name(entry: Entry) -> str:
    """How the list of what runs calls an entry: its action, and its label where it has one."""
    label = entry.params.label if isinstance(entry.params, EndParams) else entry.label
    return f"{entry.action} {label}" if label else entry.action
