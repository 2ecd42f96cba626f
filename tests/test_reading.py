"""Figures of a Snapshot by name."""

from __future__ import annotations

from memtui.reading import buddyinfo, counters_in_order, figures, read
from tests.snapshots import snapshot, zone

SHOT = snapshot(
    0,
    {"oom_kill": 0, "MemFree": 40, "a_new_counter": 3, "MemTotal": 50},
    derived={"tlb_miss_ppm": 7},
    zones=(zone(0, "DMA", blocks=(1, 2, 3)), zone(1, "Normal", blocks=(4, 5, 6))),
)


def test_a_figure_is_found_under_its_name_wherever_it_comes_from() -> None:
    assert read(SHOT, "MemFree") == 40
    assert read(SHOT, "tlb_miss_ppm") == 7
    assert read(SHOT, "buddyinfo.1.Normal.2") == 6


def test_what_the_snapshot_does_not_have_is_none() -> None:
    assert read(SHOT, "MemTota") is None
    assert read(SHOT, "buddyinfo.0.Normal.0") is None
    assert read(SHOT, "buddyinfo.1.Normal.3") is None
    assert read(SHOT, "buddyinfo.1.Normal") is None


def test_counters_come_in_linuxs_order_and_unknown_ones_last() -> None:
    assert [name for name, _ in counters_in_order(SHOT)] == ["MemTotal", "MemFree", "oom_kill", "a_new_counter"]


def test_free_lists_among_the_counters_are_not_told_twice() -> None:
    doubled = snapshot(0, {"MemFree": 1, "buddyinfo.0.DMA.0": 5}, zones=(zone(0, "DMA", blocks=(5, 6)),))
    assert list(figures(doubled)) == [("MemFree", 1), ("buddyinfo.0.DMA.0", 5), ("buddyinfo.0.DMA.1", 6)]


def test_buddyinfo_is_a_list_per_zone() -> None:
    assert dict(buddyinfo(SHOT)) == {"buddyinfo.0.DMA": (1, 2, 3), "buddyinfo.1.Normal": (4, 5, 6)}


def test_every_single_figure_has_a_name_that_reads_back() -> None:
    named = dict(figures(SHOT))
    assert len(named) == 4 + 1 + 6
    assert all(read(SHOT, name) == value for name, value in named.items())
