"""Several runs on one clock: what differs, from when on, and what is the same."""

from __future__ import annotations

import pytest

from memtui.scenario import load_text
from memtui.sources.side_by_side import Comparison, Variant, compare, default_interval_ns
from memtui.units import MS, SECOND

SCENARIO = """
memtui: 1
machine: {ram: 2GiB, cpu: {count: 2}}
timeline:
  - {at: 1s, nr_hugepages: 16}
  - {at: 2s, nr_hugepages: POOL}
until: 3s
expect:
  - at: end
    HugePages_Total: {min: 4}
"""


def variant(pool: int) -> Variant:
    return Variant(str(pool), load_text(SCENARIO.replace("POOL", str(pool))))


def compared(*pools: int, **options: int) -> Comparison:
    return compare([variant(pool) for pool in pools], **options)


def test_what_differs_is_told_with_the_moment_from_which_it_does() -> None:
    comparison = compared(16, 32, 4, interval_ns=500 * MS)
    differences = {each.name: each for each in comparison.differences()}
    assert differences["HugePages_Total"].at_end == (16, 32, 4)
    assert differences["HugePages_Total"].first_ns == 2 * SECOND
    assert "MemTotal" not in differences


def test_runs_that_are_the_same_differ_in_nothing() -> None:
    assert list(compared(16, 16).differences()) == []


def test_a_figure_is_followed_over_the_moments_that_all_runs_have() -> None:
    comparison = compared(16, 32, interval_ns=SECOND)
    rows = list(comparison.on_the_way("HugePages_Total"))
    assert rows == [(0, (0, 0)), (SECOND, (0, 0)), (2 * SECOND, (16, 16)), (3 * SECOND, (16, 32))]
    assert next(comparison.on_the_way("HighTotal")) == (0, (None, None))


def test_a_figure_that_only_one_machine_has_differs() -> None:
    scenario = load_text(SCENARIO.replace("POOL", "16"))
    older = load_text(SCENARIO.replace("POOL", "16"), sets=['machine.kernel.like="6.1"'])
    comparison = compare([Variant("new", scenario), Variant("old", older)])
    differences = {each.name: each.at_end for each in comparison.differences()}
    assert differences["direct_map_level2_collapses"] == (0, None)


def test_until_ends_all_of_them() -> None:
    comparison = compared(16, 32, until_ns=1500 * MS, interval_ns=500 * MS)
    assert [result.simulated_ns for result in comparison.results] == [1500 * MS] * 2
    assert "HugePages_Total" not in {each.name for each in comparison.differences()}


def test_stopped_by_hand_what_was_played_is_kept() -> None:
    comparison = compare([variant(16), variant(32)], watch=lambda playing, now_ns: playing.label == "32")
    assert comparison.interrupted
    assert len(comparison.results) == 2
    comparison = compare([variant(16), variant(32)], watch=lambda playing, now_ns: True)
    assert len(comparison.results) == 1


@pytest.mark.parametrize(
    ("end_ns", "interval_ns"),
    [(0, SECOND), (18 * SECOND, SECOND), (30 * SECOND, 2 * SECOND), (90 * SECOND, 5 * SECOND)],
)
def test_the_interval_is_a_round_one(end_ns: int, interval_ns: int) -> None:
    assert default_interval_ns(end_ns) == interval_ns
