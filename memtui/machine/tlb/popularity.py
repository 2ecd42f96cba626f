"""Which leaves of a mapping are used how often: uniform access, and Zipf's law."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from memtui.machine.tlb.mix import LEAF_BYTES, Mix
from memtui.machine.tlb.residency import Users
from memtui.units import PAGE_BYTES

_STEPS_PER_OCTAVE = 2
"""Leaves whose ranks are within half an octave count as used alike: finer steps move no miss rate by 0.05 %."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a mapping is used. ValueError for an exponent below 0, or a density that is no share."""

    zipf: float = 0.0
    """The k-th most popular 4 KiB is used in proportion to 1 / k^zipf; 0: all alike."""
    density: float = 1.0
    """Share of the mapping that is used at all, scattered over it."""
    chunk_bytes: int = PAGE_BYTES
    """How much of what is used lies in a row."""

    def __post_init__(self) -> None:
        if self.zipf < 0:
            raise ValueError(f"a Zipf exponent of {self.zipf}; expected 0 (uniform) or more")
        if not 0 < self.density <= 1:
            raise ValueError(f"a density of {self.density}; expected more than 0 and at most 1")

    def used_share(self, leaf: str) -> float:
        """Of all leaves of a size, the share in which anything is used: 1 - (1 - density)^chunks.

        Nearly all large leaves, where chunks are small, and of leaves smaller than a chunk few.
        """
        chunks = max(1, LEAF_BYTES[leaf] // self.chunk_bytes)
        return 1.0 if self.density == 1.0 else -math.expm1(math.log1p(-self.density) * chunks)


UNIFORM: Final = Use()
"""All of it, each byte as likely as any other."""


def groups(mix: Mix, use: Use = UNIFORM) -> list[Users]:
    """The mapping's leaves in groups that are used alike; a leaf's share is that of the memory it maps.

    Under Zipf's law every leaf size has leaves of every popularity, in the proportion of its bytes.
    """
    footprint = mix.footprint_bytes
    found = []
    for leaf, mapped_bytes in mix.by_leaf():
        leaves = -(-mapped_bytes // LEAF_BYTES[leaf])
        count = max(1, round(leaves * use.used_share(leaf))) if leaves else 0
        if count and use.zipf:
            pages = max(count, math.ceil(use.density * footprint / PAGE_BYTES))
            found += _zipf(leaf, count, mapped_bytes / footprint, use.zipf, pages)
        elif count:
            found.append(Users(leaf, count, mapped_bytes / footprint / count))
    return found


def _zipf(leaf: str, count: int, share: float, exponent: float, pages: int) -> list[Users]:
    """Groups of `count` leaves in order of popularity, over which `pages` ranks are spread evenly."""
    whole = _weight(pages, exponent)
    users = []
    for start, end in _rank_groups(count):
        weight = _weight(pages * end / count, exponent) - _weight(pages * start / count, exponent)
        users.append(Users(leaf, end - start, share * weight / whole / (end - start)))
    return users


def _rank_groups(count: int) -> Iterator[tuple[int, int]]:
    """0..count in pieces that grow with their rank."""
    start = 0
    while start < count:
        end = min(count, max(start + 1, math.floor(start * 2 ** (1 / _STEPS_PER_OCTAVE))))
        yield start, end
        start = end


def _weight(ranks: float, exponent: float) -> float:
    """Sum of 1 / k^exponent over the first `ranks` ranks, as the integral that continues it."""
    if exponent == 1.0:
        return math.log1p(ranks)
    return (math.pow(1.0 + ranks, 1.0 - exponent) - 1.0) / (1.0 - exponent)
