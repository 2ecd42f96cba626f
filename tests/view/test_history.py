from __future__ import annotations

import pytest

from memtui.units import SECOND
from memtui.view.cells import plain
from memtui.view.glyphs import UNICODE
from memtui.view.history import largest, resample, strip
from memtui.view.tokens import Token

SERIES = ((0, 1 * SECOND, 2 * SECOND, 4 * SECOND), (0, 10, 20, 80))


def test_resample_carries_the_last_known_value_forward() -> None:
    assert resample(*SERIES, width=4, start_ns=0, end_ns=4 * SECOND) == [10, 20, 20, 80]


def test_nothing_is_known_before_the_first_moment() -> None:
    assert resample((3,), (7,), width=4, start_ns=0, end_ns=4) == [None, None, 7, 7]


def test_a_single_moment_is_a_flat_line() -> None:
    assert resample((5,), (7,), width=3, start_ns=5, end_ns=5) == [7, 7, 7]


def test_one_row_has_its_label_and_the_largest_value_at_the_right() -> None:
    assert plain(strip(SERIES, "4K share", "80", 21, 1, UNICODE, Token.LEAF_4K)) == "▁▂▂█ 4K share, max 80"


def test_more_rows_have_largest_value_and_span_above() -> None:
    drawn = plain(strip(SERIES, "free", "80 MiB", 40, 3, UNICODE, Token.HISTORY)).split("\n")
    assert drawn == [
        "free, max 80 MiB                 0s - 4s",
        " " * 39 + "█",
        " " * 9 + "▂" * 10 + "▄" * 20 + "█",
    ]


@pytest.mark.parametrize(("value", "drawn"), [(700, "▁▁▁▁▁▁"), (0, "")])
@pytest.mark.parametrize("height", [2, 5])
def test_a_value_that_never_changed_is_a_low_line_and_zero_is_blank(value: int, drawn: str, height: int) -> None:
    lines = plain(strip(((0, 1), (value, value)), "x", "1", 6, height, UNICODE, Token.LEAF_4K)).split("\n")
    assert lines[1:] == [""] * (height - 2) + [drawn]


def test_the_span_is_left_out_where_it_has_no_room() -> None:
    drawn = plain(strip(SERIES, "free", "80 MiB", 24, 3, UNICODE, Token.HISTORY)).split("\n")
    assert drawn[0] == "free, max 80 MiB"


def test_a_figure_without_a_past_draws_nothing() -> None:
    assert strip(((), ()), "free", "0", 20, 1, UNICODE, Token.HISTORY) == []
    assert largest(((), ())) == 0
