"""Pictures of the dashboard at a simulated moment, without a terminal: as SVG or as text."""

from __future__ import annotations

import asyncio
from typing import Final

from memtui.engine.playable import Playable
from memtui.snapshot import MapRequest
from memtui.timeline import Timeline
from memtui.tui.actions import footer_hints
from memtui.tui.shots import as_text
from memtui.tui.svg import tidy_svg
from memtui.view.catalogue import PANELS, panel
from memtui.view.dashboard import Desk, map_request
from memtui.view.glyphs import UNICODE, Glyphs
from memtui.view.layout import lay_out, lay_out_alone
from memtui.view.scene import PlayState, Scene, Status
from memtui.view.state import START

SAMPLES: Final = 240
"""Moments of the past a picture's histories are drawn from, evenly spread from the start."""

LARGEST: Final = (1000, 500)
"""Columns and rows beyond which no terminal and no picture goes."""


def render_text(
    source: Playable, at_ns: int, width: int, height: int, *, panel_name: str | None = None, glyphs: Glyphs = UNICODE
) -> str:
    """The dashboard, or one panel alone, at `at_ns` as text. Textual is not needed for it.

    Raises ValueError with one line for a size that is none and a panel there is none of.
    """
    return as_text(desk_at(source, at_ns, width, height, panel_name=panel_name, glyphs=glyphs))


def desk_at(
    source: Playable, at_ns: int, width: int, height: int, *, panel_name: str | None = None, glyphs: Glyphs = UNICODE
) -> Desk:
    """All that such a picture is drawn from; raises the same."""
    _check(width, height, panel_name)
    timeline = played_to(source, at_ns)
    if panel_name is None:
        layout = lay_out(width, height, None, PANELS[0].name)
    else:
        layout = lay_out_alone(width, height, panel_name)
    timeline.append(source.snapshot(map_request(source.info, START, layout)))
    now = timeline.current
    assert now is not None
    scene = Scene(source.info, now, timeline, timeline.events(), first=timeline.first)
    status = Status(scene_state(scene, source.finished), 1.0, scene.stopped)
    return Desk(scene, status, layout, footer_hints(), PANELS[0].name, glyphs)


def render_svg(
    source: Playable,
    at_ns: int,
    width: int,
    height: int,
    *,
    panel_name: str | None = None,
    glyphs: Glyphs = UNICODE,
    theme: str | None = None,
) -> str:
    """The dashboard, or one panel alone, at `at_ns` as an SVG; the same bytes for the same run.

    Raises ValueError with one line for a size, panel or theme that is none.
    """
    from memtui.tui.app import Dashboard
    from memtui.tui.themes import DARK

    _check(width, height, panel_name)
    timeline = played_to(source, at_ns)
    app = Dashboard(source, theme=theme or DARK.name, glyphs=glyphs, paused=True, timeline=timeline, alone=panel_name)

    async def picture() -> str:
        async with app.run_test(size=(width, height)) as pilot:
            await pilot.pause()
            app.frame()
            await pilot.pause()
            return app.export_screenshot(title=f"memtui - {source.info.scenario}", simplify=True)

    return tidy_svg(asyncio.run(picture()))


def scene_state(scene: Scene, finished: bool) -> PlayState:
    """What the header of a still picture says."""
    if scene.stopped:
        return PlayState.STOPPED
    return PlayState.FINISHED if finished else PlayState.PAUSED


def played_to(source: Playable, at_ns: int) -> Timeline:
    """Plays the source to `at_ns`, with Snapshots on the way for the histories."""
    timeline = Timeline()
    start_ns = source.now_ns
    for sample in range(SAMPLES + 1):
        source.advance(start_ns + max(0, at_ns - start_ns) * sample // SAMPLES)
        timeline.append(source.snapshot(MapRequest()))
        if source.finished:
            break
    return timeline


def _check(width: int, height: int, panel_name: str | None) -> None:
    if not (1 <= width <= LARGEST[0] and 1 <= height <= LARGEST[1]):
        raise ValueError(f"{width}x{height} is no size; expected columns x rows, 1x1 to {LARGEST[0]}x{LARGEST[1]}")
    if panel_name is not None:
        panel(panel_name)
