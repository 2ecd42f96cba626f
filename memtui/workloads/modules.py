"""`load_module`: kernel modules are loaded, and unloaded at the entry's `end`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory
from memtui.machine.modules import Module, ModuleSizes
from memtui.units import GIB, format_bytes
from memtui.workloads.base import Activity, Steps
from memtui.workloads.params import Count, Params, Size, size_between
from memtui.workloads.wording import merge_words, plural, split_words

MODULES_BYTES: Final = GIB
"""x86-64's area for module text with KASLR (arch/x86/include/asm/pgtable_64_types.h, MODULES_LEN)."""

Section = Annotated[Size, size_between(0, MODULES_BYTES)]
"""Bytes of one section of a module; rounded up to whole pages when loaded."""


class LoadModuleParams(Params):
    """The sections of one module, as `size -A` shows them, and how many such modules."""

    text: Annotated[Size, size_between(1, MODULES_BYTES)] = Field(description="code: read-only, executable")
    rodata: Section = Field(description="constants: read-only")
    data: Section = Field(description="variables: writable")
    ro_after_init: Section = Field(default=0, description="variables that become read-only once it is initialised")
    init: Section = Field(default=0, description="code used only while loading, freed after it")
    init_rodata: Section = Field(default=0, description="constants used only while loading")
    init_data: Section = Field(default=0, description="variables used only while loading")
    file: Section = Field(default=0, description="the file it is loaded from; 0: twice its sections")
    count: Count = Field(default=1, description="how many modules of this shape")


class LoadModule(Activity[LoadModuleParams]):
    """Loads modules one by one, as modprobe does."""

    action = "load_module"
    params_type = LoadModuleParams
    _loaded: list[Module]

    def start(self) -> Steps:
        """Loads them; one that finds no memory fails with ENOMEM and the rest are not tried."""
        self._loaded = []
        params, core = self.params, self.machine.core
        before = self.machine.direct_map.splits
        sizes = ModuleSizes(
            text=params.text,
            rodata=params.rodata,
            data=params.data,
            ro_after_init=params.ro_after_init,
            init_text=params.init,
            init_rodata=params.init_rodata,
            init_data=params.init_data,
            file=params.file,
        )
        for number in range(1, params.count + 1):
            try:
                self._loaded.append(self.machine.modules.load(sizes))
            except OutOfMemory as short:
                core.log(f"module {number} of {params.count} fails to load: ENOMEM, {short}", Severity.BAD)
                yield self.machine.take_ns()
                break
            self.progress = f"{number} of {params.count} modules"
            yield self.machine.take_ns()
        split = split_words(self.machine.direct_map, before)
        if params.count > 1 or self.machine.direct_map.splits != before:
            size = format_bytes(params.text + params.rodata + params.data)
            count = len(self._loaded)
            core.log(f"{count} {plural(count, 'module')} of {size} loaded; {split}")

    def finish(self) -> Steps:
        """Unloads them, the last first."""
        before = self.machine.direct_map.collapses
        while self._loaded:
            self.machine.modules.unload(self._loaded.pop())
            yield self.machine.take_ns()
        if self.params.count > 1:
            self.machine.core.log(f"modules unloaded; {merge_words(self.machine.direct_map, before)}")

    @property
    def holds(self) -> bool:
        """Whether modules are loaded."""
        return bool(self._loaded)
