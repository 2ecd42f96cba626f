"""The comparison of a recording with what the simulated machine does when the same is done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from memtui.recordings.case import Case, Judgement, Pair, Row, Verdict
from memtui.recordings.experiments.catalogue import Load
from memtui.recordings.model import Recording
from memtui.recordings.noise import within
from memtui.recordings.playing import SimulatedStep, play
from memtui.recordings.scope import COMPARED, why_not_compared
from memtui.recordings.unmodelled import unmodelled

EXACT = Judgement(Verdict.EXACT)


def compare(recording: Recording, load: Load, watch: Callable[[int], None] | None = None) -> Iterator[Row]:
    """Plays a recording and judges every counter that both sides have at every step; then all others once.

    Raises UnknownProgram, ScenarioError and MachineStopped as `play` does.
    """
    known: dict[str, Pair] = {}
    last_ns = 0
    for number, (step, simulated) in enumerate(zip(recording.steps, play(recording, load, watch), strict=True)):
        now = _both(step.values, simulated)
        changes = {
            name: (pair[0] - known[name][0], pair[1] - known[name][1]) for name, pair in now.items() if name in known
        }
        changes |= {name: pair for name, pair in now.items() if name not in known}
        known |= now
        for counter, (was, came_out) in changes.items():
            case = Case(recording, number, step, counter, was, came_out, changes, step.at_ns - last_ns)
            verdict = judge(case)
            yield Row(recording.name, number, step.name, counter, was, came_out, verdict.verdict, verdict.why)
        last_ns = step.at_ns
    yield from _not_compared(recording, known)


def judge(case: Case) -> Judgement:
    """The verdict on one figure."""
    if not case.off:
        return EXACT
    return unmodelled(case) or within(case) or Judgement(Verdict.DIFFERS)


def totals(rows: Iterable[Row]) -> Counter[Verdict]:
    """How many lines there are of each verdict."""
    return Counter(row.verdict for row in rows)


def _both(recorded: Mapping[str, int], simulated: SimulatedStep) -> dict[str, Pair]:
    """The counters that both sides have, in the order of the catalogue of counters."""
    return {
        name: (recorded[name], simulated.values[name])
        for name in COMPARED
        if name in recorded and name in simulated.values
    }


def _not_compared(recording: Recording, known: Mapping[str, Pair]) -> Iterator[Row]:
    """Every other counter of the recording, once, with the reason."""
    for counter in sorted(recording.counters - known.keys()):
        why = why_not_compared(counter) or "this machine has no such counter"
        yield Row(recording.name, -1, "", counter, None, None, Verdict.NOT_MODELLED, why)
