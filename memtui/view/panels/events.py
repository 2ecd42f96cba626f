"""Panel 5: what runs, what comes next, and what just happened, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.snapshot import Event, LatencyView, WorkloadView
from memtui.units import format_count
from memtui.view.alike import kind_of
from memtui.view.cells import Row, Rows, Span, cut_text, dim, flow_some, row, row_width, spread, strong, wrap
from memtui.view.glyphs import Glyphs
from memtui.view.latency import BAR_CELLS, COUNT_CELLS, LABEL_CELLS, by_time, heading, histogram
from memtui.view.numbers import moment
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.tokens import Token

_TIME = 9
_SOURCE = 15
_NARROW = 60
_TALL_FROM = 16
"""Rows from which every event is told, in full."""
_LATENCIES_FROM = 30
"""Rows from which histograms of how long operations took stand below the events."""
_ROOM_FOR_WORDS = 60
_LOOK_BACK = 5_000
"""How many of the last events are looked through for the rows of a small panel."""
_SEVERITIES = {"info": Token.TEXT, "notice": Token.NOTICE, "bad": Token.BAD}
_ACTIVE = ("running", "holding")


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Workloads in the first rows, then events, newest first, and what the scenario is about where they leave room."""
    most = 1 if height < 8 else max(2, height // 4)
    rows = _workloads(scene.now.workloads, width, most, glyphs)
    tall = height >= _TALL_FROM
    latencies = _latencies(scene.now.latencies, width, height // 3) if height >= _LATENCIES_FROM else []
    height -= len(latencies)
    room = height - len(rows)
    told = [(event, 0) for event in reversed(scene.events[-room:])] if tall else folded(scene.events, room)
    rows += _events(told if room > 0 else [], room, width, glyphs, in_full=tall)
    rows += _about(scene, width, height - len(rows), glyphs)
    rows += [row()] * (height - len(rows)) if latencies else []
    return Drawing(rows[:height] + latencies)


def latest(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The last few events alone, newest first: for screens with no room for the panel."""
    return _events(folded(scene.events, height), height, width, glyphs, in_full=False)[:height]


def folded(events: Sequence[Event], most: int) -> list[tuple[Event, int]]:
    """The last events, newest first, in `most` rows, each with how many alike just before it are left out.

    Of events in a row that differ in numbers only, the last and the first have rows. Notices and
    failures are never left out.
    """
    told: list[tuple[Event, int]] = []
    newest, kind = 0, None
    """The row of the newest event of those alike, and their kind."""
    for event in reversed(events[-_LOOK_BACK:]):
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


def _about(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The scenario in its own words, in at most `height` rows."""
    lines = wrap(glyphs.text(scene.info.about), width - 2)
    if len(lines) > height > 0:
        lines = [*lines[: height - 1], cut_text(f"{lines[height - 1]} {lines[height]}", width - 2, glyphs.more)]
    return [row(dim("  " + line)) for line in lines[: max(0, height)]]


def _workloads(workloads: Sequence[WorkloadView], width: int, most: int, glyphs: Glyphs) -> Rows:
    """What runs, then what holds memory, then what comes next; what does not fit is counted."""
    active = [work for state in _ACTIVE for work in workloads if work.state == state]
    waiting = sorted((work for work in workloads if work.state == "waiting"), key=lambda work: work.next_ns)
    groups = [_active(work, glyphs) for work in active] + [_next(work, glyphs) for work in waiting[:1]]
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
    time = dim(moment(event.time_ns).rjust(_TIME) + "  ")
    source_width = _SOURCE if width >= _NARROW else 0
    source = dim(cut_text(glyphs.text(event.source), source_width - 1, glyphs.more).ljust(source_width))
    token = _SEVERITIES.get(event.severity, Token.TEXT)
    text = glyphs.text(event.text)
    room = width - _TIME - 2 - source_width
    right = row(dim(f"+{format_count(others)} more" if room >= _ROOM_FOR_WORDS else f"+{others}")) if others else ()
    lines = [text] if brief else wrap(text, max(8, room - row_width(right) - bool(right))) or [""]
    indent = " " * (width - room)
    first = row(time, source, *spread(row(Span(lines[0], token)), right, room, glyphs.more))
    return [first, *(row(indent, Span(line, token)) for line in lines[1:])]


PANEL = Panel(
    name="events",
    title="Workloads and events",
    tab="Events",
    draw=draw,
    help=(
        "First what runs now (with its progress), what holds memory until it is ended, and what the timeline does "
        "next. Below, events with the newest first: the simulated time in seconds, the entry of the timeline or the "
        "kernel thread that caused it, and what happened. At the end stands what the scenario is about.\n\n"
        "Notices (a pool that fell short, the first split of a GiB) and failures (an OOM kill) have colours of their "
        "own. Of plain events in a row that differ in numbers only, the last and the first are "
        "told, with how many more there are between them; enlarged, every event has its own rows, and below them stand "
        "histograms of how long single operations took: those that took most time in all, in nanoseconds."
    ),
    counters=("oom_kill", "thp_fault_fallback", "htlb_buddy_alloc_fail", "compact_fail"),
)
"""What runs and what happened."""
