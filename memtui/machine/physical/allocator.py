"""The page allocator: which zone serves a request, and what is tried when memory is short.

`get_page_from_freelist` and `__alloc_pages_slowpath` of mm/page_alloc.c in their order: zones
above the low watermark; then kswapd reclaims and the min watermark counts; then direct
reclaim, for orders above 3 in turns with compaction (`costly.py`); then, for orders up to 3, the
OOM killer. Requests name a Gfp, which says what of that they may cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from memtui.machine.errors import OutOfMemory
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, MigrateType
from memtui.machine.physical.costly import Compactor, CostlyRequest
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.top_runs import TOP_FRAMES
from memtui.machine.physical.zone import Zone

COSTLY_ORDER: Final = 3
"""PAGE_ALLOC_COSTLY_ORDER: above it the OOM killer is not asked."""


@dataclass(frozen=True, slots=True)
class Gfp:
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


GFP_KERNEL: Final = Gfp(MigrateType.UNMOVABLE)
GFP_HIGHUSER: Final = Gfp(MigrateType.UNMOVABLE)
GFP_HIGHUSER_MOVABLE: Final = Gfp(MigrateType.MOVABLE)
GFP_TRANSHUGE_LIGHT: Final = Gfp(MigrateType.MOVABLE, reclaim=False, oom=False, kswapd=False)
"""A huge page at fault time, without madvise: only if one is free (defrag=madvise)."""
GFP_HUGETLB: Final = Gfp(MigrateType.MOVABLE, oom=False, retry=True, this_node=True)
"""htlb_alloc_mask with __GFP_RETRY_MAYFAIL and __GFP_THISNODE."""
GFP_VMEMMAP: Final = Gfp(MigrateType.UNMOVABLE, oom=False, this_node=True)
"""Struct-page frames of an optimised huge page: GFP_KERNEL with __GFP_RETRY_MAYFAIL and __GFP_THISNODE."""


class Shrinker(Protocol):
    """Something that can give memory back: the page cache, ragged tmpfs pages."""

    def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
        """Frees up to about `frames` frames for kswapd or a direct reclaimer; returns how many it freed.

        With `node`, only that node's are of use; what cannot tell (a shrinker that is not SHRINKER_NUMA_AWARE)
        frees any.
        """


Injector = Callable[[int, int], bool]
"""(order, count) of a request → whether it must fail now."""

Mark = Callable[[Zone], int]
"""The watermark of a zone that a request must leave."""


class PageAllocator:
    """All zones, the owner of every frame, and the way from a request to frames."""

    def __init__(self, zones: list[Zone], frame_map: FrameMap) -> None:
        self.zones = zones
        self.frame_map = frame_map
        self.shrinkers: list[Shrinker] = []
        """Asked in order when memory is short."""
        self.oom_killer: Callable[[], bool] | None = None
        """Kills one process; False if nothing killable is left."""
        self.injector: Injector | None = None
        """Makes chosen requests fail, for tests and scenarios."""
        self.compactor: Compactor | None = None
        """Makes free blocks of a costly order by moving pages."""
        self.vm_events: Counter[str] = Counter()
        """Counts of /proc/vmstat events, the whole machine's."""
        self._reclaiming = False
        """A shrinker is at work: what it allocates itself may use the reserves (PF_MEMALLOC)."""
        self._nodes = 1 + max(zone.layout.node for zone in zones)
        self._zonelists: dict[int, list[Zone]] = {}
        self._node_zones: list[list[Zone]] = [[] for _ in range(self._nodes)]
        """Per node, from Normal down."""
        for zone in reversed(zones):
            self._node_zones[zone.layout.node].append(zone)

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
        taken = FrameList()
        missing = count if self.injected(order, count) else self._gather(taken, owner, gfp, count, order, node)
        if missing and not partial:
            self.free_list(taken, owner)
            raise OutOfMemory(f"order-{order} allocation failed ({count - missing} of {count})")
        return taken

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
        """Whether a request must fail because a test or a scenario says so."""
        return self.injector is not None and self.injector(order, count)

    def free(self, start: int, frames: int, owner: Owner) -> None:
        """Gives a run of frames back; it may be any part of what was allocated."""
        self.frame_map.release(start, frames, owner)
        for zone, first, length in self._by_zone(start, frames):
            zone.buddy.free_run(first, length)

    def free_list(self, runs: FrameList, owner: Owner) -> None:
        """Gives all runs of a list back."""
        for start, frames in runs:
            self.free(start, frames, owner)

    def hand_over(self, start: int, frames: int, owner: Owner) -> None:
        """Boot memory of `owner` becomes ordinary free memory: MemTotal grows (`free_reserved_page`)."""
        self.frame_map.release(start, frames, owner)
        for zone, first, length in self._by_zone(start, frames):
            zone.hand_over(first, length)

    def adopt(self, start: int, frames: int, owner: Owner) -> None:
        """Memory that boot code took, and `owner` has, counts as managed from now on (`adjust_managed_page_count`)."""
        for zone, _, length in self._by_zone(start, frames):
            zone.managed_frames += length
        self.frame_map.assign(start, frames, owner)

    def zone_of(self, frame: int) -> Zone:
        """The zone that spans this frame."""
        for zone in self.zones:
            if zone.layout.start <= frame < zone.layout.end:
                return zone
        raise ValueError(f"frame {frame:#x} is in no zone")

    def available_frames(self, gfp: Gfp, node: int) -> int:
        """Frames such a request could have now without reclaiming, down to the min watermark."""
        zones = self._zones_for(gfp, node)
        return sum(max(0, zone.spare_frames(zone.marks.min, gfp.highest_zone)) for zone in zones)

    def _gather(self, taken: FrameList, owner: Owner, gfp: Gfp, count: int, order: int, node: int) -> int:
        """Fills `taken`, going through the slow path as far as the request may; returns the blocks missing."""
        zones = self._zones_for(gfp, node)
        if self._reclaiming:
            return self._from_zones(taken, owner, zones, gfp, count, order, lambda zone: 0)
        missing = self._from_zones(taken, owner, zones, gfp, count, order, _low_mark)
        if missing and gfp.kswapd and self._kswapd(zones, gfp, missing, order):
            missing = self._from_zones(taken, owner, zones, gfp, missing, order, _low_mark)
        if missing:
            missing = self._from_zones(taken, owner, zones, gfp, missing, order, _min_mark)
        if missing and gfp.reclaim and order > COSTLY_ORDER:
            return self._costly(taken, owner, zones, gfp, missing, order)
        while missing and gfp.reclaim:
            self._count_stall(gfp)
            if not self._shrink(missing << order, _only_node(zones, gfp), direct=True):
                break
            missing = self._from_zones(taken, owner, zones, gfp, missing, order, _min_mark)
        while missing and gfp.oom and order <= COSTLY_ORDER and self.oom_killer is not None and self.oom_killer():
            missing = self._from_zones(taken, owner, zones, gfp, missing, order, _min_mark)
        return missing

    def _costly(self, taken: FrameList, owner: Owner, zones: list[Zone], gfp: Gfp, missing: int, order: int) -> int:
        """Compaction and reclaim in turns for a large order; returns the blocks missing."""

        def take(count: int) -> int:
            return self._from_zones(taken, owner, zones, gfp, count, order, _min_mark)

        def reclaim(frames: int) -> int:
            self._count_stall(gfp)
            return self._shrink(frames, _only_node(zones, gfp), direct=True) if frames > 0 else 0

        return CostlyRequest(order, gfp, zones, self.compactor, take, reclaim, self.vm_events).run(missing)

    def _from_zones(
        self, taken: FrameList, owner: Owner, zones: list[Zone], gfp: Gfp, count: int, order: int, mark: Mark
    ) -> int:
        """Takes what the zones can give above a watermark; returns the blocks missing."""
        for zone in zones:
            blocks = min(count, zone.spare_frames(mark(zone), gfp.highest_zone) >> order)
            if blocks <= 0:
                continue
            for start, frames in zone.buddy.allocate_many(order, blocks, gfp.migratetype):
                self.frame_map.assign(start, frames, owner)
                taken.append(start, frames)
                count -= frames >> order
            zone.note_use()
            if not count:
                break
        return count

    def _kswapd(self, zones: list[Zone], gfp: Gfp, missing: int, order: int) -> int:
        """What kswapd frees once it is woken: enough for the request and to lift the zones to their high marks.

        Where enough is free for a costly order, and only too scattered, it leaves the rest to compaction.
        """
        frames = missing << order
        if order > COSTLY_ORDER:
            spare = (zone.spare_frames(zone.marks.high, gfp.highest_zone) for zone in zones)
            frames = max(0, frames - sum(room for room in spare if room > 0))
        frames += sum(max(0, zone.marks.high - zone.buddy.free_frames) for zone in zones)
        for zone in zones:
            zone.compaction.forget_skips()
        return self._shrink(frames, _only_node(zones, gfp), direct=False) if frames else 0

    def _count_stall(self, gfp: Gfp) -> None:
        """A request reclaims directly (ALLOCSTALL, by the highest zone that would do)."""
        zone = "movable" if gfp.migratetype is MigrateType.MOVABLE else ("dma", "dma32", "normal")[gfp.highest_zone]
        self.vm_events[f"allocstall_{zone}"] += 1

    def _shrink(self, frames: int, node: int | None, *, direct: bool) -> int:
        freed = 0
        self._reclaiming = True
        try:
            for shrinker in self.shrinkers:
                freed += shrinker.shrink(frames - freed, direct=direct, node=node)
                if freed >= frames:
                    break
        finally:
            self._reclaiming = False
        return freed

    def _zones_for(self, gfp: Gfp, node: int) -> list[Zone]:
        zones = self._node_zones[node] if gfp.this_node else self._zonelist(node)
        return zones if gfp.highest_zone == 2 else [zone for zone in zones if zone.index <= gfp.highest_zone]

    def _zonelist(self, node: int) -> list[Zone]:
        """The node's own zones from Normal down, then those of the other nodes in turn (build_zonelists)."""
        zones = self._zonelists.get(node)
        if zones is None:
            order = [(node + step) % self._nodes for step in range(self._nodes)]
            zones = self._zonelists[node] = [zone for near in order for zone in self._node_zones[near]]
        return zones

    def _by_zone(self, start: int, frames: int) -> list[tuple[Zone, int, int]]:
        """A run cut at zone borders."""
        parts: list[tuple[Zone, int, int]] = []
        for zone in self.zones:
            low, high = max(start, zone.layout.start), min(start + frames, zone.layout.end)
            if low < high:
                parts.append((zone, low, high - low))
        return parts


def _only_node(zones: list[Zone], gfp: Gfp) -> int | None:
    """The one node whose frames a request can use; None: any will do."""
    return zones[0].layout.node if gfp.this_node else None


def _low_mark(zone: Zone) -> int:
    return zone.marks.low


def _min_mark(zone: Zone) -> int:
    return zone.marks.min
