"""/proc under the keyboard and the mouse, at every size."""

from __future__ import annotations

from tests.tui.conftest import Opened, screen_text


async def test_6_opens_proc_and_escape_goes_back_to_the_panel_before(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=10) as (app, pilot):
        await pilot.press("4", "6")
        assert [name for name, _ in app.board.arrangement.panels] == ["proc"]
        assert "MemTotal:       65908864 kB" in screen_text(app)
        assert "[6 /proc]" in screen_text(app)
        await pilot.press("escape")
        assert app.board.chosen == "memory"
        assert app.focused is app.board.panels["memory"]


async def test_n_and_clicks_change_the_file(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=10) as (app, pilot):
        await pilot.press("6", "n", "n")
        assert "Node 0, zone      DMA" in screen_text(app)
        await pilot.click("#panel-proc", offset=(38, 1))
        assert "slabinfo - version: 2.1" in screen_text(app)
        await pilot.click("#panel-proc", offset=(4, 1))
        assert "MemTotal:" in screen_text(app)


async def test_b_marks_the_moment_changes_are_told_from(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=10) as (app, pilot):
        await pilot.press("6")
        assert "+10 240" in screen_text(app)
        await pilot.press("b")
        assert "+10 240" not in screen_text(app)
        assert "since 10.000s" in screen_text(app).split("\n")[0]


async def test_a_filter_narrows_it_while_it_is_typed(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=10) as (app, pilot):
        await pilot.press("6", "slash", *"hugepages_")
        assert "HugePages_Total" in screen_text(app)
        assert "MemTotal" not in screen_text(app)


async def test_small_screens_show_it_like_any_panel_and_large_ones_beside_them(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=10, size=(40, 12)) as (app, pilot):
        await pilot.press("6", "n")
        assert "/proc/vmstat 2 of 6" in screen_text(app)
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert app.board.arrangement.place_of(app.board.chosen) is not None
    async with open_dashboard(seconds=10, size=(200, 60)) as (app, pilot):
        assert "MemTotal:       65908864 kB" in screen_text(app)
        await pilot.press("6", "n")
        assert app.board.enlarged is None
        assert "nr_free_pages" in screen_text(app)
