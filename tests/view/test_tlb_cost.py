"""What did it cost, in the TLB panel: ranges, signs, other mappings, walks by level, what is calibrated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.snapshot import FlushTally, MapRequest, Snapshot, TlbCost
from memtui.units import MS, SECOND
from memtui.view.catalogue import panel
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels.tlb_cost import alternatives, calibration, cost_line, cost_rows, walk_rows
from tests.fake_source import FakeSource, snapshot_at
from tests.view.test_panels import scene_of

NOW = snapshot_at(12 * SECOND, MapRequest())


def cost(**changes: object) -> TlbCost:
    assert NOW.tlb.cost is not None
    return NOW.tlb.cost._replace(**changes)  # type: ignore[arg-type]


def costing(now: Snapshot, **changes: object) -> Snapshot:
    return replace(now, tlb=now.tlb._replace(cost=cost(**changes)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((0, 0), "splits change nothing"),
        ((2 * MS, 12 * MS), "splits cost 2.00–12.0 ms/s"),
        ((-12 * MS, -2 * MS), "splits save 2.00–12.0 ms/s"),
        ((-3 * MS, 12 * MS), "splits −3.00 to +12.0 ms/s"),
    ],
)
def test_a_sign_is_only_given_where_all_latencies_agree(change: tuple[int, int], words: str) -> None:
    assert plain([cost_line(cost(change_ns_per_s=change), 100, UNICODE)]).endswith(words)
    assert words in plain(cost_rows(costing(NOW, change_ns_per_s=change).tlb, 32, 116, UNICODE))


def test_flushes_are_given_as_a_range_with_what_they_reached() -> None:
    told = costing(NOW, flushes=FlushTally(8, 3000, (7_820_800, 110 * MS))).tlb
    line = "flushes so far    7.82–110 ms     8 full, 3 000 ranged, each to 32 CPUs"
    assert line in plain(cost_rows(told, 32, 116, UNICODE))
    guest = told._replace(guest=True)
    assert "each to 32 virtual CPUs" in plain(cost_rows(guest, 32, 116, UNICODE))


def test_without_stated_accesses_nothing_is_said_per_second() -> None:
    unstated = costing(NOW, accesses_per_s=0)
    assert unstated.tlb.cost is not None
    assert plain([cost_line(unstated.tlb.cost, 60, UNICODE)]) == "420 flushes 300 ms – 2.40 s of CPU time so far"
    text = plain(cost_rows(unstated.tlb, 32, 116, UNICODE))
    assert "accesses not stated" in text
    assert "/s" not in text


def test_other_mappings_stand_beside_the_one_there_is() -> None:
    lines = plain(alternatives(cost(), 76, UNICODE)).split("\n")
    assert lines[0].split() == ["cycles", "per", "access", "now", "as", "at", "boot", "all", "1G"]
    assert lines[1].split() == ["likely,", "*", "best", "16.6", "*15.0", "*15.0"]
    assert lines[2].split() == ["least", "-", "most", "7.00–20.2", "6.00–18.0", "6.00–18.0"]


def test_a_walk_is_shown_level_by_level() -> None:
    lines = plain(walk_rows(NOW.tlb, 76, UNICODE)).split("\n")
    assert lines[0] == "4-level walk   direct-map tables 820 KiB"
    assert lines[2].split() == ["PMD", "28.0", "KiB", "93.0", "%", "14.0"]
    assert lines[3].split() == ["PUD", "456", "B", "all", "5.00"]
    assert lines[4].split() == ["PGD", "8", "B", "none", "0.00"]


def test_the_panel_says_what_is_calibrated_and_what_is_not() -> None:
    text = plain(panel("tlb").draw(scene_of(NOW), 116, 45, UNICODE).rows)
    assert "Calibrated: broadcasts, by CPU count" in text
    guest = plain(calibration(NOW.tlb._replace(guest=True), 116, 5, UNICODE))
    assert "The second dimension of a guest's walks" in guest.replace("\n", " ")
    assert "Not calibrated: cycles of walks. Published results disagree on their sign" in text
    assert plain(calibration(NOW.tlb, 60, 2, UNICODE)).endswith("…")


@pytest.mark.parametrize("width", [36, 56, 76, 99, 116, 196])
def test_every_part_keeps_to_its_width(width: int) -> None:
    parts = [
        [cost_line(cost(), width, UNICODE)],
        cost_rows(NOW.tlb, FakeSource().info.cpus, width, UNICODE),
        alternatives(cost(), width, UNICODE),
        walk_rows(NOW.tlb, width, UNICODE),
        calibration(NOW.tlb, width, 4, UNICODE),
    ]
    assert max(row_width(line) for part in parts for line in part) <= width
    assert plain(cost_rows(NOW.tlb, 32, width, ASCII)).isascii()
