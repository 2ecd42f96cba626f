"""One figure of the comparison: a counter at a step, as it was recorded and as it came out, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from memtui.recordings.model import Recording, Step

Pair = tuple[int, int]
"""Recorded, simulated."""


class Verdict(StrEnum):
    """What a comparison came to."""

    EXACT = "exact"
    NOISE = "noise"
    """Not the same, but within what the recordings themselves move by, for a stated reason."""
    NOT_MODELLED = "not modelled"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Case:
    """What there is to judge by."""

    recording: Recording
    number: int
    """Of the step, from 0."""
    step: Step
    counter: str
    recorded: int
    """By how much the counter changed since it was last read; its level at the first step."""
    simulated: int
    others: Mapping[str, Pair]
    """The same of every counter at this step."""
    since_start: Mapping[str, Pair]
    """By how much every counter has changed since the first step."""
    unseen_kb: int
    """Free memory that no read may have seen, at this step or the one before: it left the per-CPU lists meanwhile."""
    elapsed_ns: int
    """Time between this step and the one before, on machines where time means something."""

    @property
    def off(self) -> int:
        """Recorded less simulated."""
        return self.recorded - self.simulated

    @property
    def program(self) -> str:
        """The program recorded."""
        return self.recording.program

    def off_by(self, counter: str) -> int:
        """Recorded less simulated of another counter at this step; 0 if it was not read."""
        recorded, simulated = self.others.get(counter, (0, 0))
        return recorded - simulated

    @property
    def off_since_start(self) -> int:
        """How far the counter is off in all, since the first step."""
        recorded, simulated = self.since_start[self.counter]
        return recorded - simulated

    def will_grow(self, counter: str) -> bool:
        """Whether a counter of the recording has not come to its end yet at this step, though it has begun to move."""
        values = [step.values.get(counter, 0) for step in self.recording.steps]
        first, last = self.recording.steps[0].values.get(counter, 0), values[-1]
        return values[min(self.number + 1, len(values) - 1)] > first and values[self.number] < last

    def argument(self, name: str, default: int = 0) -> int:
        """A number among the step's arguments."""
        value = self.step.args.get(name, default)
        return value if isinstance(value, int) else default


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the reason for it."""

    verdict: Verdict
    why: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison."""

    recording: str
    number: int
    """Of the step, from 0; -1 for a line about the whole recording."""
    step: str
    counter: str
    recorded: int | None
    simulated: int | None
    verdict: Verdict
    why: str
