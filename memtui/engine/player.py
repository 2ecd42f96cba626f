"""Plays a source of Snapshots against the wall clock: paused, by steps, at a speed, or flat out.

The player advances its source in slices of at most 5 ms and hands the event loop back after
each, so that keys and painting never wait. It owns no state of the run: a view asks the source
for a Snapshot whenever it wants to paint one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from memtui.engine.clock import Pace, faster_than, slower_than
from memtui.engine.playable import Playable
from memtui.units import MS, SECOND, format_clock

SLICE_NS: Final = 5 * MS
"""Longest stretch of wall time the source is advanced before the event loop gets its turn."""

IDLE_NS: Final = 50 * MS
"""Wall time between two slices when the source keeps up: half of a frame, and every wake-up costs."""

GIVEN_WAY_NS: Final = 30 * MS
"""Wall time without a slice after someone acted: a key passes several turns of the event loop until it is painted."""

FOREVER_NS: Final = 1 << 62
"""A simulated moment no run reaches: 146 years."""


class Player:
    """Moves one source through simulated time. All methods but `run` return at once.

    `wall_ns` and `sleep` stand for the wall clock; tests give their own.
    """

    def __init__(
        self,
        source: Playable,
        speed: float = 1.0,
        until_ns: int | None = None,
        *,
        paused: bool = False,
        wall_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.source = source
        self.until_ns = until_ns
        """The simulated moment at which playing pauses, once; None: it does not."""
        self.error: str | None = None
        """What the source broke on, in words; playing has stopped for good."""
        self._paused = paused
        self._pace = Pace(speed)
        self._wall_ns = wall_ns
        self._sleep = sleep
        self._wake = asyncio.Event()
        self._closed = False
        self._given_way_until_ns = 0
        self._anchor()

    @property
    def speed(self) -> float:
        """Simulated seconds per second of wall time; `math.inf` for as fast as possible."""
        return self._pace.speed

    @property
    def paused(self) -> bool:
        """Whether simulated time stands still because someone, or `until_ns`, stopped it."""
        return self._paused

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen, at whatever speed."""
        return self.source.finished or self.error is not None

    def pause(self) -> None:
        """Lets simulated time stand still."""
        self._paused = True

    def resume(self) -> None:
        """Lets simulated time go on from where it stands."""
        if self.until_ns is not None and self.source.now_ns >= self.until_ns:
            self.until_ns = None
        self._paused = False
        self._anchor()

    def toggle(self) -> None:
        """Pauses if playing, resumes if paused."""
        if self._paused:
            self.resume()
        else:
            self.pause()

    def run_until(self, time_ns: int) -> None:
        """Plays on from here and pauses at `time_ns`; a moment already past pauses at once."""
        self.until_ns = time_ns
        self._paused = False
        self._anchor()

    def step(self) -> None:
        """Pauses, and plays exactly the next event."""
        self._paused = True
        if not self.finished:
            self._guarded(self.source.step)

    def faster(self) -> None:
        """One step up in speed."""
        self.set_speed(faster_than(self.speed))

    def slower(self) -> None:
        """One step down in speed."""
        self.set_speed(slower_than(self.speed))

    def set_speed(self, speed: float) -> None:
        """Plays at `speed` from now on. Raises ValueError for a speed that cannot be played at."""
        self._pace = Pace(speed)
        self._anchor()

    def restart(self) -> None:
        """Back to time zero, with the machine as booted; playing or paused as before."""
        self.error = None
        self._guarded(self.source.restart)
        self._anchor()

    def wake(self) -> None:
        """The source has something to do again: one that was finished is played on unless it is paused."""
        self._anchor()

    def give_way(self) -> None:
        """Leaves the event loop to whoever acted, until what they did can have been painted; from any thread."""
        self._given_way_until_ns = self._wall_ns() + GIVEN_WAY_NS

    @property
    def gives_way(self) -> bool:
        """Whether someone acted just now."""
        return self._wall_ns() < self._given_way_until_ns

    def close(self) -> None:
        """Lets `run` return."""
        self._closed = True
        self._wake.set()

    async def run(self) -> None:
        """Plays until `close` is called; while paused or finished it costs nothing."""
        while not self._closed:
            if self._paused or self.finished:
                self._wake.clear()
                await self._wake.wait()
            else:
                await self._sleep(self.slice() / SECOND)

    def slice(self) -> int:
        """Plays one slice of at most 5 ms; the wall time in ns to leave to others before the next."""
        started_ns = self._wall_ns()
        if started_ns < self._given_way_until_ns:
            return self._given_way_until_ns - started_ns
        self._pace.forgive(started_ns, self.source.now_ns)
        target_ns = self._target_ns(started_ns)
        self._guarded(lambda: self.source.advance(target_ns, self._out_of_time(started_ns)))
        if self.until_ns is not None and self.source.now_ns >= self.until_ns:
            self._paused = True
        return IDLE_NS if self.source.now_ns >= target_ns else 0

    def _target_ns(self, wall_ns: int) -> int:
        target_ns = self._pace.target_ns(wall_ns)
        limit_ns = FOREVER_NS if self.until_ns is None else self.until_ns
        return limit_ns if target_ns is None else min(target_ns, limit_ns)

    def _out_of_time(self, started_ns: int) -> Callable[[], bool]:
        return lambda: self._wall_ns() - started_ns >= SLICE_NS or self.gives_way

    def _guarded(self, action: Callable[[], None]) -> None:
        """Does something to the source; whatever it raises ends the playing and not the program.

        The screen must survive any fault of what it shows, so every Exception is kept as words.
        """
        try:
            action()
        except Exception as fault:
            self.error = f"{type(fault).__name__}: {fault} (at {format_clock(self.source.now_ns)})"
            self._paused = True

    def _anchor(self) -> None:
        self._pace.anchor(self._wall_ns(), self.source.now_ns)
        self._wake.set()
