"""Frames in which nothing has happened: the clock is drawn, the panels are not, and nothing is missed by that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.scenario.loader import load_text
from memtui.snapshot import Snapshot
from memtui.sources.simulation import Simulation
from memtui.timeline import Timeline
from memtui.tui.app import Dashboard
from memtui.tui.screens.board import QUIET_FRAMES
from memtui.units import MS, SECOND
from memtui.view.dashboard import Desk, draw_panel, map_request
from memtui.view.glyphs import UNICODE
from memtui.view.layout import lay_out
from memtui.view.scene import PlayState, Scene, Status
from memtui.view.state import START

QUIET = """
memtui: 1
name: Quiet
machine: {like: vm-8g}
timeline:
  - {at: 1s, nr_hugepages: 64}
  - {at: 20s, nr_hugepages: 0}
  - {at: 20s, label: holder, anon: {size: 64MiB}}
until: {UNTIL}
"""
LAYOUT = lay_out(120, 40, None, "direct-map")
LIVE = Status(PlayState.LIVE, 1.0)


class Watched:
    """A machine that is looked at as a dashboard looks at it."""

    def __init__(self, until: str = "60s") -> None:
        self.simulation = Simulation(load_text(QUIET.replace("{UNTIL}", until)))
        self.timeline = Timeline()

    def scene(self, time_ns: int) -> Scene:
        """The machine at a moment not before the last."""
        self.simulation.advance(time_ns)
        info = self.simulation.info
        now = self.simulation.snapshot(map_request(info, START, LAYOUT))
        self.timeline.append(now)
        return Scene(info, now, self.timeline, self.timeline.events(), first=self.timeline.first)

    def desk(self, time_ns: int, status: Status = LIVE) -> Desk:
        return Desk(self.scene(time_ns), status, LAYOUT, (), "direct-map", UNICODE)


def test_a_moment_differs_in_time_only_until_something_happens() -> None:
    watched = Watched()
    before = watched.desk(5 * SECOND)
    later = watched.desk(6 * SECOND)
    assert later.differs_in_time_only(before)
    assert not watched.desk(20 * SECOND).differs_in_time_only(later)


@pytest.mark.parametrize("state", [PlayState.PAUSED, PlayState.PAST, PlayState.FINISHED, PlayState.STOPPED])
def test_only_a_running_machine_is_drawn_in_part(state: PlayState) -> None:
    watched, status = Watched(), Status(state, 1.0)
    before = watched.desk(5 * SECOND, status)
    assert not watched.desk(6 * SECOND, status).differs_in_time_only(before)


def test_where_someone_looks_and_what_is_chosen_are_more_than_time() -> None:
    watched = Watched()
    before, later = watched.desk(5 * SECOND), watched.desk(6 * SECOND)
    assert not replace(later, chosen="tlb").differs_in_time_only(before)
    looking = replace(later.scene, state=replace(START, filter="oom"))
    assert not replace(later, scene=looking).differs_in_time_only(before)
    assert not replace(later, layout=lay_out(80, 24, None, "direct-map")).differs_in_time_only(before)


def test_a_machine_that_runs_on_past_its_plan_is_quiet_too() -> None:
    watched = Watched()
    before, later = watched.desk(40 * SECOND), watched.desk(41 * SECOND)
    moved = replace(later, scene=replace(later.scene, info=replace(later.scene.info, end_ns=later.scene.now.time_ns)))
    assert moved.differs_in_time_only(before)


@pytest.mark.parametrize("name", [name for name, _ in LAYOUT.panels])
def test_a_panel_that_is_not_drawn_would_look_the_same_but_for_its_past(name: str) -> None:
    watched = Watched()
    for second in range(40):
        watched.scene(second * SECOND)
    before = watched.desk(40 * SECOND)
    shown = draw_panel(before, name)
    later = watched.desk(40 * SECOND + 20 * MS)
    assert later.differs_in_time_only(before)
    assert draw_panel(later, name) == shown


async def test_quiet_frames_draw_the_clock_and_now_and_then_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, drawn = Watched(), []
    app = Dashboard(watched.simulation, theme="memtui", paused=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for view in (*app.board.lines.values(), *app.board.panels.values()):
            monkeypatch.setattr(view, "draw", lambda desk, name=view.id: drawn.append(name))
        app.board.paint(watched.scene(5 * SECOND), LIVE)
        everything, clocks = set(drawn), {"header", "timeline"}
        for frame in range(1, QUIET_FRAMES + 1):
            drawn.clear()
            app.board.paint(watched.scene(5 * SECOND + frame * MS), LIVE)
            assert set(drawn) == clocks
        drawn.clear()
        app.board.paint(watched.scene(6 * SECOND), LIVE)
        assert set(drawn) == everything > clocks


def test_between_two_events_the_machine_is_looked_at_once() -> None:
    watched = Watched()
    seen: list[Snapshot] = [watched.scene(5 * SECOND + moment * MS).now for moment in range(3)]
    assert seen[0].counters is seen[1].counters is seen[2].counters
    assert [snapshot.time_ns - seen[0].time_ns for snapshot in seen] == [0, MS, 2 * MS]
    watched.simulation.inject("nr_hugepages 32")
    after = watched.scene(6 * SECOND).now
    assert after.counters["HugePages_Total"] == 32
    assert after.counters is not seen[2].counters
