"""A validated scenario: the machine, what happens to it and when, and what is expected of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from memtui.machine.config import MachineConfig
from memtui.workloads.params import Params

if TYPE_CHECKING:
    from memtui.scenario.tree import MapNode


class Place(NamedTuple):
    """Where something was said, for messages: 1-based line and column; line 0 is a whole file, or an option."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the timeline: a time, perhaps a repetition and a label, and one action."""

    at_ns: int
    action: str
    params: Params
    label: str | None = None
    every_ns: int = 0
    """Time between repetitions; 0 when there is none."""
    times: int = 1
    """How many occurrences in all, already worked out from `times` or `until`."""
    place: Place | None = None


class Bound(NamedTuple):
    """What a counter must be: lowest and highest value allowed, in the counter's own unit."""

    lowest: int | float | None
    highest: int | float | None
    text: str
    """As the scenario wrote it."""

    def holds(self, value: int | float) -> bool:
        """Whether `value` lies within, both ends included."""
        above = self.lowest is None or value >= self.lowest
        return above and (self.highest is None or value <= self.highest)


@dataclass(frozen=True, slots=True)
class Expectation:
    """At a time (None: at the end), what one counter must be."""

    at_ns: int | None
    counter: str
    bound: Bound
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything one run needs; with its seed it determines every byte of the result."""

    name: str
    about: str
    seed: int
    machine: MachineConfig
    entries: tuple[Entry, ...]
    expectations: tuple[Expectation, ...] = ()
    until_ns: int | None = None
    """When the scenario ends, if it says so; otherwise with its last event."""
    path: str = field(default="<scenario>", compare=False)
    document: MapNode | None = field(default=None, compare=False, repr=False)
    """As it was written, options applied; None for one made in Python."""
