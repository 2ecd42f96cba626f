"""The one widget everything is painted with: rows of cells on the Line API, repainting only rows that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.filter import LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from memtui.view.cells import Row, Rows, cell_width, row_width
from memtui.view.tokens import Token

Palette = Mapping[Token, Style]

RIGHT_BUTTON: Final = 3
"""The mouse button that goes back out, as terminals number them."""


class RowsView(Widget):
    """Shows rows. Strips are made once per changed row, and only the part of a row that changed is written.

    A frame asks every widget on the screen for all of its rows, whichever changed. They are at hand here
    as they go to the terminal: what Textual would lay around them (borders, padding, tints) there is not.
    """

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
        self._look: tuple[int, Sequence[LineFilter]] = (0, ())
        """The width, and what changes colours, that strips were made for."""
        self._rows: Rows = []
        self._strips: dict[int, Strip] = {}
        self.painted = 0
        """Rows painted so far, to see what a change costs."""

    @property
    def rows(self) -> Rows:
        """What it shows."""
        return self._rows

    def show(self, rows: Rows) -> None:
        """Shows these rows from now on; only what differs is painted."""
        before, self._rows = self._rows, rows
        changed = []
        for y in range(max(len(rows), len(before))):
            old, new = _row(before, y), _row(rows, y)
            if old != new:
                self._strips.pop(y, None)
                first, end = changed_columns(old, new) if old and new else (0, self.size.width)
                changed.append(Region(first, y, end - first, 1))
        if changed:
            self.refresh(*changed)

    def recolour(self, palette: Palette) -> None:
        """Paints everything again in other styles."""
        self._palette = palette
        self.notify_style_update()
        self.refresh()

    def notify_style_update(self) -> None:
        """Textual calls it when styles may have become others."""
        self._base = None
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows in `crop` as they go to the terminal."""
        width = self.size.width
        self._look_again(width)
        strips = [self._strips.get(y) or self._painted(y, width) for y in crop.line_range]
        left, right = crop.column_span
        return strips if (left, right) == (0, width) else [strip.crop(left, right) for strip in strips]

    def render_line(self, y: int) -> Strip:
        """One row as it goes to the terminal."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def _painted(self, y: int, width: int) -> Strip:
        self.painted += 1
        strip = strip_of(_row(self._rows, y) or (), self._over_base).adjust_cell_length(width, self._base)
        for each in self._look[1]:
            strip = strip.apply_filter(each, self.background_colors[1])
        self._strips[y] = strip
        return strip

    def _look_again(self, width: int) -> None:
        """Drops all strips if they have another width, other styles under them or other filters on their way."""
        look = width, self.get_line_filters()
        if self._base is None or look != self._look:
            self._base, self._look = self.rich_style, look
            self._over_base = over(self._palette, self._base)
            self._strips.clear()

    def on_click(self, event: Click) -> None:
        """Runs the action of the words that were clicked, if they have one."""
        action, offset = self._action_at(event.x, event.y)
        if action and event.button != RIGHT_BUTTON:
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


def changed_columns(before: Row, after: Row) -> tuple[int, int]:
    """The first column in which two rows differ, and the one after the last."""
    same = start = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        same += 1
        start += cell_width(new.text)
    end, end_before = row_width(after), row_width(before)
    if end != end_before:
        return start, max(end, end_before)
    for old, new in zip(reversed(before[same:]), reversed(after[same:]), strict=False):
        if old != new:
            break
        end -= cell_width(new.text)
    return start, end


def _row(rows: Rows, y: int) -> Row | None:
    return rows[y] if 0 <= y < len(rows) else None
