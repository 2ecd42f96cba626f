"""A recording's scenario, played on the simulated machine and read where the recording was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from memtui.machine import Machine
from memtui.recordings.experiments.catalogue import SLOT_S, Load, scenario, schedule
from memtui.recordings.model import Recording
from memtui.recordings.raw import AVAILABLE, FREE, FREE_PAGES
from memtui.scenario.loader import load_text
from memtui.sources.run import Run
from memtui.units import SECOND, kb_of_frames


@dataclass(frozen=True, slots=True)
class SimulatedStep:
    """What the simulated machine said after one step."""

    values: Mapping[str, int]
    """Every counter, in Linux's units."""
    op_ns: int
    """Simulated time of the step's actions."""


class Unplayable(Exception):
    """The simulated machine could not go on where the real one could."""


def play(recording: Recording, load: Load, watch: Callable[[int], None] | None = None) -> Iterator[SimulatedStep]:
    """Plays a recording step by step; `watch` is told the number of each step done.

    Raises UnknownProgram for a program no scenario can say, ScenarioError if the scenario is faulty,
    MachineStopped if the machine cannot boot.
    """
    said = load_text(scenario(recording, load), recording.name)
    run = Run(said, said.seed)
    for number, times in enumerate(schedule(recording, load), 1):
        op_ns = 0
        for start_s in times.starts_s:
            _play_until(run, start_s * SECOND)
            op_ns += _play_until(run, (start_s + SLOT_S) * SECOND) - start_s * SECOND
        _play_until(run, times.read_s * SECOND)
        yield SimulatedStep(_with_lists(run.machine), op_ns)
        if watch is not None:
            watch(number)


def _with_lists(machine: Machine) -> dict[str, int]:
    """The counters, free memory with the pages in per-CPU lists, as a recording has it."""
    listed = machine.core.allocator.listed_frames
    added = {FREE: kb_of_frames(listed), AVAILABLE: kb_of_frames(listed), FREE_PAGES: listed}
    return {name: value + added.get(name, 0) for name, value in machine.counters().items()}


def _play_until(run: Run, end_ns: int) -> int:
    """Plays everything that is due before a moment; returns when the last of it was that somebody waits for."""
    while (due_ns := run.next_ns()) is not None and due_ns < end_ns:
        run.step()
    return run.acted_ns
