"""Kernel modules (kernel/module/main.c): where their sections lie, and in which order that comes about.

Loading: the file is copied into vmalloc memory; each kind of section gets a range of its own
(before Linux 6.4 one range for all that stays and one for init); they are written, then text and
rodata are write-protected; after the init function has run, ro_after_init is, and the init ranges
are freed from a work item. Unloading gives the rest back; leaves that were split stay split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import OutOfMemory
from memtui.machine.exec_memory.base import READ_ONLY, ExecRange, MemType, ModuleMemory, Parts
from memtui.machine.latency import Timed
from memtui.machine.slab import SlabCaches
from memtui.machine.traits import Traits
from memtui.machine.vmalloc import Vmalloc
from memtui.units import KIB, PPM, frames_of

SLAB_CACHE: Final = "kmalloc-1k"
"""What a module costs in slab is counted in objects of this size."""
INIT_FREE_DELAY_NS: Final = costs.RCU_GRACE_PERIOD.ns
"""`do_free_init` waits for a grace period."""
AFTER_INIT: Final = READ_ONLY | {MemType.RO_AFTER_INIT}


class ModuleSizes(NamedTuple):
    """Bytes of a module's sections by kind; each kind is rounded up to whole pages when it is loaded."""

    text: int
    rodata: int = 0
    data: int = 0
    ro_after_init: int = 0
    init_text: int = 0
    init_rodata: int = 0
    init_data: int = 0
    file: int = 0
    """The .ko file; 0: twice its sections, which is what symbols and relocations make of it on average."""

    @property
    def core(self) -> Parts:
        """What stays while the module is loaded."""
        kinds = (
            (MemType.TEXT, self.text),
            (MemType.RODATA, self.rodata),
            (MemType.RO_AFTER_INIT, self.ro_after_init),
            (MemType.DATA, self.data),
        )
        return tuple((kind, frames_of(size)) for kind, size in kinds if size)

    @property
    def init(self) -> Parts:
        """What is freed once its init function has run."""
        kinds = (
            (MemType.INIT_TEXT, self.init_text),
            (MemType.INIT_RODATA, self.init_rodata),
            (MemType.INIT_DATA, self.init_data),
        )
        return tuple((kind, frames_of(size)) for kind, size in kinds if size)

    @property
    def total(self) -> int:
        """Bytes of all sections."""
        kept = self.text + self.rodata + self.data + self.ro_after_init
        return kept + self.init_text + self.init_rodata + self.init_data

    @property
    def file_bytes(self) -> int:
        """Bytes of the file."""
        return self.file or 2 * self.total


@dataclass(eq=False, slots=True)
class Module:
    """A loaded module."""

    name: str
    sizes: ModuleSizes
    group: str = ""
    """The set of modules it belongs to, where it was loaded as one of many."""
    memory: list[ExecRange] = field(default_factory=list)
    """What it has while it is loaded."""
    objects: int = 0
    """Its slab objects: sysfs entries, section attributes, type information."""


class Modules:
    """Loads and unloads modules."""

    def __init__(self, core: Core, memory: ModuleMemory, vmalloc: Vmalloc, slabs: SlabCaches, traits: Traits) -> None:
        self._core = core
        self._memory = memory
        self._vmalloc = vmalloc
        self._slabs = slabs
        self._traits = traits
        self._spent: list[ExecRange] = []
        """Init ranges that are to be freed (init_free_list)."""
        self.loaded: dict[Module, None] = {}
        """Modules there are, in order of loading."""

    def load(self, sizes: ModuleSizes, name: str = "module", group: str = "") -> Module:
        """Loads one module. Raises OutOfMemory with nothing kept but splits, which are never undone."""
        with self._core.meter.timed(Timed.MODULE_LOAD), self._core.acting(f"module {name}"):
            return self._load(Module(name, sizes, group))

    def unload(self, module: Module) -> None:
        """Unloads a module; its memory goes back, what was split stays split."""
        with self._core.meter.timed(Timed.MODULE_UNLOAD), self._core.acting(f"module {module.name}"):
            self._core.meter.charge(costs.MODULE_UNLOAD)
            del self.loaded[module]
            for memory in module.memory:
                self._memory.free(memory)
            self._slabs.free(SLAB_CACHE, module.objects)

    def of(self, group: str) -> list[Module]:
        """The loaded modules of a set, in order of loading."""
        return [module for module in self.loaded if module.group == group]

    def ranges(self) -> list[ExecRange]:
        """All memory of all modules, that of init functions which have run included."""
        return [memory for module in self.loaded for memory in module.memory] + self._spent

    def objects(self) -> dict[str, int]:
        """Slab objects of all modules, by cache."""
        return {SLAB_CACHE: sum(module.objects for module in self.loaded)}

    def _load(self, module: Module) -> Module:
        sizes = module.sizes
        self._core.meter.charge(costs.MODULE_LOAD)
        self._core.meter.charge(costs.MODULE_BYTE, sizes.total)
        copy = self._vmalloc.allocate(sizes.file_bytes)
        try:
            spent = self._form(module)
        finally:
            self._vmalloc.free(copy, reset_perms=False)
        self._after_init(module, spent)
        self.loaded[module] = None
        return module

    def _form(self, module: Module) -> list[ExecRange]:
        """Memory, permissions and objects of a module; returns its init ranges. Raises OutOfMemory, nothing kept."""
        sizes, made = module.sizes, list[ExecRange]()
        try:
            for parts in self._layout(sizes):
                made.append(self._memory.allocate(parts))
            for memory in made:
                self._memory.protect(memory, READ_ONLY)
            objects = self._traits.module_slab_bytes + sizes.file_bytes * self._traits.module_slab_ppm // PPM
            self._slabs.alloc(SLAB_CACHE, objects // KIB)
        except OutOfMemory:
            for memory in made:
                self._memory.free(memory)
            raise
        module.objects = objects // KIB
        kept = {kind for kind, _ in sizes.core}
        module.memory = [memory for memory in made if memory.parts[0][0] in kept]
        return [memory for memory in made if memory.parts[0][0] not in kept]

    def _layout(self, sizes: ModuleSizes) -> list[Parts]:
        """What is allocated in one piece each."""
        if self._traits.module_memory_types:
            return [(part,) for part in (*sizes.core, *sizes.init)]
        return [parts for parts in (sizes.core, sizes.init) if parts]

    def _after_init(self, module: Module, spent: list[ExecRange]) -> None:
        """What follows the init function: a failure to write-protect ro_after_init is only warned of."""
        for memory in module.memory:
            if MemType.RO_AFTER_INIT in dict(memory.parts):
                try:
                    self._memory.protect(memory, AFTER_INIT - memory.read_only)
                except OutOfMemory:
                    self._core.log(f"module {module.name}: ro_after_init data stays writable")
        if spent:
            if not self._spent:
                self._core.timers.append((INIT_FREE_DELAY_NS, self._free_init))
            self._spent += spent

    def _free_init(self) -> None:
        """Frees what init functions that have run lay in (`do_free_init`)."""
        spent, self._spent = self._spent, []
        for memory in spent:
            with self._core.acting("module init"):
                self._memory.free(memory)
