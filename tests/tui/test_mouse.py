"""The mouse: wheel, clicks of either button, double clicks; each does what a key does as well."""

from __future__ import annotations

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from memtui.tui.app import Dashboard
from memtui.tui.widgets.panel import PanelView
from memtui.units import FRAMES_1G
from memtui.view.state import WHOLE
from tests.fake_looks import SPLIT_EVENT, SPLIT_FRAME
from tests.fake_source import FakeSource
from tests.tui.conftest import Opened, screen_text


async def turn(app: Dashboard, pilot: Pilot[int], name: str, x: int, y: int, *, up: bool) -> None:
    """Turns the wheel over column and row (x, y) of a panel, its frame included."""
    view = app.board.query_one(f"#panel-{name}", PanelView)
    kind = MouseScrollUp if up else MouseScrollDown
    view.post_message(kind(view, x, y, 0, 0, 0, False, False, False))
    await pilot.pause()
    app.frame()
    await pilot.pause()


async def test_the_wheel_zooms_into_a_map_at_the_mouse_and_out_again(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await turn(app, pilot, "direct-map", 20, 9, up=True)
        where = app.board.state.direct_map
        assert where.window is not None
        assert where.cursor is not None
        assert where.window.start <= where.cursor < where.window.start + where.window.frames
        assert where.window.frames == FRAMES_1G
        assert "[" in screen_text(app)
        await turn(app, pilot, "direct-map", 20, 9, up=False)
        assert app.board.state.direct_map.window is None
        await turn(app, pilot, "direct-map", 20, 9, up=False)
        assert app.board.state.direct_map.window is None


async def test_a_wheel_that_goes_on_turning_stays_with_what_was_there_at_first(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await pilot.press("1")
        await turn(app, pilot, "direct-map", 60, 24, up=True)
        cursor = app.board.state.direct_map.cursor
        assert cursor is not None
        await turn(app, pilot, "direct-map", 60, 24, up=True)
        where = app.board.state.direct_map
        assert where.cursor == cursor
        assert where.window is not None
        assert where.window.start <= cursor < where.window.start + where.window.frames
        await turn(app, pilot, "direct-map", 61, 24, up=False)
        await turn(app, pilot, "direct-map", 62, 24, up=False)
        assert app.board.state.direct_map.window is None


async def test_the_wheel_does_not_take_the_keyboard_from_another_panel(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await turn(app, pilot, "vmemmap", 20, 9, up=True)
        assert app.board.state.vmemmap.window is not None
        assert app.board.chosen == "direct-map"
        assert app.board.state.direct_map == WHOLE


async def test_the_wheel_over_the_event_log_scrolls_it_and_leaves_time_alone(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        newest, moment_ns = app.viewer.timeline.events()[-1].serial, app.viewer.shown_ns
        await turn(app, pilot, "events", 20, 3, up=False)
        assert app.board.state.listed == newest - 1
        assert app.viewer.timeline.live
        assert app.viewer.shown_ns == moment_ns
        assert f"from event {newest - 1} of {newest}" in screen_text(app)
        await turn(app, pilot, "events", 20, 3, up=True)
        assert app.board.state.listed == 0


async def test_a_click_in_a_scrolled_event_log_chooses_and_the_log_stays(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await turn(app, pilot, "events", 20, 3, up=False)
        listed = app.board.state.listed
        await pilot.click("#panel-events", offset=(20, 3))
        app.frame()
        assert app.board.state.event == listed - 1
        assert app.board.state.listed == listed
        assert not app.viewer.timeline.live
        await pilot.press("end")
        assert app.board.state.listed == 0
        assert app.viewer.timeline.live


async def test_a_scrolled_event_log_follows_time_again_once_that_is_moved(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await turn(app, pilot, "events", 20, 3, up=False)
        await pilot.press("less_than_sign")
        assert app.board.state.listed == 0


async def test_the_wheel_over_proc_scrolls_three_lines(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48, size=(40, 8)) as (app, pilot):
        await pilot.press("6")
        assert app.board.state.scroll == 0
        await turn(app, pilot, "proc", 20, 5, up=False)
        assert app.board.state.scroll == 3
        await turn(app, pilot, "proc", 20, 5, up=True)
        assert app.board.state.scroll == 0


async def test_the_right_button_goes_out_of_the_zoom_and_then_of_the_panel(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await pilot.press("1", "right_square_bracket")
        assert app.board.state.direct_map.window is not None
        await pilot.click("#panel-direct-map", offset=(30, 20), button=3)
        assert app.board.state.direct_map.window is None
        assert app.board.enlarged == "direct-map"
        await pilot.click("#panel-direct-map", offset=(30, 20), button=3)
        assert app.board.enlarged is None
        await pilot.click("#panel-direct-map", offset=(30, 9), button=3)
        assert app.board.enlarged is None


async def test_a_double_click_in_an_enlarged_map_zooms_in_there(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await pilot.press("1")
        await pilot.click("#panel-direct-map", offset=(30, 20), times=2)
        assert app.board.enlarged == "direct-map"
        assert app.board.state.direct_map.window is not None
        assert app.board.state.direct_map.cursor is not None


async def test_a_click_on_the_legend_goes_to_the_next_cell_of_its_kind(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await pilot.press("1")
        lines = screen_text(app).split("\n")
        y, line = next((y, line) for y, line in enumerate(lines) if "finest leaf:" in line)
        await pilot.click(app.board, offset=(line.index("not present"), y))
        await pilot.pause()
        cells, cursor = app.viewer.timeline.current, app.board.state.direct_map.cursor
        assert cells is not None
        assert cells.direct_map_cells is not None
        assert cursor is not None
        assert cells.direct_map_cells.cells[cells.direct_map_cells.cell_of(cursor) or 0] == 4


async def test_a_click_on_the_event_of_a_split_goes_to_its_moment(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await pilot.press("1", "n")
        assert app.board.state.direct_map.cursor == SPLIT_FRAME
        await pilot.pause()
        lines = screen_text(app).split("\n")
        y, line = next((y, line) for y, line in enumerate(lines) if "e goes there" in line)
        await pilot.click(app.board, offset=(line.index("memfd_secret"), y))
        assert app.board.state.event == SPLIT_EVENT
        assert not app.viewer.timeline.live


async def test_a_click_on_a_hint_does_what_it_says(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await pilot.press("2", "z")
        lines = screen_text(app).split("\n")
        y, line = next((y, line) for y, line in enumerate(lines) if "] zoom in" in line)
        await pilot.click(app.board, offset=(line.index("] zoom in"), y))
        assert app.board.state.vmemmap.window is not None


async def test_a_panel_that_breaks_under_the_mouse_says_so_and_the_others_go_on(
    open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such cell")

    async with open_dashboard(FakeSource(), seconds=3) as (app, pilot):
        monkeypatch.setattr(app.board, "aim", broken)
        await turn(app, pilot, "direct-map", 20, 9, up=True)
        assert [notice.message for notice in app._notifications] == ["the wheel: RuntimeError: no such cell"]
        assert app.is_running
