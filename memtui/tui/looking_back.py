"""Moments of the past looked at anew: asks for them to be made again, a slice at a time, and keeps the last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from memtui.engine.playable import Past
from memtui.snapshot import MapRequest, Snapshot
from memtui.units import MS

SLICE_NS: Final = 10 * MS
"""Longest stretch of wall time spent on it before keys and painting get their turn."""


class LookingBack:
    """One moment at a time: the one asked for last."""

    def __init__(self, past: Past | None, wall_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._past = past
        self._wall_ns = wall_ns
        self._wanted: tuple[Snapshot, MapRequest] | None = None
        self._made: tuple[Snapshot, MapRequest, Snapshot] | None = None
        """(moment, what was asked of it, how it looks) of the last that was made."""
        self.running = False
        """Whether `run` is at work."""
        self.fault = ""
        """What making a moment again broke on, in words."""

    @property
    def busy(self) -> bool:
        """Whether a moment is on its way."""
        return self._wanted is not None

    @property
    def progress_ppm(self) -> int | None:
        """How much of the way is done, in parts per million; None when nothing is on its way."""
        if self._past is None or self._wanted is None:
            return None
        return self._past.progress_ppm(self._wanted[0])

    def seen(self, moment: Snapshot, request: MapRequest) -> Snapshot | None:
        """The moment as `request` sees it; None while it is made, or if it never can be."""
        if request == moment.request:
            self._wanted = None
            return moment
        if self._made is not None and self._made[0] is moment and self._made[1] == request:
            return self._made[2]
        if self._past is not None and not self.fault:
            self._wanted = (moment, request)
        return None

    def work(self) -> bool:
        """Spends one slice on the moment that is wanted; True when it has just been made.

        It plays the machine anew, so whatever breaks there is kept as words and it is given up.
        """
        if self._past is None or self._wanted is None:
            return False
        moment, request = self._wanted
        started_ns = self._wall_ns()
        try:
            if not self._past.seek(moment, lambda: self._wall_ns() - started_ns >= SLICE_NS):
                return False
            self._made = (moment, request, self._past.snapshot(moment, request))
        except Exception as fault:
            self.fault = f"{type(fault).__name__}: {fault}"
        self._wanted = None
        return True

    async def run(self, done: Callable[[], None]) -> None:
        """Works as long as a moment is wanted, and calls `done` when one was made; keys get their turn in between."""
        self.running = True
        try:
            while self.busy:
                if self.work():
                    done()
                await asyncio.sleep(0)
        finally:
            self.running = False

    def rest(self) -> None:
        """No moment is wanted any more."""
        self._wanted = None

    def forget(self) -> None:
        """Gives up what is wanted and drops what was made."""
        self._wanted = self._made = None
        self.fault = ""
