"""Every action of the registry, by its keys, the palette and the mouse, with what it visibly does."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.system_commands import SystemCommandsProvider

from memtui.tui.actions import ACTIONS, footer_hints
from memtui.tui.app import Dashboard
from tests.tui.conftest import Opened, screen_text
from tests.tui.effects import EFFECTS, KEYS, Hands, Taking


def test_every_action_of_the_registry_has_a_case() -> None:
    assert list(EFFECTS) == [action.id for action in ACTIONS]


@pytest.mark.parametrize(("action_id", "key"), KEYS, ids=[f"{action_id}-{key}" for action_id, key in KEYS])
async def test_a_key_does_what_its_action_says(
    open_dashboard: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action_id: str, key: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_dashboard(Taking(), seconds=12.48) as (app, pilot):
        await EFFECTS[action_id](Hands(app, pilot, (key,)))


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the actions that are asked for, instead of what they do."""
    asked: list[str] = []
    monkeypatch.setattr(Dashboard, "do", lambda self, action_id: asked.append(action_id))
    return asked


async def test_the_palette_finds_every_action_by_its_words_and_runs_it(open_dashboard: Opened, done: list[str]) -> None:
    async with open_dashboard() as (app, _):
        finder = SystemCommandsProvider(app.screen)
        for action in ACTIONS:
            hits = [hit async for hit in finder.search(action.help)]
            best = max(hits, key=lambda hit: hit.score)
            assert best.help == f"key {action.shown}"
            best.command()
    assert done == [action.id for action in ACTIONS]


async def test_every_key_of_the_footer_and_every_tab_is_a_button(open_dashboard: Opened, done: list[str]) -> None:
    async with open_dashboard(size=(200, 60)) as (app, pilot):
        app.board.enlarge("direct-map")
        await pilot.pause()
        asked = []
        for line in ("tabs", "footer"):
            x = 0
            for span in app.board.lines[line].rows[0]:
                if span.action:
                    asked.append(span.action)
                    await pilot.click(f"#{line}", offset=(x + len(span.text) // 2, 0))
                x += len(span.text)
        assert done == asked
    assert {*asked} >= {action for hint in footer_hints() for _, action in hint.keys} | {
        f"panel-{digit}" for digit in range(1, 7)
    }


async def test_the_state_the_clock_and_the_arrows_are_buttons(open_dashboard: Opened, done: list[str]) -> None:
    async with open_dashboard(size=(60, 12), seconds=5) as (app, pilot):
        for line, sign in (("header", "‖"), ("header", "5.000"), ("header", "PAUSED"), ("tabs", "◂"), ("tabs", "▸")):
            text = "".join(span.text for span in app.board.lines[line].rows[0])
            await pilot.click(f"#{line}", offset=(text.index(sign), 0))
        app.viewer.to_start()
        app._look_again()
        await pilot.pause()
        await pilot.click("#header", offset=(screen_text(app).index("PAST"), 0))
    assert done == ["pause", "go-to", "pause", "panel-back", "panel-on", "live"]
