"""Bounds in every form, in each counter's own unit."""

from __future__ import annotations

import pytest

from memtui.fields import FIELDS
from memtui.scenario import load_text
from memtui.scenario.model import Bound
from memtui.units import SECOND
from tests.scenario.samples import faults


def bound(counter: str, written: str) -> Bound:
    (expectation,) = load_text(f"expect: [{{at: end, {counter}: {written}}}]", "f").expectations
    return expectation.bound


@pytest.mark.parametrize(
    ("counter", "written", "lowest", "highest"),
    [
        ("MemFree", "40960", 40960, 40960),
        ("MemFree", "40MiB", 40960, 40960),
        ("MemFree", "40M", 40960, 40960),
        ("MemFree", "40960 kB", 40960, 40960),
        ("MemFree", "'40960'", 40960, 40960),
        ("MemFree", "0", 0, 0),
        ("MemFree", "1GiB .. 2GiB", 1 << 20, 2 << 20),
        ("MemFree", "1GiB..2GiB", 1 << 20, 2 << 20),
        ("MemFree", "1.5MiB .. 2MiB", 1536, 2048),
        ("MemFree", "100 .. 200", 100, 200),
        ("MemFree", ".. 2GiB", None, 2 << 20),
        ("MemFree", "1GiB ..", 1 << 20, None),
        ("MemFree", "{min: 1GiB}", 1 << 20, None),
        ("MemFree", "{max: 5}", None, 5),
        ("MemFree", "{min: 1MiB, max: 1MiB}", 1024, 1024),
        ("nr_free_pages", "8KiB", 2, 2),
        ("nr_free_pages", "8", 8, 8),
        ("tlb_reach_bytes", "1GiB", 1 << 30, 1 << 30),
        ("tlb_reach_bytes", "4096", 4096, 4096),
        ("tlb_miss_ppm", "10%", 100_000, 100_000),
        ("tlb_miss_ppm", "0.5 .. 100%", 500_000, 1_000_000),
        ("tlb_miss_ppm", "0.25", 250_000, 250_000),
        ("tlb_miss_ppm", "25", 25, 25),
        ("extfrag_index.9", "-1000", -1000, -1000),
        ("HugePages_Total", "512", 512, 512),
        ("anon_vma_chain", "{min: 30900}", 30900, None),
        ("buddyinfo.0.Normal.9", "{min: 1}", 1, None),
    ],
)
def test_bounds(counter: str, written: str, lowest: int | None, highest: int | None) -> None:
    found = bound(counter, written)
    assert (found.lowest, found.highest) == (lowest, highest)


@pytest.mark.parametrize("written", ["40GiB .. 45GiB", "{min: 1, max: 5GiB}", "77"])
def test_a_bound_says_what_was_written(written: str) -> None:
    assert bound("MemFree", written).text == written


@pytest.mark.parametrize("counter", FIELDS)
def test_every_counter_can_be_expected(counter: str) -> None:
    assert bound(counter, "5") == Bound(5, 5, "5")


@pytest.mark.parametrize(
    ("counter", "written", "message"),
    [
        ("MemFree", "1.5", "expected kB, or a size such as 64MiB, not 1.5"),
        ("MemFree", "true", "expected kB, or a size such as 64MiB, not true"),
        ("MemFree", "[1, 2]", "expected a value, A .. B or {min, max}, not a list"),
        ("MemFree", "{min: [1]}", "expected kB, or a size such as 64MiB"),
        ("nr_free_pages", "6KiB", "'6KiB' is not a whole number of pages; expected pages, or a size such as 64MiB"),
        ("HugePages_Total", "1.0", "expected a whole number of huge pages, not 1.0"),
        ("oom_kill", "many", "expected a whole number of events, not 'many'"),
        ("tlb_miss_ppm", "110%", "'110%' is more than the whole; expected a share such as 10% or 0.1"),
        ("MemFree", "1 .. 2 .. 3", "'2 .. 3' is not a size; expected a size such as 4KiB, 2MiB, 1GiB or 64TiB"),
    ],
)
def test_refused_bounds(counter: str, written: str, message: str) -> None:
    (line,) = faults(f"expect: [{{at: end, {counter}: {written}}}]")
    assert line.split(": ", 1)[1].startswith(f"{counter}: {message}")


def test_several_counters_at_one_time() -> None:
    found = load_text("expect: [{at: 2s, MemFree: 5, Shmem: 0}, {at: end, oom_kill: 0}]", "f").expectations
    assert [(e.at_ns, e.counter) for e in found] == [(2 * SECOND, "MemFree"), (2 * SECOND, "Shmem"), (None, "oom_kill")]


def test_an_expectation_at_the_very_end_is_in_time() -> None:
    text = "until: 5s\nexpect: [{at: 5s, MemFree: {min: 1}}]"
    assert faults(text) == []
    assert len(faults(text, "until=4999ms")) == 1


def test_a_misspelt_counter_and_a_bad_bound_are_both_told() -> None:
    assert len(faults("expect: [{at: never, MemFre: 5, Shmem: many}]")) == 3
