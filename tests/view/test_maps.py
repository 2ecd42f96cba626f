from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.snapshot import CellMap, DirectMapCell
from memtui.units import GIB, MIB, PAGE_BYTES
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.maps import GUTTER, caption, cell_at, cells_for, draw_map, gutter_of, legend, map_legend, shape_of
from memtui.view.tokens import DIRECT_MAP_TOKENS, Token

CODES = bytes([3, 2, 2, 1, 1, 1, 1, 4, 1, 1])
MARKS = ((0, "node 0 DMA"), (1, "node 0 DMA32"), (5, "node 1 Normal"))
VOID = (DirectMapCell.HOLE, Token.HOLE)


def drawn(cells: CellMap, width: int, rows: int) -> str:
    return plain(draw_map(cells, DIRECT_MAP_TOKENS, width, rows, UNICODE))


def test_cells_run_left_to_right_and_top_to_bottom_with_boundaries_between() -> None:
    assert drawn(CellMap(CODES, GIB, MARKS), 6, 2) == "·┊▪▪██\n┊██×██"
    assert drawn(CellMap(CODES, GIB, MARKS), 12, 1) == "·┊▪▪██┊██×██"


def test_a_map_larger_than_its_space_ends_in_a_sign() -> None:
    assert drawn(CellMap(CODES, GIB), 4, 2) == "·▪▪█\n███…"


def test_a_smaller_map_leaves_the_rest_empty() -> None:
    assert drawn(CellMap(CODES, GIB), 8, 4) == "·▪▪████×\n██"


def test_each_kind_keeps_its_token() -> None:
    (line,) = draw_map(CellMap(CODES, GIB), DIRECT_MAP_TOKENS, 10, 1, UNICODE)
    assert [span.token for span in line] == [
        Token.LEAF_4K,
        Token.LEAF_2M,
        Token.LEAF_1G,
        Token.NOT_PRESENT,
        Token.LEAF_1G,
    ]


def test_a_code_nobody_knows_is_shown_as_such() -> None:
    assert drawn(CellMap(bytes([1, 77]), GIB), 4, 1) == "█?"


def test_wide_maps_say_how_much_ram_lies_below_each_row() -> None:
    cells = CellMap(bytes([1]) * 200, 64 * MIB, ((0, "node 0 DMA"), (100, "node 1 Normal")))
    lines = drawn(cells, 80, 3).split("\n")
    assert [line[:GUTTER] for line in lines] == ["     0 B ", "4.44 GiB ", "8.81 GiB "]
    assert "left: RAM below" in caption(cells, "{}", 80, 1)
    assert caption(cells, "{}", 40, 1) == "1 cell = 64 MiB"


@given(st.binary(max_size=300), st.integers(1, 120), st.integers(1, 8), st.sets(st.integers(0, 299), max_size=5))
def test_maps_stay_in_their_space(codes: bytes, width: int, rows: int, places: set[int]) -> None:
    marks = tuple((place, "x") for place in sorted(places))
    lines = draw_map(CellMap(codes, MIB, marks), DIRECT_MAP_TOKENS, width, rows, ASCII)
    assert len(lines) <= rows
    assert all(row_width(line) <= width for line in lines)


@given(st.integers(1, 200), st.integers(0, 60), st.integers(0, 10))
def test_the_cells_asked_for_fill_the_space_and_no_more(width: int, rows: int, boundaries: int) -> None:
    cells = cells_for(width, rows, boundaries)
    space = max(0, width - gutter_of(width)) * rows
    assert cells == max(0, space - boundaries)


def test_legends_give_each_kind_its_glyph_and_words() -> None:
    kinds = (Token.LEAF_1G, Token.LEAF_2M, Token.LEAF_4K, Token.NOT_PRESENT)
    assert plain(legend(kinds, 60, UNICODE, "finest leaf:")) == "finest leaf:  █ 1G  ▪ 2M  · 4K  × not present"
    assert plain(legend(kinds, 60, ASCII)) == "# 1G  = 2M  . 4K  x not present"


def test_map_legends_name_nodes_and_zones_in_order_and_count_what_has_no_room() -> None:
    cells = CellMap(CODES, GIB, MARKS)
    lines = plain(map_legend(cells, (Token.LEAF_1G,), VOID, 60, 2, UNICODE))
    assert lines == "█ 1G\n┊ node 0 DMA  ┊ DMA32  ┊ node 1 Normal"
    assert plain(map_legend(cells, (Token.LEAF_1G,), VOID, 24, 2, UNICODE)) == "█ 1G\n┊ node 0 DMA  … 2 more"


def test_holes_are_explained_only_where_there_are_any() -> None:
    with_hole = CellMap(bytes([1, 0]), GIB)
    assert "no RAM" in plain(map_legend(with_hole, (Token.LEAF_1G,), VOID, 60, 2, UNICODE))
    assert "no RAM" not in plain(map_legend(CellMap(CODES, GIB), (Token.LEAF_1G,), VOID, 60, 2, UNICODE))


def window(cells: int, cell_bytes: int = 2 * MIB) -> CellMap:
    frames = cells * cell_bytes // PAGE_BYTES
    return CellMap(bytes([DirectMapCell.LEAF_2M]) * cells, cell_bytes, ((0, "node 0 Normal"),), ((frames, frames),))


@pytest.mark.parametrize(
    ("cells", "width", "rows", "shape"),
    [
        (512, 116, 8, (64, 1)),
        (512, 196, 23, (32, 4)),
        (512, 196, 4, (128, 1)),
        (64, 116, 2, (32, 3)),
        (64, 116, 1, (64, 1)),
        (512, 40, 3, (40, 1)),
        (1, 40, 3, (40, 1)),
    ],
)
def test_rows_of_round_cells_are_round_and_cells_as_wide_as_there_is_room(
    cells: int, width: int, rows: int, shape: tuple[int, int]
) -> None:
    assert shape_of(window(cells), width, rows) == shape


def test_cells_that_are_not_round_fill_their_rows() -> None:
    assert shape_of(window(512, 3 * PAGE_BYTES), 116, 20) == (107, 1)
    two_zones = window(512)._replace(marks=((0, "node 0 DMA32"), (5, "node 0 Normal")))
    assert shape_of(two_zones, 116, 20) == (107, 1)


def test_wide_cells_are_drawn_marked_clicked_and_explained_whole() -> None:
    cells = window(64)
    lines = plain(draw_map(cells, DIRECT_MAP_TOKENS, 116, 2, ASCII, cursor=33)).split("\n")
    assert lines[1] == "64.0 MiB ===@@@" + "=" * 90
    assert [cell_at(cells, 116, 2, 9 + x, 1) for x in (0, 2, 3, 5, 95)] == [32, 32, 33, 33, 63]
    assert cell_at(cells, 116, 2, 9 + 96, 1) is None
    assert caption(cells, "{}", 116, 2, "pfn 0x0-0x1") == "pfn 0x0-0x1; left: offset; 1 cell (3 columns) = 2 MiB"
