"""Every benchmark meets its bound: `pytest tests/benchmarks -s`, or one of them with `-k NAME`."""

from __future__ import annotations

import pytest

from tests.benchmarks.catalogue import BENCHMARKS
from tests.benchmarks.measure import Unavailable


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_meets_its_bound(name: str) -> None:
    benchmark = BENCHMARKS[name]
    try:
        measured = benchmark.measure()
    except Unavailable as reason:
        pytest.skip(str(reason))
    print(f"\n{benchmark.what}: {measured.value:.3f} (bound {benchmark.bound}; {measured.sides})")
    assert benchmark.bound.holds(measured.value)
