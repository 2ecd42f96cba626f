"""Allocations that fail on purpose, as the kernel's fault injection chooses them (lib/fault-inject.c).

The attributes are those of /sys/kernel/debug/fail_page_alloc. Which allocations fail follows from
them and a sequence of random numbers alone; how many lie before the next failure is worked out at
once, so that a request for a million pages costs what a request for one does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from memtui.units import PAGE_BYTES, PPM

RANDOM_BITS: Final = 64
"""Bits of each random number."""
_SCALE_BITS: Final = 128
"""Powers of the chance to pass are kept as integers, in units of 2^-128."""
_DOUBLINGS: Final = 48
"""2^48 allocations are more than any run makes."""


class FaultAttributes(NamedTuple):
    """When an allocation is made to fail (struct fault_attr, and min-order)."""

    probability_ppm: int = PPM
    """How likely a candidate fails."""
    interval: int = 1
    """Only every so many-th allocation is a candidate."""
    times: int | None = None
    """How many fail at most; None: no limit (-1 in Linux)."""
    space_bytes: int = 0
    """Memory that is allocated before the first candidate."""
    min_order: int = 0
    """Smaller allocations are left alone."""


class FailPageAlloc:
    """Decides for each allocation whether it fails."""

    def __init__(
        self, attributes: FaultAttributes, draw: Callable[[], int], report: Callable[[int], None] | None = None
    ) -> None:
        """`draw` gives random numbers of RANDOM_BITS bits; `report` is told the order of every failure."""
        self.attributes = attributes
        self.failures = 0
        """Allocations made to fail so far."""
        self._draw = draw
        self._report = report
        self._space_bytes = attributes.space_bytes
        self._count = 0
        """Allocations seen once the space was used up."""
        self._powers = _powers_of_passing(attributes.probability_ppm)
        self._passes = self._candidates_that_pass()

    def passing(self, order: int, count: int) -> int:
        """How many of `count` allocations of this order come before the first that fails; all of them if none does."""
        attributes = self.attributes
        if order < attributes.min_order or self.failures == attributes.times:
            return count
        before = min(count, self._within_space(PAGE_BYTES << order))
        self._space_bytes -= before * (PAGE_BYTES << order)
        left, first = count - before, self._count
        candidates = (first + left) // attributes.interval - first // attributes.interval
        if candidates <= self._passes:
            self._passes -= candidates
            self._count += left
            return count
        self._count = (first // attributes.interval + self._passes + 1) * attributes.interval
        self._passes = self._candidates_that_pass()
        self.failures += 1
        if self._report is not None:
            self._report(order)
        return before + self._count - first - 1

    def passing_singly(self, order: int, count: int) -> int:
        """How many of `count` allocations pass when each is asked for, whatever becomes of the others."""
        passed = 0
        while count:
            some = self.passing(order, count)
            passed += some
            count -= some + (some < count)
        return passed

    def _within_space(self, size_bytes: int) -> int:
        """Allocations of this size that only use up the space."""
        return max(0, -(-(self._space_bytes - size_bytes) // size_bytes))

    def _candidates_that_pass(self) -> int:
        """How many candidates in a row are spared: a random number whose chance to be n or more is passing^n."""
        bound = self._draw() << (_SCALE_BITS - RANDOM_BITS)
        passed, chance = 0, 1 << _SCALE_BITS
        for doubling in range(_DOUBLINGS - 1, -1, -1):
            lower = chance * self._powers[doubling] >> _SCALE_BITS
            if lower > bound:
                chance = lower
                passed += 1 << doubling
        return passed


def _powers_of_passing(probability_ppm: int) -> list[int]:
    """The chance to pass once, twice, four times and so on in a row, in units of 2^-128."""
    powers = [((PPM - probability_ppm) << _SCALE_BITS) // PPM]
    while len(powers) < _DOUBLINGS:
        powers.append(powers[-1] * powers[-1] >> _SCALE_BITS)
    return powers
