"""Keys and clicks in a panel that has a map of physical memory."""

from __future__ import annotations

from memtui.snapshot import CellMap
from memtui.view.maps import cell_at, gutter_of
from memtui.view.panels.stack import Division
from memtui.view.state import MapState, Move
from memtui.view.zoom import at_cell, moved


def key_in_map(
    state: MapState, asked: Move, cells: CellMap | None, ram_bytes: int, width: int, division: Division
) -> MapState:
    """The map's state after a key; as it was where no map is drawn."""
    if cells is None or not division.map:
        return state
    return moved(state, asked, cells, ram_bytes, width - gutter_of(width), division.map)


def click_in_map(state: MapState, cells: CellMap | None, x: int, y: int, width: int, division: Division) -> MapState:
    """The map's state after a click at column and row (x, y) of the panel: the cursor on the cell that is there."""
    if cells is None or not division.map:
        return state
    cell = cell_at(cells, width, x, y - division.figures - division.strip - division.gap)
    return state if cell is None else at_cell(state, cells, cell)
