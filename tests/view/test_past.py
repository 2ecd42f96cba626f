"""The screen in the past: every strip marks the moment that shows, at any size, small and enlarged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.timeline import Timeline
from memtui.units import SECOND
from memtui.view.catalogue import PANELS
from memtui.view.cells import row_width
from memtui.view.dashboard import Desk
from memtui.view.glyphs import ASCII, UNICODE, Glyphs
from memtui.view.scene import PlayState, Status
from memtui.view.tokens import Token
from tests.view.pictures import desk_at, picture, rows_of

SIZES = [(120, 40), (200, 60), (80, 24), (40, 12)]
ENLARGED = [None, *(panel.name for panel in PANELS)]


def in_the_past(width: int, height: int, only: str | None = None, glyphs: Glyphs = UNICODE) -> Desk:
    """The fake machine at 20 s, looked at as it was at 9 s."""
    desk = desk_at(
        "20", width, height, only=only, glyphs=glyphs, status=Status(PlayState.PAST, 1.0, edge_ns=20 * SECOND)
    )
    timeline = desk.scene.history
    assert isinstance(timeline, Timeline)
    timeline.go_to(9 * SECOND)
    now = timeline.current
    assert now is not None
    return replace(desk, scene=replace(desk.scene, now=now, events=timeline.events()))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize("only", ENLARGED)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_screen_is_filled_exactly(width: int, height: int, only: str | None, glyphs: Glyphs) -> None:
    desk = in_the_past(width, height, only, glyphs)
    assert [row_width(line) for line in rows_of(desk)] == [width] * height
    assert glyphs is UNICODE or "".join(picture(desk)).isascii()


@pytest.mark.parametrize(
    ("only", "width", "height"),
    [(only, *size) for only in ("direct-map", "vmemmap", "memory") for size in SIZES[:2]] + [("tlb", 200, 60)],
)
def test_what_came_after_is_fainter_in_every_strip(only: str, width: int, height: int) -> None:
    after = [span for line in rows_of(in_the_past(width, height, only)) for span in line if span.token is Token.AFTER]
    live = [span for line in rows_of(desk_at("20", width, height, only=only)) for span in line]
    assert after
    assert not [span for span in live if span.token is Token.AFTER]


def test_strips_of_panels_side_by_side_have_the_mark_in_the_same_column() -> None:
    lines = [line for line in rows_of(in_the_past(120, 40)) if any(span.token is Token.AFTER for span in line)]
    starts = set()
    for line in lines:
        place = 0
        for span in line:
            if span.token is Token.AFTER:
                starts.add(place % 60)
            place += row_width((span,))
    assert len(starts) == 1
