"""What came of a run: the last figures, the events, the expectations, and any moment in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from memtui.scenario.model import Expectation
from memtui.snapshot import Event, RunInfo, Snapshot
from memtui.sources.expectations import Outcome
from memtui.sources.samples import NO_MAPS, Samples, check_interval, sample
from memtui.sources.simulation import Simulation
from memtui.units import parse_duration

SERIES_ROWS: Final = 200
"""Intervals of `Result.series` when none is asked for."""


class Result:
    """The outcome of one run. Moments other than the end are played again, which gives them exactly."""

    def __init__(
        self,
        simulation: Simulation,
        before: Snapshot,
        after: Snapshot,
        samples: Samples | None = None,
        *,
        interrupted: bool = False,
    ) -> None:
        self.info: RunInfo = simulation.info
        """Scenario, machine and seed."""
        self.before = before
        """The machine as booted."""
        self.after = after
        """The machine at the end of the run, or where playing stopped."""
        self.samples = samples
        """The series that was asked for, if one was."""
        self.on_the_way = tuple(simulation.extremes.beyond(before.counters, after.counters))
        """Gauges that were below or above both ends of the run: name, least and most."""
        self.events: tuple[Event, ...] = simulation.events
        """Everything that happened, oldest first."""
        self.events_dropped = simulation.events_dropped
        """How many of the oldest events are no longer kept."""
        self.outcomes: tuple[Outcome, ...] = simulation.outcomes
        """What became of each expectation that was reached."""
        self.not_reached: tuple[Expectation, ...] = simulation.not_reached
        """The expectations the run did not get to, because it was stopped before: neither met nor failed."""
        self.interrupted = interrupted or simulation.abandoned
        """Whether someone stopped it before it came to its end, or to the moment it was asked to stop at."""
        self.abandoned = simulation.abandoned
        """Whether that was in the middle of an event: `after` then is the machine as it stood there."""
        self.stopped = simulation.stopped
        """Why the machine could not go on, in words; None when it could."""
        self.stop_expected = simulation.stop_expected
        """Whether the scenario expects the machine to stop, and it did."""
        self._simulation = simulation
        self._replay: Simulation | None = None
        self._sampled: tuple[int, Samples] | None = None

    @property
    def simulated_ns(self) -> int:
        """The simulated time played."""
        return self.after.time_ns

    @property
    def counters(self) -> Mapping[str, int]:
        """Linux's counters at the end, in Linux's units."""
        return self.after.counters

    @property
    def derived(self) -> Mapping[str, int | float]:
        """Our own figures at the end, each with its unit in its name."""
        return self.after.derived

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The expectations that were not met; empty when all is well."""
        return tuple(outcome for outcome in self.outcomes if not outcome.passed)

    def at(self, time: str | int) -> Snapshot:
        """The machine at a simulated time (`"2s"`, or nanoseconds), after all that happens at that moment.

        The run is played again to that moment, which determinism makes exact; asking in order
        of time plays it once. A time after the end gives the end.
        Raises ValueError for what is no time, or a time below zero.
        """
        time_ns = nanoseconds(time)
        if time_ns >= self.after.time_ns:
            return self.after
        if self._replay is None or self._replay.now_ns > time_ns:
            self._replay = self._simulation.again()
        self._replay.advance(time_ns)
        return self._replay.snapshot(NO_MAPS)

    def series(self, name: str, interval: str | int | None = None) -> tuple[tuple[int, ...], tuple[int | float, ...]]:
        """Times in nanoseconds and values of one figure over the run, time zero and the end included.

        `interval` is a simulated time (`"10ms"`, or nanoseconds). Without it the rows are those
        the run was sampled with, or else 200 intervals. Raises KeyError for a figure the
        machine does not have, ValueError for an interval that makes no series.
        """
        samples = self.samples
        if interval is not None or samples is None:
            samples = self._sample(self._default_ns() if interval is None else nanoseconds(interval))
        column = samples.column(name)
        if column is None:
            raise KeyError(f"this machine has no counter named {name}")
        return tuple(samples.times_ns), tuple(column)

    def _default_ns(self) -> int:
        return max(1, -(-self.after.time_ns // SERIES_ROWS))

    def _sample(self, interval_ns: int) -> Samples:
        if self._sampled is None or self._sampled[0] != interval_ns:
            check_interval(interval_ns, self.after.time_ns)
            self._sampled = (interval_ns, sample(self._simulation.again(), interval_ns, self.after.time_ns)[0])
        return self._sampled[1]


def nanoseconds(time: str | int) -> int:
    """A simulated time as people write it, or in nanoseconds already. Raises ValueError for what is none."""
    if isinstance(time, str):
        return parse_duration(time)
    if time < 0:
        raise ValueError(f"{time} ns is before the run")
    return time
