"""Who split the direct map, and what the policies hold that do: a line, a table, and the policies' own figures."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.snapshot import PolicyRow, PolicyState, Snapshot, SplitCause
from memtui.units import format_bytes, format_count
from memtui.view.cells import Row, Rows, Span, cut, cut_text, dim, flow, flow_some, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import percent_of_ppm, short_count
from memtui.view.tokens import Token

_COUNT = 9
"""Cells of a column of splits."""
_ORDER = 5
"""Cells of a column by order."""
_ORDER_NAME = 9
_LEAST_CAUSES = 4
"""Rows of the table of causes that policies leave it."""
SIDE_BY_SIDE = 100
"""Width from which tables have what they tell over time beside them."""


def cause_line(now: Snapshot, width: int, glyphs: Glyphs) -> Rows:
    """The causes with most splits in one row, the others counted; none where nothing was split.

    The first is always named, if only in part.
    """
    causes = by_splits(now.split_causes)
    if not causes:
        return []
    others = len(f"  {glyphs.more} {len(causes) - 1} more") if len(causes) > 1 else 0
    room = width - len("by ") - others
    groups: list[Row] = []
    for cause in causes:
        count = format_count(cause.level2_splits + cause.level3_splits)
        name = (
            glyphs.text(cause.cause)
            if groups
            else cut_text(glyphs.text(cause.cause), room - len(count) - 1, glyphs.more)
        )
        groups.append(row(f"{name} ", strong(count)))
    return [(dim("by "), *line) for line in flow_some(groups, width - len("by "), 1, glyphs.more)]


def by_splits(causes: Sequence[SplitCause]) -> list[SplitCause]:
    """Largest first; causes with as many splits in the order they came."""
    return sorted(causes, key=lambda cause: -cause.level2_splits - cause.level3_splits)


def column(now: Snapshot, width: int, height: int, glyphs: Glyphs) -> Rows:
    """Causes, and below them the policies, in exactly `height` rows; what has no room is counted."""
    policies = policy_rows(now, width, height, glyphs)
    causes = min(len(now.split_causes) + 1, height, max(_LEAST_CAUSES, height - len(policies)))
    rows = cause_table(now, width, causes, glyphs)
    return _filled(rows + policy_rows(now, width, height - len(rows), glyphs), height)


def cause_table(now: Snapshot, width: int, height: int, glyphs: Glyphs) -> Rows:
    """A row per cause with its splits of 1G and of 2M leaves, largest first; the last sums what has no room."""
    causes = by_splits(now.split_causes)
    heads = [glyphs.text("1G→2M"), glyphs.text("2M→4K")]
    name_width = width - _COUNT * len(heads)
    if not causes:
        return [row(dim(cut_text("nothing split the direct map since boot", width, glyphs.more)))]
    shown = causes if len(causes) < height else causes[: max(0, height - 2)]
    rest = causes[len(shown) :]
    rows: Rows = [row(dim("split by".ljust(name_width) + "".join(head.rjust(_COUNT) for head in heads)))]
    for cause in shown:
        rows.append(_cause_row(cause.cause, [cause], name_width, glyphs, Token.TEXT))
    if rest:
        rows.append(_cause_row(f"{glyphs.more} {len(rest)} more", rest, name_width, glyphs, Token.DIM))
    return rows[:height]


def _cause_row(name: str, causes: Sequence[SplitCause], width: int, glyphs: Glyphs, token: Token) -> Row:
    counts = (sum(cause.level3_splits for cause in causes), sum(cause.level2_splits for cause in causes))
    figures = "".join(format_count(count).rjust(_COUNT) for count in counts)
    return row(Span(cut_text(glyphs.text(name), width - 1, glyphs.more).ljust(width), token), strong(figures))


def policy_rows(now: Snapshot, width: int, height: int, glyphs: Glyphs) -> Rows:
    """What each policy holds inside: its figures, and its table by order where it has one."""
    rows = [line for state in now.policy_state for line in _policy(state, width, glyphs)]
    if len(rows) > height > 1:
        rows = [*rows[: height - 1], row(dim(f"{glyphs.more} {len(rows) - height + 1} more"))]
    elif len(rows) > height:
        rows = [cut((*line, Span(" " * width)), width, glyphs.more) for line in rows[:height]]
    return rows[:height]


def _policy(state: PolicyState, width: int, glyphs: Glyphs) -> Rows:
    title = row(dim(f"{state.axis} "), strong(glyphs.text(state.policy)))
    figures = [row(dim(f"{glyphs.text(figure.label)} "), _figure(figure)) for figure in state.rows]
    rows = flow([cut(group, width, glyphs.more) for group in (title, *figures)], width)
    if state.by_order:
        orders = len(state.by_order[0][1])
        room = max(1, min(orders, (width - _ORDER_NAME) // _ORDER))
        cells = _ORDER if room == orders else max(2, (width - _ORDER_NAME) // orders)
        head = "".join(str(order).rjust(cells) for order in range(orders))
        rows.append(row(dim(cut_text("order".ljust(_ORDER_NAME) + head, width, glyphs.more))))
        for name, blocks in state.by_order:
            counts = "".join(short_count(count, min(4, cells - 1)).rjust(cells) for count in blocks)
            label = cut_text(glyphs.text(name), _ORDER_NAME - 1, glyphs.more).ljust(_ORDER_NAME)
            rows.append(row(dim(label), cut_text(counts, width - _ORDER_NAME, glyphs.more)))
    return rows


def _figure(figure: PolicyRow) -> str:
    if figure.unit == "bytes":
        return format_bytes(figure.value)
    if figure.unit == "ppm":
        return percent_of_ppm(figure.value)
    unit = "" if figure.unit in figure.label.split() else f" {figure.unit}"
    return f"{format_count(figure.value)}{unit}"


def _filled(rows: Rows, height: int) -> Rows:
    return rows + [()] * (height - len(rows))
