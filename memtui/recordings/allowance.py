"""How far a figure may be off, by rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memtui.recordings.case import Case


@dataclass(frozen=True, slots=True)
class Allowance:
    """How far some counters may be off."""

    counters: str
    """A pattern of names."""
    amount: Callable[[Case], int]
    """In the counter's own unit; 0 where the rule does not apply."""
    why: str


def in_all(case: Case, room: int) -> int:
    """Any amount at this step, if what has changed since the first step is off by no more than `room`: the rest
    came at another step.
    """
    return abs(case.off) if abs(case.off_since_start) <= room else 0
