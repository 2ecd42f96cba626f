"""Free blocks of the buddy allocator by order: bars on a log scale, counts in all and zone by zone."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.snapshot import Snapshot, ZoneView
from memtui.view.bars import columns
from memtui.view.cells import Row, Rows, Span, dim, row
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import short_count
from memtui.view.tokens import Token

LEAST_ORDER_ROWS = 2
"""Rows below which nothing is drawn: the orders and their bars."""

_LABEL = 7
_ZONE_LABEL = 14
_WIDEST_STEP = 8
_SIGNED_STEP = 5
"""Cells of a column from which a count has room for its change."""
_BAR = 3
"""Cells of a bar, where a column is wider than that."""


def order_rows(
    zones: Sequence[ZoneView], baseline: Snapshot | None, width: int, height: int, glyphs: Glyphs, *, each_zone: bool
) -> Rows:
    """Orders, bars and counts in at most `height` rows; counts of `each_zone` below where they are wanted.

    With a baseline their changes since stand there too, where columns are wide enough.
    """
    orders = max((len(zone.free_blocks) for zone in zones), default=0)
    if not orders or height < LEAST_ORDER_ROWS:
        return []
    label = _ZONE_LABEL if each_zone else _LABEL
    step = min(_WIDEST_STEP, (width - label) // orders)
    counts = [sum(_blocks(zone, order) for zone in zones) for order in range(orders)]
    rows = [_labelled("order", [_order_name(order, step) for order in range(orders)], label, step, Token.DIM)]
    bar_height = 1 if height < 8 else 2 if height < 20 else 4
    for line in _bars(counts, bar_height, glyphs):
        cells = [character * min(_BAR, step - 1) for character in line]
        rows.append(_labelled("", cells, label, step, Token.GAUGE))
    if step < 4 or len(rows) == height:
        return rows
    rows.append(_labelled("blocks", [short_count(count, step - 1) for count in counts], label, step, Token.TEXT))
    if baseline is not None and step >= _SIGNED_STEP and len(rows) < height - 2:
        before = [sum(_blocks(zone, order) for zone in baseline.zones) for order in range(orders)]
        changes = [_signed(now - then, step - 1, glyphs) for now, then in zip(counts, before, strict=True)]
        rows.append(_labelled("change", changes, label, step, Token.DIM))
    if each_zone:
        rows += [_zone_counts(zone, orders, step) for zone in zones]
    return rows


def _signed(change: int, cells: int, glyphs: Glyphs) -> str:
    """A change of a count with its sign; nothing for none."""
    sign = "+" if change > 0 else glyphs.text("−")
    return f"{sign}{short_count(abs(change), cells - 1)}" if change else ""


def _blocks(zone: ZoneView, order: int) -> int:
    return zone.free_blocks[order] if order < len(zone.free_blocks) else 0


def _order_name(order: int, step: int) -> str:
    """The order; every second one where columns are narrow."""
    return str(order) if step >= 3 or order % 2 == 0 else ""


def _bars(counts: Sequence[int], height: int, glyphs: Glyphs) -> list[str]:
    scaled = [float(count.bit_length()) if count else None for count in counts]
    top = max((value for value in scaled if value is not None), default=0)
    return columns(scaled, height, top, glyphs)


def _zone_counts(zone: ZoneView, orders: int, step: int) -> Row:
    figures = [short_count(_blocks(zone, order), step - 1) for order in range(orders)]
    return _labelled(f" {zone.node} {zone.name}", figures, _ZONE_LABEL, step, Token.DIM)


def _labelled(label: str, cells: Sequence[str], label_width: int, step: int, token: Token) -> Row:
    return row(dim(label.ljust(label_width)), Span("".join(cell.rjust(step) for cell in cells), token))
