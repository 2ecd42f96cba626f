"""The line of words under a map: everything about the frame that its cursor stands on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from memtui.snapshot import Event, FrameKind, FrameView
from memtui.units import PAGE_BYTES, format_bytes
from memtui.view.cells import Row, Rows, Span, cut, cut_text, dim, flow_some, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import moment
from memtui.view.panels.events import EVENT_ACTION
from memtui.view.tokens import OWNER_TOKENS, Token

_FROM: Final = (54, 18)
"""Width and height of a panel from which it has room for it."""
_LEAST_ROWS: Final = 2
_ONE_ROW_FROM: Final = 10
_EVENT_FROM: Final = 26
"""Height from which the event that split the leaf is told in its words."""


def inspector_height(width: int, height: int, *, zoomed: bool) -> int:
    """Rows it has in a panel of that size; below a zoomed map, which needs fewer rows, one of a small panel too."""
    if width >= _FROM[0] and height >= _FROM[1]:
        return _LEAST_ROWS + (height >= _EVENT_FROM)
    return int(zoomed and height >= _ONE_ROW_FROM)


def inspector_rows(view: FrameView | None, events: Sequence[Event], width: int, height: int, glyphs: Glyphs) -> Rows:
    """Frame, leaf, permission, owner, and who split the leaf that was here and when; how to begin without a frame."""
    if height < 1:
        return []
    if view is None:
        return [hints(width, glyphs)]
    leaf_end = view.leaf_start + view.leaf_frames - 1
    leaf = f"{view.leaf} leaf" if view.leaf_frames == 1 else f"{view.leaf} leaf {view.leaf_start:#x}-{leaf_end:#x}"
    permission = Span(view.permission, Token.NOTICE if view.permission != "rw" else Token.TEXT)
    if height == 1:
        brief = row(Span(glyphs.here, Token.CURSOR), f" {view.leaf} ", permission, "  ", *_owner(view, glyphs))
        return [cut(brief, width, glyphs.more)]
    event = _event(view, events)
    groups = [
        row(Span(glyphs.here, Token.CURSOR), strong(f" pfn {view.frame:#x}")),
        row(f"{leaf}, ", permission),
        _owner(view, glyphs),
        row(dim(f"node {view.node} {view.zone}")),
        _split(view, event, glyphs),
    ]
    told = [_told(event, width, glyphs)] if event is not None and height > _LEAST_ROWS else []
    return flow_some(groups, width, height - len(told), glyphs.more) + told


def hints(width: int, glyphs: Glyphs) -> Row:
    """How to begin: each part does what it says when it is clicked."""
    parts = (
        ("n next change", "next"),
        ("] zoom in", "zoom-in"),
        ("[ out", "zoom-out"),
        ("arrows, click: cursor", ""),
    )
    return _hints(parts, width, glyphs)


def page_hints(width: int, glyphs: Glyphs) -> Row:
    """How to go on from one huge page."""
    parts = (("[ out", "zoom-out"), ("n next run", "next"), ("arrows: pages and sections beside it", ""))
    return _hints(parts, width, glyphs)


def _hints(parts: Sequence[tuple[str, str]], width: int, glyphs: Glyphs) -> Row:
    return flow_some([row(Span(words, Token.DIM, action)) for words, action in parts], width, 1, glyphs.more)[0]


def _event(view: FrameView, events: Sequence[Event]) -> Event | None:
    """The event that tells of the split, if it is kept."""
    place = bisect_left(events, view.split_event, key=lambda event: event.serial) if view.split_event else len(events)
    return events[place] if place < len(events) and events[place].serial == view.split_event else None


def _told(event: Event, width: int, glyphs: Glyphs) -> Row:
    """The event in its own words; a click goes to its moment, as the key does."""
    action = f"{EVENT_ACTION}{event.serial}"
    words = f"{moment(event.time_ns)} {event.source}: {event.text}"
    key = "  e goes there"
    text = cut_text(glyphs.text(words), width - len(key), glyphs.more)
    return row(Span(text, Token.TEXT, action), Span(key, Token.KEY, action))


def _owner(view: FrameView, glyphs: Glyphs) -> Row:
    size = format_bytes(view.owner_frames * PAGE_BYTES)
    letter = Span(view.kind.letter, OWNER_TOKENS[view.kind])
    if view.kind is FrameKind.FREE:
        return row(letter, f" free, {size} around it")
    name = view.kind.value if view.owner in ("", view.kind.value) else f"{view.owner}, {view.kind.value}"
    return row(letter, f" {glyphs.text(name)}", dim(f" ({size} here)"))


def _split(view: FrameView, event: Event | None, glyphs: Glyphs) -> Row:
    """Who split it, and when; a click goes to the event where it is still kept."""
    if not view.split_by:
        return row(dim("as boot mapped it"))
    action = "" if event is None else f"{EVENT_ACTION}{event.serial}"
    when = f" at {moment(view.split_ns)}"
    return row(dim("split by "), Span(glyphs.text(view.split_by), Token.LEAF_4K, action), Span(when, Token.DIM, action))
