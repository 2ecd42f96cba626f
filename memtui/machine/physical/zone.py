"""One zone: its managed frames, watermarks and free lists (struct zone)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import Final

from memtui.machine.geometry import ZoneLayout
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, Buddy
from memtui.machine.physical.compaction_state import CompactionState
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.pcp import PerCpuPages
from memtui.machine.physical.pcp_limits import PcpLimits, TunedLimits
from memtui.snapshot import ZoneView

ZONE_ORDER: Final = {"DMA": 0, "DMA32": 1, "Normal": 2}
"""Zone indices (enum zone_type): a request for a zone may also use every lower one."""
NORMAL: Final = ZONE_ORDER["Normal"]
LOWMEM_RESERVE_RATIO: Final = {"DMA": 256, "DMA32": 256, "Normal": 32}
WATERMARK_SCALE_FACTOR: Final = 10
MIN_FREE_KB_LIMITS: Final = (128, 262144)


def default_min_free_kbytes(lowmem_kb: int) -> int:
    """vm.min_free_kbytes as `calculate_min_free_kbytes` sets it: isqrt(16 × kB of memory), clamped."""
    least, most = MIN_FREE_KB_LIMITS
    return max(least, min(most, isqrt(lowmem_kb * 16)))


@dataclass(slots=True)
class Watermarks:
    """Free frames below which an allocation wakes kswapd (low), stops it (high), or is refused (min)."""

    min: int = 0
    low: int = 0
    high: int = 0


@dataclass(slots=True, eq=False)
class Zone:
    """A zone of one node. Frames that boot code keeps are not managed."""

    layout: ZoneLayout
    buddy: Buddy
    lists: PerCpuPages
    managed_frames: int = 0
    marks: Watermarks = field(default_factory=Watermarks)
    lowmem_reserve: tuple[int, ...] = (0, 0, 0)
    """Frames kept from requests that could have used a higher zone, by that zone's index."""
    least_free_frames: int = 0
    compaction: CompactionState = field(default_factory=CompactionState)
    list_cpus: int = 0
    """CPUs of the node that have lists; 0 while boot goes on, which has none."""
    watermark_boost: int = 0
    """Frames by which all watermarks are raised until kswapd has made room in pageblocks again."""

    @classmethod
    def build(cls, layout: ZoneLayout, frame_map: FrameMap, limits: type[PcpLimits] = TunedLimits) -> Zone:
        """A zone with nothing free yet."""
        buddy = Buddy(frame_map.usage)
        return cls(layout, buddy, PerCpuPages(buddy, frame_map, limits()))

    @property
    def index(self) -> int:
        """0 DMA, 1 DMA32, 2 Normal."""
        return ZONE_ORDER[self.layout.name]

    def hand_over(self, start: int, frames: int) -> None:
        """Boot memory becomes ordinary memory (`free_reserved_page`): managed and free grow."""
        self.managed_frames += frames
        self.buddy.free_run(start, frames)

    @property
    def high_floor(self) -> int:
        """Free frames at the high watermark, for a request that may use any zone."""
        return self.marks.high + self.lowmem_reserve[NORMAL]

    def free(self, runs: Sequence[Run], order: int, owner: Owner) -> None:
        """Takes blocks of one order back from their owner, run by run."""
        self.lists.free(runs, order, owner, self.high_floor)

    def spare_frames(self, mark: int, highest: int) -> int:
        """Frames a request that may use zones up to index `highest` can take and stay above `mark`."""
        return self.buddy.free_frames - mark - self.lowmem_reserve[highest]

    def boost(self, fallbacks: int, factor: int) -> None:
        """Requests had to turn to pageblocks of another type: watermarks rise by a pageblock each (`boost_watermark`).

        By `factor` ten-thousandths of the high watermark at most; not in zones of less than four pageblocks.
        """
        most = self.marks.high * factor // 10000
        if most and self.managed_frames >= 4 * PAGEBLOCK_FRAMES:
            raised = self.watermark_boost + fallbacks * PAGEBLOCK_FRAMES
            self.watermark_boost = min(raised, max(most, PAGEBLOCK_FRAMES))

    def note_use(self) -> None:
        """Remembers the least that has ever been free."""
        if self.buddy.free_frames < self.least_free_frames:
            self.least_free_frames = self.buddy.free_frames

    def set_marks(self, min_frames: int) -> None:
        """Watermarks from this zone's share of min_free_kbytes (`__setup_per_zone_wmarks`)."""
        step = max(min_frames >> 2, self.managed_frames * WATERMARK_SCALE_FACTOR // 10000)
        self.marks = Watermarks(min_frames, min_frames + step, min_frames + 2 * step)
        if self.list_cpus:
            self.lists.limits.set(self.marks.low, self.managed_frames, self.list_cpus)

    def hold_lists(self, cpus: int) -> None:
        """The per-CPU lists hold pages from now on, on a node of so many CPUs."""
        self.list_cpus = cpus
        self.lists.limits.set(self.marks.low, self.managed_frames, cpus)

    def view(self) -> ZoneView:
        """The zone as a Snapshot shows it."""
        return ZoneView(
            node=self.layout.node,
            name=self.layout.name,
            managed_frames=self.managed_frames,
            free_frames=self.buddy.free_frames,
            min_frames=self.marks.min,
            low_frames=self.marks.low,
            high_frames=self.marks.high,
            least_free_frames=self.least_free_frames,
            free_blocks=self.buddy.free_blocks(),
        )


def set_lowmem_reserve(zones: list[Zone]) -> None:
    """lowmem_reserve of each zone of one node, ascending (`setup_per_zone_lowmem_reserve`)."""
    for place, zone in enumerate(zones):
        reserve = [0, 0, 0]
        managed = 0
        for higher in zones[place + 1 :]:
            managed += higher.managed_frames
            reserve[higher.index] = managed // LOWMEM_RESERVE_RATIO[zone.layout.name]
        for index in range(1, 3):
            reserve[index] = max(reserve[index], reserve[index - 1])
        zone.lowmem_reserve = (reserve[0], reserve[1], reserve[2])


def total_reserve_frames(zones: list[Zone]) -> int:
    """Frames no program can count on: every zone's high mark and lowmem_reserve (`calculate_totalreserve_pages`)."""
    return sum(min(zone.managed_frames, zone.marks.high + max(zone.lowmem_reserve)) for zone in zones)
