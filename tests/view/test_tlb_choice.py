"""Choosing what is accessed in the TLB panel: keys, clicks, the entries it holds, even and skewed use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.snapshot import MapRequest, RunInfo
from memtui.units import SECOND
from memtui.view.catalogue import merged
from memtui.view.cells import Rows, plain
from memtui.view.glyphs import UNICODE
from memtui.view.layout import lay_out
from memtui.view.panels import tlb
from memtui.view.panels.tlb_cost import split_verdict
from memtui.view.scene import Scene
from memtui.view.state import START, Move
from memtui.view.tokens import Token
from tests.fake_source import FakeSource, snapshot_at
from tests.view.pictures import scene_at


@pytest.fixture(scope="module")
def tour() -> Scene:
    return scene_at("12.48", lay_out(120, 40, None, "tlb"))


def drawn(scene: Scene, width: int, height: int) -> list[str]:
    return plain(tlb.draw(scene, width, height, UNICODE).rows).split("\n")


def chosen(scene: Scene, name: str) -> Scene:
    return replace(scene, state=replace(START, access=name))


def test_n_goes_through_the_accesses_and_round(tour: Scene) -> None:
    state = tlb.move(tour, Move.NEXT, 56, 12)
    assert state.access == "fork_storm"
    assert tlb.move(replace(tour, state=state), Move.NEXT, 56, 12).access == "direct map"
    assert tlb.move(tour, Move.UP, 56, 12).access == "fork_storm"
    assert tlb.move(tour, Move.LEFT, 56, 12) == tour.state


@pytest.mark.parametrize("size", [(56, 12), (60, 20), (116, 34), (40, 14), (56, 11)])
def test_a_click_on_a_row_of_the_table_chooses_it(tour: Scene, size: tuple[int, int]) -> None:
    lines = drawn(tour, *size)
    (row_of_it,) = [y for y, line in enumerate(lines) if line.lstrip().startswith("fork_st") and "%" in line][:1]
    assert tlb.point(tour, 3, row_of_it, *size).access == "fork_storm"
    assert tlb.point(tour, 3, row_of_it - 1, *size).access == "direct map"
    assert tlb.point(tour, 3, 0, *size) == tour.state


def test_bars_axis_and_history_are_those_of_the_chosen_access(tour: Scene) -> None:
    lines = drawn(chosen(tour, "fork_storm"), 116, 34)
    assert any(line.startswith("fork_storm") and line.endswith("6.00 MiB") for line in lines)
    assert any(line.endswith("┊ 256 MiB") for line in lines)
    assert any(line.startswith("● fork_storm") for line in lines)
    assert not any(line.startswith("● direct map") for line in lines)


def test_a_name_there_is_none_of_any_more_falls_back_to_the_first(tour: Scene) -> None:
    assert drawn(chosen(tour, "gone"), 56, 12) == drawn(tour, 56, 12)


def test_entries_that_the_access_holds_stand_before_those_there_are(tour: Scene) -> None:
    lines = drawn(tour, 56, 12)
    assert [line[8:18].split()[0] for line in lines[1:7]] == ["1/64", "32/32", "4/4", "9/1536", "1024/1536", "16/16"]
    assert "▒" in lines[1]
    assert "▒" not in lines[2]


def test_even_and_skewed_use_stand_side_by_side(tour: Scene) -> None:
    lines = drawn(tour, 116, 34)
    heads = next(line for line in lines if "random access" in line)
    assert heads.split()[2:] == ["footprint", "L1", "miss", "miss", "walk", "+cycles", "zipf", "miss", "+cycles"]
    figures = next(line for line in lines if line.startswith("● direct map"))
    assert figures.split()[-3:] == ["18.0", "%", "+3.25"]


def test_the_panel_asks_for_skewed_use_and_the_request_of_all_panels_keeps_it() -> None:
    info: RunInfo = FakeSource().info
    assert tlb.request(info, START, 56, 12).skewed
    assert merged([MapRequest(), tlb.request(info, START, 56, 12)]).skewed
    assert not snapshot_at(SECOND, MapRequest()).tlb.skewed


def verdict(scene: Scene, now: float, boot: float, low: tuple[float, float]) -> Rows:
    cost = scene.now.tlb.cost
    assert cost is not None
    access = cost.access._replace(cycles_per_access=now, cycles_range=(now - 1, now + 1))
    at_boot = cost.alternatives[0]._replace(cycles_per_access=boot, cycles_range=low)
    return split_verdict(
        scene.now.tlb._replace(cost=cost._replace(access=access, alternatives=(at_boot,))), 200, UNICODE
    )


def test_where_a_split_helps_it_is_said_in_words(tour: Scene) -> None:
    rows = verdict(tour, 10.0, 15.0, (12.0, 17.0))
    assert plain(rows) == (
        "Splits help here: 10.0 cycles per access instead of 15.0 as mapped at boot, 71.9 % missed instead of 75.0 %; "
        "the last level holds 1536 of 4K, 1536 of 2M, 16 of 1G."
    )
    assert rows[0][0].token is Token.GOOD


def test_where_a_split_costs_or_nobody_knows_it_says_so(tour: Scene) -> None:
    assert plain(verdict(tour, 15.0, 10.0, (9.0, 11.0))).startswith("Splits cost here: 15.0 cycles")
    assert plain(verdict(tour, 10.0, 10.5, (8.0, 12.0))).startswith("Splits may help here")
    assert verdict(tour, 10.0, 10.0, (9.0, 11.0)) == []
