"""The page allocator: which zone serves a request, and what is tried when memory is short.

`get_page_from_freelist` and `__alloc_pages_slowpath` of mm/page_alloc.c in their order: zones
above the low watermark; then kswapd reclaims and the min watermark counts; then direct
reclaim, for orders above 3 in turns with compaction (`costly.py`); then, for orders up to 3, the
OOM killer. Requests name a Gfp, which says what of that they may cause.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, NamedTuple, Protocol

from memtui.machine.errors import OutOfMemory
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, PAGEBLOCK_ORDER, MigrateType
from memtui.machine.physical.costly import Background, Compactor, CostlyRequest
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.fail_page_alloc import FailPageAlloc
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.freelist import FreeLists, Request, low_mark, min_mark, no_mark
from memtui.machine.physical.pcp_limits import COSTLY_ORDER
from memtui.machine.physical.top_runs import TOP_FRAMES
from memtui.machine.physical.zone import NORMAL, Zone, set_lowmem_reserve


class Gfp(NamedTuple):
    """What a request is for and what it may do (GFP flags)."""

    migratetype: MigrateType
    reclaim: bool = True
    """May reclaim directly."""
    oom: bool = True
    """May end in an OOM kill."""
    retry: bool = False
    """Tries again as long as reclaim gets anywhere (__GFP_RETRY_MAYFAIL); else a costly order is tried for once."""
    this_node: bool = False
    """Only the given node will do (__GFP_THISNODE)."""
    kswapd: bool = True
    """Wakes kswapd when memory is low (__GFP_KSWAPD_RECLAIM)."""
    highest_zone: int = 2
    """The highest zone that will do: 2 Normal, 1 DMA32 (`gfp_zone`)."""
    bulk: bool = False
    """Single pages by the dozen (`alloc_pages_bulk`): from the best zone, whatever that fragments, unseen by kswapd."""
    spared: bool = False
    """The caller does without a block that cannot be had: of many, each is asked for whatever became of the others."""


GFP_KERNEL: Final = Gfp(MigrateType.UNMOVABLE)
GFP_HIGHUSER: Final = Gfp(MigrateType.UNMOVABLE)
GFP_HIGHUSER_MOVABLE: Final = Gfp(MigrateType.MOVABLE)
GFP_TRANSHUGE_LIGHT: Final = Gfp(MigrateType.MOVABLE, reclaim=False, oom=False, kswapd=False)
"""A huge page at fault time, without madvise: only if one is free (defrag=madvise)."""
GFP_HUGETLB: Final = Gfp(MigrateType.MOVABLE, oom=False, retry=True, this_node=True)
"""htlb_alloc_mask with __GFP_RETRY_MAYFAIL and __GFP_THISNODE."""
GFP_VMEMMAP: Final = Gfp(MigrateType.UNMOVABLE, oom=False)
"""Struct-page frames of an optimised huge page: GFP_KERNEL with __GFP_RETRY_MAYFAIL."""
GFP_VMEMMAP_HEAD: Final = Gfp(MigrateType.UNMOVABLE, oom=False, spared=True)
"""A new frame for its head struct pages: GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN; without one it keeps the old."""


class Shrinker(Protocol):
    """Something that can give memory back: the page cache, ragged tmpfs pages."""

    def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
        """Frees up to about `frames` frames for kswapd or a direct reclaimer; returns how many it freed.

        With `node`, only that node's are of use; what cannot tell (a shrinker that is not SHRINKER_NUMA_AWARE)
        frees any.
        """


Injector = Callable[[int, int], bool]
"""(order, count) of a request → whether it must fail now."""


class PageAllocator:
    """All zones, the owner of every frame, and the way from a request to frames."""

    def __init__(self, zones: list[Zone], frame_map: FrameMap) -> None:
        self.zones = zones
        self.frame_map = frame_map
        self.shrinkers: list[Shrinker] = []
        """Asked in order when memory is short."""
        self.oom_killer: Callable[[], bool] | None = None
        """Kills one process; False if nothing killable is left."""
        self.reserves_follow_memory = True
        """lowmem_reserve is worked out again whenever memory is handed over."""
        self.injector: Injector | None = None
        """Makes chosen requests fail, for tests."""
        self.fail_page_alloc: FailPageAlloc | None = None
        """Makes chosen allocations fail, as a scenario says: of a request for many, the first ones may succeed."""
        self.compactor: Compactor | None = None
        """Makes free blocks of a costly order by moving pages."""
        self.kcompactd: Background | None = None
        self.reclaim_time: Callable[[bool], AbstractContextManager[object]] = lambda direct: nullcontext()
        """Around reclaim, direct or kswapd's: who waits for the time it takes."""
        self.clean_cache: Callable[[int, int], int] | None = None
        """Frees up to so many frames of clean page cache on a node for its kswapd; returns how many."""
        self.cache_reach: Callable[[int], tuple[int, int]] | None = None
        """(frames, runs) of the page cache that reclaim takes first, so many runs at most."""
        self.handled = 0
        """Runs of frames that were ever allocated or freed: what that cost, whatever their size."""
        self.keep_freed: Callable[[int, int, Owner], list[Run]] | None = None
        """Keeps some of a run that is freed (first frame, frames, who had it); returns the runs to free."""
        self.vm_events: Counter[str] = Counter()
        """Counts of /proc/vmstat events, the whole machine's."""
        self._reclaiming = False
        """A shrinker is at work: what it allocates itself may use the reserves (PF_MEMALLOC)."""
        self._by_address = sorted(zones, key=lambda zone: zone.layout.start)
        """Zones do not overlap."""
        self._starts = [zone.layout.start for zone in self._by_address]
        self._nodes = 1 + max(zone.layout.node for zone in zones)
        self._zonelists: dict[int, list[Zone]] = {}
        self._node_zones: list[list[Zone]] = [[] for _ in range(self._nodes)]
        """Per node, from Normal down."""
        for zone in reversed(zones):
            self._node_zones[zone.layout.node].append(zone)
        self.free_lists = FreeLists(frame_map, self._node_zones)

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return self._nodes

    @property
    def free_frames(self) -> int:
        """Free frames of all zones (nr_free_pages)."""
        return sum(zone.buddy.free_frames for zone in self.zones)

    @property
    def managed_frames(self) -> int:
        """Frames the allocator was ever given (MemTotal)."""
        return sum(zone.managed_frames for zone in self.zones)

    def allocate(self, owner: Owner, gfp: Gfp, order: int = 0, node: int = 0) -> int:
        """First frame of one block for `owner`. Raises OutOfMemory."""
        for start, _ in self.allocate_many(owner, gfp, 1, order, node):
            return start
        raise OutOfMemory(f"order-{order} allocation failed")

    def allocate_many(
        self, owner: Owner, gfp: Gfp, count: int, order: int = 0, node: int = 0, *, partial: bool = False
    ) -> FrameList:
        """`count` blocks of `order` for `owner`, in the order single requests would get them.

        All of them, or OutOfMemory; with `partial` as many as can be had, perhaps none.
        """
        request = Request(owner, gfp, order, self.zones_for(gfp, node), self._unspoilt(gfp, order, count, partial))
        spoilt = count - request.missing
        if request.missing and not self.injected(order, count):
            self._gather(request)
        request.missing += spoilt
        self.handled += len(request.taken)
        if request.missing and not partial:
            self.free_list(request.taken, owner)
            raise OutOfMemory(f"order-{order} allocation failed ({count - request.missing} of {count})")
        if self.free_lists.boosted and gfp.kswapd and not self._reclaiming:
            self._undo_boost()
        return request.taken

    def allocate_at(self, owner: Owner, start: int, frames: int) -> None:
        """Takes exactly these frames, which are free, for `owner` (boot code).

        Whole pageblocks out of a block of the top order leave the rest of it to unmovable requests.
        """
        buddy, end = self.zone_of(start).buddy, start + frames
        low, high = start // TOP_FRAMES * TOP_FRAMES, -(-end // TOP_FRAMES) * TOP_FRAMES
        before = buddy.free_frames
        buddy.take_range(low, high - low)
        if buddy.free_frames == before:
            buddy.isolate(start, frames)
        else:
            if not (start | frames) % PAGEBLOCK_FRAMES:
                buddy.set_types(low, high, MigrateType.UNMOVABLE)
            buddy.free_run(low, start - low)
            buddy.free_run(end, high - end)
        self.frame_map.assign(start, frames, owner)

    def zones_of(self, node: int) -> list[Zone]:
        """The zones of one node, from Normal down."""
        return self._node_zones[node]

    def injected(self, order: int, count: int = 1) -> bool:
        """Whether a request must fail because a test says so."""
        return self.injector is not None and self.injector(order, count)

    @property
    def spoilt(self) -> int:
        """Allocations that fault injection has made to fail since it was set up."""
        return self.fail_page_alloc.failures if self.fail_page_alloc is not None else 0

    @property
    def listed_frames(self) -> int:
        """Frames in per-CPU lists: free, and not counted in `free_frames`."""
        return sum(zone.lists.count for zone in self.zones)

    def free(self, start: int, frames: int, owner: Owner, order: int = 0) -> None:
        """Gives a run of frames back as blocks of one order; it may be any part of what was allocated."""
        self.free_list(((start, frames),), owner, order)

    def free_list(self, runs: Iterable[Run], owner: Owner, order: int = 0) -> None:
        """Gives all runs of a list back in turn, as blocks of one order."""
        if self.keep_freed is not None:
            runs = [part for start, frames in runs for part in self.keep_freed(start, frames, owner)]
        zone: Zone | None = None
        parts: list[Run] = []
        for start, frames in runs:
            self.handled += 1
            for here, first, length in self._by_zone(start, frames):
                if here is not zone and zone is not None:
                    zone.free(parts, order, owner)
                    parts = []
                zone = here
                parts.append((first, length))
        if zone is not None:
            zone.free(parts, order, owner)

    def drain_lists(self) -> None:
        """Empties all per-CPU lists into the buddy allocator (`drain_all_pages`)."""
        for zone in self.zones:
            zone.lists.drain()

    def hold_lists(self, cpus: int) -> None:
        """From now on per-CPU lists hold pages (`setup_per_cpu_pageset`), on a machine of so many CPUs."""
        for zone in self.zones:
            zone.hold_lists(max(1, cpus // self._nodes))

    def hand_over(self, start: int, frames: int, owner: Owner) -> None:
        """Boot memory of `owner` becomes ordinary free memory: MemTotal grows (`free_reserved_page`)."""
        for zone, first, length in self._by_zone(start, frames):
            zone.managed_frames += length
            zone.free([(first, length)], 0, owner)
            if self.reserves_follow_memory:
                set_lowmem_reserve(self.zones_of(zone.layout.node)[::-1])

    def adopt(self, start: int, frames: int, owner: Owner) -> None:
        """Memory that boot code took, and `owner` has, counts as managed from now on (`adjust_managed_page_count`)."""
        for zone, _, length in self._by_zone(start, frames):
            zone.managed_frames += length
        self.frame_map.assign(start, frames, owner)

    def zone_of(self, frame: int) -> Zone:
        """The zone that spans this frame."""
        zone = self._by_address[max(bisect_right(self._starts, frame) - 1, 0)]
        if zone.layout.start <= frame < zone.layout.end:
            return zone
        raise ValueError(f"frame {frame:#x} is in no zone")

    def available_frames(self, gfp: Gfp, node: int) -> int:
        """Frames such a request could have now without reclaiming, down to the min watermark."""
        zones = self.zones_for(gfp, node)
        return sum(max(0, zone.spare_frames(zone.marks.min, gfp.highest_zone)) for zone in zones)

    def available_on(self, gfp: Gfp, node: int) -> int:
        """Those of them that lie on one node."""
        zones = self._node_zones[node]
        return sum(max(0, zone.spare_frames(zone.marks.min, gfp.highest_zone)) for zone in zones)

    def _unspoilt(self, gfp: Gfp, order: int, count: int, partial: bool) -> int:
        """How many of `count` allocations are tried at all; fault injection makes the others fail.

        Pages are asked for until one fails; huge pages that need not be had are each asked for.
        """
        if self.fail_page_alloc is None:
            return count
        if gfp.spared or (partial and order > COSTLY_ORDER and not gfp.retry):
            return self.fail_page_alloc.passing_singly(order, count)
        passing = self.fail_page_alloc.passing(order, count)
        return passing if partial or passing == count else 0

    def _gather(self, request: Request) -> None:
        """Goes through the slow path as far as the request may."""
        gfp, order = request.gfp, request.order
        if self._reclaiming:
            self.free_lists.take(request, no_mark)
            return
        self.free_lists.take(request, low_mark)
        if request.missing and gfp.kswapd and self._kswapd(request):
            self.free_lists.take(request, low_mark)
        if request.missing:
            self.free_lists.take(request, min_mark)
        if request.missing and gfp.reclaim and gfp.kswapd and self.free_lists.boosted:
            self._undo_boost()
            self.free_lists.take(request, min_mark)
        if request.missing and gfp.reclaim and order > COSTLY_ORDER:
            CostlyRequest(request, self.free_lists, self.compactor, self._reclaim_directly, self.vm_events).run()
            return
        while request.missing and gfp.reclaim:
            progress = self._reclaim_directly(request, request.missing << order)
            self.drain_lists()
            self.free_lists.take(request, min_mark, listed=False)
            if not progress:
                break
        while request.missing and gfp.oom and order <= COSTLY_ORDER and self.oom_killer is not None:
            if not self.oom_killer():
                break
            self.drain_lists()
            self.free_lists.take(request, min_mark, listed=False)

    def _undo_boost(self) -> None:
        """kswapd makes room for whole pageblocks, out of clean page cache alone, and the watermarks fall again."""
        boosted, self.free_lists.boosted = self.free_lists.boosted, {}
        with self._as_reclaimer(direct=False):
            for zone in boosted:
                if self.clean_cache is not None:
                    self.clean_cache(zone.watermark_boost, zone.layout.node)
                zone.watermark_boost = 0
        for node in {zone.layout.node: None for zone in boosted}:
            self._wake_kcompactd(node, PAGEBLOCK_ORDER)

    def _wake_kcompactd(self, node: int, order: int) -> None:
        if self.kcompactd is not None:
            self.kcompactd.wake(self._node_zones[node], order)

    def _kswapd(self, request: Request) -> int:
        """What kswapd frees once it is woken: enough for the request and to lift the zones to their high marks.

        Where enough is free for a costly order, and only too scattered, it leaves the rest to compaction.
        """
        zones, order = request.zones, request.order
        frames = request.missing << order
        if order > COSTLY_ORDER:
            spare = (zone.spare_frames(zone.marks.high, request.gfp.highest_zone) for zone in zones)
            frames = max(0, frames - sum(room for room in spare if room > 0))
        frames += sum(max(0, zone.marks.high - zone.buddy.free_frames) for zone in zones)
        for zone in zones:
            zone.compaction.forget_skips()
        freed = self._balance(zones, frames, request.only_node) if frames else 0
        if order:
            self._wake_kcompactd(zones[0].layout.node, order)
        return freed

    def _balance(self, zones: Sequence[Zone], frames: int, node: int | None) -> int:
        """kswapd frees so much; lists take less while it is at it."""
        for zone in zones:
            zone.lists.reclaiming = True
        freed = self._shrink(frames, node, direct=False)
        for zone in zones:
            zone.lists.reclaiming = False
        return freed

    def _reclaim_directly(self, request: Request, frames: int) -> int:
        """A request frees memory itself (ALLOCSTALL, by the highest zone that would do); returns the frames freed."""
        gfp = request.gfp
        zone = "movable" if gfp.migratetype is MigrateType.MOVABLE else ("dma", "dma32", "normal")[gfp.highest_zone]
        self.vm_events[f"allocstall_{zone}"] += 1
        return self._shrink(frames, request.only_node, direct=True) if frames > 0 else 0

    def _shrink(self, frames: int, node: int | None, *, direct: bool) -> int:
        freed = 0
        with self._as_reclaimer(direct=direct):
            for shrinker in self.shrinkers:
                freed += shrinker.shrink(frames - freed, direct=direct, node=node)
                if freed >= frames:
                    break
        return freed

    @contextmanager
    def _as_reclaimer(self, *, direct: bool) -> Iterator[None]:
        """What reclaims memory may use all of it, and does not reclaim for itself (PF_MEMALLOC)."""
        self._reclaiming = True
        try:
            with self.reclaim_time(direct):
                yield
        finally:
            self._reclaiming = False

    def zones_for(self, gfp: Gfp, node: int) -> list[Zone]:
        """The zones that serve such a request, the best first."""
        zones = self._node_zones[node] if gfp.this_node else self._zonelist(node)
        return zones if gfp.highest_zone == NORMAL else [zone for zone in zones if zone.index <= gfp.highest_zone]

    def _zonelist(self, node: int) -> list[Zone]:
        """The node's own zones from Normal down, then those of the other nodes in turn (build_zonelists)."""
        zones = self._zonelists.get(node)
        if zones is None:
            order = [(node + step) % self._nodes for step in range(self._nodes)]
            zones = self._zonelists[node] = [zone for near in order for zone in self._node_zones[near]]
        return zones

    def _by_zone(self, start: int, frames: int) -> list[tuple[Zone, int, int]]:
        """A run cut at zone borders, ascending."""
        place, end = max(bisect_right(self._starts, start) - 1, 0), start + frames
        zone = self._by_address[place]
        if zone.layout.start <= start and end <= zone.layout.end:
            return [(zone, start, frames)]
        parts: list[tuple[Zone, int, int]] = []
        for zone in self._by_address[place : bisect_left(self._starts, end)]:
            low, high = max(start, zone.layout.start), min(end, zone.layout.end)
            if low < high:
                parts.append((zone, low, high - low))
        return parts
