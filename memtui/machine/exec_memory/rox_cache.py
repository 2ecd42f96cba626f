"""`rox_cache`: module text from a cache of executable 2 MiB blocks, as Linux 6.18 and 7.2 have it.

Data of modules comes from areas of its own, page by page (EXECMEM_MODULE_DATA); BPF has its packs,
which do not come from the cache (EXECMEM_BPF).
"""

from __future__ import annotations

from collections.abc import Iterator

from memtui.machine.core import KernelOwner
from memtui.machine.exec_memory.base import CODE, ExecRange, Ground, Image, MemType, Parts
from memtui.machine.exec_memory.module_alloc import ModuleAlloc
from memtui.machine.exec_memory.prog_pack import packs_of_pages
from memtui.machine.exec_memory.rox_blocks import RoxBlocks
from memtui.machine.physical.extents import Run
from memtui.snapshot import PolicyState


class TextFromCache:
    """Code from the cache, everything else from areas of its own (`ModuleMemory`)."""

    def __init__(self, ground: Ground) -> None:
        self.blocks = RoxBlocks(ground)
        self._areas = ModuleAlloc(ground)

    def allocate(self, parts: Parts) -> ExecRange:
        """Memory that can be written to. Raises OutOfMemory with nothing kept but splits."""
        return self._source(parts).allocate(parts)

    def protect(self, memory: ExecRange, types: frozenset[MemType]) -> None:
        """Write-protects the parts of these types. Raises OutOfMemory half-way."""
        self._source(memory.parts).protect(memory, types)

    def free(self, memory: ExecRange) -> None:
        """Takes memory back."""
        self._source(memory.parts).free(memory)

    def _source(self, parts: Parts) -> RoxBlocks | ModuleAlloc:
        return self.blocks if parts[0][0] in CODE else self._areas


class RoxCache:
    """The ROX cache for text, packs for BPF."""

    def __init__(self, ground: Ground) -> None:
        self.modules = TextFromCache(ground)
        self.programs = packs_of_pages(ground)

    def policy_state(self) -> PolicyState:
        """Blocks of the cache, and packs."""
        return PolicyState("exec_memory", "rox_cache", (*self.modules.blocks.rows(), *self.programs.rows()))

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of page tables of writable windows."""
        yield from self.modules.blocks.claims()

    def cached(self) -> Iterator[Run]:
        """Free text, and the packs."""
        yield from self.modules.blocks.runs()
        yield from self.programs.runs()

    def check(self, modules: list[ExecRange], programs: list[Image]) -> None:
        """Raises FrameStateError unless blocks and packs account for all that is allocated, and no more."""
        self.modules.blocks.check([memory for memory in modules if memory.parts[0][0] in CODE])
        self.programs.check(programs)
