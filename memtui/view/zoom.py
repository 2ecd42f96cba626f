"""Moving in a map of physical memory: the cursor from cell to cell, the window from the machine to 2 MiB and back.

A window is an aligned power of two of frames. Zooming in makes it a sixteenth, around the cursor;
the smallest is one 2 MiB block, where a cell is a frame.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memtui.snapshot import CellMap, MapWindow
from memtui.units import FRAMES_2M, PAGE_BYTES
from memtui.view.state import WHOLE, MapState, Move

FACTOR_SHIFT: Final = 4
"""A step of zoom is this power of two."""

SMALLEST_FRAMES: Final = FRAMES_2M


def moved(state: MapState, move: Move, cells: CellMap, ram_bytes: int, columns: int, rows: int) -> MapState:
    """The state after a move in a map of a machine with that RAM, drawn in `columns` × `rows` cells."""
    if not cells.cells:
        return state
    if move is Move.ZOOM_IN:
        return zoomed_in(state, cells)
    if move is Move.ZOOM_OUT:
        return zoomed_out(state, ram_bytes)
    steps = {
        Move.LEFT: -1,
        Move.RIGHT: 1,
        Move.UP: -columns,
        Move.DOWN: columns,
        Move.PAGE_UP: -columns * rows,
        Move.PAGE_DOWN: columns * rows,
    }
    if move not in steps:
        return state
    return at_cell(state, cells, cell_under(state, cells, default=None), steps[move])


def at_cell(state: MapState, cells: CellMap, cell: int | None, step: int = 0) -> MapState:
    """The cursor `step` cells from a cell, at the map's ends at most; the first move puts it on the first cell."""
    target = 0 if cell is None else min(max(cell + step, 0), len(cells.cells) - 1)
    return replace(state, cursor=cells.frame_of(target))


def cell_under(state: MapState, cells: CellMap, default: int | None = 0) -> int | None:
    """The cell the cursor stands on; the default where there is none, or outside of the window."""
    cell = None if state.cursor is None else cells.cell_of(state.cursor)
    return default if cell is None else cell


def zoomed_in(state: MapState, cells: CellMap) -> MapState:
    """A sixteenth of what shows, around the cursor, or at its beginning without one."""
    shown = sum(frames for _, frames in cells.ram) if state.window is None else state.window.frames
    size = max(SMALLEST_FRAMES, _power_of_two(shown) >> FACTOR_SHIFT)
    if state.window is not None and size >= state.window.frames:
        return state
    cursor = state.cursor if state.cursor is not None else cells.frame_of(0)
    start = cursor - cursor % size
    if cells.cell_of(cursor) is None:
        start = cells.frame_of(0) - cells.frame_of(0) % size
    return MapState(MapWindow(start, size), cursor)


def zoomed_out(state: MapState, ram_bytes: int) -> MapState:
    """Sixteen times what shows; the whole machine when that leaves nothing out."""
    if state.window is None:
        return state
    size = state.window.frames << FACTOR_SHIFT
    if size * PAGE_BYTES >= ram_bytes:
        return replace(WHOLE, cursor=state.cursor)
    return MapState(MapWindow(state.window.start - state.window.start % size, size), state.cursor)


def window_words(state: MapState) -> str:
    """Where a window lies, for captions: `pfn 0x4b8e00-0x4b8fff`; '' for the whole machine."""
    if state.window is None:
        return ""
    return f"pfn {state.window.start:#x}-{state.window.start + state.window.frames - 1:#x}"


def _power_of_two(frames: int) -> int:
    """The smallest power of two that holds so many frames."""
    return 1 << max(0, frames - 1).bit_length()
