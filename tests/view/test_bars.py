from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.units import GIB, KIB, MIB, TIB
from memtui.view.bars import bar, columns, gauge, log_cells, stacked, steps_of
from memtui.view.cells import Row, plain, row_width
from memtui.view.glyphs import ASCII, BLOCK, GLYPH_SETS, UNICODE, Glyphs
from memtui.view.tokens import Token

sets = st.sampled_from(list(GLYPH_SETS.values()))


def text(spans: Row) -> str:
    return plain([spans])


def test_bars_show_eighths_of_a_cell_where_glyphs_have_them() -> None:
    assert text(bar(13, 32, 8, Token.GAUGE, UNICODE)) == "███▎"
    assert text(bar(13, 32, 8, Token.GAUGE, BLOCK)) == "███"
    assert text(bar(13, 32, 8, Token.GAUGE, ASCII)) == "###"


def test_a_little_is_never_nothing_and_nearly_all_never_all() -> None:
    assert text(bar(1, 10**9, 8, Token.GAUGE, UNICODE)) == "▏"
    assert text(bar(10**9 - 1, 10**9, 8, Token.GAUGE, UNICODE)) == "███████▉"
    assert text(bar(0, 10**9, 8, Token.GAUGE, UNICODE)) == ""
    assert text(bar(8, 8, 8, Token.GAUGE, UNICODE)) == "████████"


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 200), sets)
def test_bars_are_exactly_as_wide_as_asked(part: int, whole: int, width: int, glyphs: Glyphs) -> None:
    assert row_width(bar(part, whole, width, Token.GAUGE, glyphs)) == width


@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(2, 64))
def test_more_never_shows_as_less(part: int, whole: int, steps: int) -> None:
    assert steps_of(part, whole, steps) <= steps_of(part + 1, whole, steps)


def test_a_gauge_shows_now_the_least_ever_and_its_watermarks() -> None:
    drawn = gauge(60, 40, 100, 10, Token.GAUGE, UNICODE, marks=(5, 25, 95))
    assert text(drawn) == "┆█┆█▒▒░░░┆"
    assert [span.token for span in drawn][:3] == [Token.MARK, Token.GAUGE, Token.MARK]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 99), sets)
def test_gauges_are_exactly_as_wide_as_asked(value: int, least: int, whole: int, width: int, glyphs: Glyphs) -> None:
    assert row_width(gauge(value, least, whole, width, Token.GAUGE, glyphs, (0, whole, 2 * whole))) == width


def test_zero_is_blank_and_the_least_above_it_is_not() -> None:
    assert columns([None, 0, 1, 8, 10**9, 1], 1, 8, UNICODE) == ["  ▁██▁"]


def test_columns_grow_over_rows() -> None:
    assert columns([0, 1, 4, 8], 2, 8, UNICODE) == ["   █", " ▂██"]


@given(st.lists(st.none() | st.integers(0, 100), max_size=30), st.integers(1, 6), sets)
def test_columns_have_their_size(values: list[int | None], height: int, glyphs: Glyphs) -> None:
    lines = columns(values, height, max([value or 0 for value in values], default=0), glyphs)
    assert [len(line) for line in lines] == [len(values)] * height


def test_stacked_parts_share_the_width_by_largest_remainder() -> None:
    parts = [("G", Token.OWNER_HUGETLB, 50), ("B", Token.OWNER_FREE, 30), ("a", Token.OWNER_ANON, 20)]
    assert text(stacked(parts, 10)) == "GGGGGBBBaa"
    assert text(stacked(parts, 3)) == "GBa"


@given(st.lists(st.integers(0, 10**9), max_size=14), st.integers(0, 120))
def test_stacked_parts_always_fill_the_width(sizes: list[int], width: int) -> None:
    drawn = stacked([("x", Token.TEXT, size) for size in sizes], width)
    assert row_width(drawn) == (width if sum(sizes) else 0)


@pytest.mark.parametrize(
    ("size", "cells"), [(64 * KIB, 0), (4 * KIB, 0), (64 * GIB, 40), (TIB, 40), (64 * MIB, 20), (2 * GIB, 30)]
)
def test_log_scale(size: int, cells: int) -> None:
    assert log_cells(size, 64 * KIB, 64 * GIB, 40) == cells
