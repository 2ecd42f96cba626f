"""Compaction's free scanner: from the end of a zone down, frames that pages can move to.

For a request it is in a hurry (`fast_isolate_freepages`, mm/compaction.c). Before each 32 pages it
looks at the oldest entries of the free lists for a frame in the upper half of what lies between the
two scanners; when there is none it goes on from the middle. So a request for a huge page in memory
whose free frames were freed from the bottom up has the scanners meet after some ten times 32
pages, which may be too soon to empty one pageblock. And while it is not to wait for anything
(asynchronous), it then looks at every 32nd frame only until it finds one that begins a free block.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, PAGEBLOCK_ORDER, MigrateType
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import FrameMap
from memtui.machine.physical.zone import Zone

CLUSTER: Final = 32
"""COMPACT_CLUSTER_MAX: pages migrated at a time."""
LOOKED_AT: Final = PAGEBLOCK_FRAMES // 2
"""Entries of the first free list that are looked at; half as many of each further one."""


class FreeScanner:
    """Free frames in mixed pageblocks, from the highest down, handed out in parts."""

    def __init__(
        self,
        zone: Zone,
        frame_map: FrameMap,
        blocks: Sequence[int],
        high: int,
        scanned: Callable[[], None],
        *,
        whole: bool,
        strided: bool,
    ) -> None:
        """Below pageblock number `high` of `blocks`; `scanned` is told of each one looked through.

        `whole`: every pageblock is looked through, marks or not (/proc/sys/vm/compact_memory).
        """
        self._zone = zone
        self._frame_map = frame_map
        self._blocks = blocks
        self._scanned = scanned
        self._whole = whole
        self._may_stride = strided
        self._strided = False
        self._runs: list[Run] = []
        """Free runs of the pageblock it is in, the lowest last."""
        self.place = high
        """Number of the pageblock it is in; -1 when it has come to the end."""

    def take(self, frames: int, *, above: int) -> Run | None:
        """Up to `frames` free frames in a pageblock after number `above`; None when the scanners have met."""
        while self.place > above and not self._runs:
            self._leave()
            self._enter(self.place - 1)
        if self.place <= above:
            return None
        start, room = self._runs.pop()
        part = min(room, frames)
        if part < room:
            self._runs.append((start + part, room - part))
        return start, part

    def look_again(self) -> None:
        """Other things have happened: what is free now in what is left of the pageblock it is in."""
        if self._runs:
            low = self._runs[-1][0]
            end = (low // PAGEBLOCK_FRAMES + 1) * PAGEBLOCK_FRAMES
            self._runs = self._frame_map.free_in(low, end - low)[::-1]

    def hurry(self, migrating: int) -> None:
        """The next 32 pages, from the pageblock of this number, are to be moved for a request."""
        top = self._blocks[self.place] if 0 <= self.place < len(self._blocks) else self._zone.layout.end
        middle = (top - (top - self._blocks[migrating]) // 2) // PAGEBLOCK_FRAMES * PAGEBLOCK_FRAMES
        found = self._found_above(middle)
        self._strided = self._may_stride and not found
        place = bisect_right(self._blocks, middle) - 1
        if not found and place < self.place:
            self._enter(place)

    def _found_above(self, frame: int) -> bool:
        """Whether one of the oldest free blocks below pageblock size lies at `frame` or above."""
        limit = LOOKED_AT
        for order in range(PAGEBLOCK_ORDER - 1, -1, -1):
            looked_at = 0
            for start in self._zone.buddy.oldest(order, MigrateType.MOVABLE, limit):
                if start >= frame:
                    return True
                looked_at += 1
            if looked_at == limit:
                limit = max(1, limit // 2)
        return False

    def _leave(self) -> None:
        """Marks the pageblock that has been looked through to its end."""
        if not self._whole and 0 <= self.place < len(self._blocks):
            self._zone.compaction.skip.add(self._blocks[self.place])

    def _enter(self, place: int) -> None:
        """Goes to another pageblock."""
        self.place, self._runs = place, []
        if place < 0:
            return
        first = self._blocks[place]
        self._scanned()
        marked = not self._whole and first in self._zone.compaction.skip
        if self._zone.buddy.type_of(first) is not MigrateType.MOVABLE or marked:
            return
        if self._strided:
            self._runs = list(self._at_strides(first))[::-1]
            self._strided = not self._runs
        else:
            self._runs = self._frame_map.free_in(first, PAGEBLOCK_FRAMES)[::-1]

    def _at_strides(self, first: int) -> Iterator[Run]:
        """The free blocks of a pageblock that begin at every 32nd frame."""
        for start in range(first, first + PAGEBLOCK_FRAMES, CLUSTER):
            order = self._zone.buddy.order_at(start)
            if order is not None:
                yield start, 1 << order
