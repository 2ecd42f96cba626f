"""From zones to a request: blocks above a watermark (`get_page_from_freelist`, mm/page_alloc.c).

Where a zone has a lower one beside it, that is turned to before pageblocks of another type are
(ALLOC_NOFRAGMENT). Whenever a request does turn to them, the zone's watermarks rise for a while,
so that kswapd makes room for whole pageblocks (`boost_watermark`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from memtui.machine.physical.buddy import PAGEBLOCK_ORDER
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.pcp import cached
from memtui.machine.physical.zone import NORMAL, Zone

if TYPE_CHECKING:
    from memtui.machine.physical.allocator import Gfp

WATERMARK_BOOST_FACTOR: Final = 15000
"""Watermarks rise by up to 150 % of the high one (vm.watermark_boost_factor)."""

Mark = Callable[[Zone], int]
"""The watermark of a zone that a request must leave."""


def low_mark(zone: Zone) -> int:
    """The watermark for ordinary requests: below it kswapd is woken."""
    return zone.marks.low + zone.watermark_boost


def min_mark(zone: Zone) -> int:
    """The watermark for requests that kswapd could not help."""
    return zone.marks.min + zone.watermark_boost


def no_mark(zone: Zone) -> int:
    """For what reclaim itself needs (PF_MEMALLOC)."""
    return 0


@dataclass(slots=True)
class Request:
    """Blocks of one order for one owner, as far as they have been found."""

    owner: Owner
    gfp: Gfp
    order: int
    zones: Sequence[Zone]
    """Where they may come from, the best zone first."""
    missing: int
    """Blocks still wanted."""
    taken: FrameList = field(default_factory=FrameList)

    @property
    def only_node(self) -> int | None:
        """The one node whose frames will do; None: any."""
        return self.zones[0].layout.node if self.gfp.this_node else None


class FreeLists:
    """The free memory of all zones, for requests."""

    def __init__(self, frame_map: FrameMap, nodes: Sequence[Sequence[Zone]]) -> None:
        """`nodes`: the zones of each node, from Normal down."""
        self._frame_map = frame_map
        self._nodes = nodes
        self.boost_factor = WATERMARK_BOOST_FACTOR
        """vm.watermark_boost_factor, in ten-thousandths of the high watermark."""
        self.boosted: dict[Zone, None] = {}
        """Zones whose watermarks were raised and that kswapd has not seen to (ZONE_BOOSTED_WATERMARK)."""

    def take(self, request: Request, mark: Mark, *, listed: bool = True) -> None:
        """Takes what the zones can give above a watermark; past the per-CPU lists unless `listed`."""
        best = request.zones[0]
        local = self._nodes[best.layout.node]
        spares = request.order < PAGEBLOCK_ORDER and not request.gfp.bulk
        if spares and best.index == NORMAL and (len(self._nodes) == 1 or len(local) > 1):
            self._pass(request, local, mark, no_fragment=True, listed=listed)
        if request.missing:
            self._pass(request, request.zones, mark, no_fragment=False, listed=listed)

    def _pass(self, request: Request, zones: Sequence[Zone], mark: Mark, *, no_fragment: bool, listed: bool) -> None:
        """Goes through the zones once."""
        for zone in zones:
            fallbacks = zone.buddy.fallbacks
            for start, frames in self._from_zone(request, zone, mark(zone), no_fragment=no_fragment, listed=listed):
                self._frame_map.assign(start, frames, request.owner)
                request.taken.append(start, frames)
                request.missing -= frames >> request.order
            zone.note_use()
            if zone.buddy.fallbacks != fallbacks:
                self._boost(zone, zone.buddy.fallbacks - fallbacks, wakes=not request.gfp.bulk)
            if not request.missing:
                break

    def _from_zone(self, request: Request, zone: Zone, mark: int, *, no_fragment: bool, listed: bool) -> Iterable[Run]:
        """Blocks of one zone, which nobody has yet."""
        order, gfp = request.order, request.gfp
        if listed and zone.lists.limits.holds and cached(order):
            floor = mark + zone.lowmem_reserve[gfp.highest_zone]
            return zone.lists.take(
                order, request.missing, gfp.migratetype, floor, zone.high_floor, no_fragment=no_fragment
            )
        blocks = min(request.missing, zone.spare_frames(mark, gfp.highest_zone) >> order)
        if blocks <= 0:
            return ()
        return zone.buddy.allocate_many(order, blocks, gfp.migratetype, no_fragment=no_fragment)

    def _boost(self, zone: Zone, fallbacks: int, *, wakes: bool) -> None:
        """Raises a zone's watermarks; kswapd sees to that once a request that `wakes` it has been here."""
        zone.boost(fallbacks, self.boost_factor)
        if zone.watermark_boost and wakes:
            self.boosted[zone] = None
