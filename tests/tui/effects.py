"""What each action of the registry visibly does: one check per action id, each given the dashboard before it acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from textual.command import CommandPalette
from textual.pilot import Pilot

from memtui.snapshot import Event
from memtui.tui.actions import ACTIONS
from memtui.tui.app import Dashboard
from memtui.view.catalogue import PANELS
from memtui.view.tokens import Token
from tests.fake_looks import SPLIT_EVENT
from tests.fake_source import FakeSource
from tests.tui.conftest import screen_text


class Taking(FakeSource):
    """A fake machine that takes actions: each becomes an event, as it was typed."""

    def inject(self, command: str) -> object:
        serial = len(self._all) + 1
        self._all.insert(self._played, Event(self.now_ns, "injected", command, "info", serial))
        self.step()
        return None

    def completions(self, text: str) -> list[str]:
        return []

    def usage(self, text: str) -> str:
        return ""

    def as_scenario(self) -> str:
        return "name: The tour\n"


@dataclass(slots=True)
class Hands:
    """Someone at a dashboard, about to do one thing."""

    app: Dashboard
    pilot: Pilot[int]
    keys: tuple[str, ...]

    async def act(self) -> None:
        """Does it."""
        await self.press(*self.keys)

    async def press(self, *keys: str) -> None:
        """Presses keys and waits until everything that follows from them was painted."""
        await self.pilot.press(*keys)
        await self.pilot.pause()
        await self.look()

    async def look(self) -> None:
        """Brings the screen up to date now, and not with the next frame."""
        self.app.frame()
        await self.pilot.pause()

    @property
    def text(self) -> str:
        """All that shows."""
        return screen_text(self.app)

    @property
    def header(self) -> str:
        """The first row."""
        return self.text.split("\n")[0]

    @property
    def cursors(self) -> list[tuple[int, int]]:
        """Column and row of each cursor in the direct map's panel."""
        return [
            (sum(len(span.text) for span in line[:place]), y)
            for y, line in enumerate(self.app.board.panels["direct-map"].rows)
            for place, span in enumerate(line)
            if span.token is Token.CURSOR
        ]

    @property
    def cursor(self) -> tuple[int, int]:
        """Where the one cursor stands."""
        (cursor,) = self.cursors
        return cursor

    @property
    def chosen(self) -> list[str]:
        """The titles that are drawn as the chosen panel's."""
        shown = [view.rows for view in self.app.board.panels.values() if view.display and view.rows]
        return [span.text.strip() for rows in shown for span in rows[0] if span.token is Token.TITLE_CHOSEN]


Check = Callable[[Hands], Awaitable[None]]


async def pause(hands: Hands) -> None:
    await hands.act()
    assert hands.header.endswith("LIVE")
    await hands.act()
    assert hands.header.endswith("PAUSED")


def plays_to(*times: str) -> Check:
    async def check(hands: Hands) -> None:
        for time in times:
            await hands.act()
            assert f"‖ {time} s" in hands.header
            assert hands.header.endswith("PAUSED")

    return check


def goes_back_to(*times: str) -> Check:
    async def check(hands: Hands) -> None:
        for time in times:
            await hands.act()
            assert f"‖ {time} s" in hands.header
            assert hands.header.endswith("PAST")

    return check


async def live(hands: Hands) -> None:
    await hands.press("home")
    assert hands.header.endswith("PAST")
    await hands.act()
    assert "‖ 12.480 s ×1    PAUSED" in hands.header


async def go_to(hands: Hands) -> None:
    await hands.act()
    assert "─ Go to ─" in hands.text
    await hands.press(*"2600ms", "enter")
    assert "‖ 2.600 s ×1    PAST" in hands.header


def plays_at(words: str, state: str, *before: str) -> Check:
    async def check(hands: Hands) -> None:
        await hands.press(*before)
        assert f" s {words} " not in hands.header
        await hands.act()
        assert f" s {words} " in hands.header
        assert hands.header.endswith(state)

    return check


async def fastest(hands: Hands) -> None:
    await hands.act()
    while not hands.app.player.finished:
        await hands.pilot.pause(0.01)
    await hands.look()
    assert "■ 30.000 s max   FINISHED" in hands.header


async def restart(hands: Hands) -> None:
    await hands.act()
    assert "‖ 0.000 s" in hands.header
    assert "memfd_secret   first split" not in hands.text


async def command(hands: Hands) -> None:
    await hands.act()
    assert "─ Action ─" in hands.text
    await hands.press(*"end x", "enter")
    assert "12.480s  injected       end x" in hands.text


async def save_session(hands: Hands) -> None:
    await hands.act()
    assert "Written: session-1.yaml" in hands.text
    assert Path("session-1.yaml").read_text(encoding="utf-8") == "name: The tour\n"


async def event_filter(hands: Hands) -> None:
    assert "fork_storm     child" in hands.text
    await hands.act()
    assert "─ List what has ─" in hands.text
    await hands.press(*"secret", "enter")
    assert "filter: secret" in hands.text
    assert "fork_storm     child" not in hands.text
    assert "memfd_secret   first split" in hands.text


async def baseline(hands: Hands) -> None:
    await hands.act()
    await hands.press("full_stop")
    assert "since 12.480s" in hands.header
    await hands.act()
    assert "since" not in hands.header


def goes_to_panel(digit: int) -> Check:
    title = f"{digit} {PANELS[digit - 1].title}"
    tab = f"[{digit} {PANELS[digit - 1].tab}]"

    async def check(hands: Hands) -> None:
        await hands.press("2" if digit != 2 else "3")
        await hands.act()
        if digit != len(PANELS):
            assert hands.chosen == [title]
            assert "2 vmemmap" in hands.text
            await hands.act()
        assert tab in hands.text.split("\n")[2]
        assert [name for name, view in hands.app.board.panels.items() if view.display] == [PANELS[digit - 1].name]

    return check


def tabs_to(*titles: str) -> Check:
    async def check(hands: Hands) -> None:
        for title in titles:
            await hands.act()
            assert hands.chosen == [title]
        await hands.press("1", "z")
        await hands.act()
        assert "[1 Direct map]" not in hands.text

    return check


async def enlarge(hands: Hands) -> None:
    await hands.act()
    assert "[1 Direct map]" in hands.text
    assert "4 Free memory  " in hands.text.split("\n")[2]
    assert "MemAvailable" not in hands.text
    await hands.act()
    assert "MemAvailable" in hands.text


async def back(hands: Hands) -> None:
    await hands.press("z")
    assert "MemAvailable" not in hands.text
    await hands.act()
    assert "MemAvailable" in hands.text


async def left(hands: Hands) -> None:
    await hands.press("right", "right", "right")
    x, y = hands.cursor
    await hands.act()
    assert hands.cursor == (x - 1, y)


async def right(hands: Hands) -> None:
    assert not hands.cursors
    await hands.act()
    x, y = hands.cursor
    await hands.act()
    assert hands.cursor == (x + 1, y)


async def up(hands: Hands) -> None:
    await hands.press("right", "down", "down")
    y = hands.cursor[1]
    await hands.act()
    assert hands.cursor[1] == y - 1


async def down(hands: Hands) -> None:
    await hands.press("right")
    y = hands.cursor[1]
    await hands.act()
    assert hands.cursor[1] == y + 1


async def page_down(hands: Hands) -> None:
    await hands.press("right")
    await hands.act()
    assert hands.cursor[1] == 10


async def page_up(hands: Hands) -> None:
    await hands.press("right", "pageup")
    first = hands.cursor
    await hands.press("pagedown")
    assert hands.cursor != first
    await hands.act()
    assert hands.cursor == first


async def zoom_in(hands: Hands) -> None:
    assert "1 cell = 399 MiB" in hands.text
    await hands.act()
    assert "1 cell = 399 MiB" not in hands.text
    assert "pfn 0x840000-0x87ffff" in hands.text


async def zoom_out(hands: Hands) -> None:
    await hands.press("right_square_bracket")
    assert "1 cell = 399 MiB" not in hands.text
    await hands.act()
    assert "1 cell = 399 MiB" in hands.text


async def next_one(hands: Hands) -> None:
    await hands.press("3")
    assert "● direct map" in hands.text
    await hands.act()
    assert "● fork_storm" in hands.text


async def follow(hands: Hands) -> None:
    await hands.press("right")
    await hands.act()
    assert hands.app.board.state.event == SPLIT_EVENT
    assert "PAST" in hands.text
    assert "8.0" in hands.text.split("\n")[0]


async def theme(hands: Hands) -> None:
    await hands.act()
    assert isinstance(hands.app.screen, CommandPalette)
    await hands.press(*"ui-light", "enter")
    if isinstance(hands.app.screen, CommandPalette):
        await hands.press("enter")
    assert hands.app.theme == "memtui-light"
    assert "#fafaf7" in hands.app.export_screenshot()


async def screenshot(hands: Hands) -> None:
    shown = hands.text
    await hands.act()
    assert "Written: memtui-12.480s.svg" in hands.text
    assert Path("memtui-12.480s.txt").read_text(encoding="utf-8") == f"{shown}\n"
    assert Path("memtui-12.480s.svg").read_text(encoding="utf-8").startswith("<svg")


async def palette(hands: Hands) -> None:
    await hands.act()
    assert isinstance(hands.app.screen, CommandPalette)
    assert "Search all actions" in hands.text


async def suspend(hands: Hands) -> None:
    """What it does at a shell is in `test_leaving.py`."""
    await hands.act()
    assert "This terminal has no shell to go back to." in hands.text


async def panel_help(hands: Hands) -> None:
    await hands.press("4")
    await hands.act()
    assert "─ Free memory ─" in hands.text
    assert "MemFree  /proc/meminfo, kB" in hands.text


async def all_help(hands: Hands) -> None:
    await hands.act()
    assert "─ Help ─" in hands.text
    assert "space      Pause, or go on" in hands.text


def leaves_with(code: int) -> Check:
    async def check(hands: Hands) -> None:
        await hands.pilot.press(*hands.keys)
        assert hands.app.return_code == code

    return check


EFFECTS: Final[Mapping[str, Check]] = {
    "pause": pause,
    "tick-on": plays_to("12.500", "12.550"),
    "tick-back": goes_back_to("12.428", "12.376"),
    "event-on": plays_to("12.500", "12.550"),
    "event-back": goes_back_to("12.428", "12.376"),
    "start": goes_back_to("0.000"),
    "live": live,
    "go-to": go_to,
    "faster": plays_at("×2", "PAUSED"),
    "slower": plays_at("×0.5", "PAUSED"),
    "fastest": fastest,
    "real-time": plays_at("×1", "LIVE", "plus"),
    "restart": restart,
    "command": command,
    "save-session": save_session,
    "filter": event_filter,
    "baseline": baseline,
    **{f"panel-{digit}": goes_to_panel(digit) for digit in range(1, len(PANELS) + 1)},
    "panel-on": tabs_to("2 vmemmap", "3 TLB reach"),
    "panel-back": tabs_to("5 Workloads and events", "4 Free memory"),
    "enlarge": enlarge,
    "left": left,
    "right": right,
    "up": up,
    "down": down,
    "page-up": page_up,
    "page-down": page_down,
    "zoom-in": zoom_in,
    "zoom-out": zoom_out,
    "next": next_one,
    "follow": follow,
    "back": back,
    "theme": theme,
    "screenshot": screenshot,
    "palette": palette,
    "suspend": suspend,
    "panel-help": panel_help,
    "help": all_help,
    "quit": leaves_with(0),
    "interrupt": leaves_with(130),
}
"""What each action does, by its id."""

KEYS: Final = [(action.id, key) for action in ACTIONS for key in action.keys]
"""Every key of every action."""
