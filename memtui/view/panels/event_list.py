"""Which events of a log are told in the rows there are, and where the chosen one, always among them, stands.

Every drawing looks through a bounded part of the log, however long it is; only a key that asks
for an event further away looks further.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from memtui.snapshot import Event
from memtui.units import format_count
from memtui.view.alike import Kind, kind_of
from memtui.view.matching import matches, words_of
from memtui.view.scene import Scene
from memtui.view.state import ViewState

LOOK_BACK: Final = 5_000
"""How many events are looked through for a drawing, each way from where it begins."""
WINDOW: Final = 8
"""How many kinds back an event may join its own: those that take turns still fold."""
ALONE: Final = ("bad",)
"""Severities of which each event has a row: a hundred notices alike would leave no room for anything else."""
SEVERITIES: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "": ("all", frozenset()),
    "notice": ("notices and failures", frozenset({"notice", "bad"})),
    "bad": ("failures", frozenset({"bad"})),
}
"""Least severity listed → its name, and the severities that are listed then; none: all are."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The chosen event and those around it that the filter lets through, nearest first."""

    chosen: Event
    newer: Iterable[Event]
    older: Iterable[Event]


def recent(scene: Scene) -> list[Event]:
    """The last events up to now that the filter lets through, oldest first."""
    last = scene.events[-LOOK_BACK:]
    return [event for event in last if passes(event)] if (passes := _passing(scene.state)) else list(last)


@dataclass(slots=True)
class _Row:
    """Events alike: the places of the newest and, once there are two, of the oldest."""

    newest: int
    oldest: int


def folded(events: Sequence[Event], most: int) -> list[tuple[Event, int]]:
    """The last events, newest first, in at most `most` rows, each with how many alike before it are left out.

    Of events that differ in numbers only, though some others may stand between them, the last and
    the first have rows. Failures are never left out.
    """
    told: dict[int, int] = {}
    """Place of each event told, newest first → how many like it are left out."""
    alike: dict[Kind, _Row] = {}
    for place in range(len(events) - 1, -1, -1):
        kind = kind_of(events[place], ALONE)
        row = alike.pop(kind, None) if kind is not None else None
        if row is None:
            if len(told) >= most:
                break
            told[place], row = 0, _Row(place, place)
        elif row.oldest != row.newest:
            del told[row.oldest]
            told[row.newest] += 1
            told[place], row.oldest = 0, place
        elif len(told) < most:
            told[place], row.oldest = 0, place
        else:
            told[row.newest] += 1
        if kind is not None:
            alike[kind] = row
            if len(alike) > WINDOW:
                del alike[next(iter(alike))]
    return [(events[place], others) for place, others in told.items()]


def surroundings(scene: Scene, most: int | None = LOOK_BACK) -> Surroundings | None:
    """The chosen event with those looked through around it, at most so many each way; None when none is chosen."""
    serial = scene.state.event
    if not serial:
        return None
    passes = _passing(scene.state) or _all
    for events, after in ((scene.events, scene.later), (scene.later, ())):
        place = bisect_left(events, serial, key=lambda event: event.serial)
        if place < len(events) and events[place].serial == serial:
            newer = chain(_walk(events, place + 1, 1), _walk(after, 0, 1))
            before = () if events is scene.events else scene.events
            older = chain(_walk(events, place - 1, -1), _walk(before, len(before) - 1, -1))
            return Surroundings(
                events[place],
                (event for event in islice(newer, most) if passes(event)),
                (event for event in islice(older, most) if passes(event)),
            )
    return None


def stepped(scene: Scene, steps: int) -> int:
    """The serial of the event so many steps newer (older below zero) than the chosen one; 0 past the newest.

    A page beyond an end stops at the end; with none chosen, the first step older chooses the newest so far.
    """
    around = surroundings(scene, most=None)
    if around is None:
        passes = _passing(scene.state) or _all
        ahead, behind = _walk(scene.later, 0, 1), _walk(scene.events, len(scene.events) - 1, -1)
        found = next((event for event in (ahead if steps > 0 else behind) if passes(event)), None)
        return found.serial if found is not None else 0
    passed = list(islice(around.newer if steps > 0 else around.older, abs(steps)))
    if passed:
        return passed[-1].serial
    return 0 if steps > 0 else around.chosen.serial


def listed_from(scene: Scene) -> list[Event]:
    """The events from the one that the list was scrolled to on, newest first, later ones than the moment included."""
    passes = _passing(scene.state) or _all
    return [event for event in islice(_from(scene, scene.state.listed, -1), LOOK_BACK) if passes(event)]


def scrolled(scene: Scene, top: int, steps: int) -> int:
    """The serial of the event so many rows newer (older below zero) than `top`, as far as there are any.

    0 where that is the newest of all, time is at the live edge and no event is chosen: the list follows time.
    """
    passes = _passing(scene.state) or _all
    step = 1 if steps > 0 else -1
    others = (event for event in _from(scene, top, step) if event.serial != top and passes(event))
    passed = list(islice(others, abs(steps)))
    follows = steps > 0 and not scene.later and not scene.state.event
    if follows and (not passed or next(others, None) is None):
        return 0
    return passed[-1].serial if passed else top


def oldest(scene: Scene) -> int:
    """The serial of the oldest event the filter lets through; 0: there is none."""
    passes = _passing(scene.state) or _all
    return next((event.serial for event in chain(scene.events, scene.later) if passes(event)), 0)


def _from(scene: Scene, serial: int, step: int) -> Iterator[Event]:
    """All events from one on, those after the moment that shows included: towards newer ones, or older for step -1."""
    for events in (scene.events, scene.later)[::step]:
        place = bisect_left(events, serial, key=lambda event: event.serial)
        if step > 0:
            yield from _walk(events, place, 1)
        else:
            there = place < len(events) and events[place].serial == serial
            yield from _walk(events, place if there else place - 1, -1)


def position_words(scene: Scene) -> str:
    """Which event is chosen, or was the last at the moment that shows, of how many: `event 12 of 340`, `340 events`.

    Of a list that was scrolled, with which it begins: `from event 12 of 340`.
    """
    count = _count(scene.later or scene.events)
    if scene.state.listed:
        return f"from event {format_count(min(scene.state.listed, count))} of {format_count(count)}"
    chosen = scene.state.event if scene.state.event <= count else 0
    place = chosen or (_count(scene.events) if scene.later else 0)
    if place:
        return f"event {format_count(place)} of {format_count(count)}"
    return f"{format_count(count)} event{'s' if count != 1 else ''}"


def filter_words(scene: Scene) -> str:
    """What the filter is, and how many of the events looked through it hides: `filter: fork, 36 of 103 hidden`."""
    passes = _passing(scene.state)
    if passes is None:
        return "filter: all"
    kept = scene.later if scene.state.event else ()
    looked_at = [*scene.events[-LOOK_BACK:], *kept[-LOOK_BACK:]][-LOOK_BACK:]
    hidden = sum(not passes(event) for event in looked_at)
    all_of_them = len(looked_at) == len(scene.events) + len(kept)
    whole = format_count(len(looked_at)) if all_of_them else f"the last {format_count(len(looked_at))}"
    severity = SEVERITIES[scene.state.severity][0] if scene.state.severity else ""
    what = ", ".join(part for part in (severity, scene.state.filter) if part)
    return f"filter: {what}, {format_count(hidden)} of {whole} hidden"


def next_severity(state: ViewState) -> str:
    """The least severity that is listed after the one that is now."""
    order = list(SEVERITIES)
    return order[(order.index(state.severity) + 1) % len(order)]


def _passing(state: ViewState) -> Callable[[Event], bool] | None:
    """What an event must be to be listed; None where all are."""
    words, severities = words_of(state.filter), SEVERITIES[state.severity][1]
    if not words and not severities:
        return None
    return lambda event: (not severities or event.severity in severities) and matches(event, words)


def _count(events: Sequence[Event]) -> int:
    """How many events there have been by the last of these, those no longer kept included."""
    return events[-1].serial if events else 0


def _all(_: Event) -> bool:
    return True


def _walk(events: Sequence[Event], start: int, step: int) -> Iterator[Event]:
    """The events from one on, forwards or backwards."""
    stop = len(events) if step > 0 else -1
    return (events[place] for place in range(start, stop, step))
