"""Figures with their change since the moment people marked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.snapshot import MapRequest
from memtui.timeline import Timeline
from memtui.units import SECOND
from memtui.view.baseline import bytes_change, count_change, frames_change, since, since_words, with_changes
from memtui.view.catalogue import panel
from memtui.view.cells import plain, row
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.header import header_row
from memtui.view.scene import PlayState, Scene, Status
from memtui.view.state import START
from tests.fake_source import FakeSource, snapshot_at
from tests.snapshots import snapshot

START_OF_POOL = snapshot_at(2 * SECOND, MapRequest())
BEFORE_POOL = snapshot_at(SECOND, MapRequest())


def scene(now: int, baseline: int | None) -> Scene:
    marked = None if baseline is None else snapshot_at(baseline * SECOND, MapRequest())
    shown = snapshot_at(now * SECOND, MapRequest())
    return Scene(FakeSource().info, shown, Timeline(), (), replace(START, baseline=marked))


def lines(name: str, now: int, baseline: int | None, width: int = 56) -> list[str]:
    return plain(panel(name).draw(scene(now, baseline), width, 13, UNICODE).rows).split("\n")


def test_a_figure_is_compared_with_what_it_was() -> None:
    before, after = snapshot(1, {"MemFree": 10, "gone": 1}), snapshot(2, {"MemFree": 4, "new": 1})
    assert since(before, after, "MemFree") == -6
    assert since(before, after, "gone") is None
    assert since(before, after, "new") is None
    assert since(None, after, "MemFree") is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (bytes_change(-3 << 30), "(−3.00 GiB)"),
        (frames_change(512), "(+2.00 MiB)"),
        (count_change(10_240), "(+10 240)"),
        (count_change(0), ""),
        (bytes_change(None), ""),
    ],
)
def test_changes_have_a_sign_and_a_unit_and_no_change_has_no_words(words: str, expected: str) -> None:
    assert words == expected


def test_changes_stand_only_where_they_need_no_further_row() -> None:
    groups = [row("splits 3"), row("tables 820 KiB")]
    assert [plain([each]) for each in with_changes(groups, ["(+1)", "(+8 KiB)"], 40)] == [
        "splits 3 (+1)",
        "tables 820 KiB (+8 KiB)",
    ]
    assert [plain([each]) for each in with_changes(groups, ["(+1)", "(+8 KiB)"], 30)] == [
        "splits 3 (+1)",
        "tables 820 KiB",
    ]


def test_the_direct_map_tells_what_was_split_since() -> None:
    text = lines("direct-map", 12, 2)
    assert text[0].endswith(" 54.0 GiB (−3.00 GiB)  84 %")
    assert text[2].endswith("  416 MiB  (+404 MiB)   1 %")
    assert text[3] == "splits 1G→2M 3  2M→4K 202  collapses 12  tables 820 KiB"
    wide = lines("direct-map", 12, 2, width=90)
    assert wide[3] == "splits 1G→2M 3 (+3)  2M→4K 202 (+202)  collapses 12 (+12)  tables 820 KiB (+820 KiB)"
    assert "(" not in "".join(lines("direct-map", 12, 12))


def test_the_vmemmap_tells_what_was_given_back_since() -> None:
    text = lines("vmemmap", 12, 1, width=76)
    assert text[0].startswith("struct pages 1.00 GiB → 744 MiB (−280 MiB)")
    assert text[1].startswith("given back 280 of 320 MiB (+280 MiB)")
    assert text[3] == "pool 10 240 × 2 MiB (+10 240)  10 240 free (+10 240)"


def test_free_memory_tells_what_became_of_zones_totals_and_owners_since() -> None:
    text = lines("memory", 12, 1, width=116)
    assert "13.7 of 30.0 GiB (−10.0 GiB)" in text[2]
    large = plain(panel("memory").draw(scene(12, 1), 116, 34, UNICODE).rows).split("\n")
    assert large[4].startswith("MemFree 29.5 GiB (−20.0 GiB)  MemAvailable 31.1 GiB (−20.0 GiB)  below 2M 5 %")
    owners = next(line for line in text if line.startswith("B free"))
    assert owners.startswith("B free 29.5 GiB (−")
    assert "G hugetlb 20.0 GiB (+20.0 GiB)" in owners
    assert "(" not in "".join(lines("memory", 12, 12, width=116))
    assert "13.7 of 30.0 GiB (−10.0 GiB)" in lines("memory", 12, 1)[2]


def test_free_memory_enlarged_tells_how_many_blocks_of_each_order_came_and_went() -> None:
    rows = plain(panel("memory").draw(scene(12, 1), 116, 34, UNICODE).rows).split("\n")
    (counts,) = [line.split() for line in rows if line.startswith("blocks")]
    (change,) = [line.split() for line in rows if line.startswith("change")]
    assert len(counts) == 12
    assert change[-1].startswith("−")


@pytest.mark.parametrize("name", ["direct-map", "vmemmap", "tlb", "memory"])
@pytest.mark.parametrize("width", [36, 46, 56, 76, 116])
def test_a_baseline_takes_no_rows_from_what_stands_below(name: str, width: int) -> None:
    counts = {len(panel(name).draw(scene(12, baseline), width, 13, UNICODE).rows) for baseline in (None, 1, 12)}
    assert len(counts) == 1
    assert plain(panel(name).draw(scene(12, 1), width, 13, ASCII).rows).isascii()


def test_the_header_says_since_when() -> None:
    status = Status(PlayState.LIVE, 1.0)
    assert "since 2.000s  ▶ 12.000 s" in plain([header_row(scene(12, 2), status, 120, UNICODE)])
    assert "since" not in plain([header_row(scene(12, None), status, 120, UNICODE)])
    assert "since" not in plain([header_row(scene(12, 2), status, 40, UNICODE)])
    assert since_words(snapshot(5 * SECOND), 4 * SECOND) == "against 5.000s"
