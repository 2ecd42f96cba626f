"""Everything a person can do to the dashboard, once: keys, footer, command palette and help read this table.

No Textual here: the same table prints the footer of a picture without a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from memtui.view.catalogue import PANELS
from memtui.view.header import Hint
from memtui.view.state import Move


class Controls(Protocol):
    """What actions act on: the dashboard, seen from its keys."""

    def toggle_pause(self) -> None:
        """Stops simulated time, or lets it go on."""

    def tick(self, direction: int) -> None:
        """One moment on or back."""

    def event(self, direction: int) -> None:
        """To the next event, or the one before."""

    def go_to_start(self) -> None:
        """To the first moment there is."""

    def go_live(self) -> None:
        """Back to the live edge."""

    def ask_time(self) -> None:
        """Asks for a time to go to."""

    def ask_command(self) -> None:
        """Asks for an action to carry out now."""

    def ask_filter(self) -> None:
        """Asks for words that listed events must have."""

    def save_session(self) -> None:
        """Writes the scenario with all that was injected."""

    def mark_baseline(self) -> None:
        """Compares figures with this moment from now on, or no longer."""

    def faster(self) -> None:
        """One step up in speed."""

    def slower(self) -> None:
        """One step down in speed."""

    def set_speed(self, speed: float) -> None:
        """Plays at this factor of real time, going on if it was paused."""

    def restart(self) -> None:
        """Back to the machine as booted."""

    def go_to_panel(self, digit: int) -> None:
        """Gives the keyboard to a panel, and opens it where it does not show."""

    def move(self, move: Move) -> None:
        """Moves inside the chosen panel."""

    def next_panel(self, direction: int) -> None:
        """Gives the keyboard to the panel after the chosen one, or the one before."""

    def enlarge(self) -> None:
        """Gives the whole screen to the chosen panel, or takes it back."""

    def back(self) -> None:
        """All panels again."""

    def choose_theme(self) -> None:
        """Lists the themes."""

    def take_screenshot(self) -> None:
        """Writes what is on the screen to files."""

    def show_help(self) -> None:
        """All keys."""

    def show_panel_help(self) -> None:
        """What the chosen panel shows."""

    def open_palette(self) -> None:
        """Lists all actions, to be searched."""

    def go_to_shell(self) -> None:
        """Gives the terminal back to the shell until it is told to go on."""

    def leave(self, exit_code: int) -> None:
        """Gives the terminal back."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do."""

    id: str
    """Names it for rebinding, and for clicks."""
    keys: tuple[str, ...]
    """Keys as Textual names them; the first is the one shown."""
    shown: str
    """The key as people know it."""
    label: str
    """A word or two, for the footer."""
    help: str
    """One sentence, for help and palette."""
    run: Callable[[Controls], None]
    group: str


EXIT_INTERRUPTED: Final = 130
"""The exit status after ctrl+c, as a shell gives it."""

_MAX: Final = float("inf")


def _panel_action(digit: int, title: str) -> Action:
    return Action(
        id=f"panel-{digit}",
        keys=(str(digit),),
        shown=str(digit),
        label=title,
        help=f"Go to the panel {title}; again to enlarge it",
        run=lambda controls: controls.go_to_panel(digit),
        group="Panels",
    )


_MOVES: Final = (
    (Move.LEFT, "left", "\u2190", "Move the cursor of a map to the left"),
    (Move.RIGHT, "right", "\u2192", "Move the cursor of a map to the right"),
    (Move.UP, "up", "\u2191", "Move the cursor up, or to the line above"),
    (Move.DOWN, "down", "\u2193", "Move the cursor down, or to the line below"),
    (Move.PAGE_UP, "pageup", "PgUp", "Move a page up"),
    (Move.PAGE_DOWN, "pagedown", "PgDn", "Move a page down"),
    (Move.ZOOM_IN, "right_square_bracket", "]", "Zoom into a map at its cursor"),
    (Move.ZOOM_OUT, "left_square_bracket", "[", "Zoom out of a map"),
    (Move.NEXT, "n", "n", "Show the next of what a panel shows one of at a time"),
    (Move.FOLLOW, "e", "e", "Go to the event behind what the cursor stands on: who split a leaf"),
)


def _move_action(move: Move, key: str, shown: str, words: str) -> Action:
    return Action(move.value, (key,), shown, move.value.replace("-", " "), words, lambda c: c.move(move), "Panels")


ACTIONS: Final[tuple[Action, ...]] = (
    Action("pause", ("space",), "space", "pause", "Pause, or go on", lambda c: c.toggle_pause(), "Time"),
    Action(
        "tick-on",
        ("full_stop",),
        ".",
        "tick",
        "One moment on; at the live edge play one event of the machine",
        lambda c: c.tick(1),
        "Time",
    ),
    Action("tick-back", ("comma",), ",", "back", "One moment back", lambda c: c.tick(-1), "Time"),
    Action(
        "event-on",
        ("greater_than_sign",),
        ">",
        "event",
        "Go, or play, to the next event or timeline entry",
        lambda c: c.event(1),
        "Time",
    ),
    Action(
        "event-back", ("less_than_sign",), "<", "event back", "Go to the event before", lambda c: c.event(-1), "Time"
    ),
    Action("start", ("home",), "home", "start", "Go to the first moment there is", lambda c: c.go_to_start(), "Time"),
    Action("live", ("end",), "end", "live", "Go back to the live edge", lambda c: c.go_live(), "Time"),
    Action("go-to", ("g",), "g", "go to", "Go to a time, past or to come", lambda c: c.ask_time(), "Time"),
    Action("faster", ("plus", "equals_sign"), "+", "faster", "Play faster", lambda c: c.faster(), "Time"),
    Action("slower", ("minus",), "-", "slower", "Play slower", lambda c: c.slower(), "Time"),
    Action("fastest", ("m",), "m", "max", "Play as fast as possible", lambda c: c.set_speed(_MAX), "Time"),
    Action("real-time", ("0",), "0", "real time", "Play one second a second", lambda c: c.set_speed(1.0), "Time"),
    Action("restart", ("r",), "r", "restart", "Restart from the machine as booted", lambda c: c.restart(), "Time"),
    Action("command", ("colon",), ":", "command", "Carry out an action now", lambda c: c.ask_command(), "Hands on"),
    Action(
        "save-session",
        ("w",),
        "w",
        "write session",
        "Write the session as a scenario that plays it again",
        lambda c: c.save_session(),
        "Hands on",
    ),
    Action(
        "filter",
        ("slash",),
        "/",
        "filter",
        "List only events, and lines of /proc, with these words",
        lambda c: c.ask_filter(),
        "Hands on",
    ),
    Action(
        "baseline",
        ("b",),
        "b",
        "baseline",
        "Compare figures with this moment, or no longer",
        lambda c: c.mark_baseline(),
        "Hands on",
    ),
    *(_panel_action(digit, panel.title) for digit, panel in enumerate(PANELS, 1)),
    Action("panel-on", ("tab",), "tab", "next panel", "Go to the next panel", lambda c: c.next_panel(1), "Panels"),
    Action(
        "panel-back",
        ("shift+tab",),
        "shift+tab",
        "panel before",
        "Go to the panel before",
        lambda c: c.next_panel(-1),
        "Panels",
    ),
    Action(
        "enlarge", ("z", "enter"), "z", "enlarge", "Enlarge the chosen panel, or back", lambda c: c.enlarge(), "Panels"
    ),
    *(_move_action(*move) for move in _MOVES),
    Action("back", ("escape",), "esc", "back", "Back to all panels", lambda c: c.back(), "Panels"),
    Action("theme", ("t",), "t", "theme", "Choose a theme", lambda c: c.choose_theme(), "Screen"),
    Action(
        "screenshot",
        ("s",),
        "s",
        "screenshot",
        "Write the screen as SVG and text to the current directory",
        lambda c: c.take_screenshot(),
        "Screen",
    ),
    Action("palette", ("ctrl+p",), "ctrl+p", "palette", "Search all actions", lambda c: c.open_palette(), "Screen"),
    Action(
        "suspend",
        ("ctrl+z",),
        "ctrl+z",
        "suspend",
        "Give the terminal to the shell; fg goes on",
        lambda c: c.go_to_shell(),
        "Screen",
    ),
    Action("panel-help", ("f1",), "F1", "panel help", "What this panel shows", lambda c: c.show_panel_help(), "Help"),
    Action("help", ("question_mark",), "?", "help", "All keys", lambda c: c.show_help(), "Help"),
    Action("quit", ("q",), "q", "quit", "Quit", lambda c: c.leave(0), "Help"),
    Action(
        "interrupt",
        ("ctrl+c",),
        "ctrl+c",
        "interrupt",
        f"Quit with exit status {EXIT_INTERRUPTED}",
        lambda c: c.leave(EXIT_INTERRUPTED),
        "Help",
    ),
)
"""Every action, in the order help shows them."""

_BY_ID: Final = {action.id: action for action in ACTIONS}


def action_of(action_id: str) -> Action:
    """The action with that id. Raises KeyError for none."""
    return _BY_ID[action_id]


_FOOTER: Final = (
    ("pause", ("pause",), ""),
    ("event-on", ("event-back", "event-on"), ""),
    ("tick-on", ("tick-back", "tick-on"), ""),
    ("faster", ("faster", "slower"), "speed"),
    ("enlarge", ("enlarge",), ""),
    ("panel-1", ("panel-1", f"panel-{len(PANELS)}"), "panel"),
    ("command", ("command",), ""),
    ("panel-help", ("panel-help",), ""),
    ("go-to", ("go-to",), ""),
    ("fastest", ("fastest",), ""),
    ("restart", ("restart",), ""),
    ("screenshot", ("screenshot",), ""),
    ("theme", ("theme",), ""),
    ("palette", ("palette",), ""),
    ("help", ("help",), ""),
    ("quit", ("quit",), ""),
)
"""The footer: an action, those whose keys show, and a word for several where its own would not do."""


def footer_hints(actions: Sequence[Action] = ACTIONS) -> tuple[Hint, ...]:
    """The footer's keys, most useful first; help and quit last, where they always show."""
    known = {action.id: action for action in actions}
    hints = []
    for main, ids, label in _FOOTER:
        keys = tuple((known[action_id].shown, action_id) for action_id in ids)
        hints.append(Hint(keys, label or known[main].label, main, "-" if main == "panel-1" else " "))
    return tuple(hints)
