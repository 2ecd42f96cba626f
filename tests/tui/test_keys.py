"""Keys in more depth than `test_actions.py`, against a machine that moves only when told to."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from textual.command import CommandPalette

from memtui.snapshot import MapRequest, Snapshot
from memtui.tui.actions import ACTIONS, action_of, footer_hints
from memtui.tui.keymap import rebound
from memtui.tui.screens.words import WordsScreen
from memtui.units import MS, SECOND
from memtui.view.catalogue import PANELS
from memtui.view.layout import Mode
from memtui.view.scene import Scene
from memtui.view.state import Move, ViewState
from tests.fake_source import FakeSource
from tests.tui.conftest import Opened, screen_text


def test_ids_and_keys_are_unique() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(set(keys)) == len(keys)
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_the_footer_names_only_actions_there_are() -> None:
    named = [action for hint in footer_hints() for _, action in hint.keys]
    assert {*named} <= {action.id for action in ACTIONS}
    assert named[-2:] == ["help", "quit"]
    assert action_of("event-on").shown == ">"


async def test_step_plays_one_event(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("greater_than_sign")
        assert app.player.source.now_ns == 1 * SECOND
        assert "vm.hugetlb_optimize_vmemmap 0 → 1" in screen_text(app)
        await pilot.press("greater_than_sign")
        assert app.player.source.now_ns == 2 * SECOND
        assert "2.000 s" in screen_text(app)


@pytest.mark.parametrize("move", [move for move in Move if move not in (Move.SCROLL_UP, Move.SCROLL_DOWN)])
async def test_keys_for_moving_reach_the_chosen_panel(
    open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch, move: Move
) -> None:
    asked: list[Move] = []

    def mover(scene: Scene, asked_for: Move, width: int, height: int) -> ViewState:
        asked.append(asked_for)
        return replace(scene.state, scroll=scene.state.scroll + width)

    shown = replace(PANELS[0], move=mover)
    monkeypatch.setattr("memtui.tui.screens.board.panel", lambda name: shown)
    async with open_dashboard() as (app, pilot):
        await pilot.press(action_of(move.value).keys[0])
        assert asked == [move]
        assert app.board.state.scroll > 10


async def test_a_click_reaches_the_panel_at_its_place(open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    clicks: list[tuple[int, int]] = []

    def pointer(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
        clicks.append((x, y))
        return scene.state

    shown = replace(PANELS[0], point=pointer)
    monkeypatch.setattr("memtui.tui.screens.board.panel", lambda name: shown)
    async with open_dashboard() as (_, pilot):
        await pilot.click("#panel-direct-map", offset=(2, 1))
        await pilot.click("#panel-direct-map", offset=(12, 4))
        await pilot.click("#panel-direct-map", offset=(0, 4))
    assert clicks == [(0, 0), (10, 3)]


async def test_speed(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("plus", "plus")
        assert app.player.speed == 5.0
        await pilot.press("minus")
        assert app.player.speed == 2.0
        await pilot.press("m")
        assert app.player.speed == math.inf
        await pilot.pause()
        assert "max" in screen_text(app).split("\n")[0]
        await pilot.press("0")
        assert app.player.speed == 1.0


async def test_step_passes_over_events_of_the_machine_that_nothing_is_listed_for(open_dashboard: Opened) -> None:
    quiet = FakeSource()
    told = quiet._all
    quiet._all = [told[0], replace(told[0], time_ns=SECOND + MS, text=""), *told[1:]]
    listed = quiet.snapshot

    def without_the_quiet_one(request: MapRequest) -> Snapshot:
        seen = listed(request)
        return replace(seen, events=tuple(event for event in seen.events if event.text))

    quiet.snapshot = without_the_quiet_one
    async with open_dashboard(quiet) as (app, pilot):
        await pilot.press("greater_than_sign")
        assert app.player.source.now_ns == 1 * SECOND
        await pilot.press("greater_than_sign")
        assert app.player.source.now_ns == 2 * SECOND


@pytest.mark.parametrize("key", ["m", "0"])
async def test_max_and_real_time_go_on_when_paused(open_dashboard: Opened, key: str) -> None:
    async with open_dashboard() as (app, pilot):
        assert app.player.paused
        await pilot.press(key)
        assert not app.player.paused


async def test_restart_goes_back_to_zero_and_forgets_the_past(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        assert len(app.viewer.timeline) > 100
        await pilot.press("r")
        assert app.player.source.now_ns == 0
        assert len(app.viewer.timeline) == 1
        assert list(app.viewer.timeline.events()) == []
        await pilot.pause()
        assert "0.000 s" in screen_text(app)


@pytest.mark.parametrize("digit", range(1, 6))
async def test_digits_choose_a_panel_and_again_enlarge_it(open_dashboard: Opened, digit: int) -> None:
    name = PANELS[digit - 1].name
    async with open_dashboard() as (app, pilot):
        await pilot.press("shift+tab" if digit != 5 else "tab", str(digit))
        assert app.board.chosen == name
        assert app.board.arrangement.mode is Mode.GRID
        assert app.focused is app.board.panels[name]
        await pilot.press(str(digit))
        assert [shown for shown, _ in app.board.arrangement.panels] == [name]
        other = digit % 5 + 1
        await pilot.press(str(other))
        assert [shown for shown, _ in app.board.arrangement.panels] == [PANELS[other - 1].name]


async def test_digits_open_a_panel_where_all_are_shown_in_brief(open_dashboard: Opened) -> None:
    async with open_dashboard(size=(80, 24)) as (app, pilot):
        await pilot.press("3")
        assert [shown for shown, _ in app.board.arrangement.panels] == ["tlb"]
        await pilot.press("escape")
        assert len(app.board.arrangement.panels) == len(PANELS) - 1


@pytest.mark.parametrize("key", ["z", "enter"])
async def test_enlarge_and_back(open_dashboard: Opened, key: str) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("4", key)
        assert [shown for shown, _ in app.board.arrangement.panels] == ["memory"]
        await pilot.press(key)
        assert len(app.board.arrangement.panels) == len(PANELS) - 1
        await pilot.press(key, "escape")
        assert len(app.board.arrangement.panels) == len(PANELS) - 1
        assert app.board.chosen == "memory"


async def test_tab_moves_from_panel_to_panel(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("tab")
        assert app.board.chosen == "vmemmap"
        await pilot.press("shift+tab")
        assert app.board.chosen == "direct-map"


@pytest.mark.parametrize("close", ["escape", "q", "question_mark"])
async def test_help_lists_every_key_and_closes(open_dashboard: Opened, close: str) -> None:
    async with open_dashboard(size=(120, 100)) as (app, pilot):
        await pilot.press("question_mark")
        assert isinstance(app.screen, WordsScreen)
        await pilot.pause()
        text = screen_text(app)
        assert all(action.help in text for action in ACTIONS)
        assert "What huge pages, modules and secrets do to a server." in text
        await pilot.press(close)
        assert app.screen is app.board


async def test_help_scrolls_where_it_has_no_room(open_dashboard: Opened) -> None:
    async with open_dashboard(size=(60, 12)) as (app, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Pause, or go on" in screen_text(app)
        assert "moments" not in screen_text(app)
        await pilot.press("end")
        await pilot.pause()
        assert "What huge pages, modules and secrets do to a server." in screen_text(app)
        assert "1 of 1 024 moments" in screen_text(app)


async def test_panel_help_explains_the_chosen_panel(open_dashboard: Opened) -> None:
    async with open_dashboard(size=(120, 60)) as (app, pilot):
        await pilot.press("4", "f1")
        await pilot.pause()
        text = screen_text(app)
        assert "Free memory" in text
        assert "MemAvailable  /proc/meminfo, kB" in text


async def test_the_palette_has_every_action(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        assert {command.title for command in app.get_system_commands(app.board)} == {action.help for action in ACTIONS}


async def test_the_palette_runs_what_was_chosen(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        next(command for command in app.get_system_commands(app.board) if "next event" in command.title).callback()
        assert app.player.source.now_ns == 1 * SECOND
        await pilot.pause()


async def test_frames_go_on_while_the_palette_is_open(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("ctrl+p")
        app.do("event-on")
        await pilot.pause()
        assert app.viewer.timeline.latest is not None
        assert app.viewer.timeline.latest.time_ns == 1 * SECOND


async def test_themes_are_listed_and_change_the_colours(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=3) as (app, pilot):
        before = app.export_screenshot()
        await pilot.press("t")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")
        app.theme = "memtui-light"
        await pilot.pause()
        after = app.export_screenshot()
        assert "#0e1116" in before
        assert "#fafaf7" in after
        assert "#0e1116" not in after


async def test_a_screenshot_writes_svg_and_text_named_after_the_moment(
    open_dashboard: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_dashboard(seconds=12.48) as (app, pilot):
        shown = screen_text(app)
        await pilot.press("s")
        await pilot.press("s")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "memtui-12.480s-2.svg",
        "memtui-12.480s-2.txt",
        "memtui-12.480s.svg",
        "memtui-12.480s.txt",
    ]
    assert (tmp_path / "memtui-12.480s.txt").read_text() == shown + "\n"
    assert (tmp_path / "memtui-12.480s.svg").read_text().startswith("<svg")


async def test_a_screenshot_that_cannot_be_written_is_said(
    open_dashboard: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with open_dashboard() as (app, pilot):
        await pilot.press("s")
        assert [notice.severity for notice in app._notifications] == ["error"]


async def test_ctrl_c_leaves_from_help_too(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("question_mark", "ctrl+c")
    assert app.return_code == 130


async def test_space_says_what_to_do_when_nothing_more_happens(open_dashboard: Opened) -> None:
    source = FakeSource()
    source.advance(60 * SECOND)
    async with open_dashboard(source) as (app, pilot):
        assert "FINISHED" in screen_text(app)
        await pilot.press("space")
        assert [notice.message for notice in app._notifications] == ["Nothing more happens; r restarts."]


async def test_clicks_on_footer_and_tabs_run_their_actions(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.click("#footer", offset=(18, 0))
        assert app.player.source.now_ns == 1 * SECOND
        await pilot.press("z")
        await pilot.pause()
        await pilot.click("#tabs", offset=(20, 0))
        assert app.board.enlarged == "vmemmap"


async def test_a_double_click_enlarges_a_panel(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.click("#panel-memory", offset=(5, 5))
        assert app.board.chosen == "memory"
        await pilot.click("#panel-memory", offset=(5, 5), times=2)
        assert app.board.enlarged == "memory"


async def test_actions_can_be_bound_to_other_keys_by_id(open_dashboard: Opened) -> None:
    actions = rebound([("event-on", ["k"]), ("restart", ["F7", "ctrl+r"])])
    async with open_dashboard(size=(200, 60), actions=actions) as (app, pilot):
        await pilot.press("greater_than_sign")
        assert app.player.source.now_ns == 0
        await pilot.press("k")
        assert app.player.source.now_ns == 1 * SECOND
        assert "< k event" in screen_text(app)
        assert "F7 restart" in screen_text(app)
        await pilot.press("ctrl+r")
        assert app.player.source.now_ns == 0
        app.player.source.advance(60 * SECOND)
        await pilot.press("space")
        assert [notice.message for notice in app._notifications] == ["Nothing more happens; F7 restarts."]
        await pilot.press("question_mark")
        await pilot.pause()
        assert "k          Go, or play, to the next event or timeline entry" in screen_text(app)
        assert "F7         Restart from the machine as booted" in screen_text(app)


async def test_a_click_on_the_sign_for_more_keys_lists_all_actions(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.click("#footer", offset=(screen_text(app).split("\n")[-1].index("…"), 0))
        assert isinstance(app.screen, CommandPalette)
