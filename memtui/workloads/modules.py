"""`load_module`: kernel modules are loaded, and unloaded at the entry's `end`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from memtui.units import GIB
from memtui.workloads.params import Count, Params, Size, size_between

MODULES_BYTES: Final = GIB
"""x86-64's area for module text with KASLR (arch/x86/include/asm/pgtable_64_types.h, MODULES_LEN)."""

Section = Annotated[Size, size_between(0, MODULES_BYTES)]
"""Bytes of one section of a module; rounded up to whole pages when loaded."""


class LoadModuleParams(Params):
    """The sections of one module, as `size -A` shows them, and how many such modules."""

    text: Annotated[Size, size_between(1, MODULES_BYTES)] = Field(description="code: read-only, executable")
    rodata: Section = Field(description="constants: read-only")
    data: Section = Field(description="variables: writable")
    init: Section = Field(default=0, description="code and data used only while loading, freed after it")
    count: Count = Field(default=1, description="how many modules of this shape")
