"""The widget that paints rows: only what differs is painted, at any width and in any style."""

from __future__ import annotations

from textual.geometry import Region

from memtui.tui.widgets.rows import changed_columns
from memtui.view.cells import Row, Span, row
from memtui.view.tokens import Token
from tests.tui.conftest import Opened, screen_text


def words(*texts: str) -> Row:
    return row(*texts)


def test_of_two_rows_only_the_columns_between_their_like_ends_differ() -> None:
    assert changed_columns(words("time ", "12.5", " s"), words("time ", "12.6", " s")) == (5, 9)
    assert changed_columns(words("a", "b"), words("c", "b")) == (0, 1)
    assert changed_columns(words("a", "b"), words("a", "c")) == (1, 2)


def test_a_style_alone_makes_a_difference() -> None:
    assert changed_columns((Span("ab"), Span("cd")), (Span("ab"), Span("cd", Token.BAD))) == (2, 4)


def test_spans_divided_otherwise_differ_to_where_they_are_alike_again() -> None:
    assert changed_columns(words("ab", "cd", "ef"), words("abc", "d", "ef")) == (0, 4)


def test_wide_characters_count_as_two_columns() -> None:
    assert changed_columns(words("漢", "a", "b"), words("漢", "c", "b")) == (2, 3)


def test_rows_of_unlike_length_differ_to_the_end_of_the_longer() -> None:
    assert changed_columns(words("ab", "cd"), words("ab")) == (2, 4)
    assert changed_columns(words("ab"), words("ab", "cd")) == (2, 4)
    assert changed_columns(words("a", "a"), words("a", "a", "a")) == (2, 3)


async def test_a_part_of_the_rows_is_cut_from_the_whole(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, _):
        view = app.board.panels["tlb"]
        whole = [strip.text for strip in view.render_lines(view.size.region)]
        part = [strip.text for strip in view.render_lines(Region(3, 1, 20, 4))]
        assert part == [line[3:23] for line in whole[1:5]]
        assert view.render_line(1).text == whole[1]


async def test_another_theme_paints_every_row_in_its_colours(open_dashboard: Opened) -> None:
    async with open_dashboard(seconds=12.48) as (app, pilot):
        view, before = app.board.panels["tlb"], screen_text(app)
        dark = view.render_line(1)
        app.theme = "memtui-light"
        await pilot.pause()
        light = view.render_line(1)
        assert light.text == dark.text
        assert light != dark
        assert screen_text(app) == before
