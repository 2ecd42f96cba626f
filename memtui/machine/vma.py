"""One area of an address space (struct vm_area_struct) and what it maps.

Addresses are virtual page numbers. What is mapped is kept in runs: a range of pages that lies in
one store of anonymous memory, is mapped by leaves of one size, and may or may not be written
without a copy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from memtui.machine.physical.range_map import RangeMap
from memtui.units import FRAMES_2M

if TYPE_CHECKING:
    from memtui.machine.anon_store import AnonStore
    from memtui.machine.page_tables import PageTables

ThpAdvice = Literal["never", "madvise", "always"]
"""MADV_NOHUGEPAGE, MADV_HUGEPAGE, or neither: then the kernel's setting decides."""


class VmaKind(Enum):
    """What can be in an area."""

    FILE = "file"
    """File pages, shared or only read: the program's text, a shared page, the vDSO."""
    ANON = "anonymous"
    """Private memory that is written: anonymous pages, those of written private files included."""
    GUARD = "guard"
    """Nothing (PROT_NONE): keeps neighbours from merging."""


class Mapping(NamedTuple):
    """How a run of pages is mapped."""

    store: AnonStore
    """Where the pages are: in it under the same page numbers."""
    exclusive: bool
    """No other process has them (PageAnonExclusive): writes need no fault."""
    huge: bool
    """By 2 MiB leaves; the run is whole 2 MiB."""


class SharedPages(Protocol):
    """Pages of a file in one address space, mapped shared: what a VMA needs of tmpfs."""

    @property
    def resident_pages(self) -> int:
        """Base pages of the file that are mapped."""

    @property
    def huge_leaves(self) -> int:
        """2 MiB leaves among its mappings."""

    def touch(self, first: int, end: int) -> int:
        """Writes to pages [first, end), counted from the VMA's start; returns one past the last that the file has.

        Raises OutOfMemory or NoSpace with part of it done.
        """

    def fork(self, tables: PageTables) -> SharedPages:
        """The same for a child, with nothing mapped yet: shared file pages are faulted in again."""

    def release(self) -> None:
        """Unmaps everything; the page tables stay."""


@dataclass(slots=True, eq=False)
class Vma:
    """Pages [start, end) of one address space."""

    name: str
    start: int
    end: int
    kind: VmaKind = VmaKind.ANON
    thp: ThpAdvice = "never"
    guarded: bool = False
    """It was mapped together with guards, and goes together with them."""
    mapped: RangeMap[Mapping] = field(default_factory=RangeMap)
    shared: SharedPages | None = None
    """The file it maps shared, if it does."""
    store: AnonStore | None = None
    """Where new pages of this area go; a fork leaves it to what shares it and the next page begins a new one."""

    @property
    def pages(self) -> int:
        """Length in base pages."""
        return self.end - self.start

    def resident_pages(self) -> int:
        """Pages that are mapped, counted from the runs."""
        return sum(high - low for low, high, _ in self.mapped)

    def huge_leaves(self) -> int:
        """2 MiB leaves that map them, counted from the runs."""
        return sum(high - low for low, high, mapping in self.mapped if mapping.huge) // FRAMES_2M

    def huge_slots(self) -> tuple[int, int]:
        """The 2 MiB slots [first, last) that lie wholly inside."""
        return -(-self.start // FRAMES_2M), self.end // FRAMES_2M
