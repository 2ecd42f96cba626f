"""A part of the dashboard on the screen: it draws itself from the desk, behind a guard."""

from __future__ import annotations

from collections.abc import Callable

from memtui.tui.faults import in_words
from memtui.tui.widgets.rows import Palette, RowsView
from memtui.view.cells import Rows, Span, row
from memtui.view.dashboard import Desk
from memtui.view.tokens import Token


class DrawnView(RowsView):
    """Shows what a pure function draws. When the function fails it says so in one line, and the others go on."""

    def __init__(self, id: str, palette: Palette, draw: Callable[[Desk], Rows]) -> None:
        super().__init__(id=id, palette=palette)
        self._draw = draw
        self.fault: Exception | None = None
        """What the last drawing broke on; None while all is well."""

    def draw(self, desk: Desk) -> None:
        """Draws the part as the desk is now.

        No part may take the dashboard down, so every Exception becomes words in its place.
        """
        try:
            rows = self._draw(desk)
            self.fault = None
        except Exception as fault:
            self.fault = fault
            rows = self.apology(desk, desk.glyphs.text(f"this could not be drawn: {in_words(fault)}"))
        self.show(rows)

    def apology(self, desk: Desk, words: str) -> Rows:
        """What stands in place of a drawing that failed."""
        return [row(Span(words, Token.BAD))]
