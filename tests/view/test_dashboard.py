"""The whole screen as text: exact sizes, honest cuts, and pictures that are kept."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from memtui.snapshot import Event
from memtui.units import SECOND
from memtui.view.cells import row_width
from memtui.view.glyphs import ASCII, BLOCK, UNICODE, Glyphs
from memtui.view.scene import PlayState, Status
from memtui.view.state import START
from tests.fake_source import FakeSource
from tests.view.pictures import desk_at, picture, rows_of

SIZES = [(1, 1), (20, 3), (30, 5), (40, 12), (50, 50), (72, 20), (80, 24), (100, 30), (120, 40), (200, 60)]


@pytest.mark.parametrize("glyphs", [UNICODE, BLOCK, ASCII], ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_screen_is_filled_exactly(width: int, height: int, glyphs: Glyphs) -> None:
    rows = rows_of(desk_at("12.48", width, height, glyphs=glyphs))
    assert [row_width(line) for line in rows] == [width] * height


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_ascii_means_ascii(width: int, height: int) -> None:
    source = FakeSource(name="Überprüfung → 漢字\x1b[31m")
    assert "".join(picture(desk_at("14.5", width, height, glyphs=ASCII, source=source))).isascii()


def test_the_header_says_what_runs_where_and_how_fast() -> None:
    first = picture(desk_at("12.48", 120, 40))[0]
    assert first.startswith("memtui  The tour   server-64g · Linux 6.18 · 64.0 GiB · 2 nodes · seed 7")
    assert first.endswith("▶ 12.480 s ×10   LIVE")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(PlayState.PAUSED, 1.0), "‖ 12.480 s ×1    PAUSED"),
        (Status(PlayState.LIVE, math.inf), "▶ 12.480 s max   LIVE"),
        (Status(PlayState.FINISHED, 0.1), "■ 12.480 s ×0.1  FINISHED"),
        (Status(PlayState.STOPPED, 1.0, "nothing left to kill"), "■ 12.480 s ×1    STOPPED"),
    ],
)
def test_the_header_says_in_which_state_it_is(status: Status, words: str) -> None:
    assert picture(desk_at("12.48", 120, 40, status=status))[0].endswith(words)
    assert words.split()[-1] in picture(desk_at("12.48", 80, 24, status=status))[0]
    assert words.split()[-1] in picture(desk_at("12.48", 40, 12, status=status))[0]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((120, 40), "stopped: nothing left to kill"),
        ((80, 24), "stopped: nothing left to kill"),
        ((40, 12), "stopped: nothing le…"),
    ],
)
def test_why_it_stopped_is_said_on_the_screen(size: tuple[int, int], words: str) -> None:
    status = Status(PlayState.STOPPED, 1.0, "nothing left to kill")
    text = "\n".join(picture(desk_at("12.48", *size, status=status)))
    assert words in text
    assert "r restart  q quit" in text


def test_the_time_bar_has_entries_position_and_end() -> None:
    bar = picture(desk_at("15", 120, 40))[1]
    assert bar.startswith("0s ")
    assert bar.endswith(" 30s")
    inner = bar[3:-4]
    assert inner.index("●") == (len(inner) - 1) // 2
    assert (inner.count("◆"), inner.count("▲"), inner.count("✗")) == (4, 1, 1)
    assert set(inner[inner.index("●") :]) == {"●", "┈"}


def test_the_time_bar_of_the_past_keeps_the_marks_of_what_came_later() -> None:
    desk = desk_at("15", 120, 40)
    live = picture(desk)[1]
    log = tuple(desk.scene.events)
    then = replace(desk.scene, now=replace(desk.scene.now, time_ns=5 * SECOND), events=log[:3], later=log[3:])
    past = picture(replace(desk, scene=then, status=Status(PlayState.PAST, 1.0, edge_ns=15 * SECOND)))[1]
    assert [live.index(mark) for mark in "▲✗"] == [past.index(mark) for mark in "▲✗"]
    assert past.index("●") < past.index("▲")
    assert past.index("▸") == live.index("●")


def test_the_time_bar_of_a_run_without_a_known_end() -> None:
    desk = desk_at("12.48", 120, 40)
    info = replace(desk.scene.info, end_ns=-1)
    bar = picture(replace(desk, scene=replace(desk.scene, info=info)))[1]
    assert bar.endswith(" 14s…")


def test_a_footer_with_too_little_room_says_so_and_keeps_help_and_quit() -> None:
    assert picture(desk_at("12.48", 80, 24))[-1].endswith("…  ? help  q quit")
    assert "…" not in picture(desk_at("12.48", 200, 60))[-1]


def test_below_all_sizes_one_line_of_figures_remains() -> None:
    lines = picture(desk_at("12.48", 60, 4))
    assert lines[0] == "12.480s ▶ 1G 84 % 2M 15 % 4K 1 % free 29.5 GiB           ? q"
    assert lines[1:] == ["", "", ""]


@pytest.mark.parametrize(
    ("width", "tabs"),
    [
        (30, "Direct map ◂ [1] 2 3 4 5 6 ▸"),
        (34, "Direct map ◂ [1] 2 3 4 5 6 ▸   ? q"),
        (44, "Direct map ◂ [1] 2 3 4 5 6 ▸  ? help  q quit"),
    ],
)
def test_without_a_footer_the_tabs_say_how_to_get_help_and_out(width: int, tabs: str) -> None:
    assert picture(desk_at("1", width, 12))[1] == tabs
    assert "?" not in picture(desk_at("1", width, 16))[1]


def test_rows_that_have_no_room_are_counted_in_the_frame() -> None:
    text = "\n".join(picture(desk_at("12.48", 72, 20)))
    assert "more row" in text


def test_tabs_mark_the_panel_that_shows() -> None:
    assert " 1 Direct map  [2 vmemmap]  3 TLB reach " in picture(desk_at("12.48", 120, 40, only="vmemmap"))[2]
    assert picture(desk_at("12.48", 40, 12, chosen="memory"))[1] == "Free memory ◂ 1 2 3 [4] 5 6 ▸        ? q"


def test_two_pictures_of_the_same_moment_are_the_same() -> None:
    assert rows_of(desk_at("12.48", 120, 40)) == rows_of(desk_at("12.48", 120, 40))


def test_a_machine_that_ran_out_says_so_in_the_words_of_its_last_bad_event() -> None:
    scene = desk_at("12.48", 120, 40).scene
    assert scene.stopped == ""
    stopped = replace(scene.now, derived={**scene.now.derived, "sim_stopped": 1})
    events = (Event(SECOND, "machine", "the machine cannot go on: nothing left to kill", "bad"),)
    assert replace(scene, now=stopped, events=events).stopped == events[0].text


def test_picture_with_a_chosen_event(snapshot: object) -> None:
    desk = desk_at("12.48", 120, 40)
    log = tuple(desk.scene.events)
    then = replace(desk.scene, events=log[:4], later=log[4:], state=replace(START, event=4))
    assert "\n".join(picture(replace(desk, scene=then))[31:39]) == snapshot
