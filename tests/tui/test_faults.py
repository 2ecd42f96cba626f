"""Things that break: a panel, the machine, a look at the machine. The dashboard says so and stays."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from memtui.snapshot import MapRequest, Snapshot
from memtui.tui.app import EXIT_STOPPED, Dashboard
from memtui.tui.faults import MOST_KEPT, Faults
from memtui.tui.themes import checked_theme, default_theme
from memtui.units import SECOND
from memtui.view.catalogue import PANELS
from memtui.view.dashboard import LINES
from tests.fake_source import FakeSource
from tests.tui.conftest import Opened, screen_text


def broken(*arguments: object) -> None:
    raise ZeroDivisionError("division by zero")


async def test_a_panel_that_cannot_be_drawn_says_so_in_its_place_and_the_others_go_on(
    open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    panels = tuple(replace(panel, draw=broken) if panel.name == "tlb" else panel for panel in PANELS)
    monkeypatch.setattr("memtui.view.catalogue.PANELS", panels)
    async with open_dashboard() as (app, pilot):
        await pilot.press("greater_than_sign")
        text = screen_text(app)
        assert "│ this could not be drawn: ZeroDivisionError: division by  │" in text
        assert "│ zero " in text
        assert "3 TLB reach" in text
        assert "vm.hugetlb_optimize_vmemmap 0 → 1" in text
        await pilot.press("q")
    assert app.return_code == 0
    (words,) = app.last_words()
    assert re.fullmatch(
        r"at 0\.000 s panel tlb could not be drawn: ZeroDivisionError: division by zero "
        r"\(test_faults\.py:\d+ in broken\), \d+ times",
        words,
    )


async def test_a_panel_that_broke_and_draws_again_is_told_of_in_the_end(
    open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_dashboard() as (app, pilot):
        with monkeypatch.context() as patch:
            patch.setattr(app.board.lines["footer"], "_draw", broken)
            await pilot.press("full_stop")
            assert "this could not be drawn" in screen_text(app)
        await pilot.press("full_stop")
        assert "this could not be drawn" not in screen_text(app)
        await pilot.press("q")
    assert [words.split("(")[0] for words in app.last_words()] == [
        "at 1.000 s footer could not be drawn: ZeroDivisionError: division by zero "
    ]


async def test_a_panel_that_cannot_say_what_it_shows_takes_no_map_from_the_others(
    open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    panels = tuple(replace(panel, request=broken) if panel.name == "vmemmap" else panel for panel in PANELS)
    monkeypatch.setattr("memtui.view.catalogue.PANELS", panels)
    async with open_dashboard(seconds=3) as (app, pilot):
        assert "1 cell = 399 MiB" in screen_text(app)
        assert "memmap of" not in screen_text(app)
        await pilot.press("q")
    assert app.return_code == 0
    assert "panel vmemmap could not say what it shows: ZeroDivisionError: division by zero (" in app.last_words()[0]


def test_faults_without_end_are_not_kept_without_end() -> None:
    faults = Faults()
    for number in range(2 * MOST_KEPT):
        faults.note("all", ValueError(f"this\nis {number}"), number)
    assert len(faults.lines()) == MOST_KEPT
    assert faults.lines()[0] == "at 0.000 s all: ValueError: this is 0 (nowhere)"


async def test_a_header_that_cannot_be_drawn_says_so(open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LINES, "header", broken)
    async with open_dashboard() as (app, _):
        assert screen_text(app).startswith("this could not be drawn: ZeroDivisionError")
        assert "1 Direct map" in screen_text(app)


async def test_a_machine_that_breaks_stops_and_is_quoted(open_dashboard: Opened) -> None:
    async with open_dashboard(FakeSource(fails_at_ns=2 * SECOND)) as (app, pilot):
        await pilot.press("greater_than_sign", "greater_than_sign")
        await pilot.pause()
        text = screen_text(app)
        assert "STOPPED" in text
        assert "stopped: RuntimeError: out of memory and nothing left to kill" in text
        await pilot.press("space")
        assert app.player.paused
        await pilot.press("q")
    assert app.return_code == EXIT_STOPPED
    assert "nothing left to kill" in app.last_words()[0]


async def test_a_machine_that_broke_can_be_restarted(open_dashboard: Opened) -> None:
    async with open_dashboard(FakeSource(fails_at_ns=2 * SECOND)) as (app, pilot):
        await pilot.press("greater_than_sign", "greater_than_sign", "r")
        await pilot.pause()
        assert "PAUSED" in screen_text(app)
        await pilot.press("q")
    assert app.return_code == 0


class Unlookable(FakeSource):
    """Breaks when it is looked at, from a moment on."""

    def snapshot(self, request: MapRequest) -> Snapshot:
        if self.now_ns >= 2 * SECOND:
            raise LookupError("no such frame")
        return super().snapshot(request)


async def test_a_machine_that_breaks_when_looked_at_keeps_its_last_picture(open_dashboard: Opened) -> None:
    async with open_dashboard(Unlookable()) as (app, pilot):
        await pilot.press("greater_than_sign", "greater_than_sign")
        await pilot.pause()
        text = screen_text(app)
        assert "stopped: LookupError: no such frame" in text
        assert "1.000 s" in text
        await pilot.press("q")
    assert app.return_code == EXIT_STOPPED


class Unborn(FakeSource):
    """Breaks at the first look."""

    def snapshot(self, request: MapRequest) -> Snapshot:
        raise LookupError("no such machine")


async def test_a_machine_that_cannot_be_looked_at_at_all_ends_the_dashboard() -> None:
    app = Dashboard(Unborn(), theme="memtui", paused=True)
    async with app.run_test() as pilot:
        app.frame()
        await pilot.pause()
    assert app.return_code == EXIT_STOPPED
    assert app.last_words() == ["the simulation stopped: LookupError: no such machine"]


async def test_an_action_that_breaks_is_a_notice_and_not_the_end(
    open_dashboard: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dashboard, "choose_theme", broken)
    async with open_dashboard() as (app, pilot):
        await pilot.press("t")
        assert [notice.message for notice in app._notifications] == ["theme: ZeroDivisionError: division by zero"]
    assert app.last_words()[0].startswith("at 0.000 s theme could not be done: ZeroDivisionError: division by zero (")


async def test_words_of_the_scenario_cannot_command_the_terminal(open_dashboard: Opened) -> None:
    async with open_dashboard(FakeSource(name="evil\x1b[2J\x07[bold]name[/bold]")) as (app, _):
        text = screen_text(app)
        assert "\x1b" not in text
        assert "evil?[2J?[bold]name[/bold]" in text


def test_a_theme_there_is_none_of() -> None:
    with pytest.raises(ValueError, match=r"no theme 'neon'; expected one of memtui, memtui-light, "):
        checked_theme("neon")
    with pytest.raises(ValueError, match=r"no theme 'neon'"):
        Dashboard(FakeSource(), theme="neon")


def test_a_speed_that_cannot_be_played_at() -> None:
    with pytest.raises(ValueError, match=r"0\.1 to 1000, or max"):
        Dashboard(FakeSource(), theme="memtui", speed=0)


@pytest.mark.parametrize(
    ("environment", "theme"),
    [
        ({}, "memtui"),
        ({"TEXTUAL_THEME": "nord"}, "nord"),
        ({"COLORFGBG": "15;0"}, "memtui"),
        ({"COLORFGBG": "0;15"}, "memtui-light"),
        ({"COLORFGBG": "0;default;7"}, "memtui-light"),
    ],
)
def test_the_default_theme_suits_the_terminal(environment: dict[str, str], theme: str) -> None:
    assert default_theme(environment) == theme
