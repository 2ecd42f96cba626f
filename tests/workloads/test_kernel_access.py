"""`kernel_access`: what the kernel uses through the direct map, stated and taken back."""

from __future__ import annotations

from memtui.scenario import load_text
from memtui.sources.headless import simulate
from memtui.sources.result import Result

HEAD = "memtui: 1\nmachine: {ram: 16GiB, cpu: {count: 8}}\ntimeline:\n"


def play(*entries: str) -> Result:
    return simulate(load_text(HEAD + "".join(f"  - {entry}\n" for entry in entries)))


def test_stated_accesses_have_a_rate_and_a_set() -> None:
    result = play("{at: 1s, kernel_access: {size: 2GiB, pattern: zipf, per_second: 1000000}}")
    assert "1 000 000 accesses per second to 2.00 GiB of 16.0 GiB of RAM, zipf" in result.events[-1].text
    assert 0 < result.derived["kernel_walks_least_ns_per_s"] < result.derived["kernel_walks_most_ns_per_s"]
    assert result.derived["kernel_access_miss_ppm"] < result.derived["tlb_miss_ppm"]
    assert result.derived["kernel_access_cycles"] > 0


def test_a_region_has_what_ram_it_has() -> None:
    result = play("{at: 1s, kernel_access: {region_start: 2GiB, region_size: 4GiB}}")
    assert "to 3.00 GiB of 3.00 GiB of RAM, uniform" in result.events[-1].text


def test_a_region_without_ram_is_told() -> None:
    result = play("{at: 1s, kernel_access: {region_start: 1TiB}}")
    assert result.events[-1].text == "there is no RAM at 0x10000000000: nothing is accessed there"
    assert result.derived["kernel_walks_most_ns_per_s"] == 0


def test_the_end_takes_it_back() -> None:
    result = play("{at: 1s, label: hot, kernel_access: {size: 1GiB}}", "{at: 2s, end: hot}")
    assert result.derived["kernel_walks_most_ns_per_s"] == 0
    assert result.derived["kernel_access_miss_ppm"] == result.derived["tlb_miss_ppm"]


def test_the_end_of_one_leaves_the_other_that_took_its_place() -> None:
    result = play(
        "{at: 1s, label: hot, kernel_access: {size: 1GiB, per_second: 10}}",
        "{at: 2s, kernel_access: {size: 8GiB, per_second: 1000000000}}",
        "{at: 3s, end: hot}",
    )
    assert result.derived["kernel_walks_most_ns_per_s"] > 0
