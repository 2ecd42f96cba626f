"""Which leaves of a mapping are used how often: uniform access, and Zipf's law."""

from __future__ import annotations

import math
from collections.abc import Iterator

from memtui.machine.tlb.mix import LEAF_BYTES, Mix
from memtui.machine.tlb.residency import Users
from memtui.units import PAGE_BYTES

_STEPS_PER_OCTAVE = 4
"""Leaves whose ranks are within a quarter of an octave count as used alike."""


def groups(mix: Mix, zipf: float = 0.0) -> list[Users]:
    """The mapping's leaves in groups that are used alike; a leaf's share is that of the memory it maps.

    Under Zipf's law every leaf size has leaves of every popularity, in the proportion of its bytes.
    ValueError for an exponent below 0.
    """
    if zipf < 0:
        raise ValueError(f"a Zipf exponent of {zipf}; expected 0 (uniform) or more")
    footprint = mix.footprint_bytes
    found = []
    for leaf, mapped_bytes in mix.by_leaf():
        count = -(-mapped_bytes // LEAF_BYTES[leaf])
        if count and zipf:
            found += _zipf(leaf, count, mapped_bytes / footprint, zipf, footprint // PAGE_BYTES)
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
