"""Opens the dashboard on the terminal, and gives the terminal back whatever happens."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final

from memtui.engine.playable import Past, Playable
from memtui.timeline import CAPACITY, Timeline
from memtui.tui.actions import ACTIONS, Action
from memtui.tui.app import Dashboard
from memtui.tui.driver import let_go_of_terminal
from memtui.tui.last_resort import Halt, LastResort
from memtui.view.glyphs import choose_glyphs

_LEAVING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

BROKEN: Final = 1
"""The exit status after a fault of the dashboard itself, as Python gives it; its words are on standard error."""


def run_dashboard(
    source: Playable,
    *,
    speed: float = 1.0,
    theme: str | None = None,
    glyphs: str = "auto",
    until_ns: int | None = None,
    history: int = CAPACITY,
    mouse: bool = True,
    past: Past | None = None,
    actions: Sequence[Action] = ACTIONS,
    keep: Callable[[Halt], None] = lambda halt: None,
) -> int:
    """Opens the dashboard on the terminal, plays `source`, and returns the exit status once it was left.

    0, or 3 when the source broke, or 128 and the number of the signal that ended it: 130 after
    ctrl+c, 129 when the terminal went away. A machine that ran out of memory as the scenario
    may expect is no break: the source knows about it, and whoever called judges it.
    `until_ns` is the simulated moment at which it pauses, `history` how many moments of the past are kept, and
    `past` makes any of them again. `actions` have the keys. Without `mouse` the terminal keeps it to itself.
    Raises ValueError with one line for a theme, glyph set or speed there is none of. What broke is said on
    standard error once the terminal is as it was. If it is told to leave and cannot, because the machine is
    inside of one long operation or the terminal takes nothing any more, `keep` is called in a thread of its own
    and the program ends.
    """
    chosen = choose_glyphs(glyphs, sys.stdout.encoding, os.environ.get("TERM"))
    app = Dashboard(
        source,
        speed=speed,
        theme=theme,
        glyphs=chosen,
        until_ns=until_ns,
        timeline=Timeline(history),
        past=past,
        actions=actions,
    )
    app.last_resort = LastResort(app.restore_terminal, keep)
    heeded = {number: before for number in _LEAVING_SIGNALS if (before := signal.getsignal(number)) != signal.SIG_IGN}
    for number in heeded:
        signal.signal(number, app.on_signal)
    try:
        app.run(mouse=mouse)
    finally:
        app.last_resort.left()
        if app.terminal_is_lost:
            let_go_of_terminal()
        for number, handler in heeded.items():
            signal.signal(number, handler)
    for words in app.last_words():
        print(f"memtui: {words}", file=sys.stderr)
    return BROKEN if app.return_code is None else app.return_code
