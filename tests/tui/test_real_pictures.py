"""Text pictures of the machine itself, playing bundled scenarios: what they show is computed from its state."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from memtui import load
from memtui.sources.simulation import Simulation
from memtui.units import SECOND
from memtui.view.catalogue import PANELS
from memtui.view.scene import PlayState
from memtui.view.state import Move
from tests.tui.stage import desk_in, picture

SIZES = [(200, 60), (120, 40), (80, 24), (40, 12)]

INTO_A_HUGE_PAGE = (Move.RIGHT, Move.DOWN, *(Move.ZOOM_IN,) * 4)


def drawn(
    scenario: str,
    seconds: int,
    size: tuple[int, int] = (120, 40),
    only: str | None = None,
    state: PlayState = PlayState.PAUSED,
    moves: tuple[Move, ...] = (),
) -> str:
    source = Simulation(load(scenario))
    return picture(desk_in(state, size, only=only, source=source, at_ns=seconds * SECOND, moves=moves))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_tour(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    assert drawn("tour", 13, size) == snapshot


@pytest.mark.parametrize("only", [panel.name for panel in PANELS])
def test_the_tour_enlarged(only: str, snapshot: SnapshotAssertion) -> None:
    assert drawn("tour", 13, only=only) == snapshot


@pytest.mark.parametrize("only", ["direct-map", "vmemmap"])
def test_the_tour_zoomed_to_one_block(only: str, snapshot: SnapshotAssertion) -> None:
    assert drawn("tour", 13, (120, 44), only, moves=INTO_A_HUGE_PAGE) == snapshot


def test_the_tour_gone_back_in(snapshot: SnapshotAssertion) -> None:
    assert drawn("tour", 13, state=PlayState.PAST) == snapshot


def test_the_tour_at_its_end(snapshot: SnapshotAssertion) -> None:
    assert drawn("tour", 40, state=PlayState.FINISHED) == snapshot


@pytest.mark.parametrize(("scenario", "seconds"), [("secret-memory", 4), ("fork-storm", 3), ("tmpfs-huge", 3)])
def test_other_scenarios(scenario: str, seconds: int, snapshot: SnapshotAssertion) -> None:
    assert drawn(scenario, seconds) == snapshot
