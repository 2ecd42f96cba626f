"""The event log under the keyboard and the mouse: choosing an event moves time there."""

from __future__ import annotations

from memtui.tui.app import Dashboard
from memtui.units import SECOND
from tests.tui.conftest import Opened, screen_text


def chosen_line(app: Dashboard) -> str:
    return next((line for line in screen_text(app).split("\n") if "▸ " in line), "")


def now_ns(app: Dashboard) -> int:
    shown = app.viewer.timeline.current
    assert shown is not None
    return shown.time_ns


async def test_down_in_the_log_goes_back_event_by_event_and_up_on_to_the_live_edge(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=8.5) as (app, pilot):
        await pilot.press("5", "down")
        assert "first split of the GiB" in chosen_line(app)
        assert app.board.state.event == 4
        assert 8 * SECOND <= now_ns(app) < 8.1 * SECOND
        assert "PAST" in screen_text(app)
        await pilot.press("down")
        assert "ROX cache takes a new 2 MiB block" in chosen_line(app)
        assert "┈ memfd_secret" in screen_text(app)
        assert 3 * SECOND <= now_ns(app) < 3.1 * SECOND
        await pilot.press("up", "up")
        assert app.viewer.timeline.live
        assert app.board.state.event == 0
        assert chosen_line(app) == ""


async def test_pages_reach_the_first_event_and_the_last(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=13) as (app, pilot):
        await pilot.press("5", "5", "down", *["pagedown"] * 9)
        assert app.board.state.event == 1
        assert now_ns(app) < 1.1 * SECOND
        await pilot.press(*["pageup"] * 9)
        assert app.viewer.timeline.live


async def test_a_click_chooses_an_event_small_and_enlarged_and_brief(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=8.5) as (app, pilot):
        await pilot.click("#panel-events", offset=(100, 4))
        assert app.board.state.event == 2
        assert "20.0 GiB to the pool" in chosen_line(app)
        await pilot.press("5", "z")
        await pilot.click("#panel-events", offset=(30, 2))
        assert app.board.state.event == 4
    async with open_dashboard(seconds=8.5, size=(80, 24)) as (app, pilot):
        await pilot.click("#panel-events", offset=(30, 1))
        assert app.board.state.event == 4
        assert "first split of the GiB" in chosen_line(app)


async def test_moving_in_time_by_other_keys_forgets_the_chosen_event(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=8.5) as (app, pilot):
        for key in ("comma", "less_than_sign", "home", "end", "space"):
            await pilot.press("end", "5", "down")
            assert app.board.state.event == 4
            await pilot.press(key)
            assert app.board.state.event == 0
            app.player.pause()


async def test_a_filter_counts_what_it_hides_and_keys_pass_over_it(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=13) as (app, pilot):
        await pilot.press("5", "slash", *"SPLIT", "enter")
        await pilot.pause()
        assert "filter: SPLIT, 82 of 84 hidden" in screen_text(app)
        await pilot.press("down", "down")
        assert "nothing split" in chosen_line(app)
        assert "fork_storm     child" not in screen_text(app)


async def test_a_restart_chooses_no_event_and_has_no_baseline(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=8.5) as (app, pilot):
        await pilot.press("b", "5", "down", "r")
        assert app.board.state.event == 0
        assert app.board.state.baseline is None
