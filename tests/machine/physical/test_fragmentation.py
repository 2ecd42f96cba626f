"""The indices of fragmentation, golden number 47 among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.physical.fragmentation import fragmentation_index, unusable_index

BLOCKS = st.lists(st.integers(0, 5000), min_size=11, max_size=11)


def blocks(**counts: int) -> list[int]:
    """Free blocks by order: `o8=10` is ten of order 8."""
    found = [0] * 11
    for name, count in counts.items():
        found[int(name[1:])] = count
    return found


@pytest.mark.parametrize(
    ("free", "index"),
    [
        (blocks(o0=1000), 998),
        (blocks(o0=4), 749),
        (blocks(o8=10), 400),
        (blocks(o9=1), -1000),
        (blocks(o0=1000, o9=1), -1000),
        (blocks(o10=3), -1000),
        (blocks(), 0),
    ],
)
def test_golden_47_fragmentation_index_of_order_9(free: list[int], index: int) -> None:
    assert fragmentation_index(free, 9) == index


@given(BLOCKS, st.integers(0, 10))
def test_the_index_is_between_0_and_1000_where_a_request_fails(free: list[int], order: int) -> None:
    index = fragmentation_index(free, order)
    assert (index == -1000) == any(free[order:])
    assert index == -1000 or -1 <= index <= 1000


@given(BLOCKS, st.integers(0, 10))
def test_unusable_is_the_share_of_free_memory_in_smaller_blocks(free: list[int], order: int) -> None:
    frames = sum(count << place for place, count in enumerate(free))
    small = sum(count << place for place, count in enumerate(free[:order]))
    assert unusable_index(free, order) == (small * 1000 // frames if frames else 1000)
    assert unusable_index(free, 0) == (0 if frames else 1000)
