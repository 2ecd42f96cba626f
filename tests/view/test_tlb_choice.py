"""Choosing what is accessed in the TLB panel: keys, clicks, the entries it holds, even and skewed use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.snapshot import MapRequest, RunInfo, TlbAccess, TlbView
from memtui.timeline import Timeline
from memtui.units import SECOND
from memtui.view.catalogue import merged
from memtui.view.cells import Rows, plain
from memtui.view.glyphs import UNICODE
from memtui.view.layout import lay_out
from memtui.view.panels import tlb
from memtui.view.panels.tlb_choice import LISTED, chosen_access, others, stepped
from memtui.view.panels.tlb_cost import split_verdict
from memtui.view.panels.tlb_table import listed, table
from memtui.view.scene import Scene
from memtui.view.state import START, Move, ViewState
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
    assert " ".join(heads.split()[2:]) == "footprint L1 miss miss walk +cycles zipf miss walk +cycles"
    figures = next(line for line in lines if line.startswith("● direct map"))
    assert figures.split()[-4:] == ["18.0", "%", "26.0", "+3.25"]
    narrow = next(line for line in drawn(tour, 76, 19) if "random access" in line)
    assert narrow.split()[2:] == ["miss", "walk", "+cycles", "zipf", "miss", "+cycles"]


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


def access(name: str, pid: int = 0) -> TlbAccess:
    return TlbAccess(name, 1 << 30, (("4K", 1 << 30),), 1 << 20, 900_000, 800_000, 20.0, 16.0, pid=pid)


def crowd(state: ViewState, count: int, rows: int = 12) -> TlbView:
    """What a machine with so many processes tells of them, largest first, for a panel of that state."""
    asked = tlb.request(FakeSource().info, state, 116, 34 if rows > 4 else 12)
    ranks = range(asked.first_process, min(count, asked.first_process + asked.processes))
    pids = [1000 + rank for rank in ranks]
    pids += [asked.process] * (asked.process not in (0, *pids))
    accesses = (access("direct map"), access("vmemmap"), *(access(f"p{pid}", pid) for pid in pids))
    return TlbView("cpu", (), accesses, processes=count, first_process=asked.first_process)


@pytest.mark.parametrize("rows", [12, 4], ids=["enlarged", "small"])
def test_n_goes_through_every_process_by_size_however_many_there_are(rows: int) -> None:
    state, seen = START, []
    for _ in range(2 + 34):
        state = stepped(crowd(state, 34, rows), state, 1)
        seen.append(state.access)
    assert seen == ["vmemmap", *(f"p{1000 + rank}" for rank in range(34)), "direct map"]
    assert state.first_process == 0


def test_back_through_the_processes_the_window_follows_too() -> None:
    state = replace(START, access="p1025", process=1025, first_process=20)
    seen = []
    for _ in range(26):
        state = stepped(crowd(state, 34), state, -1)
        seen.append(state.access)
    assert seen == [*(f"p{1000 + rank}" for rank in range(24, -1, -1)), "vmemmap"]


def test_a_chosen_process_stays_chosen_when_others_outgrow_it() -> None:
    state = replace(START, access="p1030", process=1030)
    view = crowd(state, 34)
    assert chosen_access(view, state) == access("p1030", 1030)
    assert others(view) == 34 - LISTED - 1


def test_the_table_keeps_the_chosen_access_in_sight_and_counts_the_others() -> None:
    state = replace(START, access="p1007", process=1007)
    view = crowd(state, 34)
    lines = plain(table(view, chosen_access(view, state), 80, 6, UNICODE)).split("\n")
    assert [line.split()[0] for line in lines[1:5]] == ["p1005", "p1006", "●", "p1008"]
    assert lines[5] == "  … 32 more, n goes through all"
    whole = plain(table(view, None, 80, 30, UNICODE)).split("\n")
    assert len(whole) == 1 + 12 + 1
    assert whole[-1] == "  … 24 more, n goes through all"
    full = plain(table(view, None, 80, 13, UNICODE)).split("\n")
    assert (len(full), full[-1]) == (13, "  … 25 more, n goes through all"), "nothing is left out without a sign"
    assert list(listed(view, None, 0)) == list(listed(view, None, 1)) == []


def test_the_request_names_the_process_that_is_chosen() -> None:
    info, state = FakeSource().info, replace(START, process=1012, first_process=3)
    large = MapRequest(skewed=True, processes=LISTED, first_process=3, process=1012)
    assert tlb.request(info, state, 116, 34) == large
    assert tlb.request(info, state, 63, 21) == large._replace(processes=5)
    assert tlb.request(info, state, 76, 16) == large._replace(processes=3)
    assert tlb.request(info, state, 56, 12) == large._replace(processes=3)
    assert tlb.request(info, START, 56, 12) == MapRequest(skewed=True)
    request = merged([MapRequest(), tlb.request(info, state, 116, 34)])
    assert (request.processes, request.first_process, request.process) == (LISTED, 3, 1012)


@pytest.mark.parametrize("size", [(116, 34), (116, 38), (196, 54), (76, 19), (63, 22)])
def test_enlarged_there_is_always_a_strip_of_misses_and_of_reach(tour: Scene, size: tuple[int, int]) -> None:
    lines = drawn(tour, *size)
    assert len(lines) <= size[1]
    strips = [line for line in lines if line.startswith("direct map: miss, max ")]
    assert len(strips) == 1
    assert "reach, max " in strips[0]
    assert any("flushes" in line for line in lines)


def test_before_and_after_a_process_its_strips_are_empty() -> None:
    timeline = Timeline()
    for second in (1, 10, 20):
        moment = snapshot_at(second * SECOND, MapRequest())
        kept = [access for access in moment.tlb.accesses if not access.pid or second == 10]
        timeline.append(replace(moment, tlb=moment.tlb._replace(accesses=tuple(kept))))
    state = replace(START, access="fork_storm")
    shown = Scene(FakeSource().info, snapshot_at(10 * SECOND, MapRequest()), timeline, state=state)
    lines = drawn(shown, 116, 34)
    (title,) = [place for place, line in enumerate(lines) if line.startswith("fork_storm: miss, max 97.7 %")]
    assert {line[0] for line in lines[title + 1 : title + 3]} == {" "}
    assert "█" in lines[title + 3][:56]
    assert lines[title + 3][55] == " "


def test_rows_that_nothing_else_fills_go_to_the_strips(tour: Scene) -> None:
    view = crowd(START, 34)._replace(levels=tour.now.tlb.levels, cost=tour.now.tlb.cost)
    lines = drawn(replace(tour, now=replace(tour.now, tlb=view)), 196, 54)
    assert len(lines) > 48


def test_what_it_cost_stands_in_two_columns_where_there_is_room(tour: Scene) -> None:
    lines = drawn(tour, 116, 34)
    assert any(line.startswith("what did it cost") and "4-level walk" in line for line in lines)
    assert any(line.startswith("cycles per access") for line in lines)


def test_since_a_baseline_reach_and_misses_have_their_change_at_the_top(tour: Scene) -> None:
    direct = tour.now.tlb.accesses[0]
    then = direct._replace(reach_bytes=direct.reach_bytes - (2 << 30), miss_ppm=direct.miss_ppm + 31_300)
    before = replace(tour.now, tlb=tour.now.tlb._replace(accesses=(then,)))
    marked = replace(tour, state=replace(START, baseline=before))
    assert drawn(marked, 56, 12)[0] == "skylake-sp             reach (+2.00 GiB)  miss (−3.13 %)"
    assert drawn(replace(tour, state=replace(START, baseline=tour.now)), 56, 12)[0].endswith("reach, log scale")
    gone = replace(tour, state=replace(START, access="fork_storm", baseline=snapshot_at(SECOND, MapRequest())))
    assert drawn(gone, 56, 12)[0].endswith("reach, log scale")
