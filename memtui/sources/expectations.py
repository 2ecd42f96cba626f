"""Holds a run against what its scenario expects of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memtui.fields import Unit, field
from memtui.reading import read
from memtui.scenario.model import Expectation
from memtui.snapshot import Snapshot
from memtui.units import KIB, PAGE_BYTES, format_bytes


class Outcome(NamedTuple):
    """What became of one expectation."""

    expectation: Expectation
    time_ns: int
    """When it was checked: its own time, or that of the end."""
    value: int | float | None
    """What the counter was; None when the run ended before, or the machine has no such counter."""
    passed: bool
    reached: bool = True
    """Whether the run got as far as the time of the expectation."""

    def __str__(self) -> str:
        name, wanted = self.expectation.counter, self.expectation.bound.text
        if not self.reached:
            return f"{name} was not checked, the run ended before; expected {wanted}"
        if self.value is None:
            return f"this machine has no counter named {name}; expected {wanted}"
        return f"{name} is {_with_unit(name, self.value)}, expected {wanted}"


def _with_unit(name: str, value: int | float) -> str:
    """A value as the counter has it, with its unit, and for memory also in a unit people compare by."""
    known = field(name)
    if known is None or known.unit in (Unit.EVENTS, Unit.OBJECTS, Unit.HUGE_PAGES, Unit.BLOCKS):
        return str(value)
    bytes_each = {Unit.KB: KIB, Unit.BYTES: 1, Unit.PAGES: PAGE_BYTES}.get(known.unit)
    readable = "" if bytes_each is None else f" ({format_bytes(int(value) * bytes_each)})"
    return f"{value} {known.unit}{readable}"


class Expectations:
    """All that one scenario expects, and what became of it so far. Outcomes keep the scenario's order."""

    def __init__(self, expected: Sequence[Expectation]) -> None:
        self._expected = tuple(expected)
        self._outcomes: dict[int, Outcome] = {}

    def times_ns(self) -> list[int]:
        """The moments at which something is to be checked, without the end; each once, in order."""
        return sorted({expectation.at_ns for expectation in self._expected if expectation.at_ns is not None})

    def outcomes(self) -> tuple[Outcome, ...]:
        """What has been decided, in the order of the scenario."""
        return tuple(self._outcomes[index] for index in sorted(self._outcomes))

    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes that are not as expected."""
        return tuple(outcome for outcome in self.outcomes() if not outcome.passed)

    def not_reached(self) -> tuple[Expectation, ...]:
        """What has not been decided, in the order of the scenario."""
        return tuple(expected for index, expected in enumerate(self._expected) if index not in self._outcomes)

    def check(self, snapshot: Snapshot, at_ns: int | None) -> list[Outcome]:
        """Checks what is expected at `at_ns` (None: at the end); the new outcomes."""
        return [
            self._decide(index, snapshot)
            for index, expectation in enumerate(self._expected)
            if expectation.at_ns == at_ns and index not in self._outcomes
        ]

    def give_up(self, time_ns: int) -> list[Outcome]:
        """The run is over: what was not reached has failed; the new outcomes."""
        missed = []
        for index, expectation in enumerate(self._expected):
            if index not in self._outcomes:
                outcome = Outcome(expectation, time_ns, None, passed=False, reached=False)
                self._outcomes[index] = outcome
                missed.append(outcome)
        return missed

    def _decide(self, index: int, snapshot: Snapshot) -> Outcome:
        expectation = self._expected[index]
        value = read(snapshot, expectation.counter)
        passed = value is not None and expectation.bound.holds(value)
        outcome = Outcome(expectation, snapshot.time_ns, value, passed)
        self._outcomes[index] = outcome
        return outcome
