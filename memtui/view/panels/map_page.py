"""A map of physical memory on a panel's page: the part that shows, the levels above it as strips, keys and clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memtui.snapshot import CellMap, MapWindow, RunInfo, StripRequest
from memtui.units import PAGE_BYTES, format_bytes, rounddown_pow_of_two
from memtui.view.cells import Row, Rows, Span, cut, dim, row, row_width, strong
from memtui.view.glyphs import Glyphs
from memtui.view.maps import cell_at, cells_for, gutter_of, map_runs, shape_of
from memtui.view.numbers import cell_size
from memtui.view.state import MapState, Move
from memtui.view.tokens import Token
from memtui.view.zoom import Ground, at_cell, ladder, levels_above, look_action, moved, window_at

_LABEL: Final = 9
"""Cells of the name of a strip, and of a gap."""
_WORDS: Final = 18
"""Cells right of a strip that say what a cell is."""
_WORDS_FROM: Final = 90
"""Width from which that is said."""
_BRACKETS: Final = 2
_CRUMBS_FROM: Final = 4
"""Rows for a zoomed map from which the first of them says where it is."""
_MOST_STRIPS: Final = 4
_LEAST_SHARE: Final = (2, 3)
"""Strips leave this share of the rows to the map, as far as it can use them."""
_AROUND: Final = 6
"""Rows of a panel around the map that shows a window, about."""
_ROUND: Final = 512
"""Cells of a window with a name: each is then a thing with a name as well, a block of a GiB, a frame of a block."""
_ROWS: Final = 8
"""Rows of such a map beyond which zooming goes no other way."""


@dataclass(frozen=True, slots=True)
class Atlas:
    """What is particular to one of the maps."""

    field: str
    """Where a `ViewState` has where it is looked at."""
    stops: tuple[int, ...]
    """Sizes of windows that have a name, in frames, largest first."""
    names: Mapping[int, str]
    """Names of windows by their size."""
    least_cell: int
    """Frames of the smallest cell that tells anything."""
    tokens: Mapping[int, Token]
    """What each code of a cell is."""
    page_rows: int = 0
    """Rows of what is drawn in place of a map of the smallest window, if anything is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a map shows in the rows there are for it."""

    crumbs: int
    """1 if the first row says where the window lies."""
    strips: tuple[MapWindow | None, ...]
    """The levels above that have a row each, the whole machine (None) first."""
    rows: int
    """Rows of the map itself."""
    cells: int
    """Cells that fill them."""
    ladder: tuple[int, ...]
    """Sizes of windows one can zoom to."""

    @property
    def head(self) -> int:
        """Rows above the map."""
        return self.crumbs + len(self.strips)

    def request(self, width: int) -> tuple[StripRequest, ...]:
        """The strips, as a Snapshot is asked for them: cells of windows are as round as the windows are."""
        room = max(1, width - _LABEL - _BRACKETS - (_WORDS if width >= _WORDS_FROM else 0))
        return tuple(
            StripRequest(room if window is None else rounddown_pow_of_two(room), window) for window in self.strips
        )


def plan(atlas: Atlas, state: MapState, info: RunInfo, size: tuple[int, int], rows: int) -> Plan:
    """How a map with `rows` rows in a panel of a size (width, height) is divided; the whole machine has them all."""
    width, height = size
    sizes = ladder(info.ram_bytes, _capacity(width, min(_ROWS, height - _AROUND)), atlas.stops, atlas.least_cell)
    if state.window is None or rows < 1:
        return Plan(0, (), rows, cells_for(width, rows, info.nodes + 2), sizes)
    crumbs = int(rows >= _CRUMBS_FROM)
    most = _ROUND if state.window.frames in atlas.stops else state.window.frames
    cells = max(1, min(most, state.window.frames // atlas.least_cell))
    above = levels_above(state.window, sizes)
    drawn = atlas.page_rows if state.window.frames <= atlas.stops[-1] else 0
    strips = _shown(above, min(_MOST_STRIPS, rows - crumbs - (drawn or _wanted(cells, width, rows))))
    left = rows - crumbs - len(strips)
    return Plan(crumbs, strips, left, min(_capacity(width, left), cells), sizes)


def _shown(above: tuple[MapWindow | None, ...], most: int) -> tuple[MapWindow | None, ...]:
    """At most so many of the levels above: the machine, and those nearest to what shows."""
    if len(above) <= most:
        return above
    return (*above[:1], *above[len(above) - most + 1 :]) if most > 1 else above[: max(0, most)]


def _wanted(cells: int, width: int, rows: int) -> int:
    """Rows that a map of so many cells can use, of `rows` in all."""
    per_row = rounddown_pow_of_two(max(1, width - gutter_of(width)))
    share = rows * _LEAST_SHARE[0] // _LEAST_SHARE[1]
    return min(-(-cells // per_row), max(1, share))


def _capacity(width: int, rows: int) -> int:
    """The largest power of two of cells that a map has room for, in rows that each hold a power of two of them."""
    inner = max(1, width - gutter_of(width))
    cells = rounddown_pow_of_two(inner * max(1, rows))
    while cells > inner and -(-cells // rounddown_pow_of_two(inner)) > rows:
        cells >>= 1
    return cells


def head_rows(
    atlas: Atlas,
    division: Plan,
    state: MapState,
    strips: Sequence[CellMap],
    words: tuple[Row, str],
    width: int,
    glyphs: Glyphs,
) -> Rows:
    """Where the window lies, and each level above it with brackets around the part the next one shows.

    `words`: the trail of where it lies, and what is to be said of the last strip.
    """
    trail, note = words
    rows: Rows = [trail] * division.crumbs
    if state.window is None or len(strips) != len(division.strips):
        return rows + [()] * len(division.strips)
    for place, (window, cells) in enumerate(zip(division.strips, strips, strict=True)):
        part = _part_shown(division, state.window, place)
        rows.append(_strip(_name(atlas, window), cells, part, atlas.tokens, width, glyphs))
    if note and rows[division.crumbs :]:
        rows[-1] = cut(row(*rows[-1], dim(f"  {note}")), width, glyphs.more)
    return rows


def _part_shown(division: Plan, window: MapWindow, place: int) -> MapWindow:
    """What the strip below, or the map below the last one, shows of a strip."""
    below = division.strips[place + 1] if place + 1 < len(division.strips) else None
    return below if below is not None else window


def _name(atlas: Atlas, window: MapWindow | None) -> str:
    if window is None:
        return "machine"
    return atlas.names.get(window.frames, format_bytes(window.frames * PAGE_BYTES))


def _strip(name: str, cells: CellMap, part: MapWindow, tokens: Mapping[int, Token], width: int, glyphs: Glyphs) -> Row:
    first, last = _range(cells, part)
    codes = cells.cells
    spans: list[Span] = [dim(name.ljust(_LABEL))]
    spans += map_runs(codes[:first], tokens, glyphs)
    spans += [Span("[", Token.CURSOR), *map_runs(codes[first : last + 1], tokens, glyphs), Span("]", Token.CURSOR)]
    spans += map_runs(codes[last + 1 :], tokens, glyphs)
    if width >= _WORDS_FROM:
        spans.append(dim(f"  1 cell {cell_size(cells.cell_bytes)}"))
    return tuple(spans)


def _range(cells: CellMap, part: MapWindow) -> tuple[int, int]:
    """The first and the last cell that show some of a part."""
    inside = [
        cell
        for start, frames in cells.ram
        for frame in (max(start, part.start), min(start + frames, part.start + part.frames) - 1)
        if start <= frame < start + frames
        and part.start <= frame < part.start + part.frames
        and (cell := cells.cell_of(frame)) is not None
    ]
    return (min(inside), max(inside)) if inside else (0, 0)


def trail(crumbs: Sequence[tuple[str, MapState | None]], field: str, width: int, glyphs: Glyphs) -> Row:
    """Where the window lies: each step with what a click on it goes back to; the first ones go where room is short."""
    between = dim(f" {glyphs.text('›')} ")
    for left_out in range(len(crumbs)):
        spans: list[Span] = [dim(f"{glyphs.more} ")] if left_out else []
        for place, (words, where) in enumerate(crumbs[left_out:]):
            spans += [between] * bool(place)
            action = "" if where is None else look_action(field, where)
            spans.append(Span(words, Token.TEXT, action) if action else strong(words))
        if row_width(spans) <= width:
            return row(*spans)
    return row(strong(crumbs[-1][0])) if crumbs else ()


def key_in_map(
    division: Plan,
    state: MapState,
    asked: Move,
    cells: CellMap | None,
    strips: Sequence[CellMap],
    notable: int | None,
    width: int,
) -> MapState:
    """The map's state after a key; as it was where no map is drawn."""
    if cells is None:
        return state
    ram = strips[0].ram if strips else cells.ram if state.window is None else ()
    columns = shape_of(cells, width, division.rows).columns
    return moved(state, asked, Ground(cells, division.ladder, columns, max(1, division.rows), ram, notable))


def cell_clicked(division: Plan, state: MapState, cells: CellMap | None, x: int, y: int, width: int) -> MapState:
    """The map's state after a click at column x and row y of the map itself: the cursor on the cell that is there."""
    if cells is None or not cells.ram or y < 0:
        return state
    cell = cell_at(cells, width, division.rows, x, y)
    return state if cell is None else at_cell(state, cells, cell)


def strip_clicked(division: Plan, state: MapState, strips: Sequence[CellMap], x: int, y: int) -> MapState:
    """The map's state after a click at column x and row y of the rows above it: what the strip there shows comes below.

    The window keeps the size that the row below the strip has; it goes to the cell that was clicked.
    """
    place = y - division.crumbs
    if state.window is None or not 0 <= place < len(strips):
        return state
    part = _part_shown(division, state.window, place)
    first, last = _range(strips[place], part)
    place_in = x - _LABEL
    cell = place_in if place_in <= first else min(place_in - 1, last) if place_in <= last + 2 else place_in - 2
    if not 0 <= cell < len(strips[place].cells):
        return state
    frame = strips[place].frame_of(cell)
    return MapState(window_at(frame, part.frames), frame)
