"""The table of counters: names are Linux's, units are what Linux prints."""

from __future__ import annotations

import pytest

from memtui.fields import FIELDS, Kind, Source, Unit, buddyinfo_name, field
from memtui.machine import Machine
from memtui.machine.config import NAMED_MACHINES
from memtui.snapshot import MapRequest


@pytest.mark.parametrize(
    ("name", "unit", "source"),
    [
        ("MemFree", Unit.KB, Source.MEMINFO),
        ("HugePages_Surp", Unit.HUGE_PAGES, Source.MEMINFO),
        ("DirectMap1G", Unit.KB, Source.MEMINFO),
        ("nr_memmap_boot_pages", Unit.PAGES, Source.VMSTAT),
        ("nr_kernel_stack", Unit.KB, Source.VMSTAT),
        ("direct_map_level3_splits", Unit.EVENTS, Source.VMSTAT),
        ("anon_vma_chain", Unit.OBJECTS, Source.SLABINFO),
        ("tlb_reach_bytes", Unit.BYTES, Source.MEMTUI),
    ],
)
def test_a_counter_has_the_unit_and_place_linux_gives_it(name: str, unit: Unit, source: Source) -> None:
    assert (FIELDS[name].unit, FIELDS[name].source) == (unit, source)


def test_the_keys_are_the_names_and_every_counter_says_what_it_means() -> None:
    for name, entry in FIELDS.items():
        assert entry.name == name
        assert len(entry.meaning) > 4
        assert not entry.meaning.endswith(".")


def test_units_stand_in_the_names_of_our_own_figures() -> None:
    words = {Unit.BYTES: "_bytes", Unit.PPM: "_ppm", Unit.PAGES: "_frames", Unit.CYCLES: "_cycles"}
    for entry in FIELDS.values():
        if not entry.linux and entry.unit in words:
            assert words[entry.unit] in entry.name


def test_events_only_go_up_and_memory_goes_both_ways() -> None:
    assert FIELDS["oom_kill"].kind is Kind.COUNT
    assert FIELDS["MemFree"].kind is Kind.GAUGE


def test_buddyinfo_is_named_by_node_zone_and_order() -> None:
    whole = field("buddyinfo.1.Normal")
    one = field("buddyinfo.0.DMA32.10")
    assert whole is not None
    assert one is not None
    assert whole.meaning == "free blocks by order in zone Normal of node 1"
    assert one.meaning == "free blocks of order 10 in zone DMA32 of node 0"
    assert one.unit is Unit.BLOCKS


@pytest.mark.parametrize(
    "name", ["memfree", "", "buddyinfo.0.Norma", "buddyinfo.x.DMA", "buddyinfo.0.DMA.11", "buddyinfo.0.DMA\n"]
)
def test_what_is_no_counter_is_not_found(name: str) -> None:
    assert field(name) is None
    assert buddyinfo_name(name) is None


HIGH_MEMORY = {"HighTotal", "HighFree", "LowTotal", "LowFree"}
"""Counters only a 32-bit machine has."""

OF_A_RUN = {"sim_stopped"}
"""Figures of a run rather than of its machine."""


def test_the_machine_has_exactly_the_counters_that_are_declared() -> None:
    seen = Machine(NAMED_MACHINES["vm-8g"]).observe(MapRequest())
    counters = {name for name in seen.counters if buddyinfo_name(name) is None}
    assert counters == {entry.name for entry in FIELDS.values() if entry.linux} - HIGH_MEMORY
    assert set(seen.derived) == {entry.name for entry in FIELDS.values() if not entry.linux} - OF_A_RUN
