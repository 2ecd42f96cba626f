"""Panel 5: what runs, what comes next, and what just happened, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.snapshot import Event, WorkloadView
from memtui.units import format_count
from memtui.view.cells import Row, Rows, Span, cut_text, dim, flow_some, row, spread, strong, wrap
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import moment
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.tokens import Token

_TIME = 8
_SOURCE = 15
_NARROW = 60
_TALL_FROM = 16
"""Rows from which every event is told, in full."""
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
    room = height - len(rows)
    told = [(event, 0) for event in reversed(scene.events[-room:])] if tall else folded(scene.events, room)
    for event, others in told if room > 0 else ():
        rows += _event(event, others, width, glyphs, wrapped=tall)
    return Drawing((rows + _about(scene, width, height - len(rows), glyphs))[:height])


def latest(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The last few events alone, newest first, one row each: for screens with no room for the panel."""
    return [_event(event, others, width, glyphs, wrapped=False)[0] for event, others in folded(scene.events, height)]


def folded(events: Sequence[Event], most: int) -> list[tuple[Event, int]]:
    """The last `most` events, newest first, each with how many of its source just before it it stands for.

    Only plain events are folded into one: notices and failures always have a row of their own.
    """
    told: list[tuple[Event, int]] = []
    for event in reversed(events[-_LOOK_BACK:]):
        if told and told[-1][0].source == event.source and told[-1][0].severity == event.severity == "info":
            told[-1] = (told[-1][0], told[-1][1] + 1)
        elif len(told) >= most:
            break
        else:
            told.append((event, 0))
    return told[: max(0, most)]


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


def _active(work: WorkloadView, glyphs: Glyphs) -> Row:
    sign = Span(glyphs.playing, Token.GOOD) if work.state == "running" else Span(glyphs.stopped, Token.DIM)
    progress = f" {glyphs.text(work.progress)}" if work.progress else ""
    return row(sign, strong(f" {glyphs.text(work.name)}"), progress)


def _next(work: WorkloadView, glyphs: Glyphs) -> Row:
    when = f"next {moment(work.next_ns)} " if work.next_ns >= 0 else "next "
    progress = f" {glyphs.text(work.progress)}" if work.progress else ""
    return row(dim(when), glyphs.text(work.name), dim(progress))


def _event(event: Event, others: int, width: int, glyphs: Glyphs, wrapped: bool) -> Rows:
    """One event, and at its right how many others it stands for."""
    time = dim(moment(event.time_ns).rjust(_TIME) + "  ")
    source_width = _SOURCE if width >= _NARROW else 0
    source = dim(cut_text(glyphs.text(event.source), source_width - 1, glyphs.more).ljust(source_width))
    token = _SEVERITIES.get(event.severity, Token.TEXT)
    text = glyphs.text(event.text)
    room = width - _TIME - 2 - source_width
    if not wrapped:
        right = row(dim(f"+{format_count(others)} more" if room >= _ROOM_FOR_WORDS else f"+{others}")) if others else ()
        return [row(time, source, *spread(row(Span(text, token)), right, room, glyphs.more))]
    lines = wrap(text, max(8, room)) or [""]
    indent = " " * (width - room)
    return [row(time, source, Span(lines[0], token)), *(row(indent, Span(line, token)) for line in lines[1:])]


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
        "own. A row may stand for others of the same source just before it; enlarged, every event has its own rows."
    ),
    counters=("oom_kill", "thp_fault_fallback", "htlb_buddy_alloc_fail", "compact_fail"),
)
"""What runs and what happened."""
