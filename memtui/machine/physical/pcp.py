"""Per-CPU page lists: free pages that the buddy allocator does not see (struct per_cpu_pages, mm/page_alloc.c).

Blocks of orders 0 to 3 and huge pages go through lists, one per order and migratetype. A request
takes from the head of its list and has it refilled from the buddy allocator by the batch when it
is empty; freed pages are put at the head, and when the lists hold too much the tail goes back, of
the list just added to first. What lies here does not count as free and cannot merge.

All work is done on one CPU, the first of the zone's node: it alone has lists, as large as one CPU
of the node may have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from memtui.machine.physical.buddy import PAGEBLOCK_ORDER, Buddy, MigrateType
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.pcp_limits import COSTLY_ORDER, PcpLimits, Portion, Pressure
from memtui.machine.physical.pcp_list import PcpList
from memtui.snapshot import FrameKind

LOW_LISTS: Final = len(MigrateType) * (COSTLY_ORDER + 1)
"""NR_LOWORDER_PCP_LISTS: lists of orders 0 to 3; those of huge pages come after them."""


class _Listed:
    """Stands for the lists as the owner of their pages."""

    kind = FrameKind.FREE
    movable = False

    def __repr__(self) -> str:
        return "per-CPU lists"


LISTED: Final[Owner] = _Listed()


def cached(order: int) -> bool:
    """Whether blocks of this order go through lists (`pcp_allowed_order`)."""
    return order <= COSTLY_ORDER or order == PAGEBLOCK_ORDER


class PerCpuPages:
    """The lists of one zone."""

    def __init__(self, buddy: Buddy, frame_map: FrameMap, limits: PcpLimits) -> None:
        self.limits = limits
        self.count = 0
        """Frames in all lists."""
        self.below_high = False
        """Free memory has been below the high watermark (ZONE_BELOW_HIGH)."""
        self.reclaiming = False
        """kswapd is at work on the zone (ZONE_RECLAIM_ACTIVE)."""
        self.wake: Callable[[], None] | None = None
        """Told when the lists hold more than the least, so that somebody calls `decay` every second."""
        self._buddy = buddy
        self._frame_map = frame_map
        self._lists = [PcpList() for _ in range(LOW_LISTS + limits.huge_lists)]

    def take(
        self, order: int, blocks: int, kind: MigrateType, floor: int, high_floor: int, *, no_fragment: bool
    ) -> Iterator[Run]:
        """Up to `blocks` blocks, as long as more than `floor` frames are free in the zone.

        `high_floor`: free frames at the high watermark. `no_fragment` as in `Buddy.allocate`.
        """
        pages = self._lists[self._place(order, kind)]
        while blocks and self._may_take(order, floor):
            if self._buddy.free_frames - high_floor < 1 << order:
                self.below_high = True
            mark = floor if self.below_high else max(floor, high_floor)
            passed = blocks if pages.frames else self._refill(pages, order, kind, blocks, mark, no_fragment=no_fragment)
            if not passed:
                break
            for start, frames in pages.take(passed << order):
                self._frame_map.release(start, frames, LISTED)
                self.count -= frames
                self.limits.took(frames >> order)
                blocks -= frames >> order
                yield start, frames
        self._note_limits()

    def reach(self, kind: MigrateType, pieces: int) -> tuple[int, int]:
        """(frames, runs) that requests for single pages find here, so many runs at most; the buddy comes after."""
        return self._lists[self._place(0, kind)].reach(pieces)

    def free(self, runs: Sequence[Run], order: int, owner: Owner, high_floor: int) -> None:
        """Takes blocks of one order back from their owner, run by run."""
        if not (self.limits.holds and cached(order)):
            for start, frames in runs:
                self._frame_map.release(start, frames, owner)
                self._buddy.free_run(start, frames)
            return
        self._frame_map.transfer(runs, owner, LISTED)
        for start, frames in runs:
            self.count += frames
            if start >> PAGEBLOCK_ORDER == (start + frames - 1) >> PAGEBLOCK_ORDER:
                place = self._place(order, self._buddy.type_of(start))
                self._keep(place, order, start, start + frames, high_floor)
                continue
            for low, high, kind in self._buddy.type_runs(start, start + frames):
                self._keep(self._place(order, kind), order, low, high, high_floor)
        self._note_limits()

    def drain(self) -> None:
        """Gives everything back to the buddy allocator (`drain_pages_zone`)."""
        if self.count:
            self._spill(0, self.count)

    def decay(self) -> bool:
        """A second has gone by (`decay_pcp_high`); whether there will be more to do."""
        self._spill(0, self.limits.decay(self.count))
        return self.limits.tuned

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run in the lists."""
        for pages in self._lists:
            for start, frames in pages:
                yield LISTED, start, frames

    def _place(self, order: int, kind: MigrateType) -> int:
        """The number of a list (`order_to_pindex`)."""
        if order > COSTLY_ORDER:
            return LOW_LISTS + (self.limits.huge_lists > 1 and kind is MigrateType.MOVABLE)
        return order * len(MigrateType) + kind

    def _may_take(self, order: int, floor: int) -> bool:
        """Whether the zone may serve a request at all (`__zone_watermark_ok`): its lists count for nothing here."""
        return self._buddy.free_frames - floor >= 1 << order and (not order or self._buddy.has_block(order))

    def _refill(
        self, pages: PcpList, order: int, kind: MigrateType, blocks: int, mark: int, *, no_fragment: bool
    ) -> int:
        """Fills an empty list (`rmqueue_bulk`), as often as `blocks` requests would; returns how many these may have.

        The watermark holds for each request, whatever the lists have: the last refill may serve one more only.
        """
        pressure = self._pressure()
        portion = self.limits.refill(order, self.count, pressure)
        wanted = min(blocks, (self._buddy.free_frames - mark) >> order)
        refills = max(1, wanted // portion.amount) if portion.lasting else 1
        self.limits.again(order, refills - 1, pressure)
        runs = self._buddy.allocate_many(order, refills * portion.amount, kind, no_fragment=no_fragment)
        self._list(runs)
        pages.refill(runs)
        if not runs or self._may_take(order, mark):
            return blocks if runs else 0
        got = pages.frames >> order
        last = (got - 1) % portion.amount + 1
        return min(blocks, got - last + 1)

    def _list(self, runs: Iterable[Run]) -> None:
        for start, frames in runs:
            self._frame_map.assign(start, frames, LISTED)
            self.count += frames

    def _keep(self, place: int, order: int, start: int, end: int, high_floor: int) -> None:
        """Puts freed blocks [start, end) into a list, and gives back what is too much meanwhile.

        They count already; those still to come are subtracted.
        """
        pages = self._lists[place]
        while start < end:
            pressure = self._pressure()
            missing = self.limits.full(order, pressure) - (self.count - (end - start))
            part = min(max(1, min(-(-missing >> order), self.limits.steady(order))) << order, end - start)
            self._push(pages, order, start, part)
            start += part
            if part < missing:
                continue
            portion = self._rounded(self.limits.spill(order, self.count - (end - start), pressure), order)
            rounds = (end - start) // portion.amount if portion.lasting and pages.frames >= portion.amount else 0
            if rounds:
                self._push(pages, order, start, rounds * portion.amount)
                start += rounds * portion.amount
            self._spill(place, (1 + rounds) * portion.amount)
            if self.below_high and self._buddy.free_frames > high_floor:
                self.below_high = False

    def _push(self, pages: PcpList, order: int, start: int, frames: int) -> None:
        pages.push(start, frames)
        self.limits.freed(order, frames >> order)

    def _rounded(self, portion: Portion, order: int) -> Portion:
        """Whole blocks."""
        return Portion(-(-portion.amount >> order) << order, portion.lasting)

    def _spill(self, place: int, frames: int) -> None:
        """Gives frames back, this list's oldest first, then those of the lists after it (`free_pcppages_bulk`)."""
        for step in range(len(self._lists)):
            if frames <= 0:
                return
            number = (place + step) % len(self._lists)
            order = PAGEBLOCK_ORDER if number >= LOW_LISTS else number // len(MigrateType)
            dropped = self._lists[number].drop(-(-frames >> order) << order)
            self._frame_map.release_runs(dropped, LISTED)
            for start, length in dropped:
                self._buddy.free_run(start, length)
                self.count -= length
                frames -= length

    def _pressure(self) -> Pressure:
        return Pressure(self.below_high, self.reclaiming)

    def _note_limits(self) -> None:
        if self.wake is not None and self.limits.tuned:
            self.wake()
