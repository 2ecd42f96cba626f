"""How much a zone's per-CPU lists hold, and how much they take and give back at a time (mm/page_alloc.c).

Until 6.6 a CPU's lists hold up to its share of the zone's low watermark. Since 6.7 that is only the
least: as long as free memory is above the high watermark each refill lets them hold more, up to
the CPU's share of an eighth of the zone, and every second they may hold an eighth less
(`decay_pcp_high`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

COSTLY_ORDER: Final = 3
"""PAGE_ALLOC_COSTLY_ORDER: above it the OOM killer is not asked, and per-CPU lists hold only huge pages."""
MOST_BATCHED: Final = 64
"""Frames, 256 KiB: what a batch is at most worked out from, reached in zones of 1 GiB."""
BATCH_SCALE_MAX: Final = 5
"""CONFIG_PCP_BATCH_SCALE_MAX: up to 2^5 batches at once."""
HIGH_FRACTION: Final = 8
"""MIN_PERCPU_PAGELIST_HIGH_FRACTION: all lists together hold at most an eighth of a zone."""
DECAY_SHIFT: Final = 3
FOREVER: Final = 1 << 62
"""More blocks than there will ever be."""


class Pressure(NamedTuple):
    """How a zone is off when pages are freed or taken."""

    below_high: bool
    """Free memory was seen below the high watermark (ZONE_BELOW_HIGH)."""
    reclaiming: bool
    """kswapd is at work (ZONE_RECLAIM_ACTIVE)."""


class Portion(NamedTuple):
    """How much moves between the lists and the buddy allocator."""

    amount: int
    lasting: bool
    """The next one will be as large, as long as nothing else happens."""


def zone_batchsize(managed_frames: int) -> int:
    """Frames of a batch (`zone_batchsize`): 63 in all but small zones."""
    batch = max(1, min(managed_frames >> 12, MOST_BATCHED))
    return max(1, (1 << (batch + batch // 2).bit_length() - 1) - 1)


def disturbs(order: int) -> bool:
    """Whether lists of this order scatter memory, so that they are emptied while much is freed."""
    return 0 < order <= COSTLY_ORDER


class PcpLimits(Protocol):
    """The limits of one CPU's lists for one zone."""

    batch: int
    """Frames that lists are refilled and emptied by."""
    high: int
    """Frames that all lists may hold; 0: they hold none yet."""

    @property
    def huge_lists(self) -> int:
        """Lists of huge pages: one, or one of movable ones and one of others (6.10 and later)."""

    @property
    def holds(self) -> bool:
        """Whether anything is kept at all."""

    @property
    def tuned(self) -> bool:
        """Whether they hold more than the least, which wears off."""

    def set(self, low_frames: int, managed_frames: int, cpus: int) -> None:
        """Works the limits out from the low watermark, for a node of so many CPUs (`zone_set_pageset_high_and_batch`).

        Until then the lists hold nothing (boot_pageset).
        """

    def refill(self, order: int, count: int, pressure: Pressure) -> Portion:
        """Blocks to take from the buddy allocator for an empty list, with `count` frames in all (`nr_pcp_alloc`)."""

    def again(self, order: int, refills: int, pressure: Pressure) -> None:
        """So many further refills as large as the last."""

    def took(self, blocks: int) -> None:
        """So many blocks were allocated, one by one."""

    def freed(self, order: int, blocks: int) -> None:
        """So many blocks were freed, one by one."""

    def full(self, order: int, pressure: Pressure) -> int:
        """Frames in all lists at which a block freed makes them give back some (`nr_pcp_high`)."""

    def steady(self, order: int) -> int:
        """Blocks that can be freed in a row before `full` may be another; at least one."""

    def spill(self, order: int, count: int, pressure: Pressure) -> Portion:
        """Frames to give back, with `count` in all lists, now that they are full (`nr_pcp_free`)."""

    def decay(self, count: int) -> int:
        """A second has gone by; returns the frames to give back."""


@dataclass(slots=True)
class FixedLimits:
    """Linux up to 6.6: a fixed limit, and a batch goes back at a time.

    `nr_pcp_free` lets batches grow while much is freed in a row. The recordings of 6.1 do not show it: after
    512, 1024 and 2048 huge pages freed in a row the lists are equally full (`guest-6.1-hvo-2m`).
    """

    batch: int = 1
    high: int = 0

    @property
    def huge_lists(self) -> int:
        """See PcpLimits."""
        return 1

    @property
    def holds(self) -> bool:
        """See PcpLimits."""
        return self.high > 0

    @property
    def tuned(self) -> bool:
        """Never."""
        return False

    def set(self, low_frames: int, managed_frames: int, cpus: int) -> None:
        """See PcpLimits."""
        self.batch = zone_batchsize(managed_frames)
        self.high = max(low_frames // cpus, self.batch << 2)

    def refill(self, order: int, count: int, pressure: Pressure) -> Portion:
        """See PcpLimits."""
        return Portion(_blocks(self.batch, order), True)

    def again(self, order: int, refills: int, pressure: Pressure) -> None:
        """See PcpLimits."""

    def took(self, blocks: int) -> None:
        """See PcpLimits."""

    def freed(self, order: int, blocks: int) -> None:
        """See PcpLimits."""

    def full(self, order: int, pressure: Pressure) -> int:
        """See PcpLimits."""
        return min(self.batch << 2, self.high) if pressure.reclaiming else self.high

    def steady(self, order: int) -> int:
        """Any number."""
        return FOREVER

    def spill(self, order: int, count: int, pressure: Pressure) -> Portion:
        """See PcpLimits."""
        return Portion(self.batch, True)

    def decay(self, count: int) -> int:
        """Nothing wears off."""
        return 0


@dataclass(slots=True)
class TunedLimits:
    """Linux from 6.7 on: the limit follows what is allocated and freed."""

    batch: int = 1
    high: int = 0
    high_min: int = 0
    high_max: int = 0
    alloc_factor: int = 0
    free_count: int = 0
    """Frames freed in a row, up to 2^5 batches."""

    @property
    def huge_lists(self) -> int:
        """See PcpLimits."""
        return 2

    @property
    def holds(self) -> bool:
        """See PcpLimits."""
        return self.high > 0

    @property
    def tuned(self) -> bool:
        """Whether the limit is above the least."""
        return self.high > self.high_min

    def set(self, low_frames: int, managed_frames: int, cpus: int) -> None:
        """See PcpLimits."""
        self.batch = zone_batchsize(managed_frames)
        self.high_min = max(low_frames // cpus, self.batch << 2)
        self.high_max = max(managed_frames // HIGH_FRACTION // cpus, self.batch << 2)
        self.high = self._clamped(self.high)

    def refill(self, order: int, count: int, pressure: Pressure) -> Portion:
        """See PcpLimits."""
        frames = self._wanted(order)
        self.again(order, 1, pressure)
        if order:
            return Portion(_blocks(frames, order), True)
        most = max(self.high - count - self.batch, self.batch)
        if frames > most:
            return Portion(_blocks(most, 0), pressure.below_high or self.high == self.high_max)
        lasting = self.alloc_factor == BATCH_SCALE_MAX
        self.alloc_factor = min(self.alloc_factor + 1, BATCH_SCALE_MAX)
        return Portion(_blocks(frames, 0), lasting)

    def again(self, order: int, refills: int, pressure: Pressure) -> None:
        """See PcpLimits."""
        if not pressure.below_high:
            self.high = min(self.high + refills * self._wanted(order), self.high_max)

    def took(self, blocks: int) -> None:
        """See PcpLimits."""
        self.free_count >>= blocks

    def freed(self, order: int, blocks: int) -> None:
        """See PcpLimits."""
        self.alloc_factor >>= blocks
        missing = self._enough - self.free_count
        if missing > 0:
            self.free_count += min(blocks, -(-missing >> order)) << order

    def full(self, order: int, pressure: Pressure) -> int:
        """See PcpLimits."""
        if self._scattering(order):
            return self.batch
        if pressure.reclaiming:
            return min(self.batch << 2, self.high)
        return self.high_min if pressure.below_high else self._clamped(self.high)

    def steady(self, order: int) -> int:
        """As many as it takes until so much was freed in a row that these blocks scatter memory."""
        missing = self._much - self.free_count
        return -(-missing >> order) if disturbs(order) and missing > 0 else FOREVER

    def spill(self, order: int, count: int, pressure: Pressure) -> Portion:
        """See PcpLimits."""
        if self._scattering(order):
            self.high = max(self.high - self._enough, self.high_min)
            return Portion(min(count, self._enough), False)
        high = self.full(order, pressure)
        if pressure.reclaiming or pressure.below_high:
            lasting = self.high == self.high_min and pressure.reclaiming
            self.high = max(self.high - max(self.free_count, self.batch), self.high_min)
            high = high if pressure.reclaiming else max(count, high)
        else:
            needed = self._clamped(self.free_count + self.batch)
            lasting = self.high >= needed
            self.high = max(self.high, needed)
        portion = max(1, min(max(self.free_count, self.batch), high - self.batch))
        return Portion(portion, lasting and self.free_count >= self._enough)

    def decay(self, count: int) -> int:
        """See PcpLimits."""
        if self.high > self.high_min:
            self.high = max(count - self._enough, self.high - (self.high >> DECAY_SHIFT), self.high_min)
        return max(0, count - self.high)

    def _wanted(self, order: int) -> int:
        """Frames of a refill: the more, the longer nothing has been freed."""
        return self.batch if order else self.batch << self.alloc_factor

    @property
    def _enough(self) -> int:
        return self.batch << BATCH_SCALE_MAX

    def _scattering(self, order: int) -> bool:
        """Whether much is being freed, and in blocks that scatter memory when they are kept."""
        return disturbs(order) and self.free_count >= self._much

    @property
    def _much(self) -> int:
        return self.batch + self.high_min // 2

    def _clamped(self, high: int) -> int:
        return min(max(high, self.high_min), self.high_max)


def _blocks(frames: int, order: int) -> int:
    """Blocks of a refill: at least two, unless the zone is too small for batches."""
    return max(frames >> order, 2) if frames > 1 else 1
