"""The terminal around a command: whether there is one, and what Ctrl-C means."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Final

from memtui.commands.exits import Status


def has_screen() -> bool:
    """Whether standard output and error are a terminal with someone at it; Textual draws on standard error."""
    return sys.stdout.isatty() and sys.stderr.isatty()


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

    The second one ends the program at once.
    """

    SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.asked = False
        """Whether the run is to stop."""
        self._before = [signal.getsignal(number) for number in self.SIGNALS]

    def __enter__(self) -> Interruptible:
        for number in self.SIGNALS:
            signal.signal(number, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in zip(self.SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise SystemExit(Status.INTERRUPTED)
        self.asked = True
