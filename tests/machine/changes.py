"""What an operation changed: counters before and after it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from memtui.machine import Machine
from memtui.snapshot import MapRequest
from memtui.units import kb_of_frames


def counters_with_lists(machine: Machine) -> dict[str, int]:
    """Every counter, free memory with the pages in per-CPU lists: they are as free, and come and go by batches."""
    listed = machine.core.allocator.listed_frames
    added = {"MemFree": kb_of_frames(listed), "MemAvailable": kb_of_frames(listed), "nr_free_pages": listed}
    return {name: value + added.get(name, 0) for name, value in machine.counters().items()}


def free_with_lists(machine: Machine) -> int:
    """Free frames, those in per-CPU lists too."""
    return machine.core.allocator.free_frames + machine.core.allocator.listed_frames


class Changes:
    """The difference of every counter over a `with` block, free memory with the per-CPU lists."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.difference: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._before = counters_with_lists(self._machine)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        after = counters_with_lists(self._machine)
        self.difference = {name: value - self._before.get(name, 0) for name, value in after.items()}

    def __getitem__(self, name: str) -> int:
        return self.difference[name]

    def only(self, *names: str) -> bool:
        """Whether nothing but these changed, figures that follow from free memory left out."""
        follow = {*names, "MemAvailable", "nr_free_pages"}
        changed = {name for name, by in self.difference.items() if by and not name.startswith("buddyinfo")}
        return changed <= follow


def settle(machine: Machine) -> None:
    """Has the kernel do all that it put off."""
    while timers := machine.pop_timers():
        for _, work in timers:
            work()


def count_of(machine: Machine, label: str) -> int:
    """A figure of the state of a machine's policies."""
    rows = [row for state in machine.observe(MapRequest()).policy_state for row in state.rows]
    return next(row.value for row in rows if row.label == label)
