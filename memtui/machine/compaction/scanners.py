"""Compaction: movable pages gather at a zone's end, so that free ones join at its beginning.

mm/compaction.c: the migrate scanner goes up from the zone's start and takes movable pages, the
free scanner comes down from its end and offers free pages in movable pageblocks; where they meet
the zone is done. Pageblocks that are wholly free or wholly one owner's are passed over: they are
neither a source worth having (a huge page) nor a target (a free block of pageblock order).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from memtui.machine import costs
from memtui.machine.compaction.free_scanner import CLUSTER, FreeScanner
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError
from memtui.machine.parts import PART_PIECES, Parts, whole
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES
from memtui.machine.physical.frame_map import BLOCK_SHIFT, FrameMap, Owner
from memtui.machine.physical.migration import Moves, Relocatable
from memtui.machine.physical.zone import Zone

RECORDS_PER_MOVE: Final = 16
"""So many records of an owner are looked at in the time that one run takes to move."""


@dataclass(slots=True)
class Compaction:
    """One run over a zone: all of it, or until so many blocks of an order are free.

    A run for an order goes on where the last one stopped and passes over pageblocks that it has been
    through. One for a request that is not to wait (asynchronous) leaves those alone that it cannot
    empty (`skip_on_failure`).
    """

    core: Core
    zone: Zone
    order: int | None = None
    """Order of the blocks wanted; None: /proc/sys/vm/compact_memory, which wants the whole zone."""
    blocks: int = 0
    """How many of them."""
    sync: bool = True
    direct: bool = False
    """For the sake of a request, which waits for it; else by a daemon or an administrator."""
    moves: dict[Owner, Moves] = field(default_factory=dict)
    """What the last part moved."""

    def run(self) -> int:
        """Compacts the zone; returns how many pages moved.

        For a request the per-CPU lists are emptied (`lru_add_drain_cpu_zone`): what is freed is to merge at once.
        """
        return whole(self.run_in_parts())

    def run_in_parts(self) -> Parts[int]:
        """The same; for /proc/sys/vm/compact_memory in parts, for a request in one.

        After each every owner knows where its pages are.
        """
        if self.order is not None:
            self.zone.lists.drain()
        moved = 0
        for _ in self._scan():
            moved += self._tell_owners()
            yield
            self.moves.clear()
        return moved + self._tell_owners()

    def _tell_owners(self) -> int:
        """Ends a part: owners put their records right, and pages moved are counted. Returns how many."""
        for owner, moves in self.moves.items():
            if not isinstance(owner, Relocatable):
                raise FrameStateError(f"{owner!r} says it is movable and cannot be moved")
            owner.relocate(moves)
        moved = sum(moves.frames for moves in self.moves.values())
        self.core.vm_events["pgmigrate_success"] += moved
        self.core.vm_events["compact_isolated"] += 2 * moved
        self.core.meter.charge(costs.MIGRATE_PAGE, moved)
        return moved

    @property
    def done(self) -> bool:
        """Whether the blocks wanted are free (`compact_finished`)."""
        return self.order is not None and self.zone.buddy.blocks_from(self.order) >= self.blocks

    def _scan(self) -> Iterator[None]:
        """Runs both scanners until they meet or enough blocks are free; yields where a part ends."""
        frame_map, state = self.core.allocator.frame_map, self.zone.compaction
        blocks = mixed_pageblocks(frame_map, self.zone)
        low, high = 0, len(blocks)
        if self.order is not None:
            state.begin(self.order)
            low, high = bisect_left(blocks, state.migrate_from), bisect_left(blocks, state.free_below)
        by_hand, strided = self.order is None, self.direct and not self.sync
        free = FreeScanner(self.zone, frame_map, blocks, high, self._count_free, whole=by_hand, strided=strided)
        for index in range(low, high):
            if by_hand and self._part_is_full():
                yield
                free.look_again()
            if not self._pass_over(blocks[index]) and not self._empty(index, blocks[index], free):
                break
            if self.done:
                state.migrate_from = blocks[index] + PAGEBLOCK_FRAMES
                if 0 <= free.place < high:
                    state.free_below = blocks[free.place] + PAGEBLOCK_FRAMES
                return
        state.restart()

    def _part_is_full(self) -> bool:
        """Whether as much has moved as one part may, at the end of a pageblock.

        The more records the owners have to go through, the more: that must not take longer than moving.
        """
        records = sum(owner.records for owner in self.moves if isinstance(owner, Relocatable))
        return sum(map(len, self.moves.values())) >= max(PART_PIECES // 2, records // RECORDS_PER_MOVE)

    def _empty(self, index: int, first: int, free: FreeScanner) -> bool:
        """Moves what is movable out of one pageblock; False once the scanners have met."""
        frame_map, left = self.core.allocator.frame_map, 0
        if not 0 < frame_map.usage(first, PAGEBLOCK_FRAMES)[0] < PAGEBLOCK_FRAMES:
            return free.place > index
        self._count("compact_migrate_scanned")
        if not self.sync and sum(frame_map.usage(first, PAGEBLOCK_FRAMES)) < PAGEBLOCK_FRAMES:
            return free.place > index
        for start, frames, owner in list(frame_map.runs(first, first + PAGEBLOCK_FRAMES)):
            position, end = start, start + frames
            while owner.movable and position < end:
                if self.direct and not left:
                    free.hurry(index)
                    left = CLUSTER
                found = free.take(min(end - position, left) if self.direct else end - position, above=index)
                if found is None:
                    return False
                target, part = found
                self._move(owner, position, part, target)
                position += part
                left -= part
        return True

    def _move(self, owner: Owner, start: int, frames: int, target: int) -> None:
        frame_map, buddy = self.core.allocator.frame_map, self.zone.buddy
        buddy.isolate(target, frames)
        frame_map.assign(target, frames, owner)
        frame_map.release(start, frames, owner)
        buddy.free_run(start, frames)
        self.moves.setdefault(owner, Moves()).add(start, frames, target)

    def _pass_over(self, first: int) -> bool:
        """Whether a pageblock was marked before; it is from now on."""
        skip = self.zone.compaction.skip
        marked = self.order is not None and first in skip
        if self.order is not None:
            skip.add(first)
        return marked

    def _count_free(self) -> None:
        self._count("compact_free_scanned")

    def _count(self, event: str) -> None:
        self.core.vm_events[event] += PAGEBLOCK_FRAMES
        self.core.meter.charge(costs.COMPACT_SCAN)


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
