"""Contiguous memory beyond the largest buddy block: 1 GiB pages (`alloc_contig_pages`, mm/page_alloc.c).

The aligned ranges of a node are looked at from the lowest up, zone by zone. One that holds
anything that cannot be moved is passed over (a huge page of a hugetlb pool too: on 6.18
`pfn_range_valid_contig` refuses those). In any other the free frames are isolated, frames to move
to are allocated elsewhere, and then everything that is left moves at once, folios of many frames
whole. When frames to move to cannot be had nothing has moved and the next range is tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.allocator import Gfp
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import BLOCK_SHIFT, Owner
from memtui.machine.physical.migration import Folio, FolioOwner, Moves, Relocatable
from memtui.machine.physical.scatter import free_pieces
from memtui.machine.physical.zone import Zone
from memtui.snapshot import FrameKind

GFP_TARGET: Final = Gfp(MigrateType.MOVABLE, oom=False)
"""GFP_USER | __GFP_MOVABLE | __GFP_RETRY_MAYFAIL: a frame to move a page to (`alloc_migration_target`)."""
GFP_TARGET_FOLIO: Final = Gfp(MigrateType.MOVABLE, reclaim=False, oom=False, kswapd=False)
"""The same for a folio of many frames, for which nothing else is given up."""

HUGE_ORDER: Final = 9
Source = tuple[Owner, int, list[Run]]
"""(owner, order, runs): folios of one order, ascending."""

_ISOLATED: Final = KernelOwner("isolated frames", FrameKind.KERNEL)
_TARGETS: Final = KernelOwner("migration targets", FrameKind.KERNEL)
"""Hold frames while an allocation is under way, never after."""


def allocate_contiguous(core: Core, owner: Owner, frames: int, node: int, count: int) -> list[int]:
    """Up to `count` naturally aligned runs of `frames` (whole 4 MiB blocks) of one node, the lowest that can be had."""
    found: list[int] = []
    for zone in core.allocator.zones_of(node):
        search = _Search(core, zone, frames)
        for start in search.candidates():
            if len(found) == count or core.allocator.injected(frames.bit_length() - 1):
                return found
            if search.empty(start, node):
                core.allocator.frame_map.replace(start >> BLOCK_SHIFT, (start + frames) >> BLOCK_SHIFT, owner)
                zone.note_use()
                found.append(start)
    return found


class _Search:
    """The ranges of one zone, from the lowest up."""

    def __init__(self, core: Core, zone: Zone, frames: int) -> None:
        self._core = core
        self._zone = zone
        self._frames = frames
        self._too_many = frames + 1
        """So many frames in use could not be moved away; no use in trying with as many again."""

    def candidates(self) -> Iterator[int]:
        """First frames of the ranges in which everything can be moved."""
        start = self._next(self._zone.layout.start)
        while start + self._frames <= self._zone.layout.end:
            self._zone.lists.drain()
            further = self._obstacle(start)
            if further is None:
                yield start
                start += self._frames
            else:
                self._core.meter.charge(costs.CONTIG_SEARCH)
                start = further

    def empty(self, start: int, node: int) -> bool:
        """Moves all that is in a range elsewhere and leaves its frames isolated; False with nothing changed."""
        move = _Emptying(self._core, self._zone, start, self._frames)
        if move.find_targets(node):
            move.finish()
            return True
        self._too_many = move.give_up()
        self._core.meter.charge(costs.CONTIG_SEARCH)
        return False

    def _obstacle(self, start: int) -> int | None:
        """Where the search goes on if a range cannot be emptied; None if it can."""
        end = start + self._frames
        used = stuck = reach = 0
        frame_map = self._core.allocator.frame_map
        for last, frames, owner in frame_map.block_owners(start >> BLOCK_SHIFT, end >> BLOCK_SHIFT):
            used += frames
            reach = max(reach, last << BLOCK_SHIFT)
            if not (owner.movable or isinstance(owner, FolioOwner)):
                stuck = max(stuck, last << BLOCK_SHIFT)
        if stuck:
            return self._next(stuck)
        if used < self._too_many:
            return None
        return max(end, reach // self._frames * self._frames)

    def _next(self, frame: int) -> int:
        return -(-frame // self._frames) * self._frames


class _Emptying:
    """One range on its way to being empty."""

    def __init__(self, core: Core, zone: Zone, start: int, frames: int) -> None:
        self._core = core
        self._zone = zone
        self._start = start
        self._end = start + frames
        self._targets: dict[int, FrameList] = {}
        """Order → frames to move folios of that order to."""
        self._sources: list[Source] = []
        self._isolate()

    def find_targets(self, node: int) -> bool:
        """Allocates a frame elsewhere for every frame in use here; False if there are not enough.

        Reclaim may free frames here meanwhile, so what is missing is then counted anew.
        """
        self._sources = self._find_sources()
        while missing := self._missing():
            for order, frames in missing.items():
                gfp = GFP_TARGET_FOLIO if order else GFP_TARGET
                blocks = frames >> order
                got = self._core.allocator.allocate_many(_TARGETS, gfp, blocks, order, node, partial=True)
                for start, length in got:
                    self._add_target(start, length, order)
            changed = self._isolate()
            if not changed and self._missing():
                return False
            if changed:
                self._sources = self._find_sources()
        return True

    def finish(self) -> None:
        """Moves everything to its target and tells the owners."""
        moved: dict[Owner, list[tuple[int, int, int]]] = {}
        for owner, order, runs in self._sources:
            moved.setdefault(owner, []).extend(self._move(owner, order, runs))
        for owner, pieces in moved.items():
            if not isinstance(owner, Relocatable):
                raise FrameStateError(f"{owner!r} says it is movable and cannot be moved")
            owner.relocate(Moves(sorted(pieces)))
        self._free_targets()
        self._core.vm_events["compact_isolated"] += self._end - self._start

    def give_up(self) -> int:
        """Gives back what was isolated and all targets; returns how many frames are in use here."""
        self._free_targets()
        buddy, frame_map = self._zone.buddy, self._core.allocator.frame_map
        free = buddy.free_frames
        whole, mixed = frame_map.take_back(self._start >> BLOCK_SHIFT, self._end >> BLOCK_SHIFT, _ISOLATED)
        for start, frames in whole:
            buddy.free_run(start, frames)
        for block, used in mixed:
            buddy.add_pieces(block << BLOCK_SHIFT, free_pieces(used))
        return self._end - self._start - (buddy.free_frames - free)

    def _isolate(self) -> bool:
        """Takes all that is free here out of the free lists; False if nothing is."""
        self._zone.lists.drain()
        buddy, frame_map = self._zone.buddy, self._core.allocator.frame_map
        before = frame_map.by_kind[_ISOLATED.kind]
        buddy.take_range(self._start, self._end - self._start)
        for block, used in frame_map.fill(self._start >> BLOCK_SHIFT, self._end >> BLOCK_SHIFT, _ISOLATED):
            if not buddy.take_pieces(block << BLOCK_SHIFT, free_pieces(used)):
                raise FrameStateError(f"the free frames of block {block:#x} are not on their lists")
        return frame_map.by_kind[_ISOLATED.kind] != before

    def _add_target(self, start: int, frames: int, order: int) -> None:
        """Keeps a target that lies elsewhere; one that lies here was freed meanwhile, and is freed again."""
        allocator = self._core.allocator
        targets = self._targets.setdefault(order, FrameList())
        inside, stop = max(start, self._start), min(start + frames, self._end)
        if inside >= stop:
            targets.append(start, frames)
            return
        targets.append(start, inside - start)
        allocator.free(inside, stop - inside, _TARGETS, order)
        targets.append(stop, start + frames - stop)

    def _free_targets(self) -> None:
        for order, targets in self._targets.items():
            self._core.allocator.free_list(targets, _TARGETS, order)

    def _missing(self) -> Counter[int]:
        """Order → frames in use here for which there is no target yet."""
        wanted: Counter[int] = Counter()
        for _, order, runs in self._sources:
            wanted[order] += sum(frames for _, frames in runs)
        for order, targets in self._targets.items():
            wanted[order] -= targets.frames
        return +wanted

    def _move(self, owner: Owner, order: int, runs: list[Run]) -> Iterator[tuple[int, int, int]]:
        """Gives targets to the owner, whose old frames still count as its own; yields (old, frames, new)."""
        frames = sum(length for _, length in runs)
        self._count(order, frames)
        targets = self._targets[order].take(frames)
        self._core.allocator.frame_map.transfer(targets, _TARGETS, owner)
        rest = iter(targets)
        new = room = 0
        for old, length in runs:
            end = old + length
            while old < end:
                if not room:
                    new, room = next(rest)
                part = min(room, end - old)
                yield old, part, new
                old, new, room = old + part, new + part, room - part

    def _count(self, order: int, frames: int) -> None:
        """Counts and charges the migration of folios of one order."""
        events, meter = self._core.vm_events, self._core.meter
        events["pgmigrate_success"] += frames
        events["compact_isolated"] += frames
        if order == HUGE_ORDER:
            events["thp_migration_success"] += frames >> order
        meter.charge(costs.MIGRATE_PAGE, frames >> order)
        meter.charge(costs.COPY_PAGE, frames - (frames >> order))

    def _find_sources(self) -> list[Source]:
        """All that is in use here, by owner and order."""
        held: dict[Owner, list[Run]] = {}
        for start, frames, owner in self._core.allocator.frame_map.runs(self._start, self._end):
            if owner is not _ISOLATED:
                held.setdefault(owner, []).append((start, frames))
        return [source for owner, runs in held.items() for source in self._by_order(owner, runs)]

    def _by_order(self, owner: Owner, runs: list[Run]) -> Iterator[Source]:
        """One owner's runs, its folios of many frames apart from its base pages."""
        folios = owner.large_folios(self._start, self._end) if isinstance(owner, FolioOwner) else []
        by_order: dict[int, list[Run]] = {}
        for first, order in folios:
            by_order.setdefault(order, []).append((first, 1 << order))
        base = list(_without(runs, folios))
        if base:
            yield owner, 0, base
        for order, large in by_order.items():
            yield owner, order, large


def _without(runs: list[Run], folios: list[Folio]) -> Iterator[Run]:
    """The parts of runs that none of the folios takes; both ascending, every folio inside the runs."""
    place = 0
    for start, frames in runs:
        end = start + frames
        while place < len(folios) and folios[place][0] < end:
            first, order = folios[place]
            if start < first:
                yield start, first - start
            start = first + (1 << order)
            place += 1
        if start < end:
            yield start, end - start
