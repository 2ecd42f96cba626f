"""What every policy for executable memory must do, and the terms it does it in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from memtui.machine.core import Core, KernelOwner
from memtui.machine.direct_map import DirectMap
from memtui.machine.physical.extents import Run
from memtui.machine.traits import Traits
from memtui.machine.unmapped_cache import UnmappedCache
from memtui.machine.vmalloc import Area, Vmalloc
from memtui.snapshot import PolicyState


class MemType(StrEnum):
    """What a piece of memory is for (enum mod_mem_type; BPF stands beside them as EXECMEM_BPF)."""

    TEXT = "text"
    RODATA = "rodata"
    RO_AFTER_INIT = "ro_after_init"
    DATA = "data"
    INIT_TEXT = "init text"
    INIT_RODATA = "init rodata"
    INIT_DATA = "init data"
    BPF = "BPF"


CODE: Final = frozenset((MemType.TEXT, MemType.INIT_TEXT, MemType.BPF))
"""Executable: read-only once it is written."""
READ_ONLY: Final = CODE | {MemType.RODATA, MemType.INIT_RODATA}
"""What is write-protected before a module's init function runs; ro_after_init follows after it."""

Parts = tuple[tuple[MemType, int], ...]
"""(what for, whole pages) of one allocation, in virtual order."""


@dataclass(eq=False, slots=True)
class ExecRange:
    """One allocation of executable memory, or of what belongs to it."""

    area: Area
    """The vmalloc area it lies in: its own, or a block that it shares."""
    first_page: int
    """Where in the area it begins."""
    parts: Parts
    read_only: frozenset[MemType] = frozenset()
    """Which of its parts are write-protected now."""

    @property
    def pages(self) -> int:
        """Whole pages of all parts."""
        return sum(pages for _, pages in self.parts)

    @property
    def address(self) -> int:
        """Its first page in the module area."""
        assert self.area.address is not None
        return self.area.address + self.first_page

    def runs(self, types: frozenset[MemType]) -> Iterator[Run]:
        """The frames behind its parts of some types."""
        first = self.first_page
        for kind, pages in self.parts:
            if kind in types:
                yield from self.area.pages(first, pages)
            first += pages


@dataclass(eq=False, slots=True)
class Image:
    """The code of one BPF program."""

    size_bytes: int
    own: ExecRange | None
    """Its pages, if it has pages of its own."""
    pack: int = -1
    """The number of the pack it lies in otherwise."""
    first_chunk: int = 0
    chunks: int = 0


class ModuleMemory(Protocol):
    """Where memory of modules comes from, one allocation at a time."""

    def allocate(self, parts: Parts) -> ExecRange:
        """Memory that can be written to. Raises OutOfMemory with nothing kept but splits."""

    def protect(self, memory: ExecRange, types: frozenset[MemType]) -> None:
        """Write-protects the parts of these types. Raises OutOfMemory half-way: the caller frees it then."""

    def free(self, memory: ExecRange) -> None:
        """Takes memory back, whatever its permissions are."""


class ProgramMemory(Protocol):
    """Where the code of BPF programs comes from."""

    def allocate(self, size_bytes: int) -> Image:
        """A program's code, written and executable. Raises OutOfMemory with nothing kept but splits."""

    def free(self, image: Image) -> None:
        """Takes a program's code back."""


class ExecMemory(Protocol):
    """A policy: modules and BPF programs together."""

    @property
    def modules(self) -> ModuleMemory:
        """For modules."""

    @property
    def programs(self) -> ProgramMemory:
        """For the code of BPF programs."""

    def policy_state(self) -> PolicyState:
        """What it has inside, for people to see."""

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of what it holds besides vmalloc areas."""

    def cached(self) -> Iterator[Run]:
        """Frames that are write-protected though no module and no program has them, whole packs included."""

    def check(self, modules: list[ExecRange], programs: list[Image]) -> None:
        """Raises FrameStateError unless its own accounts are those of all that is allocated."""


class Ground(NamedTuple):
    """What a policy is built on."""

    core: Core
    direct_map: DirectMap
    vmalloc: Vmalloc
    unmapped_cache: UnmappedCache
    traits: Traits
