"""The TLB: published reach, the closed form against a simulated LRU, and what splits do."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from memtui.machine.tlb import CPUS, Mix, Use, tlb_model
from memtui.machine.tlb.mix import LEAF_BYTES
from memtui.machine.tlb.popularity import groups
from memtui.machine.tlb.walk import leaf_table_bytes
from memtui.snapshot import TlbAccess, TlbLevel
from memtui.units import GIB, KIB, MIB, PPM, TIB
from tests.machine.tlb.lru import Simulated, simulate

TOLERANCE_PPM = 8000
"""The closed form may differ from the simulated LRU by 0.8 % of the accesses (sampling error included)."""

TOLERANCE_ENTRIES = 0.02
"""Entries held may differ by 2 % of the array, or by one."""

UNIFIED = ("zen2", "zen4")
"""CPUs whose arrays take leaves of every size."""


def level(name: str, which: str, page: str) -> TlbLevel:
    return next(row for row in tlb_model(name).levels() if (row.level, row.page) == (which, page))


@pytest.mark.parametrize(
    ("mix", "reach_bytes"),
    [(Mix(64 * GIB), 6 * MIB), (Mix(0, 64 * GIB), 3 * GIB), (Mix(0, 0, 64 * GIB), 16 * GIB)],
)
def test_golden_43_reach_of_skylake(mix: Mix, reach_bytes: int) -> None:
    assert tlb_model("skylake-sp").access("direct map", mix).reach_bytes == reach_bytes


@pytest.mark.parametrize(("page", "reach_bytes"), [("4K", 6 * MIB), ("2M", 3 * GIB), ("1G", 16 * GIB)])
def test_golden_43_reach_of_the_arrays_of_skylake(page: str, reach_bytes: int) -> None:
    assert level("skylake-sp", "L2", page).reach_bytes == reach_bytes


@pytest.mark.parametrize(("leaf", "table_bytes"), [("4K", 128 * MIB), ("2M", 256 * KIB), ("1G", 512)])
def test_golden_44_leaf_tables_of_64_gib(leaf: str, table_bytes: int) -> None:
    assert leaf_table_bytes(leaf, 64 * GIB) == table_bytes


@pytest.mark.parametrize(
    ("name", "which", "page", "entries", "reach_bytes"),
    [
        ("skylake-sp", "L1", "4K", 64, 256 * KIB),
        ("skylake-sp", "L1", "2M", 32, 64 * MIB),
        ("skylake-sp", "L1", "1G", 4, 4 * GIB),
        ("icelake-sp", "L2", "4K", 2048, 8 * MIB),
        ("icelake-sp", "L2", "2M", 1024, 2 * GIB),
        ("icelake-sp", "L2", "1G", 1024, TIB),
        ("sapphire-rapids", "L1", "4K", 96, 384 * KIB),
        ("zen2", "L1", "1G", 64, 64 * GIB),
        ("zen2", "L2", "4K", 2048, 8 * MIB),
        ("zen2", "L2", "1G", 2048, 4 * GIB),
        ("zen4", "L2", "4K", 3072, 12 * MIB),
        ("zen4", "L2", "2M", 3072, 6 * GIB),
    ],
)
def test_arrays_and_their_reach(name: str, which: str, page: str, entries: int, reach_bytes: int) -> None:
    row = level(name, which, page)
    assert (row.entries, row.reach_bytes) == (entries, reach_bytes)


def test_rows_say_what_shares_their_entries() -> None:
    assert level("skylake-sp", "L2", "4K").shared_with == "2M"
    assert level("skylake-sp", "L2", "1G").shared_with == ""
    assert level("icelake-sp", "L2", "4K").shared_with == "2M 1G"
    assert level("icelake-sp", "L2", "2M").shared_with == "4K"
    assert level("zen2", "L2", "1G").shared_with == "4K 2M"


@pytest.mark.parametrize("name", CPUS)
def test_every_cpu_names_each_level_and_size_once_and_its_sources(name: str) -> None:
    rows = [(row.level, row.page) for row in tlb_model(name).levels()]
    assert rows == [(which, page) for which in ("L1", "L2") for page in ("4K", "2M", "1G")]
    cpu = CPUS[name]
    assert all(array.source and array.entries % array.ways == 0 for array in (*cpu.l1, *cpu.l2))
    assert cpu.caches.source


def test_an_unknown_cpu_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"no CPU named 'pentium'; expected one of skylake-sp, .*zen4"):
        tlb_model("pentium")


@pytest.mark.parametrize(
    ("name", "mix"),
    [
        ("skylake-sp", Mix(8 * MIB)),
        ("skylake-sp", Mix(0, 0, 24 * GIB)),
        ("skylake-sp", Mix(64 * MIB, 4 * GIB)),
        ("skylake-sp", Mix(4 * MIB, 2 * GIB)),
        ("skylake-sp", Mix(0, 4 * GIB, 18 * GIB)),
        ("icelake-sp", Mix(0, 4 * GIB)),
        ("icelake-sp", Mix(64 * MIB, 4 * GIB, 60 * GIB)),
        ("sapphire-rapids", Mix(6 * MIB, 0, 60 * GIB)),
        ("zen2", Mix(0, GIB, 16 * GIB)),
        ("zen2", Mix(0, 0, 128 * GIB)),
        ("zen2", Mix(256 * MIB, 200 * MIB)),
        ("zen4", Mix(24 * MIB, 4 * GIB, 60 * GIB)),
    ],
)
def test_the_closed_form_agrees_with_a_simulated_lru(name: str, mix: Mix) -> None:
    access = tlb_model(name).access("simulated", mix)
    # 2M leaves beside 1G leaves that L1 keeps are so seldom in the way of each other that it takes long to settle.
    seen = simulate(CPUS[name], mix, accesses=300_000 if name == "zen4" else 90_000, seed=1)
    assert access.l1_miss_ppm == pytest.approx(seen.first * PPM, abs=TOLERANCE_PPM)
    assert access.miss_ppm == pytest.approx(seen.both * PPM, abs=TOLERANCE_PPM)
    check_entries(name, access, seen)


def check_entries(name: str, access: TlbAccess, seen: Simulated) -> None:
    """Every array holds as many entries as the simulated one did on average."""
    for row, held in zip(tlb_model(name).levels(), access.entries_used, strict=True):
        expected = seen.held.get((row.level, row.page), 0.0)
        assert held == pytest.approx(expected, abs=max(1.0, TOLERANCE_ENTRIES * row.entries)), (row.level, row.page)


@pytest.mark.parametrize(("name", "mix"), [("skylake-sp", Mix(32 * MIB)), ("zen4", Mix(0, 16 * GIB))])
@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
def test_zipf_agrees_with_a_simulated_lru(name: str, mix: Mix, exponent: float) -> None:
    pages = mix.footprint_bytes // LEAF_BYTES["4K"]

    def popular(rng: random.Random, footprint_bytes: int) -> int:
        """Inverse of the integral that stands for the sum of 1 / rank ** exponent."""
        power = 1.0 - exponent
        if not power:
            return int((1.0 + pages) ** rng.random() - 1.0) * LEAF_BYTES["4K"]
        rank = (1.0 + rng.random() * ((1.0 + pages) ** power - 1.0)) ** (1.0 / power) - 1.0
        return min(pages - 1, int(rank)) * LEAF_BYTES["4K"]

    access = tlb_model(name).access("simulated", mix, Use(zipf=exponent))
    seen = simulate(CPUS[name], mix, accesses=90_000, seed=2, offset=popular)
    assert access.l1_miss_ppm == pytest.approx(seen.first * PPM, abs=2 * TOLERANCE_PPM)
    assert access.miss_ppm == pytest.approx(seen.both * PPM, abs=2 * TOLERANCE_PPM)
    check_entries(name, access, seen)


def test_skewed_access_misses_less_and_a_negative_exponent_is_refused() -> None:
    model, mix = tlb_model("skylake-sp"), Mix(0, 64 * GIB)
    by_skew = [model.access("a", mix, Use(zipf=exponent)).miss_ppm for exponent in (0.0, 0.5, 0.99, 1.5)]
    assert by_skew == sorted(by_skew, reverse=True)
    assert len(set(by_skew)) == len(by_skew)
    with pytest.raises(ValueError, match=r"Zipf exponent of -1.*expected 0"):
        model.access("a", mix, Use(zipf=-1.0))


def test_one_size_misses_exactly_what_does_not_fit() -> None:
    access = tlb_model("skylake-sp").access("direct map", Mix(0, 0, 64 * GIB))
    assert (access.l1_miss_ppm, access.miss_ppm) == (937_500, 750_000)
    access = tlb_model("skylake-sp").access("process", Mix(0, 6 * GIB))
    assert (access.l1_miss_ppm, access.miss_ppm) == (round(PPM * (1 - 32 / 3072)), 500_000)


def test_a_split_helps_where_1g_entries_are_few() -> None:
    """17 GiB need 17 of Skylake's 16 1G entries; one of them split to 2M leaves 512 of 1536 others used."""
    skylake = tlb_model("skylake-sp")
    whole = skylake.access("direct map", Mix(0, 0, 17 * GIB))
    split = skylake.access("direct map", Mix(0, GIB, 16 * GIB))
    assert whole.miss_ppm == round(PPM / 17)
    assert split.miss_ppm == 0
    assert split.cycles_per_access < whole.cycles_per_access
    assert (whole.reach_bytes, split.reach_bytes) == (16 * GIB, 17 * GIB)


def test_the_same_split_does_not_help_a_cpu_with_many_1g_entries() -> None:
    icelake = tlb_model("icelake-sp")
    whole, split = (icelake.access("direct map", mix) for mix in (Mix(0, 0, 17 * GIB), Mix(0, 3 * GIB, 14 * GIB)))
    assert whole.miss_ppm == 0
    assert split.miss_ppm > 0


gib_counts = st.integers(0, 600)
mib_counts = st.integers(0, 4000)
page_counts = st.integers(0, 200_000)


@st.composite
def mixes(draw: st.DrawFn) -> Mix:
    mix = Mix(draw(page_counts) * 4 * KIB, draw(mib_counts) * 2 * MIB, draw(gib_counts) * GIB)
    assume(mix.footprint_bytes)
    return mix


@given(mixes(), st.sampled_from(UNIFIED), st.sampled_from(["1G", "2M"]), st.integers(1, 50))
def test_a_split_never_reduces_misses_in_a_unified_tlb(mix: Mix, name: str, leaf: str, leaves: int) -> None:
    moved = leaves * LEAF_BYTES[leaf]
    if leaf == "1G":
        assume(mix.bytes_1g >= moved)
        split = Mix(mix.bytes_4k, mix.bytes_2m + moved, mix.bytes_1g - moved)
    else:
        assume(mix.bytes_2m >= moved)
        split = Mix(mix.bytes_4k + moved, mix.bytes_2m - moved, mix.bytes_1g)
    model = tlb_model(name)
    before, after = model.access("before", mix), model.access("after", split)
    assert after.l1_miss_ppm >= before.l1_miss_ppm
    assert after.miss_ppm >= before.miss_ppm


@given(mixes(), st.sampled_from(list(CPUS)))
def test_laws_of_every_access(mix: Mix, name: str) -> None:
    access = tlb_model(name).access("any", mix)
    assert 0 <= access.miss_ppm <= access.l1_miss_ppm <= PPM
    assert access.footprint_bytes == sum(size for _, size in access.mapped_bytes)
    assert access.reach_bytes > 0
    assert access.reach_bytes >= access.footprint_bytes or access.reach_bytes % (4 * KIB) == 0
    if access.miss_ppm:
        assert access.reach_bytes < access.footprint_bytes
    if access.miss_ppm >= 1000:
        assert access.cycles_per_access > 0.001 * access.walk_cycles
    assert access == tlb_model(name).access("any", mix)


@given(mixes(), st.sampled_from(list(CPUS)), st.integers(2, 8))
def test_more_of_the_same_misses_no_less_and_walks_no_cheaper(mix: Mix, name: str, times: int) -> None:
    larger = Mix(mix.bytes_4k * times, mix.bytes_2m * times, mix.bytes_1g * times)
    small, large = (tlb_model(name).access("any", each) for each in (mix, larger))
    assert large.miss_ppm >= small.miss_ppm
    assert large.l1_miss_ppm >= small.l1_miss_ppm


def walk(name: str, mix: Mix, table_levels: int = 4) -> TlbAccess:
    return tlb_model(name, table_levels).access("walks", mix)


@pytest.mark.parametrize("name", CPUS)
def test_walks_cost_what_the_published_figures_say_for_each_level_of_cache(name: str) -> None:
    assert 10 <= walk(name, Mix(0, 0, 64 * GIB)).walk_cycles < 20
    assert 20 <= walk(name, Mix(0, 32 * GIB)).walk_cycles <= 30
    assert 50 <= walk(name, Mix(2 * GIB)).walk_cycles <= 75
    assert walk(name, Mix(TIB)).walk_cycles > 200


@given(st.sampled_from(list(CPUS)), st.sampled_from([0, 1, 2]), st.integers(1, 1000), st.integers(1, 1000))
def test_a_walk_in_more_memory_costs_no_less(name: str, leaf: int, leaves: int, more: int) -> None:
    small, large = [0, 0, 0], [0, 0, 0]
    size = list(LEAF_BYTES.values())[leaf] * 64
    small[leaf], large[leaf] = leaves * size, (leaves + more) * size
    assert walk(name, Mix(*large)).walk_cycles >= walk(name, Mix(*small)).walk_cycles


def test_nothing_mapped_costs_nothing() -> None:
    access = tlb_model("zen2").access("no process", Mix())
    assert (access.reach_bytes, access.miss_ppm, access.l1_miss_ppm, access.cycles_per_access) == (0, 0, 0, 0.0)


def test_less_than_nothing_mapped_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 bytes mapped by 2M leaves"):
        Mix(0, -1)


def test_work_does_not_follow_the_size_of_memory() -> None:
    small, huge = Mix(GIB, GIB, GIB), Mix(64 * TIB, 64 * TIB, 64 * TIB)
    assert len(groups(small)) == len(groups(huge)) == 3
    assert len(groups(huge, Use(zipf=1.0))) < 500


@given(mixes(), st.sampled_from([0.0, 0.7, 1.0, 1.3]))
def test_every_leaf_and_every_access_is_in_one_group(mix: Mix, exponent: float) -> None:
    users = groups(mix, Use(zipf=exponent))
    for leaf, mapped_bytes in mix.by_leaf():
        assert sum(user.number for user in users if user.leaf == leaf) == -(-mapped_bytes // LEAF_BYTES[leaf])
    assert math.fsum(user.number * user.rate for user in users) == pytest.approx(1.0)
