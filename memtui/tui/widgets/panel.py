"""A panel on the screen: it can have the keyboard, and opens on a double click."""

from __future__ import annotations

from textual.events import Click
from textual.message import Message

from memtui.tui.widgets.drawn import DrawnView
from memtui.tui.widgets.rows import Palette
from memtui.view.cells import Rows, Span, row, wrap
from memtui.view.dashboard import Desk, draw_panel, in_place
from memtui.view.scene import Drawing
from memtui.view.tokens import Token


class PanelView(DrawnView, can_focus=True):
    """One panel."""

    class Opened(Message):
        """Someone double-clicked the panel."""

        def __init__(self, panel_name: str) -> None:
            super().__init__()
            self.panel_name = panel_name

    class Pointed(Message):
        """Someone clicked into the panel."""

        def __init__(self, panel_name: str, x: int, y: int) -> None:
            super().__init__()
            self.panel_name = panel_name
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
        """A click moves a cursor there, a double click enlarges the panel."""
        if event.chain == 2:
            event.stop()
            self.post_message(self.Opened(self.panel_name))
        elif event.chain == 1:
            self.post_message(self.Pointed(self.panel_name, event.x, event.y))
