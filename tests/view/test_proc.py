"""Panel 6: files, scrolling, columns, the filter, and what changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.fields import FIELDS
from memtui.snapshot import MapRequest, Snapshot
from memtui.timeline import Timeline
from memtui.units import SECOND
from memtui.view.catalogue import merged
from memtui.view.cells import plain
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels import proc
from memtui.view.proc_files import FILES
from memtui.view.scene import Scene
from memtui.view.state import START, Move, ViewState
from memtui.view.tokens import Token
from tests.fake_source import FakeSource, snapshot_at


def scene(state: ViewState = START, seconds: int = 10, now: Snapshot | None = None) -> Scene:
    """The fake machine at a moment, with its boot as the oldest moment kept."""
    shown = now if now is not None else snapshot_at(seconds * SECOND, MapRequest())
    return Scene(FakeSource().info, shown, Timeline(), (), state, first=snapshot_at(0, MapRequest()))


def everything(state: ViewState = START) -> Scene:
    """A machine with every counter there is."""
    return scene(state, now=replace(snapshot_at(0, MapRequest()), counters=dict.fromkeys(FIELDS, 7)))


def lines(shown: Scene, width: int = 56, height: int = 20) -> list[str]:
    return plain(proc.draw(shown, width, height, UNICODE).rows).split("\n")


def test_meminfo_with_its_changes_since_boot() -> None:
    text = lines(scene(), 60)
    assert text[0] == "[meminfo]  vmstat   buddyinfo   slabinfo  …     since 0.000s"
    assert text[1] == "MemTotal:       65908864 kB"
    assert text[2].startswith("MemFree:        3")
    assert text[2].endswith("   −20 795 904 kB")
    assert len(text[2]) == 48
    assert text[4].split() == ["HugePages_Total:", "10240", "+10", "240"]


def test_changes_are_told_since_the_baseline_where_there_is_one() -> None:
    baseline = snapshot_at(9 * SECOND, MapRequest())
    text = lines(scene(replace(START, baseline=baseline)), 60)
    assert text[0].endswith("since 9.000s")
    assert text[4].split() == ["HugePages_Total:", "10240"]
    assert lines(scene(replace(START, baseline=baseline), 8), 60)[0].endswith("against 9.000s")


def test_changed_figures_stand_out() -> None:
    rows = proc.draw(scene(), 56, 20, UNICODE).rows
    assert {span.token for span in rows[1] if span.text.strip()} == {Token.TEXT}
    assert {span.token for span in rows[2] if span.text.strip()} == {Token.TEXT, Token.STRONG, Token.NOTICE}


def test_files_follow_each_other_and_begin_at_the_top() -> None:
    names, state = [], replace(START, scroll=9)
    for _ in range(6):
        state = proc.move(scene(state), Move.NEXT, 56, 20)
        names.append((state.proc_file, state.scroll))
    assert names == [(file.name, 0) for file in (*FILES[1:], FILES[0])]
    assert proc.move(scene(), Move.LEFT, 56, 20).proc_file == "zoneinfo"


def test_a_click_on_a_name_opens_the_file() -> None:
    assert [proc.point(scene(), x, 0, 60, 20).proc_file for x in (1, 12, 25, 36, 50)] == [
        *("meminfo", "vmstat", "buddyinfo", "slabinfo", ""),
    ]
    last = replace(START, proc_file="zoneinfo")
    assert lines(scene(last), 60)[0].startswith("…  slabinfo   pagetypeinfo  [zoneinfo]")
    assert proc.point(scene(last), 4, 0, 60, 20).proc_file == "slabinfo"
    assert proc.point(scene(last), 20, 0, 60, 20).proc_file == "pagetypeinfo"
    assert [proc.point(scene(), x, 0, 116, 20).proc_file for x in (50, 65)] == ["pagetypeinfo", "zoneinfo"]
    assert proc.point(scene(), 12, 1, 56, 20) == START
    assert proc.point(scene(), 12, 0, 40, 20) == START


def test_details_of_zones_are_asked_for_only_where_a_file_that_has_them_shows() -> None:
    info = FakeSource().info
    asked = {file.name: proc.request(info, replace(START, proc_file=file.name), 56, 20).zone_details for file in FILES}
    assert [name for name, details in asked.items() if details] == ["pagetypeinfo", "zoneinfo"]
    assert not proc.request(info, START, 56, 20).zone_details
    assert merged([MapRequest(zone_details=True), MapRequest()]).zone_details


def test_changes_are_not_told_since_a_moment_that_has_nothing_of_the_file() -> None:
    shown = scene(replace(START, proc_file="zoneinfo"))
    assert "since" not in lines(shown, 116)[0]
    assert lines(shown, 116)[1:] == ["no line"]


def test_lines_scroll_by_one_and_by_a_page_and_stop_at_the_ends() -> None:
    shown = everything()
    assert lines(shown, 50, 11)[0].endswith("1–10 of 35  since 0.000s")
    assert proc.move(shown, Move.DOWN, 50, 11).scroll == 1
    assert proc.move(shown, Move.UP, 50, 11).scroll == 0
    assert proc.move(shown, Move.PAGE_DOWN, 50, 11).scroll == 10
    end = replace(START, scroll=99)
    assert lines(everything(end), 50, 11)[1].startswith("ShmemPmdMapped")
    assert lines(everything(end), 50, 11)[-1].startswith("DirectMap1G")
    assert proc.move(everything(end), Move.UP, 50, 11).scroll == 24
    assert proc.move(everything(end), Move.PAGE_DOWN, 50, 11).scroll == 25


def test_a_wide_panel_has_columns_that_read_down() -> None:
    text = lines(everything(), 116, 11)
    assert text[0].count("of 35") == 1
    assert text[1].startswith("MemTotal:              7 kB")
    assert text[2].index("SwapFree:") == 52
    assert "DirectMap1G" not in "\n".join(text)
    assert "DirectMap1G" in "\n".join(lines(everything(), 116, 20))


def test_slabinfo_is_cut_with_a_sign_where_it_does_not_fit() -> None:
    text = lines(scene(replace(START, proc_file="slabinfo")), 60)
    assert text[2].endswith("…")
    assert text[3].startswith("vm_area_struct      2340   2352    192   21")
    assert text[3].endswith("… +240")


def test_the_filter_narrows_the_lines() -> None:
    shown = scene(replace(START, filter="HUGE total"))
    assert [line.split()[0] for line in lines(shown)[1:]] == ["HugePages_Total:"]
    assert "filter: HUGE total" in lines(shown, 80)[0]
    assert lines(scene(replace(START, filter="zebra")))[1:] == ["no line"]


@pytest.mark.parametrize("name", [file.name for file in FILES])
@pytest.mark.parametrize("size", [(0, 0), (1, 1), (36, 10), (40, 10), (76, 20), (116, 34), (196, 55)])
def test_any_size_in_ascii(name: str, size: tuple[int, int]) -> None:
    width, height = size
    drawn = proc.draw(scene(replace(START, proc_file=name, scroll=3, filter="e")), width, height, ASCII).rows
    assert plain(drawn).isascii()
    assert len(drawn) <= max(1, height)


def test_a_figure_is_whole_where_its_change_has_no_room() -> None:
    whole, unitless, without = (lines(scene(), width)[2] for width in (44, 40, 30))
    assert whole.endswith(" kB   −20 795 904 kB")
    assert unitless.endswith(" kB  −20 795 904")
    assert without.rstrip().endswith(" kB")
    assert "…" not in whole + unitless + without
