"""What is painted, when, and that it looks like the text: only what changed, and nothing while nothing moves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.pilot import Pilot

from memtui.tui.app import Dashboard
from memtui.tui.shots import as_text
from memtui.tui.snapshot import render_text
from memtui.units import SECOND
from memtui.view.glyphs import ASCII
from tests.fake_source import FakeSource
from tests.tui.conftest import Opened, screen_text

SIZES = [(120, 40), (80, 24), (40, 12), (30, 5), (20, 3), (200, 60), (50, 50)]


def painted(app: Dashboard) -> dict[str, int]:
    views = [*app.board.lines.values(), *app.board.panels.values()]
    return {str(view.id): view.painted for view in views}


async def frames(app: Dashboard, pilot: Pilot[int], count: int) -> None:
    for _ in range(count):
        app.frame()
        await pilot.pause()


async def test_paused_and_unchanged_nothing_is_looked_at_and_nothing_painted(open_dashboard: Opened) -> None:
    source = FakeSource()
    async with open_dashboard(source, seconds=12.48) as (app, pilot):
        await frames(app, pilot, 2)
        before, looks = painted(app), source.snapshots
        await frames(app, pilot, 20)
        assert painted(app) == before
        assert source.snapshots == looks


async def test_it_opens_with_one_look_and_nothing_is_drawn_before_it_is_in_place(open_dashboard: Opened) -> None:
    source = FakeSource()
    async with open_dashboard(source) as (app, _):
        assert source.snapshots == 1
        assert app.board.desk is not None
        assert app.board.desk.layout.width == 120


async def test_frames_rest_while_nothing_can_change_and_come_again_when_it_plays(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await frames(app, pilot, 2)
        assert not app.ticks.coming
        await pilot.press("space")
        assert app.ticks.coming
        await pilot.press("space")
        await frames(app, pilot, 2)
        assert not app.ticks.coming


async def test_frames_rest_at_the_end_until_it_is_restarted(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=30) as (app, pilot):
        app.player.resume()
        await frames(app, pilot, 2)
        assert app.player.finished
        assert not app.ticks.coming
        await pilot.press("r")
        assert app.ticks.coming


async def test_a_step_paints_only_rows_that_changed(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await frames(app, pilot, 2)
        before = painted(app)
        await pilot.press("greater_than_sign")
        await pilot.pause()
        new = {name: count - before[name] for name, count in painted(app).items()}
        assert new["header"] == 1
        assert new["footer"] == 0
        assert new["panel-direct-map"] <= 2
        assert 1 <= new["panel-events"] <= 6
        assert sum(new.values()) <= 25


async def test_while_it_plays_each_frame_pulls_one_snapshot(open_dashboard: Opened) -> None:
    source = FakeSource()
    async with open_dashboard(source) as (app, pilot):
        app.player._paused = False
        looks = source.snapshots
        app.frame()
        app.frame()
        assert source.snapshots == looks + 2
        app.player.pause()
        app.frame()
        app.frame()
        assert source.snapshots == looks + 3
        await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
async def test_the_screen_looks_like_the_text(open_dashboard: Opened, size: tuple[int, int]) -> None:
    async with open_dashboard(size=size, seconds=12.48) as (app, _):
        shown = screen_text(app)
        assert app.board.desk is not None
        assert as_text(app.board.desk) == shown + "\n"
    assert render_text(FakeSource(), int(12.48 * SECOND), *size) == shown + "\n"


async def test_resizing_from_any_size_to_any_other(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        for width, height in [*SIZES, (1, 1), (300, 90), *reversed(SIZES)]:
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            assert app.board.desk is not None
            assert as_text(app.board.desk) == screen_text(app) + "\n"
            assert app.board.arrangement.width == width


async def test_maps_are_asked_for_at_the_size_of_the_screen(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        latest = app.viewer.timeline.latest
        assert latest is not None
        assert latest.direct_map_cells is not None
        assert len(latest.direct_map_cells.cells) == 164
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        latest = app.viewer.timeline.latest
        assert latest is not None
        assert latest.direct_map_cells is None


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("question_mark", "Go, or play, to the next event or timeline entry"),
        ("f1", "The kernel maps all RAM once"),
        ("ctrl+p", "Search all actions"),
        ("t", "Search themes"),
        ("z", "[1 Direct map]"),
        ("s", "Written: memtui-12.480s.svg"),
    ],
)
async def test_ascii_means_ascii_on_every_screen(
    open_dashboard: Opened, key: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_dashboard(seconds=12.48, glyphs=ASCII, size=(100, 30)) as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        text = screen_text(app)
        assert words in text
        assert text.isascii()


async def test_without_colours_the_glyphs_still_tell_kinds_apart(
    open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_dashboard(seconds=12.48) as (app, _):
        coloured = screen_text(app)
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_dashboard(seconds=12.48) as (app, _):
        assert app.no_color
        assert screen_text(app) == coloured
        segments = [segment for strip in app.screen._compositor.render_strips() for segment in strip]
        colours = {colour for _, style, _ in segments if style for colour in (style.color, style.bgcolor) if colour}
        assert {colour.name for colour in colours} == {"default"}
        assert any(style and style.reverse for _, style, _ in segments)


async def test_help_says_how_much_history_is_kept_and_what_it_takes(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        await pilot.press("end")
        await pilot.pause()
        assert re.search(r"history 24\d of 1 024 moments, [\d.]+ [KM]iB; --history N keeps more", screen_text(app))
