"""Leaving for certain: a thread that ends the program when the dashboard was told to leave and does not."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import Final

GRACE_S: Final = 2.0
"""Seconds the dashboard has to leave by itself once it was asked to."""

_WORD: Final = b"."

Halt = Callable[[], bool]
"""Says whether whoever keeps what was recorded has to come to an end."""


class LastResort:
    """Waits to be asked. The first request gives the dashboard `GRACE_S`, the second none.

    Then `restore` gives the terminal back, `keep` writes what was recorded, and the program
    ends with the status of the first request, whatever its other threads wait for. A request
    after that halts `keep`, and the next ends the program where it stands. A pipe carries the
    requests: writing to it is safe in a signal handler, and no lock is held meanwhile.
    """

    def __init__(self, restore: Callable[[], None], keep: Callable[[Halt], None]) -> None:
        self._restore, self._keep = restore, keep
        self._wake, self._words = os.pipe()
        self._asked = 0
        self._status = 0
        self._asked_when_fired: int | None = None
        self._over = False
        self._lock = Lock()
        self._thread = Thread(target=self._watch, name="memtui-last-resort", daemon=True)
        self._thread.start()

    @property
    def asked(self) -> bool:
        """Whether anyone asked."""
        return self._asked > 0

    @property
    def status(self) -> int:
        """The exit status that was first asked for; 0 while nobody asked."""
        return self._status

    def ask(self, status: int) -> None:
        """Asks the program to end with `status`; from any thread, or a signal handler."""
        if self._over:
            return
        self._asked += 1
        self._status = self._status or status
        if self._asked_when_fired is not None and self._asked > self._asked_when_fired + 1:
            os._exit(self._status)
        os.write(self._words, _WORD)

    def left(self) -> None:
        """The dashboard has left by itself. Does not return if the last resort had begun."""
        with self._lock:
            self._over = True
        os.write(self._words, _WORD)
        self._thread.join()
        os.close(self._wake)
        os.close(self._words)

    def _watch(self) -> None:
        os.read(self._wake, 1)
        if not self._over:
            select.select([self._wake], [], [], GRACE_S)
        with self._lock:
            if not self._over:
                self._end()

    def _end(self) -> None:
        fired = self._asked_when_fired = self._asked
        try:
            with suppress(Exception):
                self._restore()
            self._keep(lambda: self._asked > fired)
        finally:
            os._exit(self._status)
