from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.view.cells import (
    Row,
    Span,
    cell_width,
    cut,
    cut_text,
    dim,
    fit,
    flow,
    flow_some,
    plain,
    row,
    row_width,
    spread,
    wrap,
)
from memtui.view.tokens import Token

texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12)
rows = st.lists(st.builds(Span, texts), max_size=6).map(tuple)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
        ("", 0, ""),
        ("漢字", 4, "漢字"),
        ("漢字", 3, "漢…"),
        ("漢字", 2, "…"),
    ],
)
def test_cut_text_ends_in_the_sign_for_more(text: str, width: int, shown: str) -> None:
    assert cut_text(text, width, "…") == shown


def test_wide_and_combining_characters_count_as_terminals_draw_them() -> None:
    assert [cell_width(text) for text in ("a", "é", "e\u0301", "漢", "█", "…")] == [1, 1, 1, 2, 1, 1]


def test_cut_keeps_the_tokens_of_what_is_left() -> None:
    spans = row(dim("free "), Span("21.0 GiB", Token.STRONG))
    assert cut(spans, 9, "…") == (Span("free ", Token.DIM), Span("21.…", Token.STRONG))


def test_a_row_that_fills_its_room_exactly_is_not_cut() -> None:
    assert cut(row("abc", "def"), 6, "…") == (Span("abc"), Span("def"))


def test_a_span_that_ends_at_the_edge_with_more_behind_it_is_cut_with_a_sign() -> None:
    assert plain([cut(row("abc", "def"), 3, "…")]) == "ab…"


@given(rows, st.integers(0, 40))
def test_fit_gives_exactly_the_width(spans: Row, width: int) -> None:
    assert row_width(fit(spans, width, "…")) == width


@given(rows, rows, st.integers(0, 60))
def test_spread_never_takes_more_than_the_width(left: Row, right: Row, width: int) -> None:
    assert row_width(spread(left, right, width, "…")) <= width


def test_spread_puts_the_right_part_at_the_right_end_and_cuts_the_left_one() -> None:
    assert plain([spread(row("scenario name"), row("LIVE"), 12, "…")]) == "scenar… LIVE"
    assert plain([spread(row("name"), row("LIVE"), 12, "…")]) == "name    LIVE"


def test_flow_breaks_only_between_groups() -> None:
    groups = [row("splits 3"), row("collapses 12"), row("tables 820 KiB")]
    assert plain(flow(groups, 22)) == "splits 3  collapses 12\ntables 820 KiB"
    assert plain(flow(groups, 21)) == "splits 3\ncollapses 12\ntables 820 KiB"
    assert flow([], 10) == []


def test_flow_some_counts_what_has_no_room() -> None:
    groups = [row(f"group {number}") for number in range(5)]
    assert plain(flow_some(groups, 17, 2, "…")) == "group 0  group 1\ngroup 2  … 2 more"
    assert plain(flow_some(groups, 17, 3, "…")) == "group 0  group 1\ngroup 2  group 3\ngroup 4"
    assert plain(flow_some(groups, 18, 1, "…")) == "group 0  … 4 more"
    assert plain(flow_some(groups, 10, 1, "…")) == "… 5 more"


@given(st.lists(texts.filter(bool), max_size=6), st.integers(8, 40), st.integers(0, 4))
def test_flow_some_stays_within_its_rows(words: list[str], width: int, height: int) -> None:
    lines = flow_some([row(word) for word in words], width, height, "…")
    assert len(lines) <= height
    assert all(row_width(line) <= width for line in lines)


def test_wrap_breaks_between_words_and_inside_only_what_is_too_long() -> None:
    assert wrap("child 61: 1 024 pages copied", 12) == ["child 61: 1", "024 pages", "copied"]
    assert wrap("a 0123456789 b", 4) == ["a", "0123", "4567", "89 b"]
    assert wrap("", 4) == []


@given(st.text("ab 漢字", max_size=40), st.integers(2, 20))
def test_wrap_loses_nothing_and_stays_within_the_width(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_width(line) <= width for line in lines)


def test_rows_compare_by_value_so_that_equal_ones_are_not_painted_again() -> None:
    assert row(dim("a"), "b") == row(dim("a"), "b")
    assert row(dim("a")) != row("a")
