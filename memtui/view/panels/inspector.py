"""The line of words under a map: everything about the frame that its cursor stands on."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.snapshot import Event, FrameKind, FrameView
from memtui.units import PAGE_BYTES, format_bytes
from memtui.view.cells import Row, Rows, Span, cut_text, dim, flow_some, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import moment
from memtui.view.tokens import OWNER_TOKENS, Token

INSPECTOR_ROWS = 2
"""Rows it takes at most."""


def inspector_rows(view: FrameView | None, events: Sequence[Event], width: int, glyphs: Glyphs) -> Rows:
    """Frame, leaf, permission, owner, and who split the leaf that was here and when; how to begin without a frame."""
    if view is None:
        return [row(dim(cut_text("arrows or a click put a cursor here, ] and [ zoom", width, glyphs.more)))]
    leaf_end = view.leaf_start + view.leaf_frames - 1
    leaf = f"{view.leaf} leaf" if view.leaf_frames == 1 else f"{view.leaf} leaf {view.leaf_start:#x}-{leaf_end:#x}"
    permission = Span(view.permission, Token.NOTICE if view.permission != "rw" else Token.TEXT)
    groups = [
        row(Span(glyphs.here, Token.CURSOR), strong(f" pfn {view.frame:#x}")),
        row(f"{leaf}, ", permission),
        _owner(view, glyphs),
        row(dim(f"node {view.node} {view.zone}")),
        _split(view, events, glyphs),
    ]
    return flow_some([group for group in groups if group], width, INSPECTOR_ROWS, glyphs.more)


def _owner(view: FrameView, glyphs: Glyphs) -> Row:
    size = format_bytes(view.owner_frames * PAGE_BYTES)
    letter = Span(view.kind.letter, OWNER_TOKENS[view.kind])
    if view.kind is FrameKind.FREE:
        return row(letter, f" free, {size} around it")
    name = view.kind.value if view.owner in ("", view.kind.value) else f"{view.owner}, {view.kind.value}"
    return row(letter, f" {glyphs.text(name)}", dim(f" ({size} here)"))


def _split(view: FrameView, events: Sequence[Event], glyphs: Glyphs) -> Row:
    """Who split it, and the moment of the event where it is still kept."""
    if not view.split_by:
        return row(dim("as boot mapped it"))
    event = next((each for each in reversed(events) if each.serial == view.split_event), None)
    when = dim(f" at {moment(event.time_ns)}") if view.split_event and event is not None else dim("")
    return row(dim("split by "), Span(glyphs.text(view.split_by), Token.LEAF_4K), when)
