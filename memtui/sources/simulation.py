"""A scenario as a source of Snapshots: engine, machine and workloads together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memtui.scenario.command import CommandError, label_of, parse_command
from memtui.scenario.completion import completions, usage
from memtui.scenario.model import Entry, Expectation, Place, Scenario
from memtui.scenario.tree import MapNode
from memtui.scenario.writing import as_yaml, with_entry
from memtui.snapshot import Event, MapRequest, RunInfo, Snapshot
from memtui.sources.expectations import Outcome
from memtui.sources.extremes import Extremes
from memtui.sources.run import Abandoned, Run


class Simulation:
    """Plays a scenario; a `Playable`.

    A run is its scenario and its seed and nothing else: whatever looks at it, at whatever
    speed, however often it is restarted, the same things happen at the same simulated times.
    """

    def __init__(self, scenario: Scenario, seed: int | None = None, *, check_every_event: bool = False) -> None:
        """Boots the scenario's machine; `seed` takes the place of the scenario's own.

        With `check_every_event` the machine proves its laws after each event, which is slow.
        Raises MachineStopped when the machine cannot boot.
        """
        self._adopt(scenario)
        self.seed = scenario.seed if seed is None else seed
        self._check_every_event = check_every_event
        self._run = self._boot()
        self._seen = 0

    @property
    def info(self) -> RunInfo:
        """Scenario, machine and seed; `end_ns` is when the run is planned to end, and once it is over when it did."""
        machine = self.scenario.machine
        return RunInfo(
            scenario=self.scenario.name,
            about=self.scenario.about,
            machine=machine.name,
            kernel=machine.kernel.version,
            nodes=machine.nodes,
            cpus=machine.cpu.count,
            ram_bytes=machine.ram_bytes,
            seed=self.seed,
            end_ns=self.now_ns if self.finished else max(self.planned_ns, self.now_ns),
            event_times_ns=self._entry_times_ns,
        )

    @property
    def now_ns(self) -> int:
        """The simulated time reached."""
        return self._run.now_ns

    @property
    def position(self) -> int:
        """How many events were played."""
        return self._run.position

    @property
    def finished(self) -> bool:
        """Whether the run is over."""
        return self._run.finished

    @property
    def stopped(self) -> str | None:
        """Why the machine could not go on, in words; None when it could."""
        return self._run.stopped

    @property
    def abandoned(self) -> bool:
        """Whether the run was given up in the middle of an event."""
        return self._run.abandoned

    @property
    def stop_expected(self) -> bool:
        """Whether the machine could not go on and the scenario expects just that (`sim_stopped: 1`)."""
        return self.stopped is not None and any(
            outcome.passed and outcome.expectation.counter == "sim_stopped" for outcome in self.outcomes
        )

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event so far that is kept, whoever has already seen it in a Snapshot."""
        return self._run.log.all()

    @property
    def events_dropped(self) -> int:
        """How many of the oldest events are no longer kept."""
        return self._run.log.dropped

    @property
    def extremes(self) -> Extremes:
        """What gauges were on the way."""
        return self._run.extremes

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of the scenario's expectations so far."""
        return self._run.expectations.outcomes()

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The expectations that were not met."""
        return self._run.expectations.failed()

    @property
    def not_reached(self) -> tuple[Expectation, ...]:
        """The expectations about which nothing is decided yet."""
        return self._run.expectations.not_reached()

    def again(self) -> Simulation:
        """The same run from its beginning, as a simulation of its own."""
        return Simulation(self.scenario, self.seed, check_every_event=self._check_every_event)

    def next_ns(self) -> int | None:
        """When the next event is due; None when the run is over."""
        return self._run.next_ns()

    def advance(self, until_ns: int, out_of_time: Callable[[], bool] | None = None) -> None:
        """Plays all that is due up to and at `until_ns` and sets the clock there, or at the end of the run.

        Asks `out_of_time()` after each event and, when it says so, stops early with the clock
        at the last event played. An event that is left by `Abandoned` is the last of the run.
        """
        run = self._run
        try:
            while (due_ns := run.next_ns()) is not None and due_ns <= until_ns:
                run.step()
                if out_of_time is not None and out_of_time():
                    return
        except Abandoned:
            run.abandon()
        run.move_to(until_ns)

    def step(self) -> None:
        """Plays exactly the next event."""
        self._run.step()

    def restart(self) -> None:
        """Boots the machine anew, at time zero."""
        self._run = self._boot()
        self._seen = 0

    @property
    def injectable(self) -> str:
        """Why no action can be injected now, in words; '' while one can."""
        if self.stopped is not None:
            return f"the machine cannot go on: {self.stopped}"
        return "the run was broken off" if self.abandoned else ""

    def inject(self, command: str) -> Entry:
        """Lets an action happen now, behind everything of this moment; it becomes part of the scenario.

        What it is played with from here on, `again` and `restart` included, is the scenario with
        that entry; one whose `until` has passed ends with its last event from then on. Raises
        CommandError with one line for a command that cannot be carried out.
        """
        if why := self.injectable:
            raise CommandError(why)
        entry, written = parse_command(command, self.now_ns + 1, self.scenario)
        over = self.scenario.until_ns is not None and self.now_ns >= self.scenario.until_ns
        self._adopt(
            replace(
                self.scenario,
                entries=(*self.scenario.entries, entry),
                document=with_entry(self.scenario.document or MapNode(Place("")), written),
                until_ns=None if over else self.scenario.until_ns,
            )
        )
        self._run.inject(entry)
        return entry

    def completions(self, text: str) -> list[str]:
        """Whole commands that the beginning of one can go on to."""
        return completions(text, self.scenario)

    def usage(self, text: str) -> str:
        """What the action of a command takes, in one line; '' while it names none."""
        words = text[label_of(text)[1] :].split()
        return usage(words[0]) if words else ""

    def as_scenario(self) -> str:
        """The scenario with all that was injected, as YAML that plays the same again."""
        return as_yaml(self.scenario, self.seed)

    def check(self) -> None:
        """Proves the machine's laws as it is now. Raises FrameStateError with the one that is broken."""
        self._run.machine.check()

    def move_to(self, time_ns: int) -> None:
        """Sets the clock to a moment before which nothing is due."""
        self._run.move_to(time_ns)

    def snapshot(self, request: MapRequest, *, events: bool = True) -> Snapshot:
        """The machine now, with the events since the Snapshot before, or without any."""
        if not events:
            return self._run.snapshot(request, since=self._run.log.last_serial)
        taken = self._run.snapshot(request, since=self._seen)
        self._seen = self._run.log.last_serial
        return taken

    def _adopt(self, scenario: Scenario) -> None:
        """Makes it the scenario that is played; what all frames ask of it is worked out once."""
        self.scenario = scenario
        begins = [entry.at_ns + entry.every_ns * (entry.times - 1) for entry in scenario.entries]
        checks = [expectation.at_ns or 0 for expectation in scenario.expectations]
        self.planned_ns = max([0, *begins, *checks]) if scenario.until_ns is None else scenario.until_ns
        """The scenario's end where it says so, or when the last thing it plans begins; a run may take longer."""
        self._entry_times_ns = tuple(sorted({entry.at_ns for entry in scenario.entries}))

    def _boot(self) -> Run:
        return Run(self.scenario, self.seed, self._check_every_event)
