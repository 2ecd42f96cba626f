"""A series: every figure of a run at regular moments of simulated time, as columns by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from memtui.engine.playable import Playable
from memtui.reading import figures
from memtui.snapshot import MapRequest, Snapshot
from memtui.units import format_clock, format_count, format_duration

MAX_ROWS: Final = 50_000
"""Most rows of one series; beyond it a series is a mistake in the interval rather than data."""

NO_MAPS: Final = MapRequest()


class BadInterval(ValueError):
    """An interval that makes no series, or one with more rows than anyone can use."""


class Samples:
    """Rows of figures, kept by column. Every column is as long as `times_ns`."""

    def __init__(self) -> None:
        self.times_ns: list[int] = []
        self._columns: dict[str, list[int | float]] = {}

    def __len__(self) -> int:
        return len(self.times_ns)

    def take(self, snapshot: Snapshot) -> None:
        """Adds one row; the figures are those of the first row, in its order.

        Raises KeyError when a figure of the first row is missing later: machines do not lose counters.
        """
        values = dict(figures(snapshot))
        if not self.times_ns:
            self._columns = {name: [] for name in values}
        for name, column in self._columns.items():
            value = values[name]
            # Most figures do not change from one row to the next: sharing the object keeps long series small.
            column.append(column[-1] if column and column[-1] == value else value)
        self.times_ns.append(snapshot.time_ns)

    def columns(self) -> Iterator[tuple[str, list[int | float]]]:
        """Each figure's name and values, in the order of the table of counters."""
        yield from self._columns.items()

    def column(self, name: str) -> list[int | float] | None:
        """The values of one figure, or None when there is no such figure."""
        return self._columns.get(name)


def sample(
    source: Playable, interval_ns: int, limit_ns: int, interrupted: Callable[[], bool] | None = None
) -> tuple[Samples, Snapshot]:
    """Plays a source to its end or to `limit_ns`, taking a row now, at every multiple of the interval, and there.

    Stops early where `interrupted()` says so, which it is asked after each event. Also gives
    the last Snapshot. Raises BadInterval when the series would be too long.
    """
    samples, due_ns, halted = Samples(), 0, False

    def halt() -> bool:
        nonlocal halted
        halted = interrupted is not None and interrupted()
        return halted

    while True:
        check_interval(interval_ns, due_ns)
        source.advance(min(due_ns, limit_ns), halt)
        taken = source.snapshot(NO_MAPS)
        samples.take(taken)
        if halted or source.finished or due_ns >= limit_ns:
            return samples, taken
        due_ns += interval_ns


def check_interval(interval_ns: int, until_ns: int) -> None:
    """Raises BadInterval, with the words for it, when sampling up to `until_ns` would make too many rows."""
    if interval_ns <= 0:
        raise BadInterval("0 is no interval; expected a time above zero, such as 100ms")
    if until_ns // interval_ns > MAX_ROWS:
        raise BadInterval(
            f"sampling every {format_duration(interval_ns)} makes more than {format_count(MAX_ROWS)} rows "
            f"by {format_clock(until_ns)}; expected a longer interval"
        )
