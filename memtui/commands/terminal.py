"""The terminal around a command: whether there is one, and what Ctrl-C means."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Final

from memtui.commands.exits import Status
from memtui.sources.run import Abandoned

SIGNALED: Final = 128
"""What a shell adds to the number of the signal that ended a program."""


def has_screen() -> bool:
    """Whether standard output and error are a terminal that can draw; Textual draws on standard error.

    `TERM=dumb` is how editors and logs say that theirs cannot move a cursor; without TERM nothing is known.
    """
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def keyboard_at_hand() -> bool:
    """Makes sure that standard input is the terminal's keyboard, even if something was piped in."""
    if sys.stdin is not None and sys.stdin.isatty():
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    os.dup2(terminal, 0)
    os.close(terminal)
    return True


class Interruptible:
    """While this context lasts, Ctrl-C or a request to end only sets `asked`, so that what there is can be kept.

    The second one does not wait for the end of the event: it leaves it with `Abandoned`. After
    `settle`, while files are written, one more is passed over, and the next ends the program. A
    terminal that goes away asks once. Signals that whoever started the program has it ignore
    stay ignored.
    """

    SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.asked = False
        """Whether the run is to stop."""
        self.status = int(Status.INTERRUPTED)
        """The exit status for it: 128 and the number of the first signal."""
        self._before: dict[signal.Signals, Any] = {}
        self._passes_over = 0

    def __enter__(self) -> Interruptible:
        for number in self.SIGNALS:
            before = signal.getsignal(number)
            if before != signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def settle(self) -> None:
        """Playing is over, and what came of it is about to be written."""
        self._passes_over = 1

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked, self.status = True, SIGNALED + number
        elif self._passes_over:
            self._passes_over -= 1
        elif number != signal.SIGHUP:
            raise Abandoned(self.status)
