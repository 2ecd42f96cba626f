"""The terminal the dashboard draws on. It may go away at any moment, and the dashboard must not outlive it."""

from __future__ import annotations

import errno
import os
import select
import shutil
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, Final, Protocol, TextIO, cast, runtime_checkable

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.events import InputEvent, Key, MouseMove
from textual.message import Message

from memtui.tui.keyboard import ESCAPE_WAIT_S, Keyboard

INTERRUPT_KEY: Final = "ctrl+c"

_THREADS_WAIT_S: Final = 0.001
"""Longest wait of the threads that read keys and write the screen for the one that plays; Python's own is 5 ms."""

_READ_BYTES: Final = 1 << 16
_READ_WAIT_S: Final = 0.1
"""Seconds after which the keyboard looks whether it is to end."""

_LEAVE_SEQUENCES: Final = b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h"
"""Undoes what Textual asks of a terminal: paste, wrap and mouse modes, keyboard protocol, second screen, cursor."""


@runtime_checkable
class TerminalUser(Protocol):
    """Who is told about the terminal. All are called from other threads than the one that draws."""

    def terminal_lost(self) -> None:
        """Nothing can be written or read any more."""

    def input_arrived(self) -> None:
        """Someone acted; it also arrives as an event, once the event loop has time."""

    def interrupt_pressed(self) -> None:
        """Ctrl-C was pressed; it also arrives as a key, once the event loop has time for keys."""


class FragileFile:
    """Standard error for the writer thread: once the terminal is gone it swallows everything, and says so once.

    Textual's writer thread would end with the error, and whoever writes would wait for it for ever.
    """

    def __init__(self, file: TextIO, lost: Callable[[], None]) -> None:
        self._file = file
        self._on_lost = lost
        self.lost = False
        """Whether writing has failed."""

    def write(self, text: str) -> int:
        """Writes to the terminal while there is one."""
        self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        """Flushes to the terminal while there is one."""
        self._try(self._file.flush)

    def fileno(self) -> int:
        """The terminal's file descriptor."""
        return self._file.fileno()

    def _try(self, action: Callable[[], object]) -> None:
        if self.lost:
            return
        try:
            action()
        except (OSError, ValueError):
            self.lost = True
            self._on_lost()


class TerminalDriver(LinuxDriver):
    """Textual's driver, for a terminal that may be closed, and for a Ctrl-C the event loop has no time for."""

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        sys.setswitchinterval(_THREADS_WAIT_S)
        self._user = app if isinstance(app, TerminalUser) else None
        self._fragile = FragileFile(cast("TextIO", sys.__stderr__), self._lost)
        self._file = cast("TextIOWrapper[Any]", self._fragile)

    @property
    def lost(self) -> bool:
        """Whether the terminal is gone."""
        return self._fragile.lost

    def run_input_thread(self) -> None:
        """Reads keys until told to stop, or until there is no keyboard any more."""
        keyboard = Keyboard()
        wait_s = _READ_WAIT_S
        try:
            while not self.exit_event.is_set():
                readable = bool(select.select([self.fileno], [], [], wait_s)[0])
                for message in keyboard.read(self._read()) if readable else keyboard.waited():
                    self.process_message(message)
                wait_s = ESCAPE_WAIT_S if readable else _READ_WAIT_S
        except OSError:
            self._lost()

    def _read(self) -> bytes:
        data = os.read(self.fileno, _READ_BYTES)
        if not data:
            raise OSError(errno.EIO, "the terminal has ended")
        return data

    def process_message(self, message: Message) -> None:
        """Passes a key or a mouse event on."""
        if self._user is not None and isinstance(message, InputEvent) and not isinstance(message, MouseMove):
            self._user.input_arrived()
            if isinstance(message, Key) and message.key == INTERRUPT_KEY:
                self._user.interrupt_pressed()
        super().process_message(message)

    def restore(self) -> None:
        """Gives the terminal back from another thread, as far as it can be without waiting for anyone."""
        with suppress(OSError, ValueError, termios.error):
            if self.attrs_before is not None:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            terminal = self._fragile.fileno()
            if select.select([], [terminal], [], 0)[1]:
                os.write(terminal, _LEAVE_SEQUENCES)

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's size; where it knows none (a serial line) the one Rich assumes.

        Textual's own assumption has a row less than Rich's, and the screen would be laid out anew
        for each in turn, for ever.
        """
        columns, rows = shutil.get_terminal_size((80, 25))
        return columns, rows

    def _lost(self) -> None:
        if self._user is not None:
            self._user.terminal_lost()


def let_go_of_terminal() -> None:
    """Points the standard streams at nothing, so that no later word fails on a terminal that is gone."""
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        os.close(nothing)
