"""What the kernel's accesses over the direct map go to: the set a scenario states, and how it is mapped."""

from __future__ import annotations

from typing import NamedTuple

from memtui.machine.boot_mapping import Level
from memtui.machine.direct_map import DirectMap
from memtui.machine.tlb.mix import Mix
from memtui.machine.tlb.popularity import Use
from memtui.units import PAGE_BYTES, format_bytes


class WorkingSet(NamedTuple):
    """Memory that the kernel uses through the direct map, scattered over a region of RAM, and how often."""

    size_bytes: int
    """Together; at most the RAM in the region."""
    start: int
    """The region's first frame."""
    end: int
    """The frame after its last."""
    zipf: float = 0.0
    """The k-th most popular page is used in proportion to 1 / k^zipf; 0: all alike."""
    chunk_bytes: int = PAGE_BYTES
    """How much of it lies in a row."""
    accesses_per_s: int = 0
    """Over all CPUs; 0: not stated."""

    def use_of(self, region_bytes: int) -> Use:
        """How it uses a region with so much RAM."""
        return Use(self.zipf, self.size_bytes / region_bytes, self.chunk_bytes)

    def __str__(self) -> str:
        pattern = f"zipf {self.zipf:g}" if self.zipf else "uniform"
        return f"kernel {format_bytes(self.size_bytes)} {pattern}"


class Region:
    """How the direct map maps a region: at boot, and now. Looked at again only when leaves changed."""

    def __init__(self, direct_map: DirectMap, start: int, end: int) -> None:
        self._direct_map = direct_map
        self._range = (start, end)
        frames = [0, 0, 0]
        for span in direct_map.spans:
            frames[span.level] += max(0, min(end, span.end) - max(start, span.start))
        self._boot = frames
        self._now = frames
        self._seen = -1

    @property
    def ram_bytes(self) -> int:
        """RAM in the region."""
        return sum(self._boot) * PAGE_BYTES

    def at_boot(self) -> Mix:
        """As boot mapped it."""
        return _mix(self._boot)

    def now(self) -> Mix:
        """As it is mapped now."""
        changes = self._direct_map.leaf_changes
        if changes != self._seen:
            from_1g, from_2m = self._direct_map.split_frames(*self._range)
            boot = self._boot
            self._now = [
                boot[Level.LEAF_4K] + from_2m,
                boot[Level.LEAF_2M] + from_1g - from_2m,
                boot[Level.LEAF_1G] - from_1g,
            ]
            self._seen = changes
        return _mix(self._now)


def _mix(frames: list[int]) -> Mix:
    return Mix(*(frames[level] * PAGE_BYTES for level in (Level.LEAF_4K, Level.LEAF_2M, Level.LEAF_1G)))
