"""Text pictures that are kept: every panel small and enlarged, at four sizes, in each glyph set and state of time.

`pytest --snapshot-update tests/tui` draws all of them anew, and the SVGs. What is drawn here is the
fake machine, so that the pictures change only with the drawing; `test_real_pictures.py` has real ones.
"""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from memtui.view.catalogue import PANELS
from memtui.view.glyphs import ASCII, BLOCK, UNICODE, Glyphs
from memtui.view.scene import PlayState
from tests.tui.stage import desk_in, picture, weights

SIZES = [(200, 60), (120, 40), (80, 24), (40, 12)]
ENLARGED = [None, *(panel.name for panel in PANELS)]
OTHER_STATES = [PlayState.LIVE, PlayState.PAST, PlayState.FINISHED, PlayState.STOPPED]


def size_id(value: object) -> str:
    return f"{value[0]}x{value[1]}" if isinstance(value, tuple) else str(value or "all")


def glyphs_id(glyphs: Glyphs) -> str:
    return glyphs.name


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=glyphs_id)
@pytest.mark.parametrize("only", ENLARGED, ids=size_id)
@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_panels(size: tuple[int, int], only: str | None, glyphs: Glyphs, snapshot: SnapshotAssertion) -> None:
    assert picture(desk_in(PlayState.PAUSED, size, only=only, glyphs=glyphs)) == snapshot


@pytest.mark.parametrize("state", OTHER_STATES)
@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_states_of_time(size: tuple[int, int], state: PlayState, snapshot: SnapshotAssertion) -> None:
    assert picture(desk_in(state, size)) == snapshot


@pytest.mark.parametrize("state", OTHER_STATES)
@pytest.mark.parametrize("only", ENLARGED[1:])
def test_states_of_time_enlarged(only: str, state: PlayState, snapshot: SnapshotAssertion) -> None:
    assert picture(desk_in(state, (80, 24), only=only)) == snapshot


@pytest.mark.parametrize("size", SIZES[1:], ids=size_id)
def test_an_old_console(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    assert picture(desk_in(PlayState.PAUSED, size, glyphs=BLOCK)) == snapshot


@pytest.mark.parametrize("size", [(60, 4), (30, 5), (24, 2), (50, 50)], ids=size_id)
def test_odd_terminals(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    assert picture(desk_in(PlayState.PAUSED, size)) == snapshot


@pytest.mark.parametrize("only", ENLARGED, ids=size_id)
def test_without_colour(only: str | None, snapshot: SnapshotAssertion) -> None:
    """The same picture in the terminal's own two colours: what is heavy, plain and faint in it."""
    assert weights(desk_in(PlayState.PAUSED, (80, 24), only=only)) == snapshot
