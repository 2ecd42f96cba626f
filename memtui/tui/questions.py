"""What the prompt asks for: an action to carry out, a time to go to, words to filter events by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

from memtui.scenario.command import CommandError
from memtui.tui.screens.board import Board
from memtui.tui.screens.prompt import Question
from memtui.tui.viewer import Viewer
from memtui.units import parse_duration


@runtime_checkable
class Injectable(Protocol):
    """A source that takes actions while it plays."""

    def inject(self, command: str) -> object:
        """Lets an action happen now. Raises CommandError with one line."""

    def completions(self, text: str) -> list[str]:
        """Whole commands that `text` can go on to."""

    def usage(self, text: str) -> str:
        """What the action of a command takes, in one line."""

    def as_scenario(self) -> str:
        """The scenario with all that was injected, as YAML."""


def command(source: Injectable, viewer: Viewer, history: list[str], done: Callable[[], None]) -> Question:
    """An action to carry out at the live edge; `done` is told when one was taken."""

    def run(text: str) -> str:
        try:
            source.inject(text)
        except CommandError as error:
            return str(error)
        viewer.to_live()
        viewer.player.wake()
        done()
        return ""

    return Question("Action", run, source.completions, source.usage, history=history)


def time(viewer: Viewer, history: list[str], missed: Callable[[int, int], None]) -> Question:
    """A time to go to: past, or to come; `missed` is told of it and of how many events the moment kept is short of."""

    def run(text: str) -> str:
        try:
            asked_ns = moment_of(text, viewer.shown_ns)
        except ValueError as error:
            return str(error)
        viewer.go_to(asked_ns)
        if events := viewer.passed_over(asked_ns):
            missed(asked_ns, events)
        return ""

    hint = "simulated seconds, a time such as 250ms or 1h30m, or from here: +2s, -500ms"
    return Question("Go to", run, usage=lambda text: hint, history=history)


def moment_of(text: str, from_ns: int) -> int:
    """The simulated moment that `text` names, seen from another. Raises ValueError with one line for none."""
    words = text.strip()
    sign = words[:1] if words[:1] in ("+", "-") else ""
    amount = words.removeprefix(sign).strip()
    span_ns = parse_duration(f"{amount}s" if amount[-1:].isdigit() else amount)
    return {"": span_ns, "+": from_ns + span_ns, "-": max(0, from_ns - span_ns)}[sign]


def event_filter(board: Board) -> Question:
    """Words that events, and lines of /proc, must have to be listed; takes effect while it is typed."""

    def changed(text: str) -> None:
        board.state = replace(board.state, filter=text.strip(), event=0, listed=0)
        board.post_message(Board.Rearranged())

    def run(text: str) -> str:
        changed(text)
        return ""

    def taken_back() -> None:
        changed(before)

    before = board.state.filter
    hint = "words an event (source and text) or a line of /proc must have; empty lists all"
    return Question("List what has", run, usage=lambda text: hint, changed=changed, left=taken_back, text=before)
