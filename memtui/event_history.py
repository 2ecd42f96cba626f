"""The events of a run as they are kept to be looked at: bounded, and read in windows without being copied."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import overload

from memtui.snapshot import Event


class EventWindow(Sequence[Event]):
    """A stretch of a list of events as it was when the window was made; the list may grow behind its end."""

    __slots__ = ("_events", "_start", "_stop")

    def __init__(self, events: list[Event], start: int, stop: int) -> None:
        self._events = events
        self._start = start
        self._stop = max(start, stop)

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return self._events[self._start + start : self._start + max(start, stop)] if step == 1 else [*self][index]
        place = index if index >= 0 else len(self) + index
        if not 0 <= place < len(self):
            raise IndexError(f"event {index} of {len(self)}")
        return self._events[self._start + place]


class EventHistory:
    """The newest events of a run, oldest first; both their times and their serial numbers rise."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._events: list[Event] = []

    def extend(self, events: Iterable[Event]) -> None:
        """Adds the newest events. The oldest go in bulk, so that a new one costs the same however many are kept."""
        self._events.extend(events)
        if len(self._events) >= 2 * self._capacity:
            self._events = self._events[-self._capacity :]

    def clear(self) -> None:
        """Forgets all; windows made before keep what they show."""
        self._events = []

    def window(self, after_ns: int | None = None, until_ns: int | None = None) -> EventWindow:
        """The events kept later than `after_ns` and not later than `until_ns`; None: without that limit."""
        start, stop = self._oldest, len(self._events)
        if after_ns is not None:
            start = bisect_right(self._events, after_ns, lo=start, key=_time_ns)
        if until_ns is not None:
            stop = bisect_right(self._events, until_ns, lo=self._oldest, key=_time_ns)
        return EventWindow(self._events, start, stop)

    def of_serial(self, serial: int) -> Event | None:
        """The event of that serial number, if it is kept."""
        place = bisect_left(self._events, serial, lo=self._oldest, key=lambda event: event.serial)
        found = self._events[place] if place < len(self._events) else None
        return found if found is not None and found.serial == serial else None

    @property
    def _oldest(self) -> int:
        return max(0, len(self._events) - self._capacity)


def _time_ns(event: Event) -> int:
    return event.time_ns
