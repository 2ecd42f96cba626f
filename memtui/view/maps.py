"""Maps of physical memory: a CellMap as rows of glyphs, with its boundaries and its legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from memtui.snapshot import CellMap
from memtui.units import format_bytes
from memtui.view.cells import Row, Rows, Span, dim, flow, row
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import SIZE_WIDTH
from memtui.view.tokens import KINDS, Token

_BOUNDARY = 255
"""Stands in the stream of cells where a node or zone begins; no cell code is that large."""

GUTTER = SIZE_WIDTH + 1
"""Cells of the column that says where in memory each row begins."""

_GUTTER_FROM = 72
"""Maps at least this wide have that column."""


def gutter_of(width: int) -> int:
    """Cells that a map of `width` keeps for the address of each row; 0 in narrow ones."""
    return GUTTER if width >= _GUTTER_FROM else 0


def cells_for(width: int, rows: int, boundaries: int) -> int:
    """How many cells to ask for so that a map of `width` × `rows` is full but not over-full."""
    return max(0, (width - gutter_of(width)) * rows - boundaries)


def draw_map(cells: CellMap, tokens: Mapping[int, Token], width: int, rows: int, glyphs: Glyphs) -> Rows:
    """The map left to right, top to bottom; a map too large for the space ends in the sign for more."""
    gutter = gutter_of(width)
    inner = width - gutter
    stream = _with_boundaries(cells)
    drawn: Rows = []
    for start in range(0, min(len(stream), inner * rows), inner):
        address = dim(_address(cells, stream, start).rjust(SIZE_WIDTH) + " ") if gutter else dim("")
        drawn.append(row(address, *_runs(stream[start : start + inner], tokens, glyphs)))
    if len(stream) > inner * rows and drawn:
        last = drawn[-1][-1]
        drawn[-1] = (*drawn[-1][:-1], last._replace(text=last.text[:-1]), Span(glyphs.more, Token.NOTICE))
    return drawn


def _with_boundaries(cells: CellMap) -> bytes:
    parts: list[bytes] = []
    start = 0
    for index, _ in cells.marks:
        if start < index < len(cells.cells):
            parts += (cells.cells[start:index], bytes((_BOUNDARY,)))
            start = index
    return b"".join((*parts, cells.cells[start:]))


def _address(cells: CellMap, stream: bytes, start: int) -> str:
    return format_bytes((start - stream.count(_BOUNDARY, 0, start)) * cells.cell_bytes)


def _runs(stretch: bytes, tokens: Mapping[int, Token], glyphs: Glyphs) -> Sequence[Span]:
    spans = []
    for code, run in groupby(stretch):
        size = len(list(run))
        if code == _BOUNDARY:
            spans.append(Span(glyphs.boundary * size, Token.MARK))
        else:
            token = tokens.get(code, Token.BAD)
            spans.append(Span(glyphs.kinds.get(token, "?") * size, token))
    return spans


def legend(kinds: Sequence[Token], width: int, glyphs: Glyphs, lead: str = "") -> Rows:
    """Each kind's glyph and words, wrapped between kinds."""
    groups: list[Row] = [row(dim(lead))] if lead else []
    groups += [row(Span(glyphs.kinds[kind], kind), dim(f" {KINDS[kind].label}")) for kind in kinds]
    return flow(groups, width)


def boundary_names(cells: CellMap, width: int, glyphs: Glyphs) -> Rows:
    """The nodes and zones of the map in their order, as the boundaries separate them."""
    groups = [row(Span(glyphs.boundary, Token.MARK), dim(f" {glyphs.text(label)}")) for _, label in cells.marks]
    return flow(groups, width)
