"""What the mouse does: every gesture ends in what a key does as well."""

from __future__ import annotations

from typing import Protocol

from memtui.tui.screens.board import Board
from memtui.tui.viewer import Viewer
from memtui.tui.widgets.panel import Gesture, PanelView
from memtui.view.catalogue import panel
from memtui.view.header import TIME_ACTION, time_pointed_at
from memtui.view.panels.events import EVENT_ACTION
from memtui.view.state import Move
from memtui.view.zoom import looked


class Hands(Protocol):
    """What gestures act on: the dashboard, seen from its mouse."""

    board: Board
    viewer: Viewer

    def do(self, action_id: str) -> None:
        """Runs an action."""

    def go_to_event(self, serial: int) -> None:
        """Chooses an event and goes to its moment; 0: chooses none, and goes to the live edge."""


def words_chosen(hands: Hands, action: str, offset: int) -> None:
    """A click on words that do something: a moment, an event, a part of a map, or an action of the registry."""
    if action.startswith(TIME_ACTION):
        hands.viewer.go_to(time_pointed_at(action, offset))
    elif action.startswith(EVENT_ACTION):
        hands.go_to_event(int(action.removeprefix(EVENT_ACTION)))
    elif (state := looked(action, hands.board.state)) is not None:
        hands.board.state = state
    else:
        hands.do(action)


def panel_used(hands: Hands, used: PanelView.Used) -> None:
    """A gesture in a panel."""
    name, x, y = used.panel_name, used.x, used.y
    scene = hands.viewer.scene(hands.board.state)
    if used.gesture is Gesture.OPEN:
        _opened(hands, name)
    elif used.gesture is Gesture.OUT:
        _out(hands, name)
    elif used.gesture is Gesture.POINT and scene is not None:
        hands.board.point(scene, name, x, y)
    elif scene is not None:
        hands.board.aim(scene, name, x, y)
        wheel = panel(name).wheel
        for _ in range(wheel.steps):
            moved(hands, name, wheel.up if used.gesture is Gesture.WHEEL_UP else wheel.down)


def moved(hands: Hands, name: str, move: Move) -> bool:
    """Does what a key for moving asks of a panel; whether anything came of it."""
    scene, before = hands.viewer.scene(hands.board.state), hands.board.state
    if scene is not None:
        hands.board.move(scene, move, name)
    if hands.board.state.event != before.event:
        hands.go_to_event(hands.board.state.event)
    return hands.board.state != before


def _opened(hands: Hands, name: str) -> None:
    """A double click enlarges a panel; in an enlarged map it zooms in, elsewhere it takes the panel back."""
    if hands.board.enlarged == name and panel(name).aim is not None:
        moved(hands, name, Move.ZOOM_IN)
        return
    hands.board.choose(name)
    hands.do("enlarge")


def _out(hands: Hands, name: str) -> None:
    """A click of the right button goes back out: of a zoom, then of the enlarged panel."""
    if not moved(hands, name, Move.ZOOM_OUT) and hands.board.enlarged == name:
        hands.do("back")
