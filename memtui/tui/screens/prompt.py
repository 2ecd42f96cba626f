"""One line to type into, at the bottom of the screen: a command, a time, a filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key, Paste, Resize
from textual.screen import ModalScreen
from textual.widgets import Input

from memtui.tui.widgets.rows import Palette, RowsView
from memtui.view.cells import Rows, Span, cell_width, cut_text, dim, flow_some, row, wrap
from memtui.view.glyphs import Glyphs
from memtui.view.tokens import Token

MOST_CHARACTERS: Final = 2000
"""The longest line; what is typed or pasted beyond it is left out."""

_EDGE_COLUMNS: Final = 6
"""Cells of the box's bottom edge that words cannot have."""

_ANSWER_ROWS: Final = 3
"""Most rows of completions or of what was wrong."""


def _accepts(text: str) -> str:
    return ""


def _no_completions(text: str) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, and what is done with it."""

    title: str
    run: Callable[[str], str]
    """Does what the line says; returns '' or, in one line, what was expected instead."""
    complete: Callable[[str], list[str]] = _no_completions
    """Whole lines that a beginning can go on to."""
    usage: Callable[[str], str] = _accepts
    """What the line so far may have, in one line."""
    changed: Callable[[str], None] | None = None
    """Told of every change, for what takes effect while it is typed."""
    left: Callable[[], None] | None = None
    """Told when it is left without an answer, for what took effect meanwhile."""
    text: str = ""
    """What stands there at first."""
    history: list[str] = field(default_factory=list)
    """Lines run before, oldest first; a line that was run is added."""


class Line(Input):
    """The line itself. Of a paste it takes the first line that says something, as far as there is room."""

    def on_paste(self, event: Paste) -> None:
        """Takes what can be taken, and says so when that is not all of it."""
        event.prevent_default()
        event.stop()
        lines = [line.strip() for line in event.text.splitlines() if line.strip()]
        room = MOST_CHARACTERS - len(self.value) + len(self.selected_text)
        taken = lines[0][:room] if lines else ""
        self.replace(taken, *self.selection)
        if len(lines) > 1:
            self.app.notify(f"Of {len(lines)} lines that were pasted the first was taken.")
        elif lines and len(taken) < len(lines[0]):
            self.app.notify(f"What was pasted beyond {MOST_CHARACTERS} characters was left out.")


class Prompt(ModalScreen[None]):
    """Asks one question; enter runs the line, tab completes it, up and down fetch earlier ones, escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("tab", "complete", "Complete", priority=True),
        Binding("up", "earlier", "Earlier", priority=True),
        Binding("down", "later", "Later", priority=True),
        Binding("ctrl+c", "app.do('interrupt')", "Quit", priority=True),
    ]

    def __init__(self, question: Question, palette: Palette, glyphs: Glyphs) -> None:
        super().__init__()
        self._question = question
        self._glyphs = glyphs
        self._answer = RowsView("prompt-answer", palette)
        self._input = Line(value=question.text, max_length=MOST_CHARACTERS, id="prompt-line")
        self._input.cursor_blink = False
        self._box = Vertical(self._answer, self._input, id="prompt-box")
        self._ahead: list[Key] = []
        """Keys that came before there was a line."""
        self._back = 0
        """How many lines back in the history the line is; 0: it is new."""

    def compose(self) -> ComposeResult:
        """The box."""
        self._box.border_title = self._question.title
        yield self._box

    async def on_mount(self) -> None:
        """Gives the line the keyboard, and what was typed meanwhile."""
        ahead, self._ahead = self._ahead, []
        for key in ahead:
            await self.type_ahead(key)
        self._input.focus()
        self._suggest()

    def on_resize(self, event: Resize) -> None:
        """Fits everything to the new width."""
        completes = "" if self._question.complete is _no_completions else "tab completes, "
        words = f"enter runs, {completes}esc leaves"
        fits = cell_width(words) <= event.size.width - _EDGE_COLUMNS
        self._box.border_subtitle = words if fits else words.removeprefix("enter runs, ")
        self._suggest()

    async def type_ahead(self, event: Key) -> None:
        """Takes a key that was pressed before the line had the keyboard: it came right behind the one that asked."""
        if not self._input.is_mounted:
            self._ahead.append(event)
        elif event.is_printable and event.character is not None:
            self._input.insert_text_at_cursor(event.character)
        elif event.key == "enter" and not self._input.has_focus:
            await self._input.action_submit()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Something was typed."""
        if self._question.changed is not None:
            self._question.changed(event.value)
        self._suggest()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Runs the line; one that cannot be run stays, with what was expected."""
        wrong = self._question.run(event.value)
        if wrong:
            lines = wrap(self._glyphs.text(wrong), self._room)
            if len(lines) > _ANSWER_ROWS:
                lines = [*lines[: _ANSWER_ROWS - 1], cut_text(" ".join(lines[_ANSWER_ROWS - 1 :]), self._room, "…")]
            self._show([row(Span(line, Token.BAD)) for line in lines])
            return
        history = self._question.history
        if event.value and event.value not in history[-1:]:
            history.append(event.value)
        self.dismiss()

    def action_leave(self) -> None:
        """Goes away without an answer."""
        if self._question.left is not None:
            self._question.left()
        self.dismiss()

    def action_complete(self) -> None:
        """Goes on as far as all completions agree; further with the first of them."""
        found = self._question.complete(self._input.value)
        if found:
            shared = _shared_beginning(found)
            self._put(shared if len(shared) > len(self._input.value) else found[0])

    def action_earlier(self) -> None:
        """The line before in the history."""
        self._fetch(self._back + 1)

    def action_later(self) -> None:
        """The line after."""
        self._fetch(self._back - 1)

    def _fetch(self, back: int) -> None:
        history = self._question.history
        if 0 <= back <= len(history):
            self._back = back
            self._put(history[-back] if back else self._question.text)

    def _put(self, text: str) -> None:
        self._input.value = text
        self._input.cursor_position = len(text)

    @property
    def _room(self) -> int:
        return max(10, self.app.size.width - 4)

    def _suggest(self) -> None:
        """What the line may have, and what its beginning can go on to."""
        text = self._input.value
        rows: Rows = []
        if usage := self._question.usage(text):
            rows.append(row(dim(cut_text(self._glyphs.text(usage), self._room, self._glyphs.more))))
        kept = text.rfind(" ") + 1
        words = [line[kept:].strip() for line in self._question.complete(text)]
        groups = [row(Span(self._glyphs.text(word), Token.KEY)) for word in words]
        rows += flow_some(groups, self._room, _ANSWER_ROWS - len(rows), self._glyphs.more)
        self._show(rows)

    def _show(self, rows: Rows) -> None:
        self._answer.styles.width = self._room
        self._answer.styles.height = len(rows)
        self._answer.display = bool(rows)
        self._box.styles.height = len(rows) + 3
        self._answer.show(rows)


def _shared_beginning(lines: list[str]) -> str:
    """The characters that all lines begin with."""
    for place, characters in enumerate(zip(*lines, strict=False)):
        if len(set(characters)) > 1:
            return lines[0][:place]
    return min(lines, key=len)
