"""The least and the most each gauge has been on the way: what a look at both ends of a run does not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from memtui.fields import FIELDS, Kind

LOOKS: Final = 200
"""Looks at one pace; after as many the pace halves, so that a long run costs little more than a short one."""


class Extremes:
    """Follows Linux's gauges from event to event, at every event first and ever more rarely later."""

    def __init__(self, counters: Callable[[], Mapping[str, int]]) -> None:
        """`counters` gives Linux's gauges as they are; it is asked now, and at some of the events."""
        self._counters = counters
        self._pace = 1
        self._left = LOOKS
        self._events = 0
        now = counters()
        gauges = [name for name in now if name in FIELDS and FIELDS[name].kind is Kind.GAUGE]
        self._least = {name: now[name] for name in gauges}
        self._most = dict(self._least)

    def note(self) -> None:
        """One more event has happened."""
        self._events += 1
        if self._events % self._pace:
            return
        self._look()
        self._left -= 1
        if not self._left:
            self._pace, self._left = 2 * self._pace, LOOKS

    def _look(self) -> None:
        now = self._counters()
        for name, least in self._least.items():
            value = now[name]
            if value < least:
                self._least[name] = value
            elif value > self._most[name]:
                self._most[name] = value

    def beyond(self, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
        """The gauges that were below or above both ends of a run: name, least and most, ends included."""
        for name in self._least:
            ends = (before.get(name, 0), after.get(name, 0))
            least, most = min(self._least[name], *ends), max(self._most[name], *ends)
            if least < min(ends) or most > max(ends):
                yield name, least, most
