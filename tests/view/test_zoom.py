"""The cursor and the window of a map: where keys and clicks take them."""

from __future__ import annotations

import pytest

from memtui.snapshot import CellMap, DirectMapCell, MapWindow
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, PAGE_BYTES
from memtui.view.cells import plain
from memtui.view.glyphs import ASCII
from memtui.view.maps import cell_at, draw_map
from memtui.view.state import WHOLE, MapState, Move
from memtui.view.tokens import DIRECT_MAP_TOKENS, Token
from memtui.view.zoom import moved, window_words

RAM = ((0, 3 * FRAMES_1G), (4 * FRAMES_1G, 5 * FRAMES_1G))
MACHINE = CellMap(bytes([DirectMapCell.LEAF_1G]) * 64, 8 * GIB // 64, ((0, "DMA"), (24, "Normal")), RAM)
COLUMNS, ROWS = 20, 4


def after(state: MapState, *moves: Move, cells: CellMap = MACHINE) -> MapState:
    for move in moves:
        state = moved(state, move, cells, 8 * GIB, COLUMNS, ROWS)
    return state


def test_the_first_move_puts_the_cursor_on_the_first_cell() -> None:
    assert after(WHOLE, Move.RIGHT).cursor == 0


@pytest.mark.parametrize(
    ("moves", "cell"),
    [
        ((Move.RIGHT, Move.RIGHT), 1),
        ((Move.DOWN, Move.DOWN), 20),
        ((Move.DOWN, Move.DOWN, Move.LEFT, Move.UP), 0),
        ((Move.DOWN, Move.PAGE_DOWN), 63),
        ((Move.DOWN, Move.PAGE_DOWN, Move.RIGHT), 63),
        ((Move.DOWN, Move.LEFT), 0),
    ],
)
def test_moves_go_from_cell_to_cell_and_stop_at_the_ends(moves: tuple[Move, ...], cell: int) -> None:
    assert after(WHOLE, *moves).cursor == MACHINE.frame_of(cell)


def test_zooming_in_ends_at_one_2m_block_around_the_cursor() -> None:
    state = MapState(cursor=5 * FRAMES_1G + 777)
    sizes = []
    for _ in range(6):
        window = state.window or MapWindow(0, 9 * FRAMES_1G)
        cells = CellMap(bytes(16), window.frames * PAGE_BYTES // 16, (), ((window.start, window.frames),))
        state = moved(state, Move.ZOOM_IN, cells, 8 * GIB, COLUMNS, ROWS)
        assert state.window is not None
        sizes.append(state.window.frames)
        assert state.window.start <= 5 * FRAMES_1G + 777 < state.window.start + state.window.frames
        assert state.window.start % state.window.frames == 0
    assert sizes[-2:] == [FRAMES_2M, FRAMES_2M]
    assert sizes == sorted(sizes, reverse=True)


def test_zooming_out_comes_back_to_the_whole_machine_with_the_cursor_where_it_was() -> None:
    state = MapState(MapWindow(4 * FRAMES_1G, FRAMES_2M), 4 * FRAMES_1G + 5)
    for _ in range(4):
        state = moved(state, Move.ZOOM_OUT, MACHINE, 8 * GIB, COLUMNS, ROWS)
    assert state == MapState(None, 4 * FRAMES_1G + 5)


def test_other_moves_leave_a_map_alone() -> None:
    assert after(WHOLE, Move.NEXT) == WHOLE
    assert moved(WHOLE, Move.RIGHT, CellMap(b"", 4096), 8 * GIB, COLUMNS, ROWS) == WHOLE


def test_a_window_says_where_it_lies() -> None:
    assert window_words(MapState(MapWindow(0x1000, 0x200))) == "pfn 0x1000-0x11ff"
    assert window_words(WHOLE) == ""


def test_the_cursor_is_drawn_on_its_cell_behind_boundaries_too() -> None:
    drawn = draw_map(MACHINE, DIRECT_MAP_TOKENS, COLUMNS, ROWS, ASCII, cursor=30)
    lines = plain(drawn).split("\n")
    assert lines[1] == "####|######@########"
    assert [span.text for span in drawn[1] if span.token is Token.CURSOR] == ["@"]


@pytest.mark.parametrize("width", [20, 90])
def test_a_click_finds_the_cell_that_is_drawn_there(width: int) -> None:
    rows = 6
    for cell in (0, 1, 23, 24, 40, 63):
        drawn = plain(draw_map(MACHINE, DIRECT_MAP_TOKENS, width, rows, ASCII, cursor=cell)).split("\n")
        y = next(number for number, line in enumerate(drawn) if "@" in line)
        assert cell_at(MACHINE, width, drawn[y].index("@"), y) == cell
    assert cell_at(MACHINE, width, 3, 50) is None
