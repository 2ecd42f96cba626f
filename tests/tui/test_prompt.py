"""The line to type into: actions injected, completed, refused; sessions written; events filtered; a baseline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.pilot import Pilot
from textual.widgets import Input

from memtui.scenario import load_text
from memtui.sources.rewind import Rewind
from memtui.sources.simulation import Simulation
from memtui.tui.app import Dashboard
from memtui.tui.screens.prompt import MOST_CHARACTERS, Prompt
from memtui.units import SECOND
from memtui.workloads.registry import ACTIONS
from tests.tui.conftest import Opened, screen_text

SCENARIO = "name: Small\nmachine: {ram: 8GiB, nodes: 1}\ntimeline: [{at: 1s, nr_hugepages: 16}]"


@asynccontextmanager
async def at_a_machine(size: tuple[int, int] = (100, 30)) -> AsyncIterator[tuple[Dashboard, Pilot[int], Simulation]]:
    simulation = Simulation(load_text(SCENARIO))
    simulation.advance(2 * SECOND)
    app = Dashboard(simulation, theme="memtui", paused=True, past=Rewind(simulation))
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        app.frame()
        yield app, pilot, simulation


def said(app: Dashboard) -> list[str]:
    return [notice.message for notice in app._notifications]


def line(app: Dashboard) -> Input:
    return app.screen.query_one(Input)


async def test_an_action_is_carried_out_now() -> None:
    async with at_a_machine() as (app, pilot, simulation):
        await pilot.press("colon", *"nr_hugepages 40", "enter")
        assert not isinstance(app.screen, Prompt)
        simulation.advance(3 * SECOND)
        assert simulation.snapshot(app.board.request(simulation.info), events=False).counters["HugePages_Total"] == 40
        await pilot.press("greater_than_sign")
        await pilot.pause()
        assert "16 → 40" in screen_text(app)


async def test_what_is_typed_right_behind_the_key_that_asks_is_not_lost() -> None:
    async with at_a_machine() as (app, pilot, _):
        for key in ("g", "1", "full_stop", "5", "enter"):
            character = {"full_stop": ".", "enter": "\r"}.get(key, key)
            app.post_message(Key(key, character))
        await pilot.pause()
        await pilot.pause()
        assert not isinstance(app.screen, Prompt)
        assert said(app) == []
        assert app._times == ["1.5"]


async def test_a_wrong_action_stays_with_what_was_expected() -> None:
    async with at_a_machine() as (app, pilot, simulation):
        before = simulation.scenario
        await pilot.press("colon", *"nr_hugepage 40", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Prompt)
        assert "did you mean 'nr_hugepages'?" in screen_text(app)
        assert simulation.scenario is before


async def test_tab_completes_and_usage_shows() -> None:
    async with at_a_machine() as (app, pilot, _):
        await pilot.press("colon", *"memf", "tab")
        assert line(app).value == "memfd_secret "
        await pilot.pause()
        assert "memfd_secret size= [count=]" in screen_text(app)
        await pilot.press("s", "tab")
        assert line(app).value == "memfd_secret size="


async def test_up_and_down_fetch_earlier_lines() -> None:
    async with at_a_machine() as (app, pilot, _):
        for count in ("20", "30"):
            await pilot.press("colon", *f"nr_hugepages {count}", "enter")
        await pilot.press("colon", "up", "up")
        assert line(app).value == "nr_hugepages 20"
        await pilot.press("up", "down")
        assert line(app).value == "nr_hugepages 30"
        await pilot.press("down")
        assert line(app).value == ""


async def test_a_paste_of_megabytes_is_cut_and_refused_in_one_line() -> None:
    async with at_a_machine() as (app, pilot, _):
        await pilot.press("colon", *"ab")
        app.post_message(Paste("x" * 5_000_000))
        await pilot.pause()
        assert line(app).value == "ab" + "x" * (MOST_CHARACTERS - 2)
        assert "What was pasted beyond 2000 characters was left out." in said(app)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Prompt)
        assert len(app.screen._answer.rows) <= 3


async def test_of_pasted_lines_the_first_is_taken_and_none_is_run() -> None:
    async with at_a_machine() as (app, pilot, simulation):
        before = simulation.scenario
        await pilot.press("colon")
        app.post_message(Paste("\n\n  nr_hugepages 20\r\nnr_hugepages 40\n"))
        await pilot.pause()
        assert line(app).value == "nr_hugepages 20"
        assert "Of 2 lines that were pasted the first was taken." in said(app)
        assert simulation.scenario is before


async def test_a_paste_onto_the_board_does_nothing() -> None:
    async with at_a_machine() as (app, pilot, simulation):
        shown, before = screen_text(app), simulation.scenario
        app.post_message(Paste("q\n:nr_hugepages 20\n"))
        await pilot.pause()
        assert screen_text(app) == shown
        assert simulation.scenario is before


async def test_a_session_is_written_and_plays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with at_a_machine() as (app, pilot, simulation):
        await pilot.press("colon", *"keys: memfd_secret size=16KiB", "enter", "w", "w")
        await pilot.pause()
        assert "Written: session-1.yaml" in screen_text(app)
        simulation.advance(1 << 62)
    written = [load_text(path.read_text()) for path in sorted(tmp_path.iterdir())]
    again = Simulation(written[0])
    again.advance(1 << 62)
    assert len(written) == 2
    assert again.events == simulation.events


async def test_a_source_that_takes_no_actions_says_so(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("colon")
        await pilot.pause()
        assert "A recording cannot be changed." in screen_text(app)


async def test_a_filter_takes_effect_while_it_is_typed(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=9) as (app, pilot):
        await pilot.press("slash", *"secret")
        assert app.board.state.filter == "secret"
        await pilot.press("enter")
        assert app.board.state.filter == "secret"


async def test_a_filter_that_is_left_is_as_it_was(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=9) as (app, pilot):
        await pilot.press("slash", *"oom", "enter", "slash", *"secret", "escape")
        assert app.board.state.filter == "oom"


async def test_an_action_taken_while_time_stands_still_says_when_it_happens() -> None:
    async with at_a_machine() as (app, pilot, _):
        await pilot.press("colon", *"nr_hugepages 40", "enter")
        assert said(app) == ["It happens when time goes on: space, or one event: >."]


@pytest.mark.parametrize(
    ("key", "width", "words"),
    [
        ("colon", 100, "─ enter runs, tab completes, esc leaves ─"),
        ("colon", 40, "─ tab completes, esc leaves ─"),
        ("g", 40, "─ enter runs, esc leaves ─"),
    ],
)
async def test_the_keys_of_the_line_are_told_as_there_is_room(key: str, width: int, words: str) -> None:
    async with at_a_machine((width, 24)) as (app, pilot, _):
        await pilot.press(key)
        await pilot.pause()
        assert words in screen_text(app)


async def test_a_baseline_is_set_and_taken_away(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=2) as (app, pilot):
        await pilot.press("b")
        assert app.board.state.baseline == app.viewer.timeline.current
        await pilot.press("b")
        assert app.board.state.baseline is None


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
async def test_the_line_shows_on_small_screens(size: tuple[int, int]) -> None:
    async with at_a_machine(size) as (app, pilot, _):
        await pilot.press("colon", *"tmpfs_w")
        await pilot.pause()
        assert "tmpfs_write" in screen_text(app)
        assert "tmpfs_w" in screen_text(app).split("\n")[-2]


async def test_every_action_of_the_registry_is_offered() -> None:
    async with at_a_machine((200, 60)) as (app, _, simulation):
        assert [text.strip() for text in simulation.completions("")] == list(ACTIONS)
        assert app.viewer.looking_back.progress_ppm is None


@pytest.mark.parametrize("key", ["colon", "g", "slash", "ctrl+p", "t"])
async def test_no_cursor_blinks(key: str) -> None:
    async with at_a_machine() as (app, pilot, _):
        await pilot.press(key)
        await pilot.pause()
        assert line(app).has_focus
        assert not line(app).cursor_blink


async def test_a_time_of_which_no_moment_is_kept_says_what_shows_instead() -> None:
    simulation = Simulation(load_text(SCENARIO.replace("}]", "}, {at: 3s, nr_hugepages: 0}]")))
    app = Dashboard(simulation, theme="memtui", paused=True)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        simulation.advance(4 * SECOND)
        app.viewer.look(app.board.request(simulation.info))
        await pilot.press("g", *"1", "full_stop", "9", "enter")
        assert app.viewer.shown_ns == 0
        kept = "0.000s is the last moment kept by 1.900s, 1 event before it."
        assert said(app) == [f"{kept} r, then g plays to it exactly."]
