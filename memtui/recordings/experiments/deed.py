"""What a scenario does at one step of a recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memtui.recordings.model import Recording, Step

Value = int | str | bool
"""What a parameter is given."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One action with its parameters, as an entry of a timeline has them."""

    action: str
    params: Value | Mapping[str, Value]
    label: str = ""


Deeds = list[Deed]

Experiment = Iterator[Deeds]
"""What is done at each step of a recording, in order; nothing where a step only looked."""


def number(step: Step, name: str) -> int:
    """An argument of a step. Raises ValueError if the step has none of that name."""
    value = step.args.get(name)
    if not isinstance(value, int):
        raise ValueError(f"step {step.name} has no number {name}")
    return value


def kib(size_kb: int) -> str:
    """A size in kB, as a scenario writes it in the largest unit that holds it exactly."""
    for unit, name in ((1 << 20, "GiB"), (1 << 10, "MiB")):
        if size_kb and not size_kb % unit:
            return f"{size_kb // unit}{name}"
    return f"{size_kb}KiB"


def end(label: str) -> Deed:
    """What was made under a label is given back."""
    return Deed("end", label)


def looks_only(recording: Recording) -> Experiment:
    """A program that did nothing between its looks (`exp_idle`)."""
    for _ in recording.steps:
        yield []
