"""Failures on purpose, for tests: attributes of fault injection as a hypothesis strategy."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from memtui.machine.physical.fail_page_alloc import RANDOM_BITS, FailPageAlloc, FaultAttributes
from memtui.units import PPM

ATTRIBUTES: st.SearchStrategy[FaultAttributes] = st.builds(
    FaultAttributes,
    probability_ppm=st.sampled_from([PPM, PPM // 2, PPM // 10, PPM // 1000]) | st.integers(1, PPM),
    interval=st.sampled_from([1, 2, 7, 100]) | st.integers(1, 5000),
    times=st.none() | st.integers(1, 20),
    space_bytes=st.sampled_from([0, 4096, 1 << 20]) | st.integers(0, 1 << 30),
    min_order=st.sampled_from([0, 0, 1, 4, 9]),
)
"""Any fault injection that a scenario can ask for."""


def faults(attributes: FaultAttributes, seed: int = 0) -> FailPageAlloc:
    """Fault injection with random numbers of its own."""
    chance = random.Random(seed)
    return FailPageAlloc(attributes, lambda: chance.getrandbits(RANDOM_BITS))
