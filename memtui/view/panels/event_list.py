"""Which events of a log are told in the rows there are, the chosen one always among them.

Every drawing looks through a bounded part of the log, however long it is; only a key that asks
for an event further away looks further.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from memtui.snapshot import Event
from memtui.units import format_count
from memtui.view.alike import kind_of
from memtui.view.matching import matches, words_of
from memtui.view.scene import Scene

LOOK_BACK: Final = 5_000
"""How many events are looked through for a drawing, each way from where it begins."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The chosen event and those around it that the filter lets through, nearest first."""

    chosen: Event
    newer: Iterable[Event]
    older: Iterable[Event]


def recent(scene: Scene) -> list[Event]:
    """The last events up to now that the filter lets through, oldest first."""
    words, last = words_of(scene.state.filter), scene.events[-LOOK_BACK:]
    return [event for event in last if matches(event, words)] if words else list(last)


def folded(events: Sequence[Event], most: int) -> list[tuple[Event, int]]:
    """The last events, newest first, in `most` rows, each with how many alike just before it are left out.

    Of events in a row that differ in numbers only, the last and the first have rows. Notices and
    failures are never left out.
    """
    told: list[tuple[Event, int]] = []
    newest, kind = 0, None
    """The row of the newest event of those alike, and their kind."""
    for event in reversed(events):
        alike = kind is not None and kind_of(event) == kind
        if alike and newest < len(told) - 1:
            told[newest] = (told[newest][0], told[newest][1] + 1)
            told[-1] = (event, 0)
        elif alike and len(told) >= most:
            told[newest] = (told[newest][0], told[newest][1] + 1)
        elif len(told) >= most:
            break
        else:
            told.append((event, 0))
            if not alike:
                newest, kind = len(told) - 1, kind_of(event)
    return told


def surroundings(scene: Scene, most: int | None = LOOK_BACK) -> Surroundings | None:
    """The chosen event with those looked through around it, at most so many each way; None when none is chosen."""
    serial = scene.state.event
    if not serial:
        return None
    words = words_of(scene.state.filter)
    for events, after in ((scene.events, scene.later), (scene.later, ())):
        place = bisect_left(events, serial, key=lambda event: event.serial)
        if place < len(events) and events[place].serial == serial:
            newer = chain(_walk(events, place + 1, 1), _walk(after, 0, 1))
            before = () if events is scene.events else scene.events
            older = chain(_walk(events, place - 1, -1), _walk(before, len(before) - 1, -1))
            return Surroundings(
                events[place],
                (event for event in islice(newer, most) if matches(event, words)),
                (event for event in islice(older, most) if matches(event, words)),
            )
    return None


def stepped(scene: Scene, steps: int) -> int:
    """The serial of the event so many steps newer (older below zero) than the chosen one; 0 past the newest.

    A page beyond an end stops at the end; with none chosen, the first step older chooses the newest so far.
    """
    around = surroundings(scene, most=None)
    if around is None:
        words = words_of(scene.state.filter)
        ahead, behind = _walk(scene.later, 0, 1), _walk(scene.events, len(scene.events) - 1, -1)
        found = next((event for event in (ahead if steps > 0 else behind) if matches(event, words)), None)
        return found.serial if found is not None else 0
    passed = list(islice(around.newer if steps > 0 else around.older, abs(steps)))
    if passed:
        return passed[-1].serial
    return 0 if steps > 0 else around.chosen.serial


def filter_words(scene: Scene) -> str:
    """What the filter is, and how many of the events looked through it hides: `filter: fork, 36 of 103 hidden`."""
    if not scene.state.filter:
        return "filter: all"
    kept = scene.later if scene.state.event else ()
    looked_at = [*scene.events[-LOOK_BACK:], *kept[-LOOK_BACK:]][-LOOK_BACK:]
    words = words_of(scene.state.filter)
    hidden = sum(not matches(event, words) for event in looked_at)
    all_of_them = len(looked_at) == len(scene.events) + len(kept)
    whole = format_count(len(looked_at)) if all_of_them else f"the last {format_count(len(looked_at))}"
    return f"filter: {scene.state.filter}, {format_count(hidden)} of {whole} hidden"


def _walk(events: Sequence[Event], start: int, step: int) -> Iterator[Event]:
    """The events from one on, forwards or backwards."""
    stop = len(events) if step > 0 else -1
    return (events[place] for place in range(start, stop, step))
