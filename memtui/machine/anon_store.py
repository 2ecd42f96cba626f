"""Anonymous pages that were made together: their frames, and how often each is mapped.

A store holds the pages one VMA made between two forks, under their virtual page numbers, which a
fork keeps the same for every relative. Frames, counts and huge pages are kept in runs, so a
mapping made, forked or copied in bulk costs runs and not pages.

A huge page is one thing until it is split: its frames go back together when nothing maps any part
of it. When a part is unmapped and the rest is not, it is queued for splitting under pressure
(`deferred_split_folio`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from memtui.machine.errors import FrameStateError
from memtui.machine.physical.extents import Run
from memtui.machine.physical.range_map import Piece, RangeMap
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_2M

if TYPE_CHECKING:
    from memtui.machine.physical.migration import Folio, Moves
    from memtui.machine.vma import Mapping


HUGE_ORDER: Final = 9
"""A huge page is a block of 2^9 frames."""


Mapped = tuple[int, int, bool]
"""Pages [start, end) of a store as one VMA maps them, and whether by 2 MiB leaves."""

Part = tuple[int, int, Iterable[Run]]
"""Pages [start, end) and the frames for them, in order."""


class HugePages(NamedTuple):
    """State of a run of huge pages."""

    leaves: int
    """How many 2 MiB leaves map each."""
    partial: bool
    """Part of each has been unmapped: queued for splitting."""


@dataclass(slots=True)
class Unmapped:
    """What one removal of mappings did."""

    pages: int
    """Pages that nothing maps any more."""
    huge_unmapped: int
    """Huge pages whose last 2 MiB leaf went."""
    runs: list[Run] = field(default_factory=list)
    """Frames of base pages to give back."""
    huge_runs: list[Run] = field(default_factory=list)
    """Frames of huge pages to give back: nothing maps any part of those."""
    newly_partial: list[int] = field(default_factory=list)
    """Slots of huge pages of which a part was unmapped for the first time."""
    partial_freed: list[int] = field(default_factory=list)
    """Slots of huge pages of which a part had been unmapped and that are freed now."""


def slot_parts(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Cuts pages [low, high) into a run of whole 2 MiB slots and the ragged ends, each inside one slot."""
    while low < high:
        whole = low % FRAMES_2M == 0 and high - low >= FRAMES_2M
        end = high - high % FRAMES_2M if whole else min(high, low - low % FRAMES_2M + FRAMES_2M)
        yield low, end
        low = end


def leaves_of(mapped: Iterable[Mapped]) -> list[tuple[int, int]]:
    """The slots [first, last) of those runs that 2 MiB leaves map."""
    return [(low // FRAMES_2M, high // FRAMES_2M) for low, high, huge in mapped if huge]


def slots_around(low: int, high: int) -> tuple[int, int]:
    """The 2 MiB slots [first, last) that pages [low, high) touch."""
    return low // FRAMES_2M, -(-high // FRAMES_2M)


class AnonStore:
    """Pages by virtual page number. It owns their frames."""

    kind = FrameKind.ANON
    movable = True

    def __init__(self, anchor: object) -> None:
        self.anchor = anchor
        """Where reverse mapping finds those who map these pages."""
        self.frames: RangeMap[int] = RangeMap()
        """Page → its frame less its page number, so that contiguous memory is one range."""
        self.counts: RangeMap[int] = RangeMap()
        """Page → mappings; pages nobody maps have no entry."""
        self.huge: RangeMap[HugePages] = RangeMap()
        """2 MiB slot → huge page."""

    def __repr__(self) -> str:
        return "anonymous pages"

    def runs(self) -> Iterator[Run]:
        """(first frame, frames) of all frames."""
        for low, high, shift in self.frames:
            yield low + shift, high - low

    @property
    def records(self) -> int:
        """What a move goes through."""
        return len(self.frames)

    def relocate(self, moves: Moves) -> None:
        """Follows frames that were moved elsewhere; huge pages move whole or not at all."""
        pieces: list[Piece[int]] = []
        for page, end, shift in self.frames:
            for start, frames in moves.translate(page + shift, end - page):
                pieces.append((page, page + frames, start - page))
                page += frames
        if pieces:
            self.frames.replace(pieces[0][0], pieces[-1][1], pieces)

    def large_folios(self, start: int, end: int) -> list[Folio]:
        """(first frame, order) of the huge pages that begin in frames [start, end), ascending."""
        found: list[Folio] = []
        for low, high, _ in self.huge:
            for first, last, shift in self.frames.overlapping(low * FRAMES_2M, high * FRAMES_2M):
                begin, stop = max(first + shift, start), min(last + shift, end)
                found += ((frame, HUGE_ORDER) for frame in range(-(-begin // FRAMES_2M) * FRAMES_2M, stop, FRAMES_2M))
        return sorted(found)

    def add(self, parts: Sequence[Part], *, huge: bool) -> None:
        """New pages, mapped once: ascending runs of pages with the frames for each."""
        self.frames.set_many(_placed(parts))
        self.counts.set_many([(page, end, 1) for page, end, _ in parts])
        if huge:
            fresh = HugePages(1, False)
            self.huge.set_many([(page // FRAMES_2M, end // FRAMES_2M, fresh) for page, end, _ in parts])

    def share(self, mapped: Sequence[Mapped]) -> None:
        """One more mapping of each of some runs of pages that are mapped, ascending (fork)."""
        self._recount(mapped, 1)
        self._recount_leaves(leaves_of(mapped), 1)

    def split_leaves(self, first: int, last: int) -> int:
        """One 2 MiB leaf of each slot in [first, last) becomes 512 entries; returns how many have no leaf left."""
        return self._recount_leaves([(first, last)], -1)

    def unmap(self, mapped: Sequence[Mapped]) -> Unmapped:
        """One mapping less of each of some runs of pages, ascending."""
        gone = self._recount(mapped, -1)
        pages = sum(end - start for start, end in gone)
        if not len(self.huge):
            return Unmapped(pages, 0, runs=self._take(gone))
        result = Unmapped(pages, self._recount_leaves(leaves_of(mapped), -1))
        pages_gone, huge_gone = self._dropped(gone, result)
        result.runs, result.huge_runs = self._take(pages_gone), self._take(huge_gone)
        return result

    def _dropped(
        self, gone: Sequence[tuple[int, int]], result: Unmapped
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Which pages leave the store when nothing maps `gone` any more: base pages, and huge pages whole."""
        pages: list[tuple[int, int]] = []
        huge_pages: list[tuple[int, int]] = []
        cuts = [cut for unused in gone for cut in self._cut_by_size(*unused)]
        parts = [
            (*part, big) for start, end, big in cuts for part in (slot_parts(start, end) if big else [(start, end)])
        ]
        for number, (start, end, big) in enumerate(parts, 1):
            if big:
                slots = slots_around(start, end)
                more = number < len(parts) and parts[number][0] < slots[1] * FRAMES_2M
                huge_pages += self._drop_huge(*slots, more, result)
            else:
                pages.append((start, end))
        return pages, huge_pages

    def split_huge(self, slot: int) -> list[Run]:
        """Makes one huge page 512 base pages; returns the frames of those that nothing maps."""
        self.huge.clear(slot, slot + 1)
        return self._take(self.counts.gaps(slot * FRAMES_2M, (slot + 1) * FRAMES_2M))

    def reusable(self, ranges: Sequence[tuple[int, int]], mapped: RangeMap[Mapping]) -> list[Piece[bool]]:
        """Cuts ranges into what a VMA may (True) and may not write without a copy (`wp_can_reuse_anon_folio`).

        `mapped` is all that the VMA maps. A base page may be reused if nobody else maps it, any part
        of a huge page only if nobody else maps any part of it.
        """
        if not len(self.huge):
            return [(first, last, count == 1) for first, last, count in self.counts.within(ranges)]
        return [part for low, high in ranges for part in self._reusable_parts(low, high, mapped)]

    def _reusable_parts(self, low: int, high: int, mapped: RangeMap[Mapping]) -> Iterator[Piece[bool]]:
        for start, end, is_huge in self._cut_by_size(low, high):
            counts = self.counts.overlapping(start, end)
            if not is_huge or (len(counts) == 1 and start % FRAMES_2M == end % FRAMES_2M == 0):
                yield from ((first, last, count == 1) for first, last, count in counts)
                continue
            for slot in range(*slots_around(start, end)):
                first, last = max(start, slot * FRAMES_2M), min(end, (slot + 1) * FRAMES_2M)
                yield first, last, self._only_in(slot, mapped)

    def _only_in(self, slot: int, mapped: RangeMap[Mapping]) -> bool:
        """Whether all mappings of a huge page are those of one VMA."""
        low, high = slot * FRAMES_2M, (slot + 1) * FRAMES_2M
        mine = sum(end - start for start, end, mapping in mapped.overlapping(low, high) if mapping.store is self)
        return mine == sum((end - start) * count for start, end, count in self.counts.overlapping(low, high))

    def _cut_by_size(self, low: int, high: int) -> list[Piece[bool]]:
        """[low, high) cut into base pages (False) and parts of huge pages (True)."""
        if not len(self.huge):
            return [(low, high, False)]
        parts: list[Piece[bool]] = []
        for first, last, _ in self.huge.overlapping(*slots_around(low, high)):
            start, end = max(low, first * FRAMES_2M), min(high, last * FRAMES_2M)
            if low < start:
                parts.append((low, start, False))
            parts.append((start, end, True))
            low = end
        if low < high:
            parts.append((low, high, False))
        return parts

    def _recount(self, mapped: Sequence[Mapped], change: int) -> list[tuple[int, int]]:
        """Changes the mappings of pages that are mapped; returns the ranges that nothing maps any more."""
        ranges = [(low, high) for low, high, _ in mapped]
        pieces = self.counts.within(ranges)
        if sum([end - start for start, end, _ in pieces]) != sum([high - low for low, high in ranges]):
            raise FrameStateError(f"pages {ranges[0][0]:#x}..{ranges[-1][1]:#x} are not all mapped")
        gone = [(start, end) for start, end, count in pieces if count == -change]
        if gone or not self.counts.update_in_place(ranges, change.__add__):
            self.counts.replace_within(ranges, [(start, end, n + change) for start, end, n in pieces if n != -change])
        return gone

    def _recount_leaves(self, slots: Sequence[tuple[int, int]], change: int) -> int:
        """Changes the number of leaves of each huge page; returns how many have none left."""
        pieces = self.huge.within(slots)
        if sum(end - start for start, end, _ in pieces) != sum(last - first for first, last in slots):
            raise FrameStateError(f"slots {slots[0][0]:#x}..{slots[-1][1]:#x} are not all huge pages")
        changed = [(start, end, HugePages(huge.leaves + change, huge.partial)) for start, end, huge in pieces]
        self.huge.set_many(changed)
        return sum(end - start for start, end, huge in changed if not huge.leaves)

    def _drop_huge(self, first: int, last: int, more: bool, result: Unmapped) -> list[tuple[int, int]]:
        """Pages in these slots lost their last mapping: marks the huge pages that are still used, drops the others.

        With `more`, other pages of the one slot lose theirs right after. Returns the pages to take out.
        """
        dropped: list[tuple[int, int]] = []
        still_used = more or self.counts.overlapping(first * FRAMES_2M, last * FRAMES_2M)
        for low, high, huge in self.huge.overlapping(first, last):
            if still_used:
                if not huge.partial:
                    self.huge.set(low, high, HugePages(huge.leaves, True))
                    result.newly_partial += range(low, high)
                continue
            dropped.append((low * FRAMES_2M, high * FRAMES_2M))
            result.partial_freed += range(low, high) if huge.partial else ()
            self.huge.clear(low, high)
        return dropped

    def _take(self, ranges: Sequence[tuple[int, int]]) -> list[Run]:
        """Takes ascending ranges of pages out of the store; returns their frames."""
        runs = [(start + shift, end - start) for start, end, shift in self.frames.within(ranges)]
        self.frames.clear_many(ranges)
        return runs


def _placed(parts: Iterable[Part]) -> list[Piece[int]]:
    """Frames for pages, as a store keeps them."""
    placed: list[Piece[int]] = []
    for page, _, runs in parts:
        for start, frames in runs:
            placed.append((page, page + frames, start - page))
            page += frames
    return placed
