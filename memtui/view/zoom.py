"""Moving in a map of physical memory: the cursor from cell to cell, the window from the machine to a block and back.

A window is an aligned power of two of frames. Zooming goes down a ladder of sizes: in steps of a
sixteenth, and from as soon as its cells are fine enough to places that have a name: a GiB, a section, a 2 MiB
block. The cursor is a frame, so that it stays on what it stands on, however large a cell is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from memtui.snapshot import CellMap, MapWindow
from memtui.units import FRAMES_2M, PAGE_BYTES, roundup_pow_of_two
from memtui.view.state import WHOLE, MapState, Move, ViewState

FACTOR_SHIFT: Final = 4
"""A step of zoom is this power of two, or ends at a stop."""

_LONGEST_STEP: Final = 512
"""A step that ends at a stop makes a window at most so many times smaller."""

LOOK_ACTION: Final = "look:"
"""A click on words with this action looks at a part of a map: `look:FIELD:START:FRAMES:CURSOR`, `-` for none."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a map is moved in."""

    cells: CellMap
    """The map that shows."""
    ladder: tuple[int, ...]
    """Sizes of windows in frames, largest first; above them is the whole machine."""
    columns: int
    rows: int
    ram: Sequence[tuple[int, int]] = ()
    """RAM of the whole machine, (first frame, frames); empty where only the map's own is known."""
    notable: int | None = None
    """The next frame that is worth a look, if any is."""


def ladder(ram_bytes: int, capacity: int, stops: Sequence[int], least_cell: int) -> tuple[int, ...]:
    """Sizes of windows of a machine with that RAM, in maps of at most `capacity` cells; the last is never left out.

    `stops` are sizes with a name. A cell is never smaller than `least_cell` frames: with 1, zooming ends
    where cells are single frames.
    """
    size = roundup_pow_of_two(ram_bytes // PAGE_BYTES)
    last = FRAMES_2M if least_cell > 1 else min(FRAMES_2M, max(1, capacity))
    shift = min(FACTOR_SHIFT, max(1, capacity.bit_length() - 1))
    sizes: list[int] = []
    while size > last:
        finest = size // max(1, capacity)
        near = [stop for stop in stops if finest <= stop < size and size // stop <= _LONGEST_STEP]
        size = max(near, default=max(last, size >> shift))
        sizes.append(size)
    return tuple(sizes)


def moved(state: MapState, move: Move, ground: Ground) -> MapState:
    """The state after a move; as it was where the map does not say what memory it is of."""
    if not ground.cells.cells or not ground.cells.ram:
        return state
    if move is Move.ZOOM_IN:
        return zoomed_in(state, ground)
    if move is Move.ZOOM_OUT:
        return zoomed_out(state, ground.ladder)
    if move is Move.NEXT:
        return state if ground.notable is None else with_cursor(state, ground.notable)
    steps = {
        Move.LEFT: -1,
        Move.RIGHT: 1,
        Move.UP: -ground.columns,
        Move.DOWN: ground.columns,
        Move.PAGE_UP: -ground.columns * ground.rows,
        Move.PAGE_DOWN: ground.columns * ground.rows,
    }
    if move not in steps:
        return state
    cell = cell_under(state, ground.cells, default=None)
    return replace(state, cursor=_first_place(ground)) if cell is None else _stepped(state, ground, cell + steps[move])


def at_cell(state: MapState, cells: CellMap, cell: int) -> MapState:
    """The cursor on a cell; as it is if it stands somewhere in it."""
    return state if cell_under(state, cells, default=None) == cell else replace(state, cursor=cells.frame_of(cell))


def cell_under(state: MapState, cells: CellMap, default: int | None = 0) -> int | None:
    """The cell the cursor stands on; the default where there is none, or outside of the window."""
    cell = None if state.cursor is None else cells.cell_of(state.cursor)
    return default if cell is None else cell


def looked_at(state: MapState) -> int | None:
    """The frame to tell everything of: under the cursor, or without one the first of the window."""
    if state.cursor is not None or state.window is None:
        return state.cursor
    return state.window.start


def shown(state: MapState, cells: int, window: MapWindow | None) -> MapState:
    """The state with the window that a moment was looked at with, in so many cells: another may be on its way."""
    return state if not cells or window == state.window else MapState(window, state.cursor)


def with_cursor(state: MapState, frame: int) -> MapState:
    """The cursor on a frame, and the window, if there is one, where that frame is."""
    return MapState(None if state.window is None else window_at(frame, state.window.frames), frame)


def window_at(frame: int, size: int) -> MapWindow:
    """The aligned window of that size around a frame."""
    return MapWindow(frame - frame % size, size)


def zoomed_in(state: MapState, ground: Ground) -> MapState:
    """The next smaller window, around the cursor, or around what is worth a look without one."""
    size = next((size for size in ground.ladder if state.window is None or size < state.window.frames), None)
    if size is None:
        return state
    seen = cell_under(state, ground.cells, default=None) is not None
    cursor = state.cursor if seen and state.cursor is not None else _first_place(ground)
    return MapState(window_at(cursor, size), cursor)


def zoomed_out(state: MapState, sizes: Sequence[int]) -> MapState:
    """The next larger window; the whole machine when there is none."""
    if state.window is None:
        return state
    larger = [size for size in sizes if size > state.window.frames]
    if not larger:
        return replace(WHOLE, cursor=state.cursor)
    return MapState(window_at(state.window.start, larger[-1]), state.cursor)


def levels_above(window: MapWindow, sizes: Sequence[int]) -> tuple[MapWindow | None, ...]:
    """The windows one comes through on the way to one, the whole machine (None) first."""
    return (None, *(window_at(window.start, size) for size in sizes if size > window.frames))


def look_action(field: str, state: MapState) -> str:
    """What makes a click on words look there; `field` is that of the `ViewState`."""
    start, frames = ("-", "-") if state.window is None else state.window
    return f"{LOOK_ACTION}{field}:{start}:{frames}:{'-' if state.cursor is None else state.cursor}"


def looked(action: str, state: ViewState) -> ViewState | None:
    """The state after a click on words with that action; None for another action."""
    if not action.startswith(LOOK_ACTION):
        return None
    field, start, frames, cursor = action.removeprefix(LOOK_ACTION).split(":")
    window = None if start == "-" else MapWindow(int(start), int(frames))
    where = MapState(window, None if cursor == "-" else int(cursor))
    return replace(state, direct_map=where) if field == "direct_map" else replace(state, vmemmap=where)


def window_words(state: MapState) -> str:
    """Where a window lies, for captions: `pfn 0x4b8e00-0x4b8fff`; '' for the whole machine."""
    if state.window is None:
        return ""
    return f"pfn {state.window.start:#x}-{state.window.start + state.window.frames - 1:#x}"


def _first_place(ground: Ground) -> int:
    """Where a cursor first appears: on what is worth a look if the map shows it, else at the beginning."""
    seen = ground.notable is not None and ground.cells.cell_of(ground.notable) is not None
    return ground.notable if seen and ground.notable is not None else ground.cells.frame_of(0)


def _stepped(state: MapState, ground: Ground, target: int) -> MapState:
    """The cursor on a cell; beyond an end of a window the window goes along, at the ends of RAM it stops."""
    cells, last = ground.cells, len(ground.cells.cells) - 1
    if 0 <= target <= last or state.window is None or not ground.ram:
        return replace(state, cursor=cells.frame_of(min(max(target, 0), last)))
    below = _below(ground.ram, cells.frame_of(0)) + target * cells.cell_bytes // PAGE_BYTES
    frame = _frame_above(ground.ram, below)
    return MapState(window_at(frame, state.window.frames), frame)


def _below(ram: Sequence[tuple[int, int]], frame: int) -> int:
    """Frames of RAM below one."""
    return sum(min(frames, max(0, frame - start)) for start, frames in ram)


def _frame_above(ram: Sequence[tuple[int, int]], below: int) -> int:
    """The frame with so many frames of RAM below it, the first or the last there is beyond the ends."""
    below = max(0, below)
    for start, frames in ram:
        if below < frames:
            return start + below
        below -= frames
    return sum(ram[-1]) - 1
