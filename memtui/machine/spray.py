"""Memory taken in as many places as there are: the worst case for whoever changes permissions of single pages.

Where an allocator puts a page is luck; a program that asks often enough, or one that may choose,
gets a page in every GiB. For this the free block of a region is looked for and taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memtui.machine.boot_mapping import Level
from memtui.machine.direct_map import DirectMap
from memtui.machine.errors import OutOfMemory
from memtui.machine.physical.allocator import PageAllocator
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import Owner

MOST_TRIES: Final = 65536
"""Regions looked at for one block, in the first round and after it: all of 64 TiB in parts of 1 GiB."""


class Spots:
    """Blocks in distinct regions of RAM, one after the other, from the top.

    The first round leaves out those whose 1G leaf is split, or never was one; the rounds after it take all.
    """

    def __init__(self, allocator: PageAllocator, direct_map: DirectMap, ram: Sequence[Run], region_frames: int) -> None:
        """`ram`: the runs of RAM; regions are aligned to their size, and cut where RAM ends."""
        self._allocator = allocator
        self._direct_map = direct_map
        self._ram = ram
        self._first_round = True
        self._region_frames = region_frames
        self._top = (ram[-1][0] + ram[-1][1] - 1) // region_frames
        self._next = self._top

    def take(self, owner: Owner, order: int) -> int:
        """A free block of `order` for `owner`, in the next region that has one. Raises OutOfMemory if none has."""
        if not self._allocator.injected(order):
            for tries in range(min(2 * (self._top + 1), 2 * MOST_TRIES)):
                self._first_round = self._first_round and tries < MOST_TRIES
                start = self._free_block(self._next, 1 << order)
                wanted = start is not None and not (self._first_round and self._is_split(start))
                self._advance()
                if start is not None and wanted:
                    self._allocator.allocate_at(owner, start, 1 << order)
                    return start
        raise OutOfMemory(f"no region of memory has a free block of order {order}")

    def take_many(self, owner: Owner, count: int) -> FrameList:
        """Single frames for `owner`, each in a region of its own as far as there are so many. Raises OutOfMemory."""
        taken = FrameList()
        try:
            for _ in range(count):
                taken.append(self.take(owner, 0), 1)
        except OutOfMemory:
            self._allocator.free_list(taken, owner)
            raise
        return taken

    def _advance(self) -> None:
        self._first_round = self._first_round and self._next > 0
        self._next = self._next - 1 if self._next else self._top

    def _is_split(self, frame: int) -> bool:
        return self._direct_map.level_at(frame) is not Level.LEAF_1G

    def _free_block(self, region: int, frames: int) -> int | None:
        """The lowest aligned free block in a region; None if there is none."""
        for first, length in self._ram:
            low = max(first, region * self._region_frames)
            high = min(first + length, (region + 1) * self._region_frames)
            if low < high and (start := self._first_gap(low, high, frames)) is not None:
                return start
        return None

    def _first_gap(self, low: int, high: int, frames: int) -> int | None:
        place = -(-low // frames) * frames
        for start, length, _ in self._allocator.frame_map.runs(low, high):
            if place + frames <= start:
                break
            place = max(place, -(-(start + length) // frames) * frames)
        return place if place + frames <= high else None
