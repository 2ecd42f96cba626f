"""Folds a long log into what a person reads: lines that differ only in their figures become one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from memtui.snapshot import Event

WINDOW: Final = 8
"""How many lines back an event may join one of its kind: entries that take turns still fold."""

_FIGURES = re.compile(r"(?:0x[0-9a-f]+|\d+(?:[ .,]\d+)*)(?:\s?(?:[KMGTPE]iB|B|kB|ns|us|ms|s)\b)?")


@dataclass(slots=True)
class Line:
    """One line of the log: an event, and how many like it followed until when."""

    first: Event
    last: Event
    count: int = 1


def fold(events: Iterable[Event]) -> list[Line]:
    """The events in order of their first of each kind; severity and source are part of the kind."""
    lines: list[Line] = []
    recent: dict[tuple[str, str, str], Line] = {}
    for event in events:
        kind = (event.source, event.severity, _FIGURES.sub("#", event.text))
        line = recent.pop(kind, None)
        if line is None:
            line = Line(event, event)
            lines.append(line)
        else:
            line.last, line.count = event, line.count + 1
        recent[kind] = line
        if len(recent) > WINDOW:
            del recent[next(iter(recent))]
    return lines
