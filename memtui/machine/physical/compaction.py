"""Compaction: movable pages gather at a zone's end, so that free ones join at its beginning.

mm/compaction.c: the migrate scanner goes up from the zone's start and takes movable pages, the
free scanner comes down from its end and offers free pages in movable pageblocks; where they meet
the zone is done. Pageblocks that are wholly free or wholly one owner's are passed over: they are
neither a source worth having (a huge page) nor a target (a free block of pageblock order).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, MigrateType
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import BLOCK_SHIFT, FrameMap, Owner
from memtui.machine.physical.migration import Moves, Relocatable
from memtui.machine.physical.zone import Zone


@dataclass(slots=True)
class Compaction:
    """One pass over a zone."""

    core: Core
    zone: Zone
    moves: dict[Owner, Moves] = field(default_factory=dict)

    def run(self) -> int:
        """Compacts the zone; returns how many pages moved."""
        frame_map = self.core.allocator.frame_map
        blocks = mixed_pageblocks(frame_map, self.zone)
        targets = _Targets(self._targets(blocks))
        for index, first in enumerate(blocks):
            if not self._empty(index, first, targets):
                break
        for owner, moves in self.moves.items():
            if not isinstance(owner, Relocatable):
                raise FrameStateError(f"{owner!r} says it is movable and cannot be moved")
            owner.relocate(moves)
        moved = sum(moves.frames for moves in self.moves.values())
        self.core.vm_events["pgmigrate_success"] += moved
        self.core.vm_events["compact_isolated"] += 2 * moved
        self.core.meter.charge(costs.MIGRATE_PAGE, moved)
        return moved

    def _empty(self, index: int, first: int, targets: _Targets) -> bool:
        """Moves what is movable out of one pageblock; False once the scanners have met."""
        frame_map = self.core.allocator.frame_map
        self.core.vm_events["compact_migrate_scanned"] += PAGEBLOCK_FRAMES
        for start, frames, owner in list(frame_map.runs(first, first + PAGEBLOCK_FRAMES)):
            position, end = start, start + frames
            while owner.movable and position < end:
                found = targets.take(end - position, above=index)
                if found is None:
                    return False
                target, part = found
                self._move(owner, position, part, target)
                position += part
        return True

    def _move(self, owner: Owner, start: int, frames: int, target: int) -> None:
        frame_map, buddy = self.core.allocator.frame_map, self.zone.buddy
        buddy.isolate(target, frames)
        frame_map.assign(target, frames, owner)
        frame_map.release(start, frames, owner)
        buddy.free_run(start, frames)
        self.moves.setdefault(owner, Moves()).add(start, frames, target)

    def _targets(self, blocks: list[int]) -> Iterator[tuple[int, int, int]]:
        """(index of the pageblock, first free frame, frames) from the zone's end down."""
        frame_map = self.core.allocator.frame_map
        for index in range(len(blocks) - 1, -1, -1):
            first = blocks[index]
            self.core.vm_events["compact_free_scanned"] += PAGEBLOCK_FRAMES
            if self.zone.buddy.type_of(first) is MigrateType.MOVABLE:
                for start, frames in frame_map.free_in(first, PAGEBLOCK_FRAMES):
                    yield index, start, frames


def mixed_pageblocks(frame_map: FrameMap, zone: Zone) -> list[int]:
    """First frames of the zone's pageblocks that are neither wholly free nor wholly one owner's, ascending.

    One that reaches beyond the zone (RAM need not end at a multiple of 2 MiB) is not among them.
    """
    found: list[int] = []
    last = zone.layout.end - PAGEBLOCK_FRAMES
    for block in frame_map.mixed_blocks(zone.layout.start, zone.layout.end):
        for first in (block << BLOCK_SHIFT, (block << BLOCK_SHIFT) + PAGEBLOCK_FRAMES):
            free, _ = frame_map.usage(first, PAGEBLOCK_FRAMES)
            if 0 < free < PAGEBLOCK_FRAMES and first <= last:
                found.append(first)
    return found


class _Targets:
    """The free scanner: free runs from the zone's end down, handed out in parts."""

    def __init__(self, runs: Iterator[tuple[int, int, int]]) -> None:
        self._runs = runs
        self._place, self._start, self._room = 0, 0, 0

    def take(self, frames: int, *, above: int) -> Run | None:
        """Up to `frames` free frames in a pageblock after number `above`; None when the scanners have met."""
        if not self._room:
            self._place, self._start, self._room = next(self._runs, (-1, 0, 0))
        if self._place <= above:
            return None
        start, part = self._start, min(self._room, frames)
        self._start += part
        self._room -= part
        return start, part
