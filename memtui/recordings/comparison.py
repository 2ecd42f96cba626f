"""The comparison of a recording with what the simulated machine does when the same is done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from memtui.recordings.case import Case, Judgement, Pair, Row, Verdict
from memtui.recordings.experiments.catalogue import Load
from memtui.recordings.model import Recording
from memtui.recordings.noise import within
from memtui.recordings.playing import SimulatedStep, play
from memtui.recordings.raw import FREE, FREE_PAGES, LISTS
from memtui.recordings.scope import COMPARED, SAME_AS, why_not_compared
from memtui.recordings.unmodelled import beyond_noise, unmodelled
from memtui.units import kb_of_frames

EXACT = Judgement(Verdict.EXACT)


def compare(recording: Recording, load: Load, watch: Callable[[int], None] | None = None) -> Iterator[Row]:
    """Plays a recording and judges every counter that both sides have at every step; then all others once.

    Raises UnknownProgram, ScenarioError and MachineStopped as `play` does.
    """
    compared: set[str] = set()
    for case in cases(recording, load, watch):
        verdict = judge(case)
        compared.add(case.counter)
        yield Row(
            recording.name,
            case.number,
            case.step.name,
            case.counter,
            case.recorded,
            case.simulated,
            verdict.verdict,
            verdict.why,
        )
    yield from _not_compared(recording, compared)


def cases(recording: Recording, load: Load, watch: Callable[[int], None] | None = None) -> Iterator[Case]:
    """Plays a recording: every figure there is to judge, step by step."""
    first: dict[str, Pair] = {}
    known: dict[str, Pair] = {}
    unseen = Unseen()
    last_ns = 0
    for number, (step, simulated) in enumerate(zip(recording.steps, play(recording, load, watch), strict=True)):
        now = _both(step.values, simulated)
        first = now | first
        changes = {name: _change(pair, known.get(name, (0, 0))) for name, pair in now.items()}
        since = {name: _change(pair, first[name]) for name, pair in now.items()}
        known |= now
        unseen.read(step.values)
        for counter, (was, came_out) in changes.items():
            yield Case(
                recording,
                number,
                step,
                counter,
                was,
                came_out,
                others=changes,
                since_start=since,
                unseen_kb=unseen.kb,
                elapsed_ns=step.at_ns - last_ns,
            )
        last_ns = step.at_ns


class Unseen:
    """Free memory that a recording may have missed.

    A snapshot reads /proc/meminfo, then /proc/vmstat, then the per-CPU lists. Pages that leave the
    lists in between are in none of the three: the lists are shorter at the next read, or
    /proc/vmstat knows more free memory than /proc/meminfo did.
    """

    def __init__(self) -> None:
        self._lists: list[int] = [0]
        self._apart: list[int] = []

    def read(self, values: Mapping[str, int]) -> None:
        """A step was read."""
        self._lists = [*self._lists[-2:], values.get(LISTS, self._lists[-1])]
        if FREE_PAGES in values:
            self._apart.append(kb_of_frames(values[FREE_PAGES]) - values[FREE])

    @property
    def kb(self) -> int:
        """At the last step and the one before."""
        fell = max(before - after for before, after in pairwise(self._lists))
        moved = max((abs(apart - self._apart[0]) for apart in self._apart[-2:]), default=0)
        return max(kb_of_frames(max(0, fell)), moved)


def _change(now: Pair, before: Pair) -> Pair:
    return now[0] - before[0], now[1] - before[1]


def judge(case: Case) -> Judgement:
    """The verdict on one figure; what another counter says as well is judged as that one would be."""
    if not case.off:
        return EXACT
    if case.counter in SAME_AS:
        base, kb = SAME_AS[case.counter]
        case = replace(case, counter=base, recorded=case.recorded * kb, simulated=case.simulated * kb)
    return unmodelled(case) or within(case) or beyond_noise(case) or Judgement(Verdict.DIFFERS)


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


def _not_compared(recording: Recording, compared: set[str]) -> Iterator[Row]:
    """Every other counter of the recording, once, with the reason."""
    for counter in sorted(recording.counters - compared):
        why = why_not_compared(counter) or "this machine has no such counter"
        yield Row(recording.name, -1, "", counter, None, None, Verdict.NOT_MODELLED, why)
