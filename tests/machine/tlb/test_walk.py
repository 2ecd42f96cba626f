"""Page walks level by level: paging-structure caches in closed form against simulated ones, four and five levels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.tlb import CPUS, Mix, Use, tlb_model
from memtui.machine.tlb.latencies import LEAST, LIKELY, MOST
from memtui.machine.tlb.walk import read_cycles
from memtui.snapshot import WalkLevel
from memtui.units import GIB, KIB, MIB, PPM, TIB
from tests.machine.tlb.lru import read_shares

TOLERANCE_PPM = 10_000
"""The closed form may differ from the simulated caches by 1 % of the walks (sampling error included)."""


def levels(name: str, mix: Mix, table_levels: int = 4) -> dict[str, WalkLevel]:
    return {level.level: level for level in tlb_model(name, table_levels).access("walks", mix).walk_levels}


@pytest.mark.parametrize(
    ("name", "mix"),
    [
        ("skylake-sp", Mix(128 * MIB)),
        ("skylake-sp", Mix(8 * GIB)),
        ("skylake-sp", Mix(0, 6 * GIB)),
        ("skylake-sp", Mix(0, 64 * GIB)),
        ("icelake-sp", Mix(64 * MIB, 8 * GIB)),
        ("zen4", Mix(256 * MIB, 24 * GIB)),
        ("skylake-sp", Mix(0, 0, 64 * GIB)),
    ],
)
def test_the_levels_that_walks_read_are_those_of_simulated_caches(name: str, mix: Mix) -> None:
    simulated = read_shares(CPUS[name], mix, 4, accesses=60_000, seed=3)
    closed = levels(name, mix)
    for level, share in zip(("PTE", "PMD", "PUD", "PGD"), simulated, strict=True):
        read_ppm = closed[level].read_ppm if level in closed else 0
        assert read_ppm == pytest.approx(share * PPM, abs=TOLERANCE_PPM), level


def test_a_fifth_level_costs_nothing_while_the_cpu_knows_the_table_below_it() -> None:
    four, five = (tlb_model("skylake-sp", count).access("walks", Mix(64 * GIB)) for count in (4, 5))
    assert [level.level for level in five.walk_levels] == ["PTE", "PMD", "PUD", "P4D", "PGD"]
    assert five.walk_levels[3].read_ppm == five.walk_levels[4].read_ppm == 0
    assert five.cycles_per_access == four.cycles_per_access


def test_a_fifth_level_costs_where_upper_tables_are_many() -> None:
    """4 PiB are 8192 PUD tables and 16 P4D tables, more than the CPU knows the addresses of."""
    four, five = (tlb_model("skylake-sp", count).access("walks", Mix(0, 0, 4096 * TIB)) for count in (4, 5))
    assert five.walk_levels[-1].level == "PGD"
    assert five.walk_levels[-1].read_ppm == round(PPM * (1 - 2 / 16))
    assert five.walk_cycles > four.walk_cycles


@pytest.mark.parametrize(("mix", "lowest"), [(Mix(GIB), "PTE"), (Mix(0, GIB), "PMD"), (Mix(0, 0, 32 * GIB), "PUD")])
def test_a_walk_reads_the_leaf_always_and_each_level_above_less(mix: Mix, lowest: str) -> None:
    read = [level.read_ppm for level in levels("skylake-sp", mix).values()]
    assert next(iter(levels("skylake-sp", mix))) == lowest
    assert read[0] == PPM
    assert read == sorted(read, reverse=True)


def test_leaves_used_here_and_there_take_a_cache_line_each() -> None:
    model = tlb_model("skylake-sp")
    dense, sparse = model.access("all", Mix(GIB)), model.access("some", Mix(64 * GIB), Use(density=1 / 64))
    assert dense.footprint_bytes == sparse.footprint_bytes
    assert dense.walk_levels[0].table_bytes == GIB // 512
    assert sparse.walk_levels[0].table_bytes == 8 * dense.walk_levels[0].table_bytes
    assert sparse.walk_cycles > dense.walk_cycles


def test_pages_used_here_and_there_need_nearly_every_large_leaf() -> None:
    access = tlb_model("skylake-sp").access("some", Mix(0, 0, 64 * GIB), Use(density=1 / 64))
    assert access.footprint_bytes == GIB
    assert access.miss_ppm == 750_000
    assert access.reach_bytes == GIB // 4


@given(st.integers(1, 64 * TIB), st.sampled_from(list(CPUS)))
def test_the_likely_latencies_lie_between_the_two_ends(table_bytes: int, name: str) -> None:
    least, likely, most = (read_cycles(table_bytes, CPUS[name].caches, each) for each in (LEAST, LIKELY, MOST))
    assert least <= likely <= most


@given(st.integers(1, 4096), st.sampled_from(list(CPUS)), st.sampled_from([4, 5]))
def test_the_range_of_an_access_holds_its_likely_cost(blocks: int, name: str, table_levels: int) -> None:
    access = tlb_model(name, table_levels).access("any", Mix(blocks * 4 * KIB, blocks * 2 * MIB, blocks * GIB))
    least, most = access.cycles_range
    assert least <= access.cycles_per_access <= most


def test_a_density_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a density of 1\.5; expected more than 0"):
        tlb_model("zen2").access("a", Mix(GIB), Use(density=1.5))
