"""What struct pages cost by size of page, and what freeing the pools takes node by node: two tables."""

from __future__ import annotations

from typing import Final

from memtui.snapshot import NodeRestore, PageSizeCost, Snapshot, VmemmapCosts
from memtui.units import FRAMES_1G, FRAMES_2M, PAGE_BYTES, format_count, format_frames
from memtui.view.cells import Row, Rows, Span, cut, dim, fit, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import percent
from memtui.view.tokens import Token

ROWS: Final = 8
"""Rows of the tables."""
_LEFT: Final = 75
_GAP: Final = 3
_NAME: Final = 17
_COLUMNS: Final = (
    ("pages", 8),
    ("RAM", 9),
    ("struct pages", 13),
    ("of it", 8),
    ("given back", 11),
    ("1 keeps", 9),
)
_NAMES: Final = {FRAMES_2M: "2M", FRAMES_1G: "1G"}


def tables(now: Snapshot, ram_bytes: int, width: int, height: int, glyphs: Glyphs) -> Rows:
    """Both side by side in exactly `height` rows."""
    if now.vmemmap_costs is None:
        return [()] * height
    left = cost_table(now, now.vmemmap_costs, ram_bytes)[:height]
    right = restore_table(now.vmemmap_costs, width - _LEFT - _GAP, height, glyphs)
    rows: Rows = []
    for y in range(height):
        first = left[y] if y < len(left) else ()
        second = right[y] if y < len(right) else ()
        rows.append((*fit(first, _LEFT, glyphs.more), Span(" " * _GAP), *second))
    return rows


def cost_table(now: Snapshot, costs: VmemmapCosts, ram_bytes: int) -> Rows:
    """A row for each size of page with and without optimisation, what is left, all of it, and what that saves."""
    view, rows = now.vmemmap, [_heading()]
    other_ram, other_frames = ram_bytes // PAGE_BYTES, view.used_frames
    body: Rows = []
    for size in costs.sizes:
        body += [_plain(size), _optimised(size)]
        pages = size.plain_pages + size.optimised_pages
        other_ram -= pages * size.page_frames
        other_frames -= size.plain_pages * size.full_frames + size.optimised_pages * size.kept_frames
    rows.append(_row("4K, not in pools", "", other_ram, other_frames, "", ""))
    rows += body
    rows.append(_row("all", "", ram_bytes // PAGE_BYTES, view.used_frames, format_frames(view.given_back_frames), ""))
    saved = view.given_back_frames - view.table_frames
    share = percent(abs(saved) * PAGE_BYTES, ram_bytes)
    tables = f"less {format_frames(view.table_frames)} of page tables of split leaves: "
    net = f"{'saves' if saved >= 0 else 'costs'} {format_frames(abs(saved))}, {share} of RAM"
    return [*rows, row(dim(tables), Span(net, Token.SHARED if saved > 0 else Token.TEXT))]


def restore_table(costs: VmemmapCosts, width: int, height: int, glyphs: Glyphs) -> Rows:
    """What each node needs before its optimised pages can be freed, what it has, and what is missing in all."""
    needed = sum(node.needed_frames for node in costs.nodes)
    if not needed:
        return [row(dim("to free the pools:")), row("nothing is needed first")]
    room = max(1, height - 3)
    nodes = sorted(costs.nodes, key=lambda node: node.available_frames - node.needed_frames)
    shown = nodes if len(nodes) <= room else nodes[: room - 1]
    rows = [row(dim("to free the pools, first:"))]
    rows += [_node(node, glyphs) for node in sorted(shown, key=lambda node: node.node)]
    if len(shown) < len(nodes):
        rows.append(row(dim(f"{glyphs.more} {len(nodes) - len(shown)} more nodes, with more to spare")))
    return [cut(line, width, glyphs.more) for line in (rows + _verdict(costs, needed))]


def _verdict(costs: VmemmapCosts, needed: int) -> Rows:
    """Whether it could all be had now; where not, how much is missing, and what can be done all the same."""
    short = needed - costs.available_frames
    if short <= 0:
        borrowed = sum(max(0, node.needed_frames - node.available_frames) for node in costs.nodes)
        words = f", {format_frames(borrowed)} of it from other nodes" if borrowed else ""
        return [row(dim("available now: "), Span("yes", Token.GOOD), dim(words))]
    return [
        row(dim("available now: "), Span(f"no, {format_frames(short)} short", Token.BAD)),
        row(dim("one by one: each page freed pays the next") if costs.available_frames else dim("reclaim comes first")),
    ]


def _node(node: NodeRestore, glyphs: Glyphs) -> Row:
    short = node.needed_frames - node.available_frames
    sign = glyphs.yes if short <= 0 else f"{format_frames(short)} short"
    figures = f"{format_frames(node.needed_frames)} of {format_frames(node.available_frames)} "
    return row(dim(f"node {node.node} "), strong(figures), Span(sign, Token.GOOD if short <= 0 else Token.NOTICE))


def _heading() -> Row:
    return row(dim("struct pages of".ljust(_NAME) + "".join(name.rjust(width) for name, width in _COLUMNS)))


def _plain(size: PageSizeCost) -> Row:
    held = size.plain_pages * size.full_frames
    ram, keeps = size.plain_pages * size.page_frames, format_frames(size.full_frames)
    return _row(f"{_NAMES[size.page_frames]}, plain", format_count(size.plain_pages), ram, held, "", keeps)


def _optimised(size: PageSizeCost) -> Row:
    held, given = size.optimised_pages * size.kept_frames, size.optimised_pages * (size.full_frames - size.kept_frames)
    ram, keeps = size.optimised_pages * size.page_frames, format_frames(size.kept_frames)
    name = f"{_NAMES[size.page_frames]}, optimised"
    return _row(name, format_count(size.optimised_pages), ram, held, format_frames(given), keeps)


def _row(name: str, pages: str, ram_frames: int, held_frames: int, given: str, keeps: str) -> Row:
    shown = (
        pages,
        format_frames(ram_frames),
        format_frames(held_frames),
        percent(held_frames, ram_frames),
        given,
        keeps,
    )
    cells = [text.rjust(width) for text, (_, width) in zip(shown, _COLUMNS, strict=True)]
    return row(dim(name.ljust(_NAME)), *cells[:4], Span(cells[4], Token.SHARED), dim(cells[5]))
