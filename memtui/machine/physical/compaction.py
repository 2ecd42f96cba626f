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
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, MigrateType
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import BLOCK_SHIFT, FrameMap, Owner
from memtui.machine.physical.migration import Moves, Relocatable
from memtui.machine.physical.zone import Zone

STRIDE: Final = 32
"""COMPACT_CLUSTER_MAX: how far asynchronous compaction steps when it looks for free frames (`isolate_freepages`)."""


@dataclass(slots=True)
class Compaction:
    """One run over a zone: all of it, or until so many blocks of an order are free.

    A run for an order goes on where the last one stopped and passes over pageblocks that it has been
    through. An asynchronous one leaves those alone that it cannot empty (`skip_on_failure`), and looks
    for free frames at every 32nd frame only, so that memory in single free frames often has none for it.
    """

    core: Core
    zone: Zone
    order: int | None = None
    """Order of the blocks wanted; None: /proc/sys/vm/compact_memory, which wants the whole zone."""
    blocks: int = 0
    """How many of them."""
    sync: bool = True
    moves: dict[Owner, Moves] = field(default_factory=dict)

    def run(self) -> int:
        """Compacts the zone; returns how many pages moved."""
        self._scan()
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

    def _scan(self) -> None:
        """Runs both scanners until they meet or enough blocks are free."""
        state, blocks = self.zone.compaction, mixed_pageblocks(self.core.allocator.frame_map, self.zone)
        low, high = 0, len(blocks)
        if self.order is not None:
            state.begin(self.order)
            low, high = bisect_left(blocks, state.migrate_from), bisect_left(blocks, state.free_below)
        targets = _Targets(self._targets(blocks, high), high)
        for index in range(low, high):
            if not self._pass_over(blocks[index]) and not self._empty(index, blocks[index], targets):
                break
            if self.done:
                state.migrate_from = blocks[index] + PAGEBLOCK_FRAMES
                if 0 <= targets.place < high:
                    state.free_below = blocks[targets.place] + PAGEBLOCK_FRAMES
                return
        state.restart()

    def _empty(self, index: int, first: int, targets: _Targets) -> bool:
        """Moves what is movable out of one pageblock; False once the scanners have met."""
        frame_map = self.core.allocator.frame_map
        self._count_scanned("compact_migrate_scanned")
        if not self.sync and sum(frame_map.usage(first, PAGEBLOCK_FRAMES)) < PAGEBLOCK_FRAMES:
            return targets.place > index
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

    def _targets(self, blocks: list[int], high: int) -> Iterator[tuple[int, int, int]]:
        """(index of the pageblock, first free frame, frames) from pageblock number `high` (not included) down.

        A pageblock that is no place to move to is named with no frames.
        """
        frame_map = self.core.allocator.frame_map
        for index in range(high - 1, -1, -1):
            first = blocks[index]
            self._count_scanned("compact_free_scanned")
            yield index, first, 0
            if self.zone.buddy.type_of(first) is MigrateType.MOVABLE and not self._pass_over(first):
                runs = frame_map.free_in(first, PAGEBLOCK_FRAMES)
                for start, frames in runs if self.sync else _from_stride(runs):
                    yield index, start, frames

    def _pass_over(self, first: int) -> bool:
        """Whether a pageblock was marked before; it is from now on."""
        skip = self.zone.compaction.skip
        marked = self.order is not None and first in skip
        if self.order is not None:
            skip.add(first)
        return marked

    def _count_scanned(self, event: str) -> None:
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


def _from_stride(runs: list[Run]) -> list[Run]:
    """The free runs of a pageblock from the first free frame on that lies at a multiple of STRIDE frames."""
    for place, (start, frames) in enumerate(runs):
        found = -(-start // STRIDE) * STRIDE
        if found < start + frames:
            return [(found, start + frames - found), *runs[place + 1 :]]
    return []


class _Targets:
    """The free scanner: free runs from the zone's end down, handed out in parts."""

    def __init__(self, runs: Iterator[tuple[int, int, int]], start: int) -> None:
        self._runs = runs
        self._start, self._room = 0, 0
        self.place = start
        """Number of the pageblock it is in; -1 when it has come to the end."""

    def take(self, frames: int, *, above: int) -> Run | None:
        """Up to `frames` free frames in a pageblock after number `above`; None when the scanners have met."""
        while self.place > above and not self._room:
            self.place, self._start, self._room = next(self._runs, (-1, 0, 0))
        if self.place <= above:
            return None
        start, part = self._start, min(self._room, frames)
        self._start += part
        self._room -= part
        return start, part
