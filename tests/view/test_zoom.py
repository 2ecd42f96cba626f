"""The cursor and the window of a map: where keys and clicks take them."""

from __future__ import annotations

import pytest

from memtui.snapshot import CellMap, DirectMapCell, MapWindow
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, MIB, PAGE_BYTES, TIB
from memtui.view.cells import plain
from memtui.view.glyphs import ASCII
from memtui.view.maps import cell_at, draw_map
from memtui.view.state import START, WHOLE, MapState, Move
from memtui.view.tokens import DIRECT_MAP_TOKENS, Token
from memtui.view.zoom import Ground, ladder, levels_above, look_action, looked, moved, window_words

RAM = ((0, 3 * FRAMES_1G), (4 * FRAMES_1G, 5 * FRAMES_1G))
MACHINE = CellMap(bytes([DirectMapCell.LEAF_1G]) * 64, 8 * GIB // 64, ((0, "DMA"), (24, "Normal")), RAM)
COLUMNS, ROWS = 20, 4
STOPS = (FRAMES_1G, FRAMES_2M)


def ground(
    cells: CellMap = MACHINE, notable: int | None = None, capacity: int = 512, ram_bytes: int = 8 * GIB
) -> Ground:
    return Ground(cells, ladder(ram_bytes, capacity, STOPS, 1), COLUMNS, ROWS, RAM, notable)


def after(state: MapState, *moves: Move, notable: int | None = None) -> MapState:
    for move in moves:
        state = moved(state, move, ground(notable=notable))
    return state


def window_of(state: MapState) -> CellMap:
    """The map of a window that is all RAM, in 512 cells."""
    assert state.window is not None
    cells = min(512, state.window.frames)
    return CellMap(bytes(cells), state.window.frames * PAGE_BYTES // cells, (), (tuple(state.window),))


def test_the_first_move_puts_the_cursor_on_the_first_cell_or_on_what_is_worth_a_look() -> None:
    assert after(WHOLE, Move.RIGHT).cursor == 0
    assert after(WHOLE, Move.RIGHT, notable=5 * FRAMES_1G + 1024).cursor == 5 * FRAMES_1G + 1024


def test_a_notable_frame_outside_of_the_window_does_not_draw_the_cursor_out_of_it() -> None:
    state = MapState(MapWindow(4 * FRAMES_1G, FRAMES_1G))
    seen = moved(state, Move.DOWN, ground(window_of(state), notable=7 * FRAMES_1G))
    assert seen.cursor == 4 * FRAMES_1G


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


@pytest.mark.parametrize(
    ("ram_bytes", "capacity", "sizes"),
    [
        (8 * GIB, 512, (FRAMES_1G, FRAMES_2M)),
        (64 * GIB, 1024, (FRAMES_1G, FRAMES_2M)),
        (64 * TIB, 1024, (4096 * FRAMES_1G, 256 * FRAMES_1G, FRAMES_1G, FRAMES_2M)),
        (64 * GIB, 128, (FRAMES_1G, FRAMES_1G // 16, FRAMES_2M, 128)),
        (64 * MIB, 512, (FRAMES_2M,)),
        (8 * GIB, 1, None),
    ],
)
def test_a_ladder_goes_by_way_of_gib_and_2m_to_single_frames(
    ram_bytes: int, capacity: int, sizes: tuple[int, ...] | None
) -> None:
    found = ladder(ram_bytes, capacity, STOPS, 1)
    assert sizes is None or found == sizes
    assert found[-1] <= capacity or found[-1] == FRAMES_2M
    assert list(found) == sorted(set(found), reverse=True)


def test_a_ladder_of_huge_pages_ends_at_2m_however_small_the_map() -> None:
    section = 64 * FRAMES_2M
    assert ladder(64 * GIB, 1024, (section, FRAMES_2M), FRAMES_2M) == (section, FRAMES_2M)
    assert ladder(8 * GIB, 32, (section, FRAMES_2M), FRAMES_2M)[-3:] == (section, 4 * FRAMES_2M, FRAMES_2M)


def test_zooming_in_ends_at_one_2m_block_around_the_cursor() -> None:
    state = MapState(cursor=5 * FRAMES_1G + 777)
    sizes = []
    for _ in range(4):
        cells = MACHINE if state.window is None else window_of(state)
        state = moved(state, Move.ZOOM_IN, ground(cells))
        assert state.window is not None
        sizes.append(state.window.frames)
        assert state.window.start <= 5 * FRAMES_1G + 777 < state.window.start + state.window.frames
        assert state.window.start % state.window.frames == 0
        assert state.cursor == 5 * FRAMES_1G + 777
    assert sizes == [FRAMES_1G, FRAMES_2M, FRAMES_2M, FRAMES_2M]


def test_zooming_out_comes_back_over_the_same_levels_with_the_cursor_where_it_was() -> None:
    state = MapState(MapWindow(4 * FRAMES_1G, FRAMES_2M), 4 * FRAMES_1G + 5)
    state = moved(state, Move.ZOOM_OUT, ground())
    assert state == MapState(MapWindow(4 * FRAMES_1G, FRAMES_1G), 4 * FRAMES_1G + 5)
    assert after(state, Move.ZOOM_OUT, Move.ZOOM_OUT) == MapState(None, 4 * FRAMES_1G + 5)


def test_a_window_of_a_larger_screen_is_left_by_the_nearest_level() -> None:
    odd = MapState(MapWindow(0, 128), 5)
    assert moved(odd, Move.ZOOM_OUT, ground()).window == MapWindow(0, FRAMES_2M)
    assert moved(odd, Move.ZOOM_IN, ground(window_of(odd))) == odd


def test_beyond_the_end_of_a_window_the_window_goes_along_and_holes_are_stepped_over() -> None:
    state = MapState(MapWindow(2 * FRAMES_1G, FRAMES_1G), 3 * FRAMES_1G - FRAMES_2M)
    state = moved(state, Move.RIGHT, ground(window_of(state)))
    assert state == MapState(MapWindow(4 * FRAMES_1G, FRAMES_1G), 4 * FRAMES_1G)
    assert moved(state, Move.LEFT, ground(window_of(state))).cursor == 3 * FRAMES_1G - FRAMES_2M
    first = MapState(MapWindow(0, FRAMES_1G), 0)
    assert moved(first, Move.UP, ground(window_of(first))) == first
    last = MapState(MapWindow(8 * FRAMES_1G, FRAMES_1G), 9 * FRAMES_1G - 1)
    assert moved(last, Move.PAGE_DOWN, ground(window_of(last))).window == last.window


def test_next_goes_to_what_is_worth_a_look_and_takes_the_window_along() -> None:
    state = MapState(MapWindow(0, FRAMES_1G), 0)
    assert after(state, Move.NEXT, notable=5 * FRAMES_1G + 9) == MapState(
        MapWindow(5 * FRAMES_1G, FRAMES_1G), 5 * FRAMES_1G + 9
    )
    assert after(state, Move.NEXT) == state


def test_a_map_that_does_not_say_what_it_is_of_stays_as_it_is() -> None:
    assert after(WHOLE, Move.FOLLOW) == WHOLE
    assert moved(WHOLE, Move.RIGHT, ground(CellMap(b"", 4096))) == WHOLE
    assert moved(WHOLE, Move.RIGHT, ground(CellMap(b"1234", 4096))) == WHOLE


def test_levels_above_a_window_begin_with_the_machine() -> None:
    sizes = ladder(64 * TIB, 1024, STOPS, 1)
    window = MapWindow(5 * FRAMES_1G, FRAMES_2M)
    assert levels_above(window, sizes) == (
        None,
        MapWindow(0, 4096 * FRAMES_1G),
        MapWindow(0, 256 * FRAMES_1G),
        MapWindow(5 * FRAMES_1G, FRAMES_1G),
    )


@pytest.mark.parametrize("where", [WHOLE, MapState(MapWindow(512, 512), 700), MapState(None, 3)])
def test_a_click_on_words_looks_where_they_say(where: MapState) -> None:
    for field in ("direct_map", "vmemmap"):
        state = looked(look_action(field, where), START)
        assert state is not None
        assert getattr(state, field) == where
    assert looked("zoom-in", START) is None


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
        assert cell_at(MACHINE, width, rows, drawn[y].index("@"), y) == cell
    assert cell_at(MACHINE, width, rows, 3, 50) is None
