"""`per_allocation`: every load splits the direct map for itself, as Linux did before 5.18."""

from __future__ import annotations

from collections.abc import Iterator

from memtui.machine.core import KernelOwner
from memtui.machine.exec_memory.base import ExecRange, Ground, Image
from memtui.machine.exec_memory.module_alloc import ModuleAlloc
from memtui.machine.exec_memory.program_pages import ProgramPages
from memtui.machine.physical.extents import Run
from memtui.snapshot import PolicyRow, PolicyState
from memtui.units import PAGE_BYTES


class PerAllocation:
    """One vmalloc area per section of a module, and one of whole pages per BPF program."""

    def __init__(self, ground: Ground) -> None:
        self._vmalloc = ground.vmalloc
        self.modules = ModuleAlloc(ground)
        self.programs = ProgramPages(ModuleAlloc(ground, "BPF programs"))

    def policy_state(self) -> PolicyState:
        """It holds nothing back: what of the module area is taken."""
        taken = PolicyRow("module area", self._vmalloc.module_pages * PAGE_BYTES, "bytes")
        return PolicyState("exec_memory", "per_allocation", (taken,))

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """Nothing besides vmalloc areas."""
        yield from ()

    def cached(self) -> Iterator[Run]:
        """Nothing is kept for later."""
        yield from ()

    def check(self, modules: list[ExecRange], programs: list[Image]) -> None:
        """It has no accounts of its own."""
