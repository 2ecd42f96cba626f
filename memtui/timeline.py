"""The bounded history of Snapshots with a cursor.

Live is a cursor at the end, paused in the past is a cursor that stays while the source may go
on; a recording is a Timeline that was read from a file. Memory stays bounded however long a run
is: when the history is full, every second of the older Snapshots goes, so that the recent past
is always at full depth and the far past gets coarser. Events are kept apart, and outlive the
Snapshots they came with.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from memtui.curves import Curves, Figure, Named, Series
from memtui.event_history import EventHistory
from memtui.footprint import held_bytes
from memtui.snapshot import Event, Snapshot

CAPACITY: Final = 1024
"""Snapshots kept: a minute at 10 a second at full depth, and hours more at less."""

EVENT_CAPACITY: Final = 20_000
"""Events kept; beyond it the oldest go."""

MIN_CAPACITY: Final = 4
MAX_CAPACITY: Final = 100_000
"""Some GiB of moments: more is no history to look through by hand."""


class Timeline:
    """Snapshots in order of time. The cursor follows the latest one until it is moved away."""

    def __init__(self, capacity: int = CAPACITY, event_capacity: int = EVENT_CAPACITY) -> None:
        if capacity < MIN_CAPACITY:
            raise ValueError(f"a history of {capacity} snapshots is too short; expected at least {MIN_CAPACITY}")
        self._capacity = capacity
        self._snapshots: list[Snapshot] = []
        self._times_ns: list[int] = []
        self._events = EventHistory(event_capacity)
        self._curves = Curves()
        self._cursor_ns: int | None = None

    def __len__(self) -> int:
        return len(self._snapshots)

    def append(self, snapshot: Snapshot) -> None:
        """Adds the newest moment; one at the time of the latest takes its place.

        Raises ValueError for a moment before the latest: after a restart, `clear` first.
        """
        if self._times_ns and snapshot.time_ns < self._times_ns[-1]:
            raise ValueError(f"a snapshot of {snapshot.time_ns} ns after one of {self._times_ns[-1]} ns")
        self._events.extend(snapshot.events)
        if self._times_ns and snapshot.time_ns == self._times_ns[-1]:
            self._curves.forget_last(self._snapshots)
            self._snapshots[-1] = snapshot
            return
        if len(self._snapshots) >= self._capacity:
            self._thin()
        self._snapshots.append(snapshot)
        self._times_ns.append(snapshot.time_ns)

    def clear(self) -> None:
        """Forgets everything; the cursor is live again."""
        self._snapshots.clear()
        self._times_ns.clear()
        self._events.clear()
        self._curves.forget()
        self._cursor_ns = None

    @property
    def capacity(self) -> int:
        """How many Snapshots are kept at most."""
        return self._capacity

    @property
    def memory_bytes(self) -> int:
        """About how much memory the Snapshots and events that are kept take."""
        return held_bytes(self._snapshots) + held_bytes(self._events.window())

    @property
    def span_ns(self) -> tuple[int, int]:
        """The oldest and the newest moment kept; both 0 where there is none."""
        return (self._times_ns[0], self._times_ns[-1]) if self._times_ns else (0, 0)

    @property
    def latest(self) -> Snapshot | None:
        """The newest Snapshot, or None when there is none yet."""
        return self._snapshots[-1] if self._snapshots else None

    @property
    def current(self) -> Snapshot | None:
        """The Snapshot under the cursor: the latest one when live."""
        return self._snapshots[self._cursor_index()] if self._snapshots else None

    @property
    def first(self) -> Snapshot | None:
        """The oldest Snapshot, which is kept however long a run is; None when there is none yet."""
        return self._snapshots[0] if self._snapshots else None

    @property
    def live(self) -> bool:
        """Whether the cursor follows the latest Snapshot."""
        return self._cursor_ns is None

    def go_live(self) -> None:
        """Moves the cursor to the end, where it follows what comes."""
        self._cursor_ns = None

    def go_to(self, time_ns: int) -> None:
        """Moves the cursor to the last Snapshot at or before `time_ns`, or to the first one there is."""
        if self._snapshots:
            self._cursor_ns = self._times_ns[self._index_at(time_ns)]

    def hold(self) -> None:
        """Leaves the cursor where it is while the source goes on."""
        if self._snapshots:
            self._cursor_ns = self._times_ns[self._cursor_index()]

    def next(self) -> bool:
        """Moves the cursor one Snapshot on; False, and live, when it was the last."""
        index = self._cursor_index() + 1
        if index >= len(self._snapshots):
            self.go_live()
            return False
        self._cursor_ns = self._times_ns[index]
        return True

    def previous(self) -> bool:
        """Moves the cursor one Snapshot back; False when it was the first."""
        index = self._cursor_index() - 1
        if index < 0:
            return False
        self._cursor_ns = self._times_ns[index]
        return True

    def events(self) -> Sequence[Event]:
        """All events kept, up to the cursor, oldest first. What comes later changes nothing in it."""
        return self._events.window(until_ns=self._cursor_ns)

    def later_events(self) -> Sequence[Event]:
        """All events kept from after the cursor, oldest first; none when live."""
        return () if self._cursor_ns is None else self._events.window(after_ns=self._cursor_ns)

    def next_event(self) -> Event | None:
        """The first event after the cursor, and the cursor moves to the first Snapshot that has it; None at the end."""
        current = self.current
        if current is None:
            return None
        later = self._events.window(after_ns=current.time_ns)
        if not later:
            return None
        self._cursor_ns = self._time_of(later[0])
        return later[0]

    def previous_event(self) -> Event | None:
        """The last event an earlier Snapshot has, and the cursor moves to that Snapshot; None when there is none."""
        index = self._cursor_index()
        earlier = self._events.window(until_ns=self._times_ns[index - 1] if index > 0 else -1)
        if not earlier:
            return None
        self._cursor_ns = self._time_of(earlier[-1])
        return earlier[-1]

    def go_to_event(self, serial: int) -> bool:
        """Moves the cursor to the first Snapshot that has the event of that serial number; False if it is not kept."""
        event = self._events.of_serial(serial)
        if event is None or not self._snapshots:
            return False
        self._cursor_ns = self._time_of(event)
        return True

    def at_event(self, serial: int) -> bool:
        """Whether the cursor stands where `go_to_event` puts it."""
        event = self._events.of_serial(serial)
        return event is not None and bool(self._snapshots) and self._cursor_ns == self._time_of(event)

    def series(self, name: str) -> Series:
        """Times in ns and values of one figure over the whole history kept, whatever the cursor.

        Snapshots that do not have the figure are left out.
        """
        return self.past(Named(name))

    def past(self, figure: Figure) -> Series:
        """The same of anything that can be read from a Snapshot."""
        return self._curves.series(figure, self._snapshots)

    def _thin(self) -> None:
        """Drops every second Snapshot of the older half, never the first nor the one under the cursor."""
        half = len(self._snapshots) // 2
        kept = [
            snapshot
            for index, snapshot in enumerate(self._snapshots)
            if index >= half or index % 2 == 0 or snapshot.time_ns == self._cursor_ns
        ]
        self._snapshots = kept
        self._curves.forget()
        self._times_ns = [snapshot.time_ns for snapshot in kept]

    def _time_of(self, event: Event) -> int:
        """The time of the first Snapshot that has the event."""
        return self._times_ns[min(bisect_left(self._times_ns, event.time_ns), len(self._times_ns) - 1)]

    def _cursor_index(self) -> int:
        return len(self._snapshots) - 1 if self._cursor_ns is None else self._index_at(self._cursor_ns)

    def _index_at(self, time_ns: int) -> int:
        return max(bisect_right(self._times_ns, time_ns) - 1, 0)
