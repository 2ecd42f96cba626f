"""The events of one run, in order, each with its time and a serial number of its own."""

from __future__ import annotations

from collections import deque
from typing import Final

from memtui.snapshot import Event

EVENT_CAPACITY: Final = 100_000
"""Events kept of a run. More than that nobody reads; beyond it the oldest go, and `dropped` counts them."""


class EventLog:
    """Grows at the end, is read from anywhere."""

    def __init__(self, capacity: int = EVENT_CAPACITY) -> None:
        self._events: deque[Event] = deque(maxlen=capacity)
        self._serial = 0

    @property
    def last_serial(self) -> int:
        """The serial number of the newest event; 0 before the first."""
        return self._serial

    @property
    def dropped(self) -> int:
        """How many of the oldest events are no longer kept."""
        return self._serial - len(self._events)

    def add(self, time_ns: int, source: str, text: str, severity: str = "info") -> None:
        """Writes down one event; its serial number is one more than that of the event before."""
        self._serial += 1
        self._events.append(Event(time_ns, source, text, severity, self._serial))

    def all(self) -> tuple[Event, ...]:
        """Every event kept, oldest first."""
        return tuple(self._events)

    def since(self, serial: int) -> tuple[Event, ...]:
        """The events kept after the one with that serial number, oldest first."""
        newer: list[Event] = []
        for event in reversed(self._events):
            if event.serial <= serial:
                break
            newer.append(event)
        return tuple(reversed(newer))
