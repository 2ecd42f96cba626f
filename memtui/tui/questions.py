"""What the prompt asks for: an action to carry out, a time to go to, words to filter events by."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

from memtui.scenario.command import CommandError
from memtui.tui.screens.board import Board
from memtui.tui.screens.prompt import Question
from memtui.tui.viewer import Viewer
from memtui.units import DURATION_HINT, parse_duration


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


def command(source: Injectable, viewer: Viewer, history: list[str]) -> Question:
    """An action to carry out at the live edge."""

    def run(text: str) -> str:
        try:
            source.inject(text)
        except CommandError as error:
            return str(error)
        viewer.to_live()
        viewer.player.wake()
        return ""

    return Question("Action", run, source.completions, source.usage, history=history)


def time(viewer: Viewer, history: list[str]) -> Question:
    """A time to go to: past, or to come."""

    def run(text: str) -> str:
        try:
            viewer.go_to(parse_duration(text.strip()))
        except ValueError as error:
            return str(error)
        return ""

    return Question("Go to", run, usage=lambda text: f"simulated time: {DURATION_HINT}", history=history)


def event_filter(board: Board) -> Question:
    """Words that events, and lines of /proc, must have to be listed; takes effect while it is typed."""

    def changed(text: str) -> None:
        board.state = replace(board.state, filter=text.strip(), event=0)
        board.post_message(Board.Rearranged())

    def run(text: str) -> str:
        changed(text)
        return ""

    hint = "words an event (source and text) or a line of /proc must have; empty lists all"
    return Question("List what has", run, usage=lambda text: hint, changed=changed, text=board.state.filter)
