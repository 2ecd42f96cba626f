"""Fault injection against the kernel's own rules, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.physical.fail_page_alloc import FailPageAlloc, FaultAttributes
from memtui.units import PPM
from tests.machine.faults import ATTRIBUTES, faults

REQUESTS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 3, 9]), st.integers(1, 40)), max_size=60)


def outcomes(attributes: FaultAttributes, requests: Iterable[tuple[int, int]]) -> list[bool]:
    """Allocation by allocation: whether it passes. A request whose allocation fails asks for the rest again."""
    found: list[bool] = []
    chooser = faults(attributes, seed=3)
    for order, count in requests:
        while count:
            passing = chooser.passing(order, count)
            failed = passing < count
            found += [True] * passing + [False] * failed
            count -= passing + failed
    return found


def should_fail(attributes: FaultAttributes, orders: Iterable[int]) -> Iterator[bool]:
    """`should_fail` with probability 100, written as the kernel writes it; yields whether each allocation passes."""
    space, count, times = attributes.space_bytes, 0, attributes.times
    for order in orders:
        size = 4096 << order
        if order < attributes.min_order or times == 0:
            yield True
        elif space > size:
            space -= size
            yield True
        else:
            count += 1
            fails = count % attributes.interval == 0
            if fails and times is not None:
                times -= 1
            yield not fails


@given(ATTRIBUTES, REQUESTS)
def test_which_allocations_fail_does_not_depend_on_how_they_are_asked_for(
    attributes: FaultAttributes, requests: list[tuple[int, int]]
) -> None:
    singly = [(order, 1) for order, count in requests for _ in range(count)]
    assert outcomes(attributes, requests) == outcomes(attributes, singly)


@given(ATTRIBUTES, REQUESTS)
def test_same_as_the_kernel_when_every_candidate_fails(
    attributes: FaultAttributes, requests: list[tuple[int, int]]
) -> None:
    certain = FaultAttributes(
        PPM, attributes.interval, attributes.times, attributes.space_bytes >> 14, attributes.min_order
    )
    orders = [order for order, count in requests for _ in range(count)]
    assert outcomes(certain, requests) == list(should_fail(certain, orders))


@pytest.mark.parametrize("probability_ppm", [1, 1000, 20_000, 500_000, 999_999])
def test_the_share_that_fails_is_the_probability(probability_ppm: int) -> None:
    count = 40 * PPM // probability_ppm
    chooser = faults(FaultAttributes(probability_ppm))
    asked = chooser.passing_singly(0, count)
    assert count - asked == chooser.failures
    expected = count * probability_ppm // PPM
    spread = isqrt(expected * (PPM - probability_ppm) // PPM) + 1
    assert abs(chooser.failures - expected) <= 4 * spread


def test_a_billion_allocations_are_decided_at_once() -> None:
    drawn = []

    def draw() -> int:
        drawn.append(1 << 60)
        return drawn[-1]

    chooser = FailPageAlloc(FaultAttributes(probability_ppm=1, times=3), draw)
    assert chooser.passing_singly(0, 10**9) == 10**9 - 3
    assert len(drawn) == 4


def test_failures_are_reported_with_their_order() -> None:
    told: list[int] = []
    chooser = FailPageAlloc(FaultAttributes(interval=2), lambda: 0, told.append)
    for order in (0, 9, 3, 1):
        chooser.passing(order, 1)
    assert told == [9, 1]
    assert chooser.failures == 2
