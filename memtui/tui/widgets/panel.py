"""A panel on the screen: it can have the keyboard, and opens on a double click."""

from __future__ import annotations

from enum import StrEnum

from textual.events import Click, MouseEvent, MouseScrollDown, MouseScrollUp
from textual.message import Message

from memtui.tui.widgets.drawn import DrawnView
from memtui.tui.widgets.rows import RIGHT_BUTTON, Palette
from memtui.view.cells import Rows, Span, row, wrap
from memtui.view.dashboard import Desk, draw_panel, in_place
from memtui.view.scene import Drawing
from memtui.view.tokens import Token


class Gesture(StrEnum):
    """What people do with the mouse in a panel, in words."""

    POINT = "a click"
    OPEN = "a double click"
    OUT = "a click of the right button"
    WHEEL_UP = "the wheel"
    WHEEL_DOWN = "the wheel back"


class PanelView(DrawnView, can_focus=True):
    """One panel."""

    class Used(Message):
        """Someone used the mouse at column and row (x, y) of the panel, its frame included."""

        def __init__(self, panel_name: str, gesture: Gesture, x: int, y: int) -> None:
            super().__init__()
            self.panel_name = panel_name
            self.gesture = gesture
            self.x = x
            self.y = y

    def __init__(self, panel_name: str, palette: Palette) -> None:
        super().__init__(f"panel-{panel_name}", palette, lambda desk: draw_panel(desk, panel_name))
        self.panel_name = panel_name

    def apology(self, desk: Desk, words: str) -> Rows:
        """The words in the panel's own frame."""

        def written(width: int, height: int) -> Drawing:
            return Drawing([row(Span(line, Token.BAD)) for line in wrap(words, width)])

        return in_place(desk, self.panel_name, written)

    def on_click(self, event: Click) -> None:
        """A click moves a cursor there, a double click enlarges the panel, the right button goes back out."""
        if event.button == RIGHT_BUTTON:
            self._use(Gesture.OUT, event)
        elif event.chain == 2:
            event.stop()
            self._use(Gesture.OPEN, event)
        elif event.chain == 1:
            self._use(Gesture.POINT, event)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel is turned away from the person."""
        event.stop()
        self._use(Gesture.WHEEL_UP, event)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel is turned towards the person."""
        event.stop()
        self._use(Gesture.WHEEL_DOWN, event)

    def _use(self, gesture: Gesture, event: MouseEvent) -> None:
        self.post_message(self.Used(self.panel_name, gesture, int(event.x), int(event.y)))
