"""The areas of one address space: where they lie, where the next fits, what their tree weighs.

Addresses are virtual page numbers of a 4-level x86-64 process. New mappings go top-down from
below the stack, to the highest gap that is large enough; sizes that are a multiple of 2 MiB are
aligned to 2 MiB (`thp_get_unmapped_area`, as 6.18 does it).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

from memtui.machine.physical.range_map import RangeMap
from memtui.machine.vma import Vma
from memtui.units import FRAMES_2M, GIB, PAGE_BYTES, TIB

MMAP_BASE: Final = (0x7FFF_C000_0000 - 600 * GIB) // PAGE_BYTES
"""Mappings grow down from here: a GiB border, in another 512 GiB than the stack, as randomisation mostly has it."""
MMAP_FLOOR: Final = 0x5555_5555_4000 // PAGE_BYTES
"""No mapping goes below: where a position-independent program would begin."""
TASK_END: Final = 128 * TIB // PAGE_BYTES
"""The end of user addresses with four levels of page tables."""

MAX_MAP_COUNT: Final = 65530
"""vm.max_map_count: 2^16 - 1 less the room that ELF core dumps want (DEFAULT_MAX_MAP_COUNT)."""

LEAF_SLOTS: Final = 15
"""Areas and gaps in a leaf of the maple tree, on average (of 16)."""
INNER_SLOTS: Final = 9
"""Nodes below an inner node, on average (of 10). So come out the recorded 3 nodes for 14 areas and 153 for 2011."""


def guard_pages(pages: int) -> tuple[int, int]:
    """Pages of the guards before and after an area that is mapped with guards.

    As the recorded test programs do it: an area of whole 2 MiB is cut, aligned, out of a reservation
    2 MiB larger, so that a rest is left on both sides; any other is followed by one page.
    """
    return (FRAMES_2M // 2, FRAMES_2M // 2) if pages % FRAMES_2M == 0 else (0, 1)


class AddressSpace:
    """Areas in order of address; they never overlap."""

    def __init__(self) -> None:
        self._vmas: list[Vma] = []
        self._used: RangeMap[bool] = RangeMap()
        """The addresses of all areas; neighbours are one range."""

    def __iter__(self) -> Iterator[Vma]:
        return iter(self._vmas)

    def __len__(self) -> int:
        """Number of areas."""
        return len(self._vmas)

    def insert(self, vma: Vma) -> None:
        """Adds an area; its addresses must be free."""
        self._vmas.insert(self._index(vma), vma)
        self._used.set(vma.start, vma.end, True)

    def remove(self, vma: Vma) -> None:
        """Takes an area out."""
        del self._vmas[self._index(vma)]
        self._used.clear(vma.start, vma.end)

    def at(self, page: int) -> Vma | None:
        """The area that holds this page."""
        index = bisect_right(self._vmas, page, key=lambda vma: vma.start) - 1
        return self._vmas[index] if index >= 0 and page < self._vmas[index].end else None

    def guards_of(self, vma: Vma) -> list[Vma]:
        """The guards mapped with an area."""
        index = self._index(vma)
        before, after = guard_pages(vma.pages) if vma.guarded else (0, 0)
        return ([self._vmas[index - 1]] if before else []) + ([self._vmas[index + 1]] if after else [])

    def neighbours(self, vma: Vma) -> tuple[int, int]:
        """Where the area below ends and the area above begins; the ends of the address space if there is none."""
        index = self._index(vma)
        floor = self._vmas[index - 1].end if index else 0
        ceiling = self._vmas[index + 1].start if index + 1 < len(self._vmas) else TASK_END
        return floor, ceiling

    def find_gap(self, pages: int, before: int = 0, after: int = 0) -> int | None:
        """Where a new area of this length goes, with room around it; None if the address space is full."""
        align = FRAMES_2M if pages % FRAMES_2M == 0 else 1
        for low, high in reversed(self._used.gaps(MMAP_FLOOR, MMAP_BASE)):
            start = (high - after - pages) // align * align
            if start - before >= low:
                return start
        return None

    def copy(self) -> AddressSpace:
        """The same areas with nothing mapped in them, for a child."""
        twin = AddressSpace()
        twin._vmas = [Vma(vma.name, vma.start, vma.end, vma.kind, vma.thp, vma.guarded) for vma in self._vmas]
        twin._used = self._used.copy()
        return twin

    @property
    def tree_nodes(self) -> int:
        """Nodes of the maple tree that holds the areas and the gaps between them."""
        nodes = level = -(-(len(self._vmas) + len(self._used) + 1) // LEAF_SLOTS)
        while level > 1:
            level = -(-level // INNER_SLOTS)
            nodes += level
        return nodes

    def _index(self, vma: Vma) -> int:
        return bisect_left(self._vmas, vma.start, key=lambda other: other.start)
