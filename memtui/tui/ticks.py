"""What calls for frames. It rests while there is nothing to show, and the dashboard with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.message_pump import MessagePump
from textual.timer import Timer

FRAMES_PER_SECOND: Final = 10
"""How often the screen is brought up to date; how fast simulated time runs has no part in it."""


class Ticks:
    """A frame each tenth of a second for as long as the last one says so."""

    def __init__(self, frames_per_second: float = FRAMES_PER_SECOND) -> None:
        self.frames_per_second = frames_per_second
        self.coming = True
        """Whether there will be another frame without anyone asking for it."""
        self._timer: Timer | None = None
        self._put_off = False

    def start(self, owner: MessagePump, frame: Callable[[], None], busy: Callable[[], bool] = lambda: False) -> None:
        """Calls `frame` from now on, until `owner` is gone.

        While someone is `busy`, whose doing is painted anyway, one frame is put off, and never two in a row:
        what was done would have to wait for it.
        """

        def tick() -> None:
            self._put_off = not self._put_off and busy()
            if not self._put_off:
                frame()

        self._timer = owner.set_interval(1 / self.frames_per_second, tick)

    def keep(self, coming: bool) -> None:
        """Lets frames come by themselves, or no longer."""
        self.coming = coming
        if self._timer is not None and coming:
            self._timer.resume()
        elif self._timer is not None:
            self._timer.pause()
