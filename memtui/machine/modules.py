"""Kernel modules: text from executable memory, the rest from ordinary pages (kernel/module/main.c).

Loading: text and init text go through a writable window; rodata is write-protected, which
splits every 2M leaf of the direct map its pages lie in; data stays writable; init is freed once
it has run. Unloading gives all of it back; leaves that were split stay split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import OutOfMemory
from memtui.machine.execmem import ExecMemory, Text
from memtui.machine.latency import Timed
from memtui.machine.slab import SlabCaches
from memtui.machine.vmalloc import Area, Vmalloc

SLAB_OBJECTS: Final = 34
"""kmalloc-1k objects a module costs for sysfs, symbols and kobjects (recordings, Modules: 13.6 MB for 400 on 6.12)."""


@dataclass(eq=False, slots=True)
class Module:
    """A loaded module."""

    text: Text
    rodata: Area | None
    data: Area | None


class Modules:
    """Loads and unloads modules."""

    def __init__(self, core: Core, exec_memory: ExecMemory, vmalloc: Vmalloc, slabs: SlabCaches) -> None:
        self._core = core
        self._exec_memory = exec_memory
        self._vmalloc = vmalloc
        self._slabs = slabs
        self.loaded: dict[Module, None] = {}
        """Modules there are, in order of loading."""

    def load(self, text_bytes: int, rodata_bytes: int, data_bytes: int, init_bytes: int = 0) -> Module:
        """Loads one module. Raises OutOfMemory with nothing kept but splits, which are never undone."""
        with self._core.meter.timed(Timed.MODULE_LOAD):
            return self._load(text_bytes, rodata_bytes, data_bytes, init_bytes)

    def unload(self, module: Module) -> None:
        """Unloads a module; its memory goes back, what was split stays split."""
        with self._core.meter.timed(Timed.MODULE_UNLOAD):
            self._core.meter.charge(costs.MODULE_UNLOAD)
            del self.loaded[module]
            self._undo([module.text], [area for area in (module.rodata, module.data) if area is not None])
            self._slabs.free("kmalloc-1k", SLAB_OBJECTS)

    def _load(self, text_bytes: int, rodata_bytes: int, data_bytes: int, init_bytes: int) -> Module:
        self._core.meter.charge(costs.MODULE_LOAD)
        self._core.meter.charge(costs.MODULE_BYTE, text_bytes + rodata_bytes + data_bytes + init_bytes)
        areas: list[Area] = []
        texts: list[Text] = []
        try:
            texts = [self._exec_memory.allocate(text_bytes)]
            if init_bytes:
                texts.append(self._exec_memory.allocate(init_bytes))
            for size_bytes in (rodata_bytes, data_bytes):
                if size_bytes:
                    areas.append(self._vmalloc.allocate(size_bytes))
            if rodata_bytes:
                self._vmalloc.set_read_only(areas[0])
            self._slabs.alloc("kmalloc-1k", SLAB_OBJECTS)
        except OutOfMemory:
            self._undo(texts, areas)
            raise
        if init_bytes:
            self._exec_memory.free(texts[1])
        rodata = areas[0] if rodata_bytes else None
        module = Module(texts[0], rodata, areas[-1] if data_bytes else None)
        self.loaded[module] = None
        return module

    def objects(self) -> dict[str, int]:
        """Slab objects of all modules, by cache."""
        return {"kmalloc-1k": SLAB_OBJECTS * len(self.loaded)}

    def _undo(self, texts: list[Text], areas: list[Area]) -> None:
        for area in areas:
            self._vmalloc.free(area, reset_perms=True)
        for text in texts:
            self._exec_memory.free(text)
