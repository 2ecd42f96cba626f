"""The one widget everything is painted with: rows of cells on the Line API, repainting only rows that changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from memtui.view.cells import Row, Rows, cell_width, row_width
from memtui.view.tokens import Token

Palette = Mapping[Token, Style]


class RowsView(Widget):
    """Shows rows. Strips are made once per changed row; what did not change is not painted again."""

    class Chosen(Message):
        """Someone clicked on words that run an action."""

        def __init__(self, action: str, offset: int) -> None:
            super().__init__()
            self.action = action
            self.offset = offset
            """How many cells into the words."""

    def __init__(self, id: str, palette: Palette) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._base: Style | None = None
        self._over_base = palette
        self._rows: Rows = []
        self._strips: dict[int, Strip] = {}
        self.painted = 0
        """Rows painted so far, to see what a change costs."""

    @property
    def rows(self) -> Rows:
        """What it shows."""
        return self._rows

    def show(self, rows: Rows) -> None:
        """Shows these rows from now on; only those that differ are painted."""
        changed = [y for y in range(max(len(rows), len(self._rows))) if _row(rows, y) != _row(self._rows, y)]
        self._rows = rows
        for y in changed:
            self._strips.pop(y, None)
        if changed:
            self.refresh(*(Region(0, y, self.size.width, count) for y, count in _stretches(changed)))

    def recolour(self, palette: Palette) -> None:
        """Paints everything again in other styles."""
        self._palette = palette
        self._base = None
        self._strips.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of cells as Textual wants it."""
        self.painted += 1
        if y >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = strip_of(self._rows[y], self._styles())
        return strip

    def _styles(self) -> Palette:
        """The palette over the widget's own background."""
        base = self.rich_style
        if base != self._base:
            self._base, self._over_base = base, over(self._palette, base)
        return self._over_base

    def on_click(self, event: Click) -> None:
        """Runs the action of the words that were clicked, if they have one."""
        action, offset = self._action_at(event.x, event.y)
        if action:
            event.stop()
            self.post_message(self.Chosen(action, offset))

    def _action_at(self, x: int, y: int) -> tuple[str, int]:
        """The action of the span at column x of row y, and how many cells into it that is."""
        start = 0
        for span in _row(self._rows, y) or ():
            end = start + cell_width(span.text)
            if x < end:
                return span.action, x - start
            start = end
        return "", 0


def over(palette: Palette, base: Style) -> Palette:
    """The palette with what it leaves open taken from `base`."""
    return {token: base + style for token, style in palette.items()}


def strip_of(cells: Row, palette: Palette) -> Strip:
    """A row as Textual wants it: neighbours of one style in one piece, as each piece costs its style in bytes."""
    runs = groupby(cells, key=lambda span: span.token)
    return Strip(
        [Segment("".join([span.text for span in run]), palette[token]) for token, run in runs], row_width(cells)
    )


def _row(rows: Rows, y: int) -> Row | None:
    return rows[y] if 0 <= y < len(rows) else None


def _stretches(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers together: (first, how many)."""
    runs = []
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        runs.append((members[0], len(members)))
    return runs
