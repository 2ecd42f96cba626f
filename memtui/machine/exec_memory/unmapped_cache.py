"""`unmapped_cache`: all memory of modules and all packs from the cache of unmapped pages (__GFP_UNMAPPED, 2023).

`module_alloc` asks for unmapped pages, so no page it hands out, data included, has an entry in the
direct map whose permission could change: loading and unloading split nothing but what the cache
splits when it takes memory, a 1G leaf for every 2 MiB, and when a shrinker takes memory from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from memtui.machine import costs
from memtui.machine.core import KernelOwner
from memtui.machine.exec_memory.base import ExecRange, Ground, Image, MemType, Parts
from memtui.machine.exec_memory.packs import Packs
from memtui.machine.physical.extents import Run
from memtui.snapshot import FrameKind, PolicyState


class UnmappedPages:
    """Areas of pages without an entry in the direct map (`ModuleMemory`)."""

    def __init__(self, ground: Ground, name: str) -> None:
        self._ground = ground
        self._owner = KernelOwner(name, FrameKind.MODULE)

    def allocate(self, parts: Parts) -> ExecRange:
        """Pages of the cache. Raises OutOfMemory with nothing changed but what the cache took."""
        pages = sum(count for _, count in parts)
        area = self._ground.vmalloc.allocate_module(pages, self._owner, source=self._ground.unmapped_cache)
        return ExecRange(area, 0, parts)

    def protect(self, memory: ExecRange, types: frozenset[MemType]) -> None:
        """Changes the vmalloc mapping alone: there is no alias that would have to follow."""
        changed = sum(pages for kind, pages in memory.parts if kind in types)
        if changed:
            self._ground.core.meter.charge(costs.SET_MEMORY_PAGE, changed)
            self._ground.direct_map.flush(changed)

    def free(self, memory: ExecRange) -> None:
        """Gives the pages back to the cache, unmapped as they are."""
        self._ground.core.meter.charge(costs.FLUSH_ALL)
        self._ground.vmalloc.free(memory.area, reset_perms=False)


class FromUnmapped:
    """The cache of unmapped pages for everything."""

    def __init__(self, ground: Ground) -> None:
        self._cache = ground.unmapped_cache
        self.modules = UnmappedPages(ground, "modules")
        self.programs = Packs(ground.core, UnmappedPages(ground, "BPF packs"), None)

    def policy_state(self) -> PolicyState:
        """The cache, which may serve secret memory too, and packs."""
        cache = self._cache.policy_state("exec_memory")
        return PolicyState("exec_memory", "unmapped_cache", (*cache.rows, *self.programs.rows()), cache.by_order)

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """Nothing besides vmalloc areas: the cache claims what it has not lent."""
        yield from ()

    def cached(self) -> Iterator[Run]:
        """Nothing of it is in the direct map, so nothing is write-protected there."""
        yield from ()

    def check(self, modules: list[ExecRange], programs: list[Image]) -> None:
        """Raises FrameStateError unless the chunks in use are those of the programs."""
        self.programs.check(programs)
