"""The dashboard as text in every state of time, without Textual: the same viewer, layout and drawing as on a screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from memtui.engine.playable import Playable
from memtui.engine.player import Player
from memtui.timeline import Timeline
from memtui.tui.actions import footer_hints
from memtui.tui.themes import DARK, token_styles
from memtui.tui.viewer import Viewer
from memtui.units import SECOND
from memtui.view.catalogue import panel
from memtui.view.cells import cell_width, plain
from memtui.view.dashboard import Desk, draw_all, inner_size, map_request
from memtui.view.glyphs import UNICODE, Glyphs
from memtui.view.layout import Layout, lay_out
from memtui.view.scene import PlayState
from memtui.view.state import START, Move, ViewState
from tests.fake_source import FakeSource

LOOKS = 60
"""Snapshots on the way, for the histories."""

AT_NS = 12_480 * SECOND // 1000
"""The moment that shows, unless it is one of the past or the end."""

PAST_NS = 9 * SECOND
"""The moment of the past that is gone back to."""


def fake_source(state: PlayState) -> FakeSource:
    """The fake machine, which breaks where it is to be stopped."""
    return FakeSource(fails_at_ns=14 * SECOND if state is PlayState.STOPPED else None)


def desk_in(
    state: PlayState,
    size: tuple[int, int],
    *,
    only: str | None = None,
    glyphs: Glyphs = UNICODE,
    source: Playable | None = None,
    at_ns: int = AT_NS,
    moves: Sequence[Move] = (),
) -> Desk:
    """Everything the dashboard is drawn from, with `only` enlarged, after some keys for moving in that panel."""
    shown = source if source is not None else fake_source(state)
    layout = lay_out(*size, only, only or "direct-map")
    viewer = Viewer(shown, Player(shown, 10.0, paused=True), Timeline())
    request = map_request(shown.info, START, layout)
    for look in range(LOOKS + 1):
        shown.advance(at_ns * look // LOOKS)
        viewer.look(request)
    _bring_into(viewer, state, layout)
    view_state = _moved(viewer, layout, only, moves)
    scene = viewer.scene(view_state, map_request(shown.info, view_state, layout))
    assert scene is not None
    status = viewer.status(scene)
    assert status.state is state
    return Desk(scene, status, layout, footer_hints(), only or "direct-map", glyphs)


def _bring_into(viewer: Viewer, state: PlayState, layout: Layout) -> None:
    request = map_request(viewer.source.info, START, layout)
    if state is PlayState.PAST:
        viewer.go_to(PAST_NS)
    elif state is PlayState.LIVE:
        viewer.player.resume()
    else:
        while state is PlayState.STOPPED and not viewer.error:
            viewer.player.step()
            viewer.look(request)
        while state is PlayState.FINISHED and not viewer.player.finished:
            viewer.player.step()
            viewer.look(request)


def _moved(viewer: Viewer, layout: Layout, only: str | None, moves: Sequence[Move]) -> ViewState:
    state = START
    for move in moves:
        assert only is not None
        mover, place = panel(only).move, layout.place_of(only)
        scene = viewer.scene(state)
        assert mover is not None
        assert place is not None
        assert scene is not None
        state = mover(scene, move, *inner_size(place, layout.has_frame(only)))
        viewer.look(map_request(viewer.source.info, state, layout))
    return state


def picture(desk: Desk) -> str:
    """What the screen shows, one line per row."""
    return plain(draw_all(desk))


def weights(desk: Desk) -> str:
    """How heavy each cell is drawn where there is no colour: `#` reversed, `b` bold, `.` plain, `-` faint."""
    styles = token_styles(DARK, {}, colour=False)
    return "\n".join(
        "".join(_weight(styles[span.token]) * cell_width(span.text) for span in line if span.text).rstrip()
        for line in draw_all(desk)
    )


def _weight(style: Style) -> str:
    assert style.color is None
    assert style.bgcolor is None
    return "#" if style.reverse else "b" if style.bold else "-" if style.dim else "."
