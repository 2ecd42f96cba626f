"""`n` in the panels that show one of several things: accesses of the TLB, severities of events, files of /proc."""

from __future__ import annotations

from tests.tui.conftest import Opened, screen_text


async def test_n_chooses_the_next_access_of_the_tlb_small_and_enlarged(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.5) as (app, pilot):
        await pilot.press("3", "n")
        assert (app.board.state.access, app.board.state.process) == ("fork_storm", 1000)
        assert "● fork_storm" in screen_text(app)
        await pilot.press("3", "n")
        assert "● direct map" in screen_text(app)
        assert app.board.state.process == 0
        await pilot.press("down")
        assert "fork_storm: miss, max 97.7 %" in screen_text(app)


async def test_n_lists_events_by_severity(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.5) as (app, pilot):
        await pilot.press("5", "n")
        assert "filter: notices and failures, " in screen_text(app)
        assert "first split of the GiB" in screen_text(app)
        assert "child 70" not in screen_text(app)
        await pilot.press("n")
        assert "no event is let through by the filter" in screen_text(app)
        await pilot.press("n")
        assert "74 events  filter: all" in screen_text(app)


async def test_what_changed_since_a_mark_is_told_in_the_panel_of_free_memory(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=1.5) as (app, pilot):
        await pilot.press("b", *[">"] * 3)
        app.frame()
        await pilot.pause()
        assert "13.8 of 30.0 GiB (−9.87 GiB)" in screen_text(app)
        await pilot.press("4", "4")
        assert "MemFree 29.8 GiB (−19.7 GiB)" in screen_text(app)
