"""A gauge per zone: what is free, against its watermarks and the least that was ever free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memtui.snapshot import Snapshot, ZoneView
from memtui.units import PAGE_BYTES, format_frames
from memtui.view.bars import gauge
from memtui.view.baseline import frames_change
from memtui.view.cells import Row, Rows, Span, dim, row
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import part_of, whole_percent
from memtui.view.tokens import Token

_LEAST_GAUGE: Final = 4
_WIDE: Final = 48
_WIDEST: Final = 110
"""Width from which the watermarks stand beside each gauge as figures."""
_CHANGES_FROM: Final = 46
"""Width from which each gauge has its change since the baseline beside it."""
_LEVEL_ROWS_FROM: Final = 72
"""Width from which a row holds the watermarks of a zone, for gauges that have no room for them."""


def gauge_rows(zones: Sequence[ZoneView], baseline: Snapshot | None, width: int, limit: int, glyphs: Glyphs) -> Rows:
    """One row per zone; when there are too many the last row says how many are left and which is lowest."""
    shown = zones if len(zones) <= limit else zones[: limit - 1]
    label_width = 14 if width >= _WIDE else 10
    changes = _changes(zones, baseline, glyphs) if width >= _CHANGES_FROM else {}
    columns = _columns(shown, changes, width, label_width)
    rows: Rows = []
    node = -1
    for zone in shown:
        place = f"node {zone.node} " if label_width == 14 else f"n{zone.node} "
        name = place + zone.name if zone.node != node else " " * len(place) + zone.name
        change = changes.get((zone.node, zone.name), "")
        rows.append(_zone_row(zone, name.ljust(label_width), change, columns, width, glyphs))
        node = zone.node
    if len(shown) < len(zones):
        lowest = min(zones[len(shown) :], key=lambda zone: zone.free_frames / max(1, zone.managed_frames))
        words = f"{glyphs.more} {len(zones) - len(shown)} more, least free: n{lowest.node} {lowest.name} "
        rows.append(row(dim(words), whole_percent(lowest.free_frames, lowest.managed_frames)))
    return rows


def level_rows(zones: Sequence[ZoneView], width: int) -> Rows:
    """A row per zone with its watermarks and the least that was ever free; none where the gauges have them."""
    if not _LEVEL_ROWS_FROM <= width < _WIDEST:
        return []
    rows: Rows = [row(dim(f"{'watermarks':<14}{'min':>12}{'low':>12}{'high':>12}{'least free':>14}"))]
    for zone in zones:
        marks = (zone.min_frames, zone.low_frames, zone.high_frames)
        figures = "".join(format_frames(mark).rjust(12) for mark in marks)
        rows.append(
            row(dim(f" {zone.node} {zone.name}".ljust(14)), figures, format_frames(zone.least_free_frames).rjust(14))
        )
    return rows


def key_words(glyphs: Glyphs) -> str:
    """What the parts of a gauge mean."""
    parts = ((glyphs.fill[-1], "free"), (glyphs.faint, "once in use"), (glyphs.track, "in use"))
    return "  ".join(f"{glyph} {words}" for glyph, words in (*parts, (glyphs.watermark, "min/low/high")))


@dataclass(frozen=True, slots=True)
class _Columns:
    """Cells of what stands right of the gauges, the same in every row so that they line up."""

    gauge: int
    words: int
    change: int
    figures: int
    levels: int


def _changes(zones: Sequence[ZoneView], baseline: Snapshot | None, glyphs: Glyphs) -> Mapping[tuple[int, str], str]:
    """By node and name of a zone, how much more of it is free than at the baseline, in words."""
    before = {(zone.node, zone.name): zone.free_frames for zone in baseline.zones} if baseline is not None else {}
    return {
        place: glyphs.text(frames_change(zone.free_frames - before[place]))
        for zone in zones
        if (place := (zone.node, zone.name)) in before
    }


def _columns(zones: Sequence[ZoneView], changes: Mapping[tuple[int, str], str], width: int, label: int) -> _Columns:
    words = max((len(_words(zone, width)) for zone in zones), default=0)
    figures = max((len(_size(zone)) for zone in zones), default=0)
    change = max((len(words) + 1 for words in changes.values() if words), default=0)
    levels = max((len(_levels(zone)) + 2 for zone in zones), default=0) if width >= _WIDEST else 0
    # One space before the figures, and one before the words where any zone has words.
    taken = label + words + bool(words) + change + figures + 1 + levels
    return _Columns(max(_LEAST_GAUGE, width - taken), words, change, figures, levels)


def _zone_row(zone: ZoneView, name: str, change: str, columns: _Columns, width: int, glyphs: Glyphs) -> Row:
    token = _pressure(zone)[1]
    marks = (zone.min_frames, zone.low_frames, zone.high_frames)
    levels = _levels(zone).rjust(columns.levels) if columns.levels else ""
    gap = " " * bool(columns.words)
    return row(
        dim(name),
        *gauge(zone.free_frames, zone.least_free_frames, zone.managed_frames, columns.gauge, token, glyphs, marks),
        Span(gap + _words(zone, width).ljust(columns.words), token),
        f" {_size(zone):>{columns.figures}}",
        dim(change.rjust(columns.change) + levels),
    )


def _levels(zone: ZoneView) -> str:
    """Its watermarks, and the least that was ever free."""
    marks = map(format_frames, (zone.min_frames, zone.low_frames, zone.high_frames))
    return f"min/low/high {'/'.join(marks)}  least {format_frames(zone.least_free_frames)}"


def _size(zone: ZoneView) -> str:
    return part_of(zone.free_frames * PAGE_BYTES, zone.managed_frames * PAGE_BYTES)


def _words(zone: ZoneView, width: int) -> str:
    words = _pressure(zone)[0]
    return words if width >= _WIDE else words.removeprefix("below ")


def _pressure(zone: ZoneView) -> tuple[str, Token]:
    """Which watermark the zone is below, in words and as the colour of its gauge."""
    if zone.free_frames < zone.min_frames:
        return "below min", Token.BAD
    return ("below low", Token.NOTICE) if zone.free_frames < zone.low_frames else ("", Token.GAUGE)
