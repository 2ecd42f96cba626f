"""Maps of physical memory: a CellMap as rows of glyphs, with its boundaries and its legend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from memtui.snapshot import CellMap
from memtui.units import format_bytes, rounddown_pow_of_two
from memtui.view.cells import Row, Rows, Span, dim, flow, flow_some, row
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import SIZE_WIDTH, cell_size
from memtui.view.state import MapState
from memtui.view.tokens import KINDS, Token
from memtui.view.zoom import cell_under, look_action

_NONE: Final[Mapping[Token, str]] = MappingProxyType({})

_BOUNDARY = 255
"""Stands in the stream of cells where a node or zone begins; no cell code is that large."""

_RUN = re.compile(rb"(.)\1*", re.DOTALL)

GUTTER = SIZE_WIDTH + 1
"""Cells of the column that says how much RAM lies below each row."""

_SHORTEST_ROW = 16
"""Cells of a row of the widest cells."""

_WIDEST_CELL = 4

_GUTTER_FROM = 72
"""Maps at least this wide have that column."""


def gutter_of(width: int) -> int:
    """Cells that a map of `width` keeps for the column at the left; 0 in narrow ones."""
    return GUTTER if width >= _GUTTER_FROM else 0


def cells_for(width: int, rows: int, boundaries: int) -> int:
    """How many cells to ask for so that a map of `width` × `rows` is full but not over-full."""
    return max(0, (width - gutter_of(width)) * rows - boundaries)


class Shape(NamedTuple):
    """How the cells of a map stand in its rows."""

    columns: int
    """Cells in a row."""
    stretch: int
    """Columns of the screen that each takes."""


def shape_of(cells: CellMap, width: int, rows: int) -> Shape:
    """The shape of a map of `width` × `rows`: rows as full as can be, or as round as the cells are.

    Where a cell is a power of two of frames, a row is one too, so that what begins at a round
    address begins a row; and where there is room for it, cells are wider and rows shorter.
    """
    inner, count = width - gutter_of(width), len(cells.cells)
    columns = rounddown_pow_of_two(inner)
    size = cells.cell_bytes
    is_round = size & (size - 1) == 0 and len(cells.ram) == 1 and not _boundaries_before(cells, count)
    if not is_round or not 1 < count <= columns * rows:
        return Shape(max(1, inner), 1)
    while columns > _SHORTEST_ROW and -(-count // (columns >> 1)) <= rows:
        columns >>= 1
    return Shape(columns, min(_WIDEST_CELL, inner // columns))


def draw_map(
    cells: CellMap, tokens: Mapping[int, Token], width: int, rows: int, glyphs: Glyphs, cursor: int | None = None
) -> Rows:
    """The map left to right, top to bottom; a map too large for the space ends in the sign for more.

    `cursor` is the cell that is marked, if one is.
    """
    gutter, (columns, stretch) = gutter_of(width), shape_of(cells, width, rows)
    stream = _with_boundaries(cells)
    drawn: Rows = []
    marked = -1 if cursor is None else cursor + _boundaries_before(cells, cursor)
    for start in range(0, min(len(stream), columns * rows), columns):
        below = dim(_below(cells, stream, start).rjust(SIZE_WIDTH) + " ") if gutter else dim("")
        line = map_runs(_stretched(stream[start : start + columns], stretch), tokens, glyphs)
        if start <= marked < start + columns:
            line = _with_cursor(line, (marked - start) * stretch, stretch, glyphs)
        drawn.append(row(below, *line))
    if len(stream) > columns * rows and drawn:
        last = drawn[-1][-1]
        drawn[-1] = (*drawn[-1][:-1], last._replace(text=last.text[:-1]), Span(glyphs.more, Token.NOTICE))
    return drawn


def cell_at(cells: CellMap, width: int, rows: int, x: int, y: int) -> int | None:
    """The cell drawn at column and row (x, y) of a map of `width` × `rows`; None where there is none."""
    columns, stretch = shape_of(cells, width, rows)
    column = (x - gutter_of(width)) // stretch
    stream, place = _with_boundaries(cells), columns * y + column
    if not 0 <= column < columns or y >= rows or not 0 <= place < len(stream) or stream[place] == _BOUNDARY:
        return None
    return place - stream.count(_BOUNDARY, 0, place)


def _stretched(stretch_of_cells: bytes, columns: int) -> bytes:
    """Each cell so many columns wide."""
    return stretch_of_cells if columns == 1 else bytes(code for code in stretch_of_cells for _ in range(columns))


def _boundaries_before(cells: CellMap, cell: int) -> int:
    return len({index for index, _ in cells.marks if 0 < index <= cell})


def _with_cursor(line: list[Span], place: int, columns: int, glyphs: Glyphs) -> list[Span]:
    """The line with the cell at `place`, so many columns wide, shown as the cursor."""
    spans: list[Span] = []
    for span in line:
        if 0 <= place < len(span.text):
            after = span.text[place + columns :]
            spans += [span._replace(text=span.text[:place]), Span(glyphs.here * columns, Token.CURSOR)]
            spans.append(span._replace(text=after))
        else:
            spans.append(span)
        place -= len(span.text)
    return [span for span in spans if span.text]


def _with_boundaries(cells: CellMap) -> bytes:
    parts: list[bytes] = []
    start = 0
    for index, _ in cells.marks:
        if start < index < len(cells.cells):
            parts += (cells.cells[start:index], bytes((_BOUNDARY,)))
            start = index
    return b"".join((*parts, cells.cells[start:]))


def _below(cells: CellMap, stream: bytes, start: int) -> str:
    return format_bytes((start - stream.count(_BOUNDARY, 0, start)) * cells.cell_bytes)


def map_runs(stretch: bytes, tokens: Mapping[int, Token], glyphs: Glyphs) -> list[Span]:
    """Codes as cells, equal ones side by side as one span each."""
    spans = []
    for run in _RUN.finditer(stretch):
        start, end = run.span()
        code = stretch[start]
        token = Token.MARK if code == _BOUNDARY else tokens.get(code, Token.BAD)
        glyph = glyphs.boundary if code == _BOUNDARY else glyphs.kinds.get(token, "?")
        spans.append(_span(glyph, end - start, token))
    return spans


@lru_cache(4096)
def _span(glyph: str, size: int, token: Token) -> Span:
    """The same few spans make up most of any map."""
    return Span(glyph * size, token)


class Linked(NamedTuple):
    """What clicks on a legend do: the cursor goes to the next cell of that kind, or to where a zone begins."""

    field: str
    """Where a `ViewState` has where the map is looked at."""
    state: MapState
    tokens: Mapping[int, Token]

    def kind(self, cells: CellMap, kind: Token) -> str:
        """The action of a kind's words; '' where no cell is of that kind."""
        here = cell_under(self.state, cells, default=-1)
        after = 0 if here is None else here + 1
        for code in (code for code, token in self.tokens.items() if token is kind):
            place = cells.cells.find(code, after)
            place = cells.cells.find(code) if place < 0 else place
            if place >= 0:
                return self.cell(cells, place)
        return ""

    def cell(self, cells: CellMap, cell: int) -> str:
        """The action that takes the cursor to a cell."""
        return look_action(self.field, replace(self.state, cursor=cells.frame_of(cell)))


def legend(
    kinds: Sequence[Token], width: int, glyphs: Glyphs, lead: str = "", actions: Mapping[Token, str] = _NONE
) -> Rows:
    """Each kind's glyph and words, wrapped between kinds; with what a click on them does, if anything."""
    groups: list[Row] = [row(dim(lead))] if lead else []
    for kind in kinds:
        action = actions.get(kind, "")
        groups.append(row(Span(glyphs.kinds[kind], kind, action), Span(f" {KINDS[kind].label}", Token.DIM, action)))
    return flow(groups, width)


def map_legend(
    cells: CellMap,
    kinds: Sequence[Token],
    void: tuple[int, Token],
    width: int,
    rows: int,
    glyphs: Glyphs,
    lead: str = "",
    linked: Linked | None = None,
) -> Rows:
    """What the map's glyphs mean, and the nodes and zones in the order in which its boundaries separate them.

    `void` is the code, and the kind, of cells with nothing there: explained only where there are any.
    """
    code, nothing = void
    shown = [*kinds, nothing] if code in cells.cells else list(kinds)
    actions = {kind: linked.kind(cells, kind) for kind in shown} if linked is not None else _NONE
    lines = legend(shown, width, glyphs, lead, actions)
    return lines + flow_some(_boundaries(cells, glyphs, linked), width, rows - len(lines), glyphs.more)


def _boundaries(cells: CellMap, glyphs: Glyphs, linked: Linked | None) -> list[Row]:
    groups, node = [], ""
    for cell, label in cells.marks:
        place, _, zone = label.rpartition(" ")
        words = label if place != node else zone
        node = place
        action = linked.cell(cells, cell) if linked is not None and cells.ram else ""
        mark, name = Span(glyphs.boundary, Token.MARK, action), Span(f" {glyphs.text(words)}", Token.DIM, action)
        groups.append(row(mark, name))
    return groups


def caption(cells: CellMap, words: str, width: int, rows: int, window: str = "") -> str:
    """What one cell stands for, where the window lies, and what the column at the left says where there is one."""
    wide = shape_of(cells, width, rows).stretch
    cell = f"1 cell ({wide} columns)" if wide > 1 else "1 cell"
    size = f"{cell} = {words.format(cell_size(cells.cell_bytes))}"
    inside = "left: offset" if window else "left: RAM below, without holes"
    left = inside if gutter_of(width) else ""
    return "; ".join(part for part in (window, left, size) if part)
