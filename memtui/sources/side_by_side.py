"""One scenario under several settings, on one clock: every run sampled at the same simulated moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from memtui.reading import figures
from memtui.scenario.model import Scenario
from memtui.sources.headless import play
from memtui.sources.result import Result
from memtui.sources.simulation import Simulation
from memtui.units import SECOND

SAMPLES: Final = 20
"""About how many samples a comparison takes when no interval is asked for."""

Value = int | float | None
"""A figure of one run; None where the machine has no such counter, or the run was over before."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the runs that are compared."""

    label: str
    """What tells it from the others, in a word or two: `rox_cache`."""
    scenario: Scenario
    settings: tuple[str, ...] = ()
    """What was set, as `PATH=VALUE`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not the same in all runs."""

    name: str
    at_end: tuple[Value, ...]
    """By run, at the end of each."""
    first_ns: int
    """The first moment sampled at which they differ; -1 if only at the ends, which may lie at different times."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of all runs; `results` are in the order of `variants`."""

    variants: tuple[Variant, ...]
    results: tuple[Result, ...]

    @property
    def interrupted(self) -> bool:
        """Whether someone stopped it before all was played."""
        return len(self.results) < len(self.variants) or any(result.interrupted for result in self.results)

    def differences(self) -> Iterator[Difference]:
        """Every figure that differs at the end or at a moment sampled, in the order of the table of counters."""
        last = [dict(figures(result.after)) for result in self.results]
        names = dict.fromkeys(name for values in last for name in values)
        for name in names:
            at_end = tuple(values.get(name) for values in last)
            first_ns = next((time_ns for time_ns, row in self.on_the_way(name) if len(set(row)) > 1), None)
            if first_ns is not None or len(set(at_end)) > 1:
                yield Difference(name, at_end, -1 if first_ns is None else first_ns)

    def on_the_way(self, name: str) -> Iterator[tuple[int, tuple[Value, ...]]]:
        """A figure at every moment at which all runs were sampled: the time in ns, and its value by run."""
        sampled = [result.samples for result in self.results]
        columns = [None if samples is None else samples.column(name) for samples in sampled]
        times = [dict.fromkeys(samples.times_ns) for samples in sampled if samples is not None]
        common = [time_ns for time_ns in times[0] if all(time_ns in other for other in times[1:])] if times else []
        for place, time_ns in enumerate(common):
            yield time_ns, tuple(None if column is None else column[place] for column in columns)


def compare(
    variants: Sequence[Variant],
    seed: int | None = None,
    *,
    until_ns: int | None = None,
    interval_ns: int | None = None,
    watch: Callable[[Variant, int], bool] | None = None,
) -> Comparison:
    """Plays every variant to its end, or to a simulated time, whichever comes first.

    All have the same seed: `seed`, or each scenario's own. `watch` is called after each event with
    the variant and the time in ns, and says True to stop. Raises MachineStopped when a machine
    cannot boot, BadInterval for an interval that is too short for a run.
    """
    simulations = [Simulation(variant.scenario, seed) for variant in variants]
    longest_ns = max(simulation.planned_ns for simulation in simulations)
    end_ns = longest_ns if until_ns is None else min(until_ns, longest_ns)
    step_ns = interval_ns if interval_ns is not None else default_interval_ns(end_ns)
    results = []
    for variant, simulation in zip(variants, simulations, strict=True):

        def ask(now_ns: int, playing: Variant = variant) -> bool:
            return watch is not None and watch(playing, now_ns)

        results.append(play(simulation, until_ns=until_ns, interval_ns=step_ns, watch=ask))
        if results[-1].interrupted:
            break
    return Comparison(tuple(variants), tuple(results))


def default_interval_ns(end_ns: int) -> int:
    """An interval of 1, 2 or 5 of some unit that makes about twenty samples up to a moment."""
    wanted = max(1, end_ns // SAMPLES) if end_ns else SECOND
    power = 1
    while power * 10 <= wanted:
        power *= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted)
