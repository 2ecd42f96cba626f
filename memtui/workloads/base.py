"""What every workload is: an activity that does things to a machine over simulated time.

An activity is one occurrence of a timeline entry. `start()` is a generator: it acts on the
machine and yields the simulated nanoseconds each step took; the engine resumes it after that
time. `finish()` undoes what the entry made, for the timeline's `end`. Workloads know machines
and parameters; they know no clock, no asyncio and no YAML.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from memtui.machine.parts import Parts
from memtui.units import MS
from memtui.workloads.params import Params

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

P = TypeVar("P", bound=Params)
T = TypeVar("T")

Steps = Iterator[int]
"""Simulated nanoseconds to wait before going on, one per step."""

WAIT_NS: Final = MS
"""How often one that waits for a lock of the kernel looks whether it is free."""


def in_parts(machine: Machine, parts: Parts[T], on_part: Callable[[], None] = lambda: None) -> Generator[int, None, T]:
    """A long operation of the machine: each of its parts is a step that takes its time, the last is the caller's.

    `on_part` is called after every part but the last, to say how far it is. Returns what the operation does.
    """
    while True:
        try:
            next(parts)
        except StopIteration as done:
            result: T = done.value
            return result
        on_part()
        yield machine.take_ns()


def side_by_side(machine: Machine, parts: Parts[None], count: int) -> Steps:
    """A long operation that `count` processes do at once, each on its CPU if there are as many; steps to its end.

    Together they take what it would take in one step.
    """
    spent_ns = waited_ns = 0
    ended = False
    while not ended:
        ended = next(parts, parts) is parts
        spent_ns += machine.take_ns()
        part_ns = spent_ns // min(count, machine.core.cpus) - waited_ns
        waited_ns += part_ns
        yield part_ns


@dataclass(slots=True)
class Context:
    """What an activity works with: the machine, its own random numbers, and its name."""

    machine: Machine
    rng: random.Random
    """Seeded from the scenario's seed and the entry's place in the timeline."""
    name: str
    """The action's name, with the label where there is one."""


class Activity(ABC, Generic[P]):
    """One occurrence of a timeline entry, from its start to its end."""

    action: ClassVar[str]
    """The name in a scenario: `nr_hugepages`."""

    params_type: ClassVar[type[Params]]
    """What the entry's value is validated against."""

    def __init__(self, params: P, context: Context) -> None:
        self.params = params
        self.context = context
        self.machine = context.machine
        self.progress = ""
        """What has been done so far, in a few plain words, for the list of what runs."""

    @abstractmethod
    def start(self) -> Steps:
        """Acts; yields the nanoseconds each step takes."""

    def finish(self) -> Steps:
        """Gives back what `start` made (the timeline's `end`); by default there is nothing."""
        return iter(())

    @property
    def holds(self) -> bool:
        """Whether something of it lives on after `start` is done, so that `end` means something."""
        return False
