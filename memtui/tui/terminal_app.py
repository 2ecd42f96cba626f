"""An app at a terminal that is told to leave from anywhere: a key, a signal, another thread, or the terminal's end."""

from __future__ import annotations

import asyncio
import signal
from types import FrameType
from typing import Any, Final

from textual.app import App

from memtui.tui.actions import EXIT_INTERRUPTED
from memtui.tui.driver import TerminalDriver
from memtui.tui.last_resort import LastResort

_SIGNALED: Final = 128
"""An exit status above this is that of a signal, as a shell gives it."""


class TerminalApp(App[int]):
    """Leaves when it is told to, and takes the terminal as something that may go away."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.last_resort: LastResort | None = None
        """What ends the program if it is told to leave and does not; None where it is not ours to end."""
        self._loop_to_wake: asyncio.AbstractEventLoop | None = None

    def hold(self) -> None:
        """Stops whatever would keep the event loop from leaving; from any thread."""

    def leave(self, exit_code: int) -> None:
        """Gives the terminal back."""
        self.exit(exit_code, return_code=exit_code)

    def may_leave(self) -> None:
        """From now on, inside of the event loop, it can be told to leave; and leaves if it was before."""
        self._loop_to_wake = asyncio.get_running_loop()
        if self.last_resort is not None and self.last_resort.asked:
            self.leave(self.last_resort.status)

    def end(self, status: int) -> None:
        """Leaves with `status`, for certain if there is a last resort; from any thread, or a signal handler."""
        if self.last_resort is not None:
            self.last_resort.ask(status)
        self.hold()
        if self._loop_to_wake is not None and not self._loop_to_wake.is_closed():
            self._loop_to_wake.call_soon_threadsafe(self.leave, status)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """What a signal to end means. A terminal that goes away may say so many times: once is enough."""
        if number != signal.SIGHUP or self.last_resort is None or not self.last_resort.asked:
            self.end(_SIGNALED + number)

    # What follows is `memtui.tui.driver.TerminalUser`.

    def terminal_lost(self) -> None:
        """There is nobody to look at it any more."""
        if self.last_resort is None or not self.last_resort.asked:
            self.end(_SIGNALED + signal.SIGHUP)

    def input_arrived(self) -> None:
        """What people do comes before all else, from the moment it arrives; from any thread."""

    def interrupt_pressed(self) -> None:
        """Ctrl-C, before the event loop sees it."""
        if self.last_resort is not None:
            self.last_resort.ask(EXIT_INTERRUPTED)

    @property
    def terminal_is_lost(self) -> bool:
        """Whether the terminal went away while it was drawn on."""
        return isinstance(self._driver, TerminalDriver) and self._driver.lost

    def restore_terminal(self) -> None:
        """Gives the terminal back at once, from another thread, as far as that can be done."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.restore()

    def suspend_to_shell(self) -> bool:
        """Gives the terminal back to the shell, which says when to go on; False where there is none."""
        possible = self._driver is not None and self._driver.can_suspend
        if possible:
            self.action_suspend_process()
        return possible
