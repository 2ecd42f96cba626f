"""Free ranges find what a walk would find, however they came about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.errors import FrameStateError
from memtui.machine.free_ranges import ROW, FreeRanges


def walked(free: set[int], length: int, align: int) -> int | None:
    """The first fit, number by number."""
    for first in range(0, 2000, align):
        if all(number in free for number in range(first, first + length)):
            return first
    return None


@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from([1, 1, 1, 8]), st.integers(0, 200)), max_size=120))
def test_first_fit_is_that_of_a_walk(steps: list[tuple[int, int, int]]) -> None:
    ranges, free, taken = FreeRanges(), set(range(1500)), list[tuple[int, int]]()
    ranges.add(0, 1500)
    for length, align, gives_back in steps:
        first = ranges.first_fit(length, align)
        assert first == walked(free, length, align)
        if first is not None:
            ranges.remove(first, first + length)
            free -= set(range(first, first + length))
            taken.append((first, first + length))
        if taken and gives_back > 60:
            low, high = taken.pop(gives_back % len(taken))
            ranges.add(low, high)
            free |= set(range(low, high))
        assert ranges.count == len(free)
        assert {number for low, high in ranges for number in range(low, high)} == free


def test_many_ranges_lie_in_rows_and_merge_again() -> None:
    ranges = FreeRanges()
    for number in range(0, 20 * ROW, 2):
        ranges.add(number, number + 1)
    assert len(ranges._rows) >= 4
    assert ranges.first_fit(2) is None
    for number in range(1, 20 * ROW - 1, 2):
        ranges.add(number, number + 1)
    assert list(ranges) == [(0, 20 * ROW - 1)]
    assert ranges.first_fit(20 * ROW - 1) == 0


def test_what_is_free_is_not_freed_and_what_is_taken_not_taken() -> None:
    ranges = FreeRanges()
    ranges.add(10, 20)
    for low, high in ((5, 11), (12, 13), (19, 25)):
        with pytest.raises(FrameStateError, match="free already"):
            ranges.add(low, high)
    for low, high in ((9, 11), (15, 21), (30, 31)):
        with pytest.raises(FrameStateError, match="is not all free"):
            ranges.remove(low, high)
    assert (ranges.add(5, 10), ranges.add(20, 22)) == ((5, 20), (5, 22))
