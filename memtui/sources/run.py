"""One run of a scenario: a machine as booted, and what has become of it so far."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

from memtui.engine.queue import Priority
from memtui.engine.scheduler import Scheduler
from memtui.machine.errors import MachineStopped
from memtui.machine.machine import Machine
from memtui.scenario.model import Entry, Scenario
from memtui.snapshot import MapRequest, Snapshot
from memtui.sources.entries import EntryRun, Stage
from memtui.sources.event_log import EventLog
from memtui.sources.expectations import Expectations, Outcome
from memtui.sources.extremes import Extremes

NO_MAPS = MapRequest()


class Abandoned(SystemExit):
    """Raised in the middle of an event by someone who cannot wait for its end; the code is the exit status for it."""


class Run:
    """Scenario, machine and clock together; plays one event at a time and never goes back.

    The run ends with the last event of its timeline and expectations, or at the scenario's
    `until`. Delayed work of the kernel (timers) does not keep it going.
    """

    def __init__(self, scenario: Scenario, seed: int, check_every_event: bool = False) -> None:
        """Boots the machine. Raises MachineStopped when it cannot boot."""
        self.scenario = scenario
        self.machine = Machine(scenario.machine)
        self.log = EventLog()
        self.expectations = Expectations(scenario.expectations)
        self.finished = False
        self.acted_ns = 0
        """When the last event was that was not delayed work of the kernel."""
        self._delayed = False
        """The event now played is delayed work."""
        self.stopped: str | None = None
        """Why the machine could not go on, in words; None while it can."""
        self.abandoned = False
        """Whether it was given up in the middle of an event; the machine then stands there."""
        self.position = 0
        """Events played so far; the one that ends a run at its `until` does not count, as nothing happens in it."""
        self._seen: Snapshot | None = None
        """How the machine looked when it was last looked at; None once anything has happened since."""
        self._check_every_event = check_every_event
        self._scheduler = Scheduler()
        self._stage = Stage(self.machine, self._scheduler, seed)
        self._entries = [EntryRun(index, entry, self._stage) for index, entry in enumerate(scenario.entries)]
        self.extremes = Extremes(self.machine.gauges)
        """What gauges were from event to event."""
        self._schedule()
        self._after_event()

    @property
    def now_ns(self) -> int:
        """The simulated time reached."""
        return self._scheduler.now_ns

    def next_ns(self) -> int | None:
        """When the next event is due; None when the run is over."""
        return None if self.finished else self._scheduler.next_ns()

    def step(self) -> None:
        """Plays exactly the next event. A machine that cannot go on ends the run and says why."""
        if self.finished:
            return
        self.position += 1
        core, due_ns = self.machine.core, self._scheduler.next_ns()
        core.now_ns, core.last_serial = due_ns or self.now_ns, self.log.last_serial
        self._delayed, self._seen = False, None
        try:
            self._scheduler.step()
            if not self._delayed:
                self.acted_ns = self.now_ns
        except MachineStopped as reason:
            self._stop(str(reason))
        else:
            self._after_event()
        finally:
            self._seen = None

    def inject(self, entry: Entry) -> None:
        """Adds an entry to the timeline of the run, behind all others; one that was over goes on.

        Raises ValueError for a time that is past.
        """
        added = EntryRun(len(self._entries), entry, self._stage)
        self.finished, self._seen = False, None
        added.schedule()
        self._entries.append(added)

    def abandon(self) -> None:
        """Ends the run in the middle of an event, as reading /proc in the middle of an operation would find it."""
        self.abandoned = self.finished = True
        self._seen = None
        self._take_events()

    def move_to(self, time_ns: int) -> None:
        """Sets the clock to a moment before which nothing is due."""
        if not self.finished:
            self._scheduler.move_to(time_ns)

    def snapshot(self, request: MapRequest = NO_MAPS, since: int = 0) -> Snapshot:
        """The machine now, with the events after the one of serial number `since`.

        Between two events of the machine nothing changes but the time, so it is looked at once.
        """
        if self._seen is None or self._seen.request != request:
            self._seen = self._look(request)
        return replace(self._seen, time_ns=self.now_ns, events=self.log.since(since))

    def _look(self, request: MapRequest) -> Snapshot:
        seen = self.machine.observe(request)
        return Snapshot(
            time_ns=self.now_ns,
            counters=seen.counters,
            latencies=seen.latencies,
            derived={**seen.derived, "sim_stopped": int(self.stopped is not None)},
            zones=seen.zones,
            owners=seen.owners,
            vmemmap=seen.vmemmap,
            tlb=seen.tlb,
            workloads=tuple(entry.view() for entry in self._entries),
            direct_map_cells=seen.direct_map_cells,
            vmemmap_cells=seen.vmemmap_cells,
            policy_state=seen.policy_state,
            split_causes=seen.split_causes,
            slabs=seen.slabs,
            zone_details=seen.zone_details,
            frame=seen.frame,
            struct_pages=seen.struct_pages,
            direct_map_strips=seen.direct_map_strips,
            vmemmap_strips=seen.vmemmap_strips,
            places=seen.places,
            vmemmap_costs=seen.vmemmap_costs,
            finished=self.finished,
            failed_expectations=len(self.expectations.failed()),
            expectations=len(self.scenario.expectations),
            request=request,
            position=self.position,
        )

    def _schedule(self) -> None:
        for entry in self._entries:
            entry.schedule()
        for at_ns in self.expectations.times_ns():
            self._scheduler.start(self._expect(at_ns), Priority.EXPECTATION, at_ns=at_ns)
        if self.scenario.until_ns is not None:
            self._scheduler.start(self._until(), Priority.END, at_ns=self.scenario.until_ns)

    def _after_event(self) -> None:
        self.extremes.note()
        self._take_events()
        for delay_ns, work in self.machine.pop_timers():
            self._scheduler.start(self._kernel_work(work), Priority.KERNEL, at_ns=self.now_ns + delay_ns)
        if self._check_every_event:
            self.machine.check()
        if not self.finished and self._scheduler.foreground == 0:
            self._finish()

    def _take_events(self) -> None:
        for event in self.machine.drain_events():
            self.log.add(self.now_ns, event.source, event.text, event.severity)

    def _kernel_work(self, work: Callable[[], None]) -> Generator[int, None, None]:
        """Work the kernel put off. It runs on some other CPU: nobody waits for the time it takes."""
        self._delayed = True
        self.machine.core.act("kworker")
        with self.machine.core.meter.background():
            work()
        yield from ()

    def _expect(self, at_ns: int) -> Generator[int, None, None]:
        self._report(self.expectations.check(self.snapshot(since=self.log.last_serial), at_ns))
        yield from ()

    def _until(self) -> Generator[int, None, None]:
        self.position -= 1
        self._finish()
        yield from ()

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        self._take_events()
        self.log.add(self.now_ns, "machine", f"the machine cannot go on: {reason}", "bad")
        self._finish()

    def _finish(self) -> None:
        self.finished = True
        self._report(self.expectations.check(self.snapshot(since=self.log.last_serial), None))
        self._report(self.expectations.give_up(self.now_ns))

    def _report(self, outcomes: list[Outcome]) -> None:
        self._seen = None
        for outcome in outcomes:
            if not outcome.passed:
                self.log.add(self.now_ns, "expect", str(outcome), "bad")
