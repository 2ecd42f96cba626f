"""Plays a scenario without a screen, as fast as it can, and keeps what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memtui.scenario.model import Scenario
from memtui.sources.result import Result, nanoseconds
from memtui.sources.samples import NO_MAPS, check_interval, sample
from memtui.sources.simulation import Simulation

FOREVER_NS: Final = 1 << 62
"""A simulated moment no run reaches: 146 years."""

Watch = Callable[[int], bool]
"""Called after each event with the simulated time in nanoseconds; says True to stop playing there."""


def simulate(
    scenario: Scenario,
    seed: int | None = None,
    until: str | int | None = None,
    *,
    interval: str | int | None = None,
    watch: Watch | None = None,
    check_every_event: bool = False,
) -> Result:
    """Plays a scenario to its end, or to the simulated time `until`, whichever comes first.

    `seed` takes the place of the scenario's own. Times are written `"2s"`, or are nanoseconds.
    With `interval` a row of figures is kept at time zero, at every multiple of it and at the
    end. With `check_every_event` the machine proves its laws after each event, which is slow.
    Raises MachineStopped when the machine cannot boot, ValueError for what is no time, and
    BadInterval when an interval is too short for the run.
    """
    until_ns = None if until is None else nanoseconds(until)
    interval_ns = None if interval is None else nanoseconds(interval)
    simulation = Simulation(scenario, seed, check_every_event=check_every_event)
    return play(simulation, until_ns=until_ns, interval_ns=interval_ns, watch=watch)


def play(
    simulation: Simulation,
    *,
    until_ns: int | None = None,
    interval_ns: int | None = None,
    watch: Watch | None = None,
) -> Result:
    """Plays a simulation from where it stands; times and errors as in `simulate`.

    A run that `watch` stopped, or that was left by `Abandoned`, gives a result that is `interrupted`.
    """
    limit_ns = FOREVER_NS if until_ns is None else until_ns
    interrupted = False

    def halt() -> bool:
        nonlocal interrupted
        interrupted = watch is not None and watch(simulation.now_ns)
        return interrupted

    before = simulation.snapshot(NO_MAPS)
    if interval_ns is None:
        simulation.advance(limit_ns, halt)
        return Result(simulation, before, simulation.snapshot(NO_MAPS), interrupted=interrupted)
    check_interval(interval_ns, min(limit_ns, simulation.planned_ns))
    samples, after = sample(simulation, interval_ns, limit_ns, halt)
    return Result(simulation, before, after, samples, interrupted=interrupted)
