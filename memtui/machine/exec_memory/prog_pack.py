"""`prog_pack`: modules from `module_alloc`, BPF programs in packs, as Linux 5.18 to 6.12 have it."""

from __future__ import annotations

from collections.abc import Iterator

from memtui.machine.core import KernelOwner
from memtui.machine.exec_memory.base import ExecRange, Ground, Image
from memtui.machine.exec_memory.boot_pack import boot_pack
from memtui.machine.exec_memory.module_alloc import ModuleAlloc
from memtui.machine.exec_memory.packs import PACK_BYTES_PER_NODE, Packs
from memtui.machine.physical.extents import Run
from memtui.snapshot import PolicyRow, PolicyState
from memtui.units import PAGE_BYTES


def packs_of_pages(ground: Ground) -> Packs:
    """Packs of pages of their own, the first one where boot put it. Raises OutOfMemory."""
    memory = ModuleAlloc(ground, "BPF packs")
    first = boot_pack(ground, memory.owner, PACK_BYTES_PER_NODE * ground.core.allocator.nodes)
    return Packs(ground.core, memory, first)


class ProgPack:
    """Packs for BPF alone."""

    def __init__(self, ground: Ground) -> None:
        self._vmalloc = ground.vmalloc
        self.modules = ModuleAlloc(ground)
        self.programs = packs_of_pages(ground)

    def policy_state(self) -> PolicyState:
        """Packs and their chunks, and what of the module area is taken."""
        taken = PolicyRow("module area", self._vmalloc.module_pages * PAGE_BYTES, "bytes")
        return PolicyState("exec_memory", "prog_pack", (*self.programs.rows(), taken))

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """Nothing besides vmalloc areas."""
        yield from ()

    def cached(self) -> Iterator[Run]:
        """The packs."""
        yield from self.programs.runs()

    def check(self, modules: list[ExecRange], programs: list[Image]) -> None:
        """Raises FrameStateError unless the chunks in use are those of the programs."""
        self.programs.check(programs)
