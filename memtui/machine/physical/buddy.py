"""The buddy allocator of one zone: orders 0–10, split and merge, free lists by migratetype.

As mm/page_alloc.c of Linux 6.18 does it: the smallest sufficient block of the wanted type is
split; a free block merges with its buddy as far up as it can; a free block always lies on the
list of its own pageblock's type. When a type has nothing left, blocks of another type are
*claimed*, largest first (`__rmqueue_claim`), whole pageblocks changing their type, and only
then is a page *stolen* without a claim (`__rmqueue_steal`). Lists are last in, first out.

Bulk requests take whole blocks and return runs, in exactly the order in which the same number
of single requests would have taken them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import islice
from typing import Final

from memtui.machine.physical.extents import Run
from memtui.machine.physical.top_runs import TOP_FRAMES, TOP_ORDER, TopRuns

PAGEBLOCK_ORDER: Final = 9
PAGEBLOCK_FRAMES: Final = 1 << PAGEBLOCK_ORDER
ORDERS: Final = TOP_ORDER + 1


class MigrateType(IntEnum):
    """What a pageblock is meant for (enum migratetype)."""

    UNMOVABLE = 0
    MOVABLE = 1
    RECLAIMABLE = 2


_MOVABLE: Final = MigrateType.MOVABLE

FALLBACKS: Final[tuple[tuple[MigrateType, MigrateType], ...]] = (
    (MigrateType.RECLAIMABLE, MigrateType.MOVABLE),
    (MigrateType.RECLAIMABLE, MigrateType.UNMOVABLE),
    (MigrateType.UNMOVABLE, MigrateType.MOVABLE),
)
"""Which types to turn to, by wanted type (`fallbacks[]`)."""

BlockUse = Callable[[int, int], tuple[int, int]]
"""(first frame, frames) → (free frames, frames with a movable owner) of a pageblock."""


class Buddy:
    """Free memory of one zone. Frames are absolute; it knows nothing of owners."""

    def __init__(self, block_use: BlockUse) -> None:
        self._lists: list[list[dict[int, None]]] = [[{} for _ in range(TOP_ORDER)] for _ in MigrateType]
        self._top = self.top_runs = tuple(TopRuns() for _ in MigrateType)
        self._types: dict[int, MigrateType] = {}
        """Pageblock → type, where it is not MOVABLE, as all are at boot."""
        self._block_use = block_use
        self.takes_all_free = False
        """A request takes over what is free in a pageblock of another type even if it is not half of it (before 6.10).

        Linux then left the pageblock its type, so that what was freed there later was of the old one; here it changes.
        """
        self.free_frames = 0
        self.fallbacks = 0
        """Requests that turned to part-used pageblocks of another type (`try_to_claim_block`)."""

    def allocate(self, order: int, wanted: MigrateType, *, no_fragment: bool = False) -> int | None:
        """First frame of a block of `order`, or None. `no_fragment`: only whole pageblocks may change type."""
        found = self._smallest(order, wanted)
        while found is None and self._claim(order, wanted, max(order, PAGEBLOCK_ORDER) if no_fragment else order):
            found = self._smallest(order, wanted)
        if found is None and not no_fragment:
            found = self._steal(order, wanted)
        if found is not None:
            self.free_frames -= 1 << order
        return found

    def allocate_many(self, order: int, count: int, wanted: MigrateType, *, no_fragment: bool = False) -> list[Run]:
        """Up to `count` blocks of `order` as runs; fewer only if no more can be had."""
        runs: list[Run] = []
        need = count << order
        while need:
            need = self._take_listed(order, need, wanted, runs)
            if not need or self._claim(order, wanted, max(order, PAGEBLOCK_ORDER) if no_fragment else order, need):
                continue
            stolen = None if no_fragment else self._steal(order, wanted)
            if stolen is None:
                break
            runs.append((stolen, 1 << order))
            need -= 1 << order
        self.free_frames -= (count << order) - need
        return runs

    def free(self, frame: int, order: int) -> None:
        """Gives a block back; it merges with its buddy as far up as it can (`__free_one_page`)."""
        self.free_frames += 1 << order
        wanted = self._types.get(frame >> PAGEBLOCK_ORDER, _MOVABLE)
        lists = self._lists[wanted]
        while order < PAGEBLOCK_ORDER:
            blocks = lists[order]
            buddy = frame ^ (1 << order)
            if buddy not in blocks:
                blocks[frame] = None
                return
            del blocks[buddy]
            frame &= buddy
            order += 1
        while order < TOP_ORDER:
            buddy = frame ^ (1 << order)
            other = self.type_of(buddy)
            if buddy not in self._lists[other][order]:
                lists[order][frame] = None
                return
            del self._lists[other][order][buddy]
            if other is not wanted:
                self._set_type(buddy, wanted)
            frame &= buddy
            order += 1
        self._top[wanted].push(frame, TOP_FRAMES)

    def free_run(self, start: int, frames: int) -> None:
        """Gives back any run of frames, as the aligned blocks it is made of."""
        end = start + frames
        while start < end:
            if start & (TOP_FRAMES - 1) == 0 and end - start >= TOP_FRAMES:
                start = self._free_whole(start, end)
                continue
            order = min((start & -start).bit_length() - 1 if start else TOP_ORDER, (end - start).bit_length() - 1)
            self.free(start, order)
            start += 1 << order

    def type_of(self, frame: int) -> MigrateType:
        """The type of the pageblock that holds this frame."""
        return self._types.get(frame >> PAGEBLOCK_ORDER, MigrateType.MOVABLE)

    def type_runs(self, start: int, end: int) -> Iterator[tuple[int, int, MigrateType]]:
        """Frames [start, end) cut where the type of their pageblocks changes: (first, one past the last, type)."""
        while start < end:
            kind, first, last = self.type_of(start), start >> PAGEBLOCK_ORDER, -(-end >> PAGEBLOCK_ORDER)
            others: Iterable[int] = range(first + 1, last)
            if kind is _MOVABLE and len(self._types) < last - first:
                others = sorted(block for block in self._types if first < block < last)
            stop = next((block for block in others if self._types.get(block, _MOVABLE) is not kind), last)
            stop = min(end, stop << PAGEBLOCK_ORDER)
            yield start, stop, kind
            start = stop

    def free_blocks(self, kinds: Sequence[MigrateType] = tuple(MigrateType)) -> tuple[int, ...]:
        """Free blocks by order, by default of all types together, as /proc/buddyinfo prints them."""
        listed = [sum(len(self._lists[kind][order]) for kind in kinds) for order in range(TOP_ORDER)]
        return (*listed, sum(self._top[kind].blocks for kind in kinds))

    def blocks_from(self, order: int) -> int:
        """Free blocks of this order and above, each counted as the blocks of this order that it holds."""
        listed = (len(lists[place]) << (place - order) for lists in self._lists for place in range(order, TOP_ORDER))
        return sum(listed) + (sum(top.blocks for top in self._top) << (TOP_ORDER - order))

    def has_block(self, order: int) -> bool:
        """Whether a block of this order or above is free."""
        return any(top.blocks for top in self._top) or any(any(lists[order:]) for lists in self._lists)

    def order_at(self, frame: int) -> int | None:
        """The order of the free block below the top order that begins at this frame; None if none does."""
        lists = self._lists[self.type_of(frame)]
        return next((order for order in range(TOP_ORDER) if frame in lists[order]), None)

    def oldest(self, order: int, kind: MigrateType, limit: int) -> Iterator[int]:
        """Free blocks of one order and list, those that have been free longest first, at most `limit` of them."""
        return islice(self._lists[kind][order], limit)

    def free_runs(self) -> Iterator[tuple[int, int, MigrateType]]:
        """(first frame, frames, list it is on) of every free block; runs of top blocks in one."""
        for kind in MigrateType:
            for order, blocks in enumerate(self._lists[kind]):
                for frame in blocks:
                    yield frame, 1 << order, kind
            for start, frames in self._top[kind]:
                yield start, frames, kind

    def pageblock_types(self) -> Counter[MigrateType]:
        """Pageblocks by type, those that are MOVABLE not counted."""
        return Counter(self._types.values())

    def take_range(self, start: int, frames: int) -> None:
        """Takes the free top blocks in a range, which must not cut one, out of the lists."""
        for top in self._top:
            self.free_frames -= top.carve(start, start + frames)

    def set_types(self, start: int, end: int, kind: MigrateType) -> None:
        """Changes the type of pageblocks with nothing free in them (`change_pageblock_range`)."""
        for frame in range(start, end, PAGEBLOCK_FRAMES):
            self._set_type(frame, kind)

    def isolate(self, start: int, frames: int) -> None:
        """Takes frames that are free, in blocks below the top order, out of the lists (`isolate_freepages_range`)."""
        end = start + frames
        self.free_frames -= frames
        while start < end:
            lists = self._lists[self.type_of(start)]
            order = next(order for order in range(TOP_ORDER) if start & -(1 << order) in lists[order])
            first = start & -(1 << order)
            del lists[order][first]
            stop = min(end, first + (1 << order))
            self._list_pieces(lists, first, start)
            self._list_pieces(lists, stop, first + (1 << order))
            start = stop

    def add_pieces(self, first: int, pieces: Sequence[Sequence[int]]) -> None:
        """Frees blocks inside one top block that was all in use: by order, where in it each begins.

        None of them may have a free buddy.
        """
        for order, offsets in enumerate(pieces):
            self.free_frames += len(offsets) << order
            for kind, starts in self._by_type(first, offsets):
                self._lists[kind][order].update(dict.fromkeys(starts))

    def take_pieces(self, first: int, pieces: Sequence[Sequence[int]]) -> bool:
        """Takes free blocks inside one top block out of the lists: by order, where in it each begins.

        False, with nothing changed, if one of them is not on its list.
        """
        found = [
            (self._lists[kind][order], starts)
            for order, offsets in enumerate(pieces)
            for kind, starts in self._by_type(first, offsets)
        ]
        if not all(blocks.keys() >= set(starts) for blocks, starts in found):
            return False
        for blocks, starts in found:
            for start in starts:
                del blocks[start]
        self.free_frames -= sum(len(offsets) << order for order, offsets in enumerate(pieces))
        return True

    def _by_type(self, first: int, offsets: Sequence[int]) -> Iterator[tuple[MigrateType, list[int]]]:
        """The frames `first` + offsets (ascending, inside one top block), by the type of their pageblocks."""
        second = first + PAGEBLOCK_FRAMES
        cut = bisect_left(offsets, PAGEBLOCK_FRAMES)
        yield self.type_of(first), [first + offset for offset in offsets[:cut]]
        yield self.type_of(second), [first + offset for offset in offsets[cut:]]

    def _list_pieces(self, lists: list[dict[int, None]], start: int, end: int) -> None:
        """Puts the parts of a split block back on its lists; they have no free buddies."""
        while start < end:
            order = min((start & -start).bit_length() - 1, (end - start).bit_length() - 1)
            lists[order][start] = None
            start += 1 << order

    def _smallest(self, order: int, wanted: MigrateType) -> int | None:
        """Splits the smallest sufficient block of the wanted type (`__rmqueue_smallest`)."""
        lists, current = self._lists[wanted], order
        while current < TOP_ORDER and not lists[current]:
            current += 1
        if current < TOP_ORDER:
            frame, _ = lists[current].popitem()
        elif self._top[wanted].blocks:
            frame, _ = self._top[wanted].pop(1)
        else:
            return None
        while current > order:
            current -= 1
            lists[current][frame + (1 << current)] = None
        return frame

    def _take_listed(self, order: int, need: int, wanted: MigrateType, runs: list[Run]) -> int:
        """Takes blocks of the wanted type, smallest first, until `need` frames are there; returns what is missing."""
        lists = self._lists[wanted]
        for current in range(order, TOP_ORDER):
            blocks = lists[current]
            while blocks and need:
                frame, _ = blocks.popitem()
                need = self._take_block(frame, 1 << current, need, wanted, runs)
        top = self._top[wanted]
        while need and top.blocks:
            frame, frames = top.pop(-(-need // TOP_FRAMES))
            need = self._take_block(frame, frames, need, wanted, runs)
        return need

    def _take_block(self, frame: int, frames: int, need: int, wanted: MigrateType, runs: list[Run]) -> int:
        """Takes the front of a block (or run of top blocks), returns the rest to the lists it came from."""
        if frames <= need:
            runs.append((frame, frames))
            return need - frames
        runs.append((frame, need))
        rest, end = frame + need, frame + frames
        pieces: list[tuple[int, int]] = []
        while rest < end:
            order = min((rest & -rest).bit_length() - 1, TOP_ORDER)
            pieces.append((rest, order))
            rest += 1 << order
        for start, order in reversed(pieces):
            if order == TOP_ORDER:
                self._top[wanted].push(start, TOP_FRAMES)
            else:
                self._lists[wanted][order][start] = None
        return 0

    def _claim(self, order: int, wanted: MigrateType, least: int, need: int = 1) -> bool:
        """Moves memory of another type to the wanted one, largest block first (`__rmqueue_claim`)."""
        for current in range(TOP_ORDER, least - 1, -1):
            donor = self._donor(current, wanted)
            if donor is None:
                continue
            if current >= PAGEBLOCK_ORDER:
                self._claim_whole(current, donor, wanted, need)
                return True
            if not _may_claim(current, wanted):
                return False
            if self._claim_pageblock(current, donor, wanted):
                return True
        return False

    def _claim_whole(self, current: int, donor: MigrateType, wanted: MigrateType, need: int) -> None:
        """Changes the type of whole free pageblocks (`change_pageblock_range`)."""
        if current == TOP_ORDER:
            start, frames = self._top[donor].pop(-(-need // TOP_FRAMES))
            self._top[wanted].push(start, frames)
        else:
            start, _ = self._lists[donor][current].popitem()
            frames = 1 << current
            self._lists[wanted][current][start] = None
        self.set_types(start, start + frames, wanted)

    def _claim_pageblock(self, current: int, donor: MigrateType, wanted: MigrateType) -> bool:
        """Claims a part-used pageblock if half of it is free or of the wanted kind (`try_to_claim_block`)."""
        self.fallbacks += 1
        first = next(reversed(self._lists[donor][current])) & ~(PAGEBLOCK_FRAMES - 1)
        free, movable = self._block_use(first, PAGEBLOCK_FRAMES)
        if wanted is MigrateType.MOVABLE:
            alike = movable
        else:
            alike = PAGEBLOCK_FRAMES - free - movable if donor is MigrateType.MOVABLE else 0
        if free + alike < PAGEBLOCK_FRAMES // 2 and not self.takes_all_free:
            return False
        for order, blocks in enumerate(self._lists[donor][:PAGEBLOCK_ORDER]):
            for frame in _starts_inside(blocks, first, order):
                del blocks[frame]
                self._lists[wanted][order][frame] = None
        self._set_type(first, wanted)
        return True

    def _steal(self, order: int, wanted: MigrateType) -> int | None:
        """Takes the smallest sufficient block of another type, its pageblock unchanged (`__rmqueue_steal`)."""
        for current in range(order, ORDERS):
            donor = self._donor(current, wanted)
            if donor is not None:
                return self._smallest(order, donor)
        return None

    def _donor(self, order: int, wanted: MigrateType) -> MigrateType | None:
        """The first fallback type that has a free block of exactly this order (`find_suitable_fallback`)."""
        for other in FALLBACKS[wanted]:
            if self._top[other].blocks if order == TOP_ORDER else self._lists[other][order]:
                return other
        return None

    def _free_whole(self, start: int, end: int) -> int:
        """Frees whole top blocks from `start` on, as long as their pageblocks are of one type; returns the end."""
        wanted, last = self.type_of(start), end & ~(TOP_FRAMES - 1)
        frame = self._same_type_until(start, last, wanted)
        if frame == start:
            self._set_type(start + PAGEBLOCK_FRAMES, wanted)
            frame = start + TOP_FRAMES
        self._top[wanted].push(start, frame - start)
        self.free_frames += frame - start
        return frame

    def _same_type_until(self, start: int, last: int, wanted: MigrateType) -> int:
        """Where the top blocks whose two pageblocks are both `wanted` end, from `start` on."""
        if wanted is MigrateType.MOVABLE and len(self._types) < (last - start) >> TOP_ORDER:
            first = start >> PAGEBLOCK_ORDER
            nearest = min((block for block in self._types if block >= first), default=last >> PAGEBLOCK_ORDER)
            return min(last, (nearest << PAGEBLOCK_ORDER) & ~(TOP_FRAMES - 1))
        frame = start
        while frame < last and self.type_of(frame) is wanted and self.type_of(frame + PAGEBLOCK_FRAMES) is wanted:
            frame += TOP_FRAMES
        return frame

    def _set_type(self, frame: int, kind: MigrateType) -> None:
        if kind is MigrateType.MOVABLE:
            self._types.pop(frame >> PAGEBLOCK_ORDER, None)
        else:
            self._types[frame >> PAGEBLOCK_ORDER] = kind


def _may_claim(order: int, wanted: MigrateType) -> bool:
    """Whether a free block of this order is large enough to claim its pageblock for (`should_try_claim_block`)."""
    return wanted is not MigrateType.MOVABLE or order >= PAGEBLOCK_ORDER // 2


def _starts_inside(blocks: dict[int, None], first: int, order: int) -> list[int]:
    """Starts of the free blocks of this order inside the pageblock at `first`."""
    if len(blocks) < PAGEBLOCK_FRAMES >> order:
        return [frame for frame in blocks if first <= frame < first + PAGEBLOCK_FRAMES]
    return [frame for frame in range(first, first + PAGEBLOCK_FRAMES, 1 << order) if frame in blocks]
