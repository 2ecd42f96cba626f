"""The terminal around a command: whether there is one, and what Ctrl-C means."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType

from memtui.commands.exits import Status


def has_screen() -> bool:
    """Whether standard output is a terminal with someone at it."""
    return sys.stdout.isatty()


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
    """While this context lasts, the first Ctrl-C only sets `asked`, so that what there is can be kept.

    The second one ends the program at once.
    """

    def __init__(self) -> None:
        self.asked = False
        """Whether Ctrl-C was pressed."""
        self._before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> Interruptible:
        signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise SystemExit(Status.INTERRUPTED)
        self.asked = True
