"""A dashboard on the fake source, stepped and never running free, and SVGs kept as snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.pilot import Pilot

from memtui.tui.app import Dashboard
from memtui.tui.snapshot import played_to
from memtui.units import SECOND
from tests.fake_source import FakeSource

Opened = Callable[..., AbstractAsyncContextManager[tuple[Dashboard, Pilot[int]]]]


class SvgExtension(SingleFileSnapshotExtension):
    """Keeps each snapshot as a file that a browser shows."""

    file_extension = "svg"
    _write_mode = WriteMode.TEXT


@pytest.fixture
def svg(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(SvgExtension)


@asynccontextmanager
async def opened(
    source: FakeSource | None = None, *, size: tuple[int, int] = (120, 40), seconds: float = 0, **options: object
) -> AsyncIterator[tuple[Dashboard, Pilot[int]]]:
    """A paused dashboard at a moment of the fake machine, once it has painted."""
    playing = source if source is not None else FakeSource()
    timeline = played_to(playing, int(seconds * SECOND)) if seconds else None
    app = Dashboard(playing, theme=options.pop("theme", "memtui"), paused=True, timeline=timeline, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        app.frame()
        await pilot.pause()
        yield app, pilot


@pytest.fixture
def open_dashboard() -> Opened:
    return opened


def screen_text(app: Dashboard) -> str:
    """What the terminal shows, one line per row."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)
