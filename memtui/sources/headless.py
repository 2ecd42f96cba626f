"""Plays a simulation without a screen, as fast as it can, and keeps what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memtui.sources.result import Result
from memtui.sources.samples import NO_MAPS, check_interval, sample
from memtui.sources.simulation import Simulation

FOREVER_NS: Final = 1 << 62
"""A simulated moment no run reaches: 146 years."""


def play(
    simulation: Simulation,
    *,
    until_ns: int | None = None,
    interval_ns: int | None = None,
    interrupted: Callable[[], bool] | None = None,
) -> Result:
    """Plays to the end of the run or to `until_ns`, whichever comes first.

    With `interval_ns` a row of figures is kept at time zero, at every multiple of it, and at
    the end. `interrupted()` is asked after each event; when it says so, playing stops there.
    Raises BadInterval when the interval is too short for the run.
    """
    limit_ns = FOREVER_NS if until_ns is None else until_ns
    before = simulation.snapshot(NO_MAPS)
    if interval_ns is None:
        simulation.advance(limit_ns, interrupted)
        return Result(simulation, before, simulation.snapshot(NO_MAPS))
    check_interval(interval_ns, min(limit_ns, simulation.planned_ns))
    samples, after = sample(simulation, interval_ns, limit_ns, interrupted)
    return Result(simulation, before, after, samples)
