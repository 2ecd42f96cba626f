"""Folds a long log into what a person reads: of a row of lines alike, the first and the last, and how many between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from memtui.snapshot import Event
from memtui.view.alike import Kind, kind_of

WINDOW: Final = 8
"""How many kinds back an event may join its own: entries that take turns still fold."""

LEAST_FOLDED: Final = 4
"""Lines alike from which some are left out: fewer than that are all shown."""


@dataclass(slots=True)
class Line:
    """One line of the log, and how many like it are left out between it and the next of its kind."""

    event: Event
    left_out: int = 0
    until_ns: int = 0
    """When the last of those left out happened."""


def fold(events: Iterable[Event], entry_times_ns: Sequence[int] = ()) -> list[Line]:
    """The events in their order, without the middle of each row of lines that differ in numbers only.

    A row ends where an entry of the timeline begins (`entry_times_ns`, rising), so that what
    happens once for each entry stays; notices and failures always stay.
    """
    told: list[Line | None] = []
    rows: dict[Kind, list[int]] = {}
    begun = 0
    for place, event in enumerate(events):
        told.append(Line(event))
        while begun < len(entry_times_ns) and entry_times_ns[begun] <= event.time_ns:
            begun += 1
            _close(told, rows, 0)
        kind = kind_of(event)
        if kind is not None:
            row = rows.pop(kind, [])
            row.append(place)
            rows[kind] = row
            _close(told, rows, WINDOW)
    _close(told, rows, 0)
    return [line for line in told if line is not None]


def _close(told: list[Line | None], rows: dict[Kind, list[int]], most: int) -> None:
    """Leaves out the middle of the oldest rows until only `most` rows are open."""
    while len(rows) > most:
        row = rows.pop(next(iter(rows)))
        first, between = told[row[0]], row[1:-1]
        last_between = told[between[-1]] if between else None
        if len(row) < LEAST_FOLDED or first is None or last_between is None:
            continue
        first.left_out, first.until_ns = len(between), last_between.event.time_ns
        for place in between:
            told[place] = None
