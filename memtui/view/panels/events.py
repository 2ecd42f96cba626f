"""Panel 5: what runs, what comes next, and what just happened, newest first; an event can be gone to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from memtui.snapshot import Event, LatencyView, WorkloadView
from memtui.units import format_count
from memtui.view.cells import Row, Rows, Span, cut, cut_text, dim, fit, flow_some, row, row_width, spread, strong, wrap
from memtui.view.glyphs import UNICODE, Glyphs
from memtui.view.latency import BAR_CELLS, COUNT_CELLS, LABEL_CELLS, by_time, heading, histogram
from memtui.view.numbers import moment
from memtui.view.panels.event_list import (
    Surroundings,
    filter_words,
    folded,
    listed_from,
    next_severity,
    oldest,
    position_words,
    recent,
    scrolled,
    stepped,
    surroundings,
)
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import Move, ViewState, Wheel
from memtui.view.tokens import Token

_TIME = 9
_SOURCE = 15
_NARROW = 60
_BRIEF_UP_TO = 2
"""Rows up to which there are events alone."""
_TALL_FROM = 16
"""Rows from which every event is told, in full."""
_LATENCIES_FROM = 30
"""Rows from which histograms of how long operations took stand below the events."""
_ROOM_FOR_WORDS = 60
_FILTER_ROOM = 40
"""Least cells of workloads left of what the filter is, where it is none."""
_KEYS = "arrows choose, / filters, n by severity"
_NEXTS = 3
"""Entries to come that are told where workloads have more than a row."""
_SEVERITIES = {"info": Token.TEXT, "notice": Token.NOTICE, "bad": Token.BAD}
_STEPS: Final = {Move.UP: 1, Move.DOWN: -1}
_PAGES: Final = {Move.PAGE_UP: 1, Move.PAGE_DOWN: -1}
_SCROLLS: Final = {Move.SCROLL_UP: 1, Move.SCROLL_DOWN: -1}

EVENT_ACTION: Final = "event:"
"""A click on an event runs this, and the event's serial number."""


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Workloads in the first rows, then events, newest first, and what the scenario is about where they leave room."""
    if height <= _BRIEF_UP_TO:
        told = _told(scene, width, height, glyphs)
        return Drawing(_with_filter(told, scene, width, glyphs) if _filtered(scene) else told)
    most = 1 if height < 8 else max(2, height // 4)
    rows = _with_filter(_workloads(scene.now.workloads, width, most, glyphs), scene, width, glyphs)
    latencies = _latencies(scene.now.latencies, width, height // 3) if height >= _LATENCIES_FROM else []
    room = height - len(latencies)
    rows += _told(scene, width, room - len(rows), glyphs, in_full=height >= _TALL_FROM)
    rows += _about(scene, width, room - len(rows), glyphs)
    rows += [row()] * (room - len(rows)) if latencies else []
    return Drawing(rows[:room] + latencies, _KEYS)


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """Chooses an event above or below; above the newest, none. Or lists those of the next least severity, or others."""
    if asked is Move.NEXT:
        return replace(scene.state, severity=next_severity(scene.state), listed=0)
    if asked in _STEPS:
        return replace(scene.state, event=stepped(scene, _STEPS[asked]), listed=0)
    if asked in _PAGES:
        return replace(scene.state, event=stepped(scene, _PAGES[asked] * max(1, height - 2)), listed=0)
    if asked in _SCROLLS:
        return _scrolled(scene, _SCROLLS[asked], width, height)
    return scene.state


def _scrolled(scene: Scene, step: int, width: int, height: int) -> ViewState:
    """Lists from the event above or below the first that is listed now; down to where the last rows have the oldest."""
    actions = (span.action for line in draw(scene, width, height, UNICODE).rows for span in line)
    drawn = [int(action.removeprefix(EVENT_ACTION)) for action in actions if action.startswith(EVENT_ACTION)]
    whole = scene.state.listed or scene.state.event
    if not drawn or (step < 0 and whole and drawn[-1] == oldest(scene)):
        return scene.state
    return replace(scene.state, listed=scrolled(scene, drawn[0], step))


def _with_filter(rows: Rows, scene: Scene, width: int, glyphs: Glyphs) -> Rows:
    """The rows with place and filter of the list at the right of the first.

    A filter stands there always, and so does the place of a chosen event; else both where there is room.
    """
    filter, position = glyphs.text(filter_words(scene)), glyphs.text(position_words(scene))
    first = rows[0] if rows else ()
    room, filtered, chosen = (
        width - max(_FILTER_ROOM, row_width(first) + 2),
        _filtered(scene),
        bool(scene.state.event or scene.state.listed),
    )
    told = Span(filter, Token.NOTICE if filtered else Token.DIM)
    right = row(dim(position), "  ", told)
    if row_width(right) > room and not (filtered and chosen):
        right = row(told) if filtered else row(dim(position)) if chosen or len(position) <= room else ()
    return [spread(first, cut(right, width // 2, glyphs.more), width, glyphs.more), *rows[1:]] if right else rows


def _filtered(scene: Scene) -> bool:
    return bool(scene.state.filter or scene.state.severity)


def _told(scene: Scene, width: int, room: int, glyphs: Glyphs, in_full: bool = False) -> Rows:
    """Events in the room there is: those the list was scrolled to, those around the chosen one, or the last ones."""
    if room <= 0:
        return []
    if scene.state.listed:
        return _scrolled_to(scene, room, width, glyphs, in_full)
    around = surroundings(scene)
    if around is not None:
        return _around(around, scene.now.time_ns, room, width, glyphs, in_full)
    events = recent(scene)
    if not events and _filtered(scene):
        return [row(dim("  no event is let through by the filter"))]
    told = [(event, 0) for event in reversed(events)] if len(events) <= room else folded(events, room)
    return _events(told, room, width, glyphs, in_full)


def _around(around: Surroundings, now_ns: int, room: int, width: int, glyphs: Glyphs, in_full: bool) -> Rows:
    """The chosen event with as many rows of newer ones above as of older ones below, or more where the log ends."""
    chosen = [_highlighted(line, glyphs) for line in _event(around.chosen, 0, width, glyphs, brief=False)[:room]]
    above: list[Rows] = []
    below: list[Rows] = []
    sides = [(above, iter(around.newer)), (below, iter(around.older))]
    left = room - len(chosen)
    while sides and left > 0:
        side = min(sides, key=lambda each: sum(map(len, each[0])))
        event = next(side[1], None)
        if event is None:
            sides.remove(side)
            continue
        rows = _event(event, 0, width, glyphs, brief=not in_full)
        if len(rows) > left:
            rows = _event(event, 0, width, glyphs, brief=True)
        side[0].append([_dimmed(line, glyphs) for line in rows] if event.time_ns > now_ns else rows)
        left -= len(rows)
    return [*chain.from_iterable(reversed(above)), *chosen, *chain.from_iterable(below)]


def _scrolled_to(scene: Scene, room: int, width: int, glyphs: Glyphs, in_full: bool) -> Rows:
    """The events the list was scrolled to, each with a row of its own, the chosen one among them marked."""
    rows: Rows = []
    for event in listed_from(scene):
        lines = _event(event, 0, width, glyphs, brief=not in_full)
        if event.serial == scene.state.event:
            lines = [_highlighted(line, glyphs) for line in lines]
        elif event.time_ns > scene.now.time_ns:
            lines = [_dimmed(line, glyphs) for line in lines]
        rows += lines
        if len(rows) >= room:
            break
    return rows[:room]


def _highlighted(line: Row, glyphs: Glyphs) -> Row:
    """A row of the chosen event: pointed at, and in the colour of a cursor all along."""
    return tuple(span._replace(token=Token.CURSOR) for span in _marked(line, glyphs.after))


def _dimmed(line: Row, glyphs: Glyphs) -> Row:
    """A row of an event that has not happened yet at the moment that shows."""
    return tuple(span._replace(token=Token.DIM) for span in _marked(line, glyphs.future))


def _marked(line: Row, sign: str) -> Row:
    """The row with a sign behind the time, where it has a time."""
    time, *rest = line
    return (time._replace(text=f"{time.text[:_TIME]}{sign} "), *rest) if time.text.strip() else line


def _about(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The scenario in its own words, in at most `height` rows."""
    lines = wrap(glyphs.text(scene.info.about), width - 2)
    if len(lines) > height > 0:
        lines = [*lines[: height - 1], cut_text(f"{lines[height - 1]} {lines[height]}", width - 2, glyphs.more)]
    return [row(dim("  " + line)) for line in lines[: max(0, height)]]


def _workloads(workloads: Sequence[WorkloadView], width: int, most: int, glyphs: Glyphs) -> Rows:
    """What runs, then what comes next, then what holds memory; what does not fit is counted."""
    running, holding = ([work for work in workloads if work.state == state] for state in ("running", "holding"))
    waiting = sorted((work for work in workloads if work.state == "waiting"), key=lambda work: work.next_ns)
    nexts = waiting[: 1 if most == 1 else _NEXTS]
    groups = [_active(work, glyphs) for work in running] + [_next(work, glyphs) for work in nexts]
    groups += [_active(work, glyphs) for work in holding]
    if not groups:
        done = sum(work.state == "done" for work in workloads)
        return [row(dim(f"nothing runs; {done} done" if done else "nothing runs yet"))]
    return flow_some(groups, width, most, glyphs.more, gap=3)


def _latencies(latencies: Sequence[LatencyView], width: int, most: int) -> Rows:
    """Whole histograms of the operations that took most time so far, in at most so many rows."""
    bar_cells = min(BAR_CELLS, width - LABEL_CELLS - COUNT_CELLS - 5)
    rows: Rows = []
    for latency in by_time(latencies) if bar_cells > 0 else []:
        lines = [f"  {line}" for line in histogram(latency, bar_cells)]
        if len(rows) + 1 + len(lines) <= most:
            rows += [row(strong(heading(latency))), *map(row, lines)]
    return rows


def _active(work: WorkloadView, glyphs: Glyphs) -> Row:
    sign = Span(glyphs.playing, Token.GOOD) if work.state == "running" else Span(glyphs.stopped, Token.DIM)
    progress = f" {glyphs.text(work.progress)}" if work.progress else ""
    return row(sign, strong(f" {glyphs.text(work.name)}"), progress)


def _next(work: WorkloadView, glyphs: Glyphs) -> Row:
    when = f"next {moment(work.next_ns)} " if work.next_ns >= 0 else "next "
    progress = f" {glyphs.text(work.progress)}" if work.progress else ""
    return row(dim(when), glyphs.text(work.name), dim(progress))


def _events(told: Sequence[tuple[Event, int]], room: int, width: int, glyphs: Glyphs, in_full: bool) -> Rows:
    """Events, newest first: all of them `in_full`, or in at most `room` rows.

    There the newest notices and failures are told in full, even for the oldest rows' room; plain
    events are where rows are left, and cut otherwise.
    """
    whole = [_event(event, others, width, glyphs, brief=False) for event, others in told]
    if in_full:
        return [line for lines in whole for line in lines]
    shown = [_event(event, others, width, glyphs, brief=True) for event, others in told]
    by_weight = sorted(range(len(told)), key=lambda place: (told[place][0].severity == "info", place))
    for place in by_weight:
        rivals = shown if told[place][0].severity == "info" else shown[: place + 1]
        if len(whole[place]) - 1 + sum(map(len, rivals)) <= room:
            shown[place] = whole[place]
    while shown and sum(map(len, shown)) > room:
        shown.pop()
    return [line for lines in shown for line in lines]


def _event(event: Event, others: int, width: int, glyphs: Glyphs, brief: bool) -> Rows:
    """One event, and at its right how many alike are left out; in one row if `brief`."""
    time = dim(f"{moment(event.time_ns):>{_TIME}}{glyphs.severity(event.severity)} ")
    source_width = _SOURCE if width >= _NARROW else 0
    source = dim(cut_text(glyphs.text(event.source), source_width - 1, glyphs.more).ljust(source_width))
    token = _SEVERITIES.get(event.severity, Token.TEXT)
    text = glyphs.text(event.text)
    room = width - _TIME - 2 - source_width
    right = row(dim(f"+{format_count(others)} more" if room >= _ROOM_FOR_WORDS else f"+{others}")) if others else ()
    lines = [text] if brief else wrap(text, max(8, room - row_width(right) - bool(right))) or [""]
    indent = " " * (width - room)
    first = row(time, source, *spread(row(Span(lines[0], token)), right, room, glyphs.more))
    rows = [first, *(row(indent, Span(line, token)) for line in lines[1:])]
    action = f"{EVENT_ACTION}{event.serial}"
    return [tuple(span._replace(action=action) for span in fit(line, width, glyphs.more)) for line in rows]


PANEL = Panel(
    name="events",
    title="Workloads and events",
    tab="Events",
    draw=draw,
    move=move,
    wheel=Wheel(Move.SCROLL_UP, Move.SCROLL_DOWN),
    help=(
        "First what runs now (with its progress), what the timeline does next, and what holds memory until it is "
        "ended. Below, events with the newest first: the simulated time in seconds, the entry of the timeline or the "
        "kernel thread that caused it, and what happened. At the end stands what the scenario is about.\n\n"
        "The arrow keys and a click choose an event, and time goes to the first moment kept that has it; what happened "
        "after that moment stays in the list, marked and dimmed, so that one can go on too. Above the newest event is "
        "the live edge again; which event it is of how many stands above. The wheel scrolls the list and leaves time "
        "alone; it stays where it was scrolled to until time is moved, or end pressed. With a filter (/), only events "
        "that have all its words in their source or their text are listed; n lists notices and failures, then failures "
        "alone, then all again. It says how many are hidden.\n\n"
        "Notices (a pool that fell short, the first split of a GiB) and failures (an OOM kill) have colours of their "
        "own. Where not all have room, of events (not of failures) that differ in numbers only the last and the first "
        "are told, with how many more there are between them; while an event is chosen, each has a row of its own. "
        "Enlarged, events are told in full, and below them stand histograms of how long single operations took: those "
        "that took most time in all, in nanoseconds."
    ),
    counters=("oom_kill", "thp_fault_fallback", "htlb_buddy_alloc_fail", "compact_fail"),
)
"""What runs and what happened."""
