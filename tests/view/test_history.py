from __future__ import annotations

import pytest

from memtui.units import SECOND
from memtui.view.cells import plain, row
from memtui.view.glyphs import UNICODE
from memtui.view.history import Axis, beside, changes, largest, resample, strip
from memtui.view.tokens import Token

SERIES = ((0, 1 * SECOND, 2 * SECOND, 4 * SECOND), (0, 10, 20, 80))
AXIS = Axis(0, 4 * SECOND)


def test_resample_carries_the_last_known_value_forward() -> None:
    assert resample(*SERIES, width=4, start_ns=0, end_ns=4 * SECOND) == [10, 20, 20, 80]


def test_nothing_is_known_before_the_first_moment() -> None:
    assert resample((3,), (7,), width=4, start_ns=0, end_ns=4) == [None, None, 7, 7]


def test_a_single_moment_is_a_flat_line() -> None:
    assert resample((5,), (7,), width=3, start_ns=5, end_ns=5) == [7, 7, 7]


def test_one_row_has_its_label_and_the_largest_value_at_the_right() -> None:
    assert plain(strip(SERIES, AXIS, "4K share", "80", 21, 1, UNICODE, Token.LEAF_4K)) == "▁▂▂█ 4K share, max 80"


def test_more_rows_have_largest_value_and_span_above() -> None:
    drawn = plain(strip(SERIES, AXIS, "free", "80 MiB", 40, 3, UNICODE, Token.HISTORY)).split("\n")
    assert drawn == [
        "free, max 80 MiB                 0s - 4s",
        " " * 39 + "█",
        " " * 9 + "▂" * 10 + "▄" * 20 + "█",
    ]


@pytest.mark.parametrize(("value", "drawn"), [(700, "▁▁▁▁▁▁"), (0, "")])
@pytest.mark.parametrize("height", [2, 5])
def test_a_value_that_never_changed_is_a_low_line_and_zero_is_blank(value: int, drawn: str, height: int) -> None:
    lines = plain(strip(((0, 1), (value, value)), Axis(0, 1), "x", "1", 6, height, UNICODE, Token.LEAF_4K)).split("\n")
    assert lines[1:] == [""] * (height - 2) + [drawn]


def test_the_span_is_left_out_where_it_has_no_room() -> None:
    drawn = plain(strip(SERIES, AXIS, "free", "80 MiB", 24, 3, UNICODE, Token.HISTORY)).split("\n")
    assert drawn[0] == "free, max 80 MiB"


def test_a_figure_without_a_past_draws_nothing() -> None:
    assert strip(((), ()), AXIS, "free", "0", 20, 1, UNICODE, Token.HISTORY) == []
    assert largest(((), ())) == 0


def test_a_moment_of_the_past_is_marked_and_what_came_after_is_fainter() -> None:
    past = Axis(0, 4 * SECOND, 2 * SECOND)
    title, line = strip(SERIES, past, "free", "80 MiB", 40, 2, UNICODE, Token.HISTORY)
    assert plain([title]).endswith("0s - 4s, at 2s")
    assert [(span.text[0], span.token, len(span.text)) for span in line] == [
        (" ", Token.HISTORY, 20),
        ("┊", Token.STRONG, 1),
        ("▂", Token.AFTER, 19),
    ]


@pytest.mark.parametrize(("time_ns", "column"), [(0, 0), (10, 1), (99, 9), (500, 9)])
def test_the_mark_stays_inside_the_strip(time_ns: int, column: int) -> None:
    assert Axis(0, 100, time_ns).column(10) == column


def test_strips_of_one_row_begin_and_end_together_whatever_their_words() -> None:
    lines = [strip(SERIES, AXIS, label, "80", 56, 1, UNICODE, Token.HISTORY)[0] for label in ("4K share", "given back")]
    assert len({len(line[0].text) for line in lines}) == 1


def test_a_figure_that_came_late_begins_late() -> None:
    line = strip(((2 * SECOND, 4 * SECOND), (5, 10)), AXIS, "x", "9", 21, 2, UNICODE, Token.HISTORY)[1]
    assert plain([line]) == " " * 10 + "▄" * 10 + "█"


def test_changes_are_how_much_a_counter_rose_in_each_stretch_of_time() -> None:
    drawn = plain(changes(SERIES, AXIS, "splits", 4, 3, UNICODE, Token.NOTICE)).split("\n")
    assert drawn[1:] == ["   █", "▂▂ █"]
    titles = plain(changes(SERIES, AXIS, "splits", 40, 2, UNICODE, Token.NOTICE)).split("\n")
    assert titles[0].startswith("splits, max 60 in 100ms")


def test_a_counter_that_never_rose_says_none() -> None:
    drawn = plain(changes(((0, 4 * SECOND), (7, 7)), AXIS, "collapses", 20, 3, UNICODE, Token.GOOD))
    assert drawn.split("\n") == ["collapses, none", "", ""]


def test_drawings_stand_side_by_side() -> None:
    left, right = [row("ab")], [row("cd"), row("ef")]
    assert plain(beside((left, right), (3, 3), 2, UNICODE)) == "ab    cd\n      ef"
