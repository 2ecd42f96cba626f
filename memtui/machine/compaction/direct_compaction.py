"""Compaction on behalf of a request (`try_to_compact_pages`, mm/compaction.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memtui.machine.compaction.scanners import Compaction
from memtui.machine.core import Core
from memtui.machine.latency import Timed
from memtui.machine.physical.costly import CompactResult, compact_gap
from memtui.machine.physical.fragmentation import fragmentation_index
from memtui.machine.physical.zone import Zone

EXTFRAG_THRESHOLD: Final = 500
"""vm.extfrag_threshold: up to this fragmentation index lack of memory is to blame, and compaction no use."""


class DirectCompaction:
    """Compacts zones for the page allocator, unless it was in vain not long ago."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def compact(self, zones: Sequence[Zone], order: int, blocks: int, highest: int, *, sync: bool) -> CompactResult:
        """Compacts zones in turn until `blocks` free blocks of `order` are there, as far as that is possible."""
        with self._core.meter.timed(Timed.DIRECT_COMPACT, 0) as timed:
            result = self._compact(zones, order, blocks, highest, sync=sync)
            timed.count = int(result > CompactResult.DEFERRED)
        return result

    def _compact(self, zones: Sequence[Zone], order: int, blocks: int, highest: int, *, sync: bool) -> CompactResult:
        result = CompactResult.SKIPPED
        for zone in zones:
            if zone.compaction.deferred(order):
                result = max(result, CompactResult.DEFERRED)
                continue
            status = self._compact_zone(zone, order, blocks, highest, sync=sync)
            result = max(result, status)
            if status is CompactResult.SUCCESS:
                zone.compaction.succeed(order, allocated=False)
                break
            if sync and status is CompactResult.COMPLETE:
                zone.compaction.defer(order)
        return result

    def allocated(self, zones: Sequence[Zone], order: int) -> None:
        """A request got its block: compaction of these zones is no longer deferred."""
        for zone in zones:
            zone.compaction.succeed(order, allocated=True)

    def _compact_zone(self, zone: Zone, order: int, blocks: int, highest: int, *, sync: bool) -> CompactResult:
        room = zone.spare_frames(zone.marks.min, highest) >> order
        if room > 0 and zone.buddy.blocks_from(order):
            return CompactResult.SUCCESS
        if not suitable(zone, order, highest):
            return CompactResult.SKIPPED
        Compaction(self._core, zone, order, min(blocks, room), sync, direct=True).run()
        return CompactResult.SUCCESS if zone.buddy.blocks_from(order) else CompactResult.COMPLETE


def suitable(zone: Zone, order: int, highest: int) -> bool:
    """Whether compaction can help a request for a costly order in this zone (`compaction_suitable`)."""
    if zone.spare_frames(zone.marks.low + compact_gap(order), highest) < 0:
        return False
    return not 0 <= fragmentation_index(zone.buddy.free_blocks(), order) <= EXTFRAG_THRESHOLD
