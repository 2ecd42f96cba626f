"""`module_alloc`: an area of single pages per allocation, its permissions changed page by page.

The alias of every page in the direct map follows (set_memory.c, `cpa_process_alias`), so each 2M
leaf that a protected page lies in is split; freeing resets the alias of all pages one by one
(VM_FLUSH_RESET_PERMS), which splits the leaves of the others too. Nothing is ever merged.
"""

from __future__ import annotations

from memtui.machine import costs
from memtui.machine.core import KernelOwner
from memtui.machine.direct_map import Perm
from memtui.machine.exec_memory.base import ExecRange, Ground, MemType, Parts
from memtui.snapshot import FrameKind


class ModuleAlloc:
    """Areas of their own (`ModuleMemory`)."""

    def __init__(self, ground: Ground, name: str = "modules") -> None:
        self._ground = ground
        self.owner = KernelOwner(name, FrameKind.MODULE)

    def allocate(self, parts: Parts) -> ExecRange:
        """Pages wherever they lie. Raises OutOfMemory with nothing changed."""
        pages = sum(count for _, count in parts)
        return ExecRange(self._ground.vmalloc.allocate_module(pages, self.owner), 0, parts)

    def protect(self, memory: ExecRange, types: frozenset[MemType]) -> None:
        """Write-protects parts, page by page. Raises OutOfMemory half-way when a split gets no page table."""
        direct_map, meter = self._ground.direct_map, self._ground.core.meter
        changed = 0
        for start, frames in memory.runs(types):
            meter.charge(costs.SET_MEMORY_PAGE, frames)
            direct_map.set_noflush(start, frames, Perm.READ_ONLY)
            changed += frames
        if changed:
            direct_map.flush(changed)
            memory.read_only |= types

    def free(self, memory: ExecRange) -> None:
        """Resets the alias of every page and frees them."""
        self._ground.vmalloc.free(memory.area, reset_perms=True)
