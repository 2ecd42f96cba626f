"""The page-table pages of one address space: which tables its addresses need, and their frames.

Four levels, as on x86-64: a PTE table maps 2 MiB, a PMD table 1 GiB, a PUD table 512 GiB, and
one PGD is on top; with five levels there are P4D tables of 256 TiB below it. Which tables exist is
kept as ranges of virtual slots, so that a terabyte costs one range. A 2 MiB leaf needs its PTE
table all the same: it is deposited for a later split (recordings, "Anonymous memory and fork").
Tables live until the address space goes, or until `depopulate` says that an area has been
unmapped. How many levels nr_page_table_pages counts is the kernel's (`traits.py`; recorded: 44 kB
of fixed tables per child on 6.18 against 28 kB on 6.1). Making and freeing a table charges the
meter here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.physical.allocator import GFP_KERNEL
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.ranges import RangeSet
from memtui.snapshot import FrameKind

ENTRY_BITS: Final = 9
"""Every table has 512 entries."""
LEVELS: Final = ("PTE", "PMD", "PUD", "P4D")
"""Tables below the PGD, by what their entries map: 4 KiB, 2 MiB, 1 GiB, 512 GiB. Four levels have no P4D."""

TABLE_OWNER: Final = KernelOwner("page tables", FrameKind.PAGE_TABLE)
"""Page tables of all processes count as one owner: frames do not say whose they are."""


class PageTables:
    """The tables of one address space."""

    def __init__(self, core: Core, node: int = 0) -> None:
        """Allocates the PGD. Raises OutOfMemory."""
        self._core = core
        self._node = node
        self._slots = [RangeSet() for _ in LEVELS[: core.table_levels - 1]]
        """By level, the tables there are, each as the number of the virtual range it maps."""
        self._frames = FrameList()
        self._allocate(1)

    @property
    def frames(self) -> int:
        """Table pages of this address space, the PGD included."""
        return self._frames.frames

    def counted(self, levels: int) -> int:
        """Table pages of the lowest `levels` levels: what nr_page_table_pages counts of them."""
        if levels > len(self._slots):
            return self._frames.frames
        return sum(slots.count for slots in self._slots[:levels])

    def populate(self, first_page: int, pages: int, *, lowest: int = 0) -> None:
        """Makes the tables that virtual pages [first_page, first_page + pages) still lack.

        `lowest` 1: no PTE tables, for 2 MiB leaves of files, which have none deposited. All of
        them, or OutOfMemory with nothing changed.
        """
        levels = range(lowest, len(self._slots))
        gaps = [self._slots[level].missing(*self._span(level, first_page, pages)) for level in levels]
        self._allocate(sum(high - low for level in gaps for low, high in level))
        for slots, missing in zip(self._slots[lowest:], gaps, strict=True):
            for low, high in missing:
                slots.add(low, high)

    def slots_without_table(self, first: int, last: int) -> list[tuple[int, int]]:
        """The 2 MiB slots of [first, last) that have no PTE table (pmd_none), as ranges."""
        return self._slots[0].missing(first, last)

    def depopulate(self, first_page: int, pages: int, floor: int, ceiling: int) -> None:
        """Frees the tables of an unmapped area (`free_pgtables`).

        `floor` and `ceiling` are the ends of its neighbours, in virtual pages: a table goes only if
        nothing between them and the area uses its range.
        """
        freed = 0
        for level, slots in enumerate(self._slots):
            shift = ENTRY_BITS * (level + 1)
            low = max(first_page >> shift, -(-floor >> shift))
            high = min(self._span(level, first_page, pages)[1], ceiling >> shift)
            if low < high:
                freed += slots.remove(low, high)
        self._free(freed)

    def copy_for_fork(self, node: int, areas: Iterable[tuple[int, int]] | None = None) -> PageTables:
        """A child's tables, in frames of its own: those that reach into the `areas` that are copied.

        Areas are ranges of virtual pages, ascending; without them all tables are copied. Raises
        OutOfMemory with nothing changed.
        """
        slots = [level.copy() for level in self._slots] if areas is None else self._reaching_into(areas)
        child = PageTables(self._core, node)
        try:
            child._allocate(sum(level.count for level in slots))
        except OutOfMemory:
            child.release()
            raise
        child._slots = slots
        return child

    def release(self) -> None:
        """Gives all tables back, the PGD included: the address space is gone."""
        self._slots = [RangeSet() for _ in self._slots]
        self._free(self.frames)

    def release_some(self, tables: int) -> None:
        """Gives up to so many PTE tables back, from the lowest: nothing is mapped any more."""
        slots = self._slots[0]
        freed = 0
        while freed < tables and len(slots):
            low, high = next(iter(slots))
            freed += slots.remove(low, min(high, low + tables - freed))
        self._free(freed)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run of tables."""
        for start, frames in self._frames:
            yield TABLE_OWNER, start, frames

    def check(self) -> None:
        """Raises FrameStateError unless the frames are the tables, and every table hangs in one above it."""
        tables = 1 + sum(slots.count for slots in self._slots)
        if tables != self.frames:
            raise FrameStateError(f"{self.frames} frames of page tables for {tables} tables")
        for lower, upper in zip(self._slots, self._slots[1:], strict=False):
            for low, high in lower:
                if upper.missing(low >> ENTRY_BITS, ((high - 1) >> ENTRY_BITS) + 1):
                    raise FrameStateError(f"tables {low:#x}..{high:#x} have no table above them")

    def _reaching_into(self, areas: Iterable[tuple[int, int]]) -> list[RangeSet]:
        """By level, those tables whose addresses overlap an area."""
        found = [RangeSet() for _ in self._slots]
        for start, end in areas:
            for level, slots in enumerate(self._slots):
                first, last = self._span(level, start, end - start)
                for low, high in slots.overlapping(first, last):
                    found[level].add(max(low, first), min(high, last))
        return found

    def _span(self, level: int, first_page: int, pages: int) -> tuple[int, int]:
        shift = ENTRY_BITS * (level + 1)
        return first_page >> shift, ((first_page + pages - 1) >> shift) + 1

    def _allocate(self, tables: int) -> None:
        if tables:
            self._frames.extend(self._core.allocator.allocate_many(TABLE_OWNER, GFP_KERNEL, tables, 0, self._node))
            self._core.meter.charge(costs.PAGE_TABLE, tables)

    def _free(self, tables: int) -> None:
        if tables:
            self._core.allocator.free_list(self._frames.take(tables), TABLE_OWNER)
            self._core.meter.charge(costs.FREE_PAGE_TABLE, tables)
