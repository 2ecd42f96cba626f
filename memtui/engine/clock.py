"""How fast simulated time runs against wall time.

Both clocks are read, never counted up, so that a late or lost tick costs nothing. A pace is
anchored where it was last changed and knows from there where simulated time should be.
"""

from __future__ import annotations

import math
from typing import Final

from memtui.units import MS

MAX_SPEED: Final = math.inf
"""As fast as the machine can be computed."""

SPEEDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, MAX_SPEED)
"""The steps of faster and slower. Any factor between the ends may be set."""

LOWEST_SPEED: Final = SPEEDS[0]
HIGHEST_SPEED: Final = SPEEDS[-2]
"""The highest factor; beyond it there is only `MAX_SPEED`."""

SPEED_HINT: Final = "a factor from 0.1 to 1000, or max"

DEBT_NS: Final = 100 * MS
"""Wall time by which the simulation may lag and still catch up; what it lags more is forgotten, so
that a slow stretch, a stopped terminal or a suspended computer is not followed by a jump."""


class Pace:
    """Maps wall time to simulated time at one speed."""

    def __init__(self, speed: float) -> None:
        self.speed = checked_speed(speed)
        self._wall_ns = 0
        self._simulated_ns = 0

    def anchor(self, wall_ns: int, simulated_ns: int) -> None:
        """From here on: at `wall_ns` simulated time stands at `simulated_ns`."""
        self._wall_ns = wall_ns
        self._simulated_ns = simulated_ns

    def target_ns(self, wall_ns: int) -> int | None:
        """Where simulated time should be at `wall_ns`; None: as far as it gets."""
        if self.speed == MAX_SPEED:
            return None
        return self._simulated_ns + int((wall_ns - self._wall_ns) * self.speed)

    def wall_of(self, simulated_ns: int) -> int:
        """When on the wall clock simulated time should reach `simulated_ns`; at `MAX_SPEED`, at once."""
        return self._wall_ns + math.ceil((simulated_ns - self._simulated_ns) / self.speed)

    def forgive(self, wall_ns: int, simulated_ns: int) -> None:
        """Forgets what simulated time, standing at `simulated_ns`, lags beyond `DEBT_NS`."""
        if self.speed != MAX_SPEED and wall_ns - self.wall_of(simulated_ns) > DEBT_NS:
            self.anchor(wall_ns - DEBT_NS, simulated_ns)


def checked_speed(speed: float) -> float:
    """The speed if it may be played at. Raises ValueError with the words for it otherwise."""
    if speed != MAX_SPEED and not LOWEST_SPEED <= speed <= HIGHEST_SPEED:
        raise ValueError(f"{speed:g} is no speed; expected {SPEED_HINT}")
    return speed


def parse_speed(text: str) -> float:
    """A speed as people write it: `0.5`, `10`, `x10`, `max`. Raises ValueError with the words for it."""
    words = text.strip().lower()
    if words == "max":
        return MAX_SPEED
    try:
        factor = float(words.removeprefix("x").removeprefix("×"))
    except ValueError:
        factor = math.nan
    if math.isnan(factor) or math.isinf(factor):
        raise ValueError(f"{text[:40]!r} is no speed; expected {SPEED_HINT}")
    return checked_speed(factor)


def faster_than(speed: float) -> float:
    """The next step up; at the top it stays."""
    return next((step for step in SPEEDS if step > speed), MAX_SPEED)


def slower_than(speed: float) -> float:
    """The next step down; at the bottom it stays."""
    return next((step for step in reversed(SPEEDS) if step < speed), LOWEST_SPEED)
