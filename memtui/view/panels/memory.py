"""Panel 4: free memory per zone against its watermarks, blocks per order, and who owns the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memtui.reading import read
from memtui.snapshot import Snapshot, ZoneView
from memtui.units import FRAMES_2M, KIB, PAGE_BYTES, format_bytes, format_frames
from memtui.view.bars import gauge
from memtui.view.cells import Row, Rows, Span, dim, flow, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.history import beside, largest, strip
from memtui.view.numbers import part_of, whole_percent
from memtui.view.panels.order_history import LEAST_ROWS, order_history
from memtui.view.panels.orders import LEAST_ORDER_ROWS, order_rows
from memtui.view.panels.owners import owner_rows
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.tokens import Token

_LEAST_GAUGE = 4
_WIDE = 48
_WIDEST = 110
"""Width from which the watermarks stand beside each gauge as figures."""
_LEVELS = 42
"""Cells of `  min/low/high 1023 KiB/1023 KiB/1023 KiB`."""
_FEW_ZONES = 4
"""Zones that are all shown before anything else is; with more, blocks by order have room of their own."""
_ROOMY = 14
"""Rows beyond gauges and totals from which the blocks of each zone are listed."""
_TALLEST_HISTORY = 20
_BOTH_FROM = 100
"""Width from which free blocks by order have their past beside that of MemFree."""


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Gauges per zone, what is free in all, free blocks by order, owners of frames and history as space allows."""
    now = scene.now
    figures = flow(_totals(now), width)
    reserved = LEAST_ORDER_ROWS if len(now.zones) > _FEW_ZONES else 0
    shown_zones = max(1, height - len(figures) - reserved)
    rows = [*_gauges(now.zones, width, shown_zones, glyphs), *figures]
    rest = height - len(rows)
    roomy = rest >= _ROOMY + len(now.zones)
    rows += order_rows(now.zones, width, rest, glyphs, each_zone=roomy)
    if height - len(rows) >= 4:
        rows.append(_key(width, glyphs))
    gap = 1 if height - len(rows) >= 6 else 0
    owners = owner_rows(now.owners, width, height - len(rows) - gap, glyphs)
    rows += [()] * (gap if owners else 0) + owners
    return Drawing(rows + _history(scene, width, height - len(rows) - 1, glyphs))


def _gauges(zones: Sequence[ZoneView], width: int, limit: int, glyphs: Glyphs) -> Rows:
    """One row per zone; when there are too many the last row says how many are left and which is lowest."""
    shown = zones if len(zones) <= limit else zones[: limit - 1]
    label_width = 14 if width >= _WIDE else 10
    columns = _columns(shown, width, label_width)
    rows: Rows = []
    node = -1
    for zone in shown:
        place = f"node {zone.node} " if label_width == 14 else f"n{zone.node} "
        name = place + zone.name if zone.node != node else " " * len(place) + zone.name
        rows.append(_zone_row(zone, name.ljust(label_width), columns, width, glyphs))
        node = zone.node
    if len(shown) < len(zones):
        lowest = min(zones[len(shown) :], key=lambda zone: zone.free_frames / max(1, zone.managed_frames))
        words = f"{glyphs.more} {len(zones) - len(shown)} more, least free: n{lowest.node} {lowest.name} "
        rows.append(row(dim(words), whole_percent(lowest.free_frames, lowest.managed_frames)))
    return rows


@dataclass(frozen=True, slots=True)
class _Columns:
    """Cells of what stands right of the gauges, the same in every row so that they line up."""

    gauge: int
    words: int
    figures: int
    levels: bool


def _columns(zones: Sequence[ZoneView], width: int, label: int) -> _Columns:
    words = max((len(_words(zone, width)) for zone in zones), default=0)
    figures = max((len(_size(zone)) for zone in zones), default=0)
    levels = width >= _WIDEST
    # One space before the figures, and one before the words where any zone has words.
    taken = label + words + bool(words) + figures + 1 + _LEVELS * levels
    return _Columns(max(_LEAST_GAUGE, width - taken), words, figures, levels)


def _zone_row(zone: ZoneView, name: str, columns: _Columns, width: int, glyphs: Glyphs) -> Row:
    token = _pressure(zone)[1]
    marks = (zone.min_frames, zone.low_frames, zone.high_frames)
    levels = f"  min/low/high {'/'.join(map(format_frames, marks))}".rjust(_LEVELS) if columns.levels else ""
    gap = " " * bool(columns.words)
    return row(
        dim(name),
        *gauge(zone.free_frames, zone.least_free_frames, zone.managed_frames, columns.gauge, token, glyphs, marks),
        Span(gap + _words(zone, width).ljust(columns.words), token),
        f" {_size(zone):>{columns.figures}}",
        dim(levels),
    )


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


def _key(width: int, glyphs: Glyphs) -> Row:
    """What the parts of a gauge mean."""
    parts = [
        row(Span(glyphs.fill[-1], Token.GAUGE), dim(" free")),
        row(Span(glyphs.faint, Token.GAUGE), dim(" was in use")),
        row(Span(glyphs.track, Token.TRACK), dim(" in use")),
        row(Span(glyphs.watermark, Token.MARK), dim(" min/low/high")),
    ]
    return flow(parts, width)[0]


def _totals(now: Snapshot) -> list[Row]:
    groups = []
    for name in ("MemFree", "MemAvailable"):
        value = read(now, name)
        if value is not None:
            groups.append(row(dim(f"{name} "), strong(format_bytes(int(value) * KIB))))
    free = sum(zone.free_frames for zone in now.zones)
    usable = sum(_frames_from_2m(zone) for zone in now.zones)
    groups.append(row(dim("below 2M "), strong(whole_percent(free - usable, free))))
    return [*groups, *_fragmentation(now)]


def _fragmentation(now: Snapshot) -> list[Row]:
    """Why no block of 2M, and none of 4M, is free: Linux's index, 1 for fragmentation and 0 for lack of memory."""
    known = [(name, read(now, f"extfrag_index.{order}")) for name, order in (("2M", 9), ("4M", 10))]
    parts = [
        (dim(f" {name} "), strong("none" if index < 0 else f"{index / 1000:.2f}"))
        for name, index in known
        if index is not None
    ]
    return [row(dim("fragmentation"), *(span for part in parts for span in part))] if parts else []


def _frames_from_2m(zone: ZoneView) -> int:
    """Free frames in blocks of 2 MiB and more (the complement of extfrag/unusable_index)."""
    return sum(count << order for order, count in enumerate(zone.free_blocks) if 1 << order >= FRAMES_2M)


def _history(scene: Scene, width: int, room: int, glyphs: Glyphs) -> Rows:
    height = min(room, _TALLEST_HISTORY)
    if height < 3:
        return []
    series = scene.history.series("MemFree")
    most = format_bytes(largest(series) * KIB)
    if width < _BOTH_FROM or height <= LEAST_ROWS:
        return [(), *strip(series, scene.axis, "MemFree", most, width, height, glyphs, Token.HISTORY)]
    half = (width - 3) // 2
    free = strip(series, scene.axis, "MemFree", most, half, height, glyphs, Token.HISTORY)
    blocks = order_history(scene, width - 3 - half, height, glyphs)
    return [(), *beside((free, blocks), (half, width - 3 - half), height, glyphs)]


PANEL = Panel(
    name="memory",
    title="Free memory",
    tab="Free memory",
    draw=draw,
    help=(
        "Each gauge is the free memory of one zone of one node, against the pages the zone manages. The marks are its "
        "watermarks: below low kswapd reclaims, below min ordinary allocations must reclaim for themselves; the bar "
        "changes colour with them. The fainter part is free now but was in use at some time: where it begins is the "
        "least that was ever free.\n\n"
        "Below: free blocks of the buddy allocator by order (order 0 is 4 KiB, order 9 is 2 MiB, order 10 is 4 MiB), "
        "bars on a log scale. 'Below 2M' is the share of free memory in blocks too small for a 2 MiB page "
        "(extfrag/unusable_index). Fragmentation is Linux's index over all zones (extfrag_index): none while a block "
        "of that size is free; else towards 1.00 fragmentation is to blame, towards 0.00 lack of memory.\n\n"
        "Enlarged, free blocks of every order are drawn over time, a row per order on one log scale.\n\n"
        "The last bar shows who owns the frames of RAM, largest first, by the letters of Linux's page-types where it "
        "has one. Every frame has exactly one owner."
    ),
    counters=(
        "MemTotal",
        "MemFree",
        "MemAvailable",
        "nr_free_pages",
        "extfrag_index.9",
        "extfrag_index.10",
        "oom_kill",
    ),
)
"""Free memory."""
