"""Requests for more than 2^3 frames when no such block is free: compaction and reclaim in turns.

`__alloc_pages_slowpath` of mm/page_alloc.c for costly orders: compact asynchronously, reclaim so
much that compaction has room, compact again. A hugetlb page (__GFP_RETRY_MAYFAIL) goes on as long
as reclaim or compaction may still get somewhere. A huge page at fault time is asked for twice,
first without trying hard (__GFP_NORETRY): that one gives up when compaction is deferred. Many
blocks asked for in one go are as many requests after one another, each with its own attempts once
it finds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, Protocol

from memtui.machine.physical.freelist import FreeLists, Request, min_mark
from memtui.machine.physical.zone import Zone

MAX_RECLAIM_RETRIES: Final = 16
"""A costly request that retries gives up after so many more rounds (`should_reclaim_retry`)."""


def compact_gap(order: int) -> int:
    """Free frames compaction wants beyond the watermark (`compact_gap`)."""
    return 2 << order


class CompactResult(IntEnum):
    """How a direct compaction ended (enum compact_result)."""

    SKIPPED = 0
    """There was no use in it: too little is free, or lack of memory rather than fragmentation is to blame."""
    DEFERRED = 1
    """It was in vain not long ago."""
    COMPLETE = 2
    """The zones have been gone through."""
    SUCCESS = 3
    """A block should be free."""


class Compactor(Protocol):
    """Makes free blocks by moving pages, for the sake of requests."""

    def compact(self, zones: Sequence[Zone], order: int, blocks: int, highest: int, *, sync: bool) -> CompactResult:
        """Compacts zones in turn until `blocks` free blocks of `order` are there, as far as that is possible."""

    def allocated(self, zones: Sequence[Zone], order: int) -> None:
        """A request got its block: compaction of these zones is no longer deferred."""


class Background(Protocol):
    """Compaction that nobody waits for."""

    def wake(self, zones: Sequence[Zone], order: int) -> None:
        """Asks for a free block of this order in every one of the zones, which are those of one node."""


class CostlyRequest:
    """Blocks of one costly order that are not there."""

    def __init__(
        self,
        request: Request,
        free_lists: FreeLists,
        compactor: Compactor | None,
        reclaim: Callable[[Request, int], int],
        events: Counter[str],
    ) -> None:
        """`reclaim` frees about so many frames for a request, and says how many."""
        self._request = request
        self._free_lists = free_lists
        self._compactor = compactor
        self._reclaim_frames = reclaim
        self._events = events

    def run(self) -> None:
        """Tries for all of the blocks."""
        request = self._request
        if request.gfp.retry:
            while request.missing and self._attempt(hard=True):
                pass
            return
        given_up = 0
        while request.missing:
            if not self._attempt(hard=False) and not self._attempt(hard=True):
                given_up += 1
                request.missing -= 1
        request.missing = given_up

    def _attempt(self, *, hard: bool) -> bool:
        """One request, or as many as succeed at once; whether anything was had."""
        before = self._request.missing
        result = self._compact(sync=False)
        if self._request.missing < before:
            return True
        if not hard and result <= CompactResult.DEFERRED:
            return False
        for _ in range(1 + MAX_RECLAIM_RETRIES * self._request.gfp.retry):
            hopeful = self._reclaim()
            if self._request.missing == before:
                self._compact(sync=hard)
            if self._request.missing < before or not hopeful:
                break
        return self._request.missing < before

    def _compact(self, *, sync: bool) -> CompactResult:
        """Compacts, takes what came of it, and counts (`__alloc_pages_direct_compact`)."""
        request = self._request
        if self._compactor is None:
            return CompactResult.SKIPPED
        before = request.missing
        result = self._compactor.compact(request.zones, request.order, before, request.gfp.highest_zone, sync=sync)
        if result is CompactResult.SKIPPED:
            return result
        self._free_lists.take(request, min_mark, listed=False)
        got = before - request.missing
        self._events["compact_stall"] += max(got, 1)
        if got:
            self._events["compact_success"] += got
            self._compactor.allocated(request.zones, request.order)
        else:
            self._events["compact_fail"] += 1
        return result

    def _reclaim(self) -> bool:
        """Frees memory for all the blocks, unless compaction has room for one as it is; False if that is in vain."""
        request = self._request
        room = max(zone.spare_frames(self._ready(zone), request.gfp.highest_zone) for zone in request.zones)
        wanted = (request.missing - 1) << request.order
        freed = self._reclaim_frames(request, wanted - room if room < 0 else 0)
        self._free_lists.take(request, min_mark, listed=False)
        return freed > 0 or room >= 0

    def _ready(self, zone: Zone) -> int:
        """Free frames at which a zone is left to compaction (`compaction_ready`): enough for one block."""
        return zone.marks.high + compact_gap(self._request.order)
