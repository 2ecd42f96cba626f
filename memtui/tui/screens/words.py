"""A screen of words over the dashboard: help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen

from memtui.snapshot import RunInfo
from memtui.timeline import Timeline
from memtui.tui.widgets.rows import Palette, RowsView
from memtui.view.cells import Rows
from memtui.view.glyphs import Glyphs
from memtui.view.help import KeyHelp, about, history_row, keys_help

WIDEST = 96
"""Cells beyond which lines of words are hard to read."""

_EDGES = 6
"""Cells that the box takes from the width: border, padding, scroll bar."""

_EDGE_ROWS = 2


class WordsScreen(ModalScreen[None]):
    """Shows words in a box that scrolls, and goes away at a key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter,space", "dismiss", "Close"),
        Binding("ctrl+c", "app.do('interrupt')", "Quit"),
    ]

    def __init__(self, title: str, words: Callable[[int], Rows], palette: Palette) -> None:
        """`words` makes the rows for a width."""
        super().__init__()
        self._title = title
        self._words = words
        self._view = RowsView("words-rows", palette)
        self._box = VerticalScroll(self._view, id="words-box")

    def compose(self) -> ComposeResult:
        """The box."""
        self._box.border_title = self._title
        self._box.border_subtitle = "esc closes"
        yield self._box

    def on_resize(self, event: Resize) -> None:
        """Wraps the words anew."""
        width = max(10, min(WIDEST, event.size.width) - _EDGES)
        rows = self._words(width)
        self._view.styles.width = width
        self._view.styles.height = len(rows)
        self._box.styles.width = width + _EDGES
        self._box.styles.height = min(len(rows) + _EDGE_ROWS, event.size.height)
        self._view.show(rows)


def all_help(info: RunInfo, timeline: Timeline, keys: Sequence[KeyHelp], glyphs: Glyphs) -> Callable[[int], Rows]:
    """What the help screen says, for any width: all keys, what is drawn with what, the scenario, the history."""
    kept = history_row(len(timeline), timeline.capacity, timeline.memory_bytes)
    return lambda width: [*keys_help(keys, width, glyphs), (), *about(info, width, glyphs), kept]
