"""Moving through time: back, forward, by moment and by event, to a time, and on from the live edge."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from memtui.snapshot import MapRequest, Snapshot
from memtui.tui.looking_back import LookingBack
from memtui.tui.questions import moment_of
from memtui.units import MS, SECOND
from tests.fake_source import FakeSource, snapshot_at
from tests.tui.conftest import Opened, screen_text


class FakePast:
    """Goes back in a given number of slices."""

    def __init__(self, slices: int = 1, fails: bool = False) -> None:
        self.slices = slices
        self.sought = 0
        self.fails = fails

    def seek(self, moment: Snapshot, out_of_time: Callable[[], bool] | None = None) -> bool:
        if self.fails:
            raise RuntimeError("it cannot be made again")
        self.sought += 1
        return self.sought % self.slices == 0

    def snapshot(self, moment: Snapshot, request: MapRequest) -> Snapshot:
        return snapshot_at(moment.time_ns, request)

    def progress_ppm(self, moment: Snapshot) -> int:
        return self.sought * 1_000_000 // self.slices


async def test_comma_goes_back_and_full_stop_on_to_the_live_edge(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        for _ in range(3):
            await pilot.press("full_stop")
        assert app.player.source.now_ns == 3 * SECOND
        await pilot.press("comma", "comma")
        assert "1.000 s" in screen_text(app)
        assert "PAST" in screen_text(app)
        assert app.player.source.now_ns == 3 * SECOND
        await pilot.press("full_stop")
        assert "2.000 s" in screen_text(app)
        await pilot.press("full_stop", "full_stop")
        assert "PAUSED" in screen_text(app)
        assert "3.000 s" in screen_text(app)


async def test_back_at_the_first_moment_says_so(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        await pilot.press("comma")
        await pilot.pause()
        assert "This is the first moment that is kept." in screen_text(app)


async def test_events_are_gone_to_and_back_to(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=8.5) as (app, pilot):
        await pilot.press("less_than_sign")
        assert "8.00" in screen_text(app).split("\n")[0]
        await pilot.press("less_than_sign")
        assert "3.0" in screen_text(app).split("\n")[0]
        await pilot.press("greater_than_sign")
        assert "8.0" in screen_text(app).split("\n")[0]
        await pilot.press("end", "greater_than_sign")
        assert app.player.source.now_ns == 9 * SECOND + 50 * MS
        assert "PAUSED" in screen_text(app)


async def test_the_past_is_drawn_as_it_was_drawn_then(open_dashboard: Opened) -> None:
    async with open_dashboard() as (app, pilot):
        drawn = []
        for _ in range(4):
            await pilot.press("full_stop")
            drawn.append([app.board.panels[name].rows for name in ("tlb", "memory")])
        for then in reversed(drawn[:-1]):
            await pilot.press("comma")
            now = [app.board.panels[name].rows for name in ("tlb", "memory")]
            assert now[0] == then[0]
            assert now[1][:8] == then[1][:8]


async def test_home_and_end(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=5) as (app, pilot):
        await pilot.press("home")
        assert "0.000 s" in screen_text(app)
        await pilot.press("end")
        assert "5.000 s" in screen_text(app)
        assert app.viewer.timeline.live


async def test_space_in_the_past_plays_on_from_the_live_edge(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=5) as (app, pilot):
        await pilot.press("home", "space")
        assert app.viewer.timeline.live
        assert not app.player.paused
        assert app.player.source.now_ns >= 5 * SECOND


async def test_a_time_of_the_past_is_gone_to(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=5) as (app, pilot):
        await pilot.press("g", *"2s", "enter")
        await pilot.pause()
        assert "2.0" in screen_text(app).split("\n")[0]
        assert "PAST" in screen_text(app)


async def test_a_time_to_come_is_played_to(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=5) as (app, pilot):
        await pilot.press("g", *"14s", "enter")
        assert app.player.until_ns == 14 * SECOND
        assert not app.player.paused


@pytest.mark.parametrize(
    ("text", "moment_ns"),
    [
        ("3", 3 * SECOND),
        (" 2.5 ", 2500 * MS),
        ("1m30s", 90 * SECOND),
        ("+2s", 12 * SECOND),
        ("+ 0.5", 10_500 * MS),
        ("-500ms", 9_500 * MS),
        ("-1h", 0),
        ("0", 0),
    ],
)
def test_moments_as_people_write_them(text: str, moment_ns: int) -> None:
    assert moment_of(text, 10 * SECOND) == moment_ns


@pytest.mark.parametrize("text", ["", "soon", "+", "--1", "3 apples", "1e3", "-"])
def test_what_names_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; expected a time such as"):
        moment_of(text, 0)


async def test_what_is_no_time_stays_with_what_was_expected(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=5) as (app, pilot):
        await pilot.press("g", *"soon", "enter")
        await pilot.pause()
        assert "expected" in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.viewer.timeline.live


async def test_a_click_on_the_time_bar_goes_there(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=20) as (app, pilot):
        await pilot.click("#timeline", offset=(30, 0))
        assert not app.viewer.timeline.live
        shown = app.viewer.timeline.current
        assert shown is not None
        assert 5 * SECOND < shown.time_ns < 9 * SECOND


async def test_the_header_says_how_far_back_it_is(open_dashboard: Opened) -> None:
    past = FakePast(slices=10**9)
    async with open_dashboard(seconds=5, past=past) as (app, pilot):
        await pilot.press("comma")
        await pilot.pause()
        assert "BACK" in screen_text(app)
        await pilot.press("end")
        await pilot.pause()
        assert "PAUSED" in screen_text(app)
        assert not app.viewer.looking_back.busy


async def test_a_moment_is_made_again_when_it_is_looked_at_in_another_way(open_dashboard: Opened) -> None:
    past = FakePast(slices=3)
    async with open_dashboard(seconds=5, past=past) as (app, pilot):
        await pilot.press("comma")
        while app.viewer.looking_back.busy:
            await pilot.pause(0.01)
        await pilot.pause()
        assert past.sought == 3
        scene = app.viewer.scene(app.board.state, app.board.request(app.viewer.source.info))
        assert scene is not None
        assert scene.now.direct_map_cells is not None
        assert "PAST" in screen_text(app)


async def test_what_cannot_be_made_again_is_told_in_the_end(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=5, past=FakePast(fails=True)) as (app, pilot):
        await pilot.press("comma")
        while app.viewer.looking_back.busy:
            await pilot.pause(0.01)
        assert app.last_words() == [
            "a moment of the past could not be looked at again: RuntimeError: it cannot be made again"
        ]


def test_what_cannot_be_made_again_shows_as_it_was() -> None:
    back = LookingBack(FakePast(fails=True), wall_ns=lambda: 0)
    moment = snapshot_at(SECOND, MapRequest())
    assert back.seen(moment, MapRequest(direct_map_cells=9)) is None
    assert back.work()
    assert back.fault == "RuntimeError: it cannot be made again"
    assert back.seen(moment, MapRequest(direct_map_cells=9)) is None
    assert not back.busy


def test_a_moment_looked_at_as_it_was_needs_nothing() -> None:
    past = FakePast()
    back = LookingBack(past, wall_ns=lambda: 0)
    moment = snapshot_at(SECOND, MapRequest())
    assert back.seen(moment, MapRequest()) is moment
    assert not back.work()
    assert past.sought == 0


async def test_a_paused_past_costs_no_frames(open_dashboard: Opened) -> None:
    source = FakeSource()
    async with open_dashboard(source, seconds=5) as (app, pilot):
        await pilot.press("comma")
        await pilot.pause()
        before = source.snapshots
        for _ in range(5):
            app.frame()
        assert source.snapshots == before
        assert source.now_ns == 5 * SECOND
        assert 5 * SECOND - source.now_ns < MS
