"""The dashboard of the fake source as text, at any size and moment."""

from __future__ import annotations

from fractions import Fraction

from memtui.timeline import Timeline
from memtui.tui.actions import footer_hints
from memtui.units import SECOND
from memtui.view.cells import Rows, plain
from memtui.view.dashboard import Desk, draw_all, map_request
from memtui.view.glyphs import UNICODE, Glyphs
from memtui.view.layout import Layout, lay_out
from memtui.view.scene import PlayState, Scene, Status
from memtui.view.state import START
from tests.fake_source import FakeSource

MOMENTS = 60
"""Snapshots on the way, for the histories."""


def scene_at(seconds: str, layout: Layout, source: FakeSource | None = None) -> Scene:
    """The fake machine at a moment, with its past and the maps that the layout needs."""
    playing = source if source is not None else FakeSource()
    at_ns = int(Fraction(seconds) * SECOND)
    timeline = Timeline()
    request = map_request(playing.info, START, layout)
    for moment in range(MOMENTS + 1):
        playing.advance(at_ns * moment // MOMENTS)
        timeline.append(playing.snapshot(request))
    now = timeline.current
    assert now is not None
    return Scene(playing.info, now, timeline, timeline.events(), first=timeline.first)


def desk_at(
    seconds: str,
    width: int,
    height: int,
    *,
    only: str | None = None,
    chosen: str = "direct-map",
    glyphs: Glyphs = UNICODE,
    status: Status | None = None,
    source: FakeSource | None = None,
) -> Desk:
    """Everything the dashboard is drawn from, at a moment and a size."""
    layout = lay_out(width, height, only, chosen)
    scene = scene_at(seconds, layout, source)
    shown = status if status is not None else Status(PlayState.LIVE, 10.0)
    return Desk(scene, shown, layout, footer_hints(), chosen, glyphs)


def rows_of(desk: Desk) -> Rows:
    return draw_all(desk)


def picture(desk: Desk) -> list[str]:
    """The rows as lines of text."""
    return plain(draw_all(desk)).split("\n")
