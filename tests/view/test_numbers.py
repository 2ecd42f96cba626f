from __future__ import annotations

import math

import pytest

from memtui.units import GIB, HOUR, KIB, MIB, MINUTE, MS, SECOND, TIB, rounddown_pow_of_two, roundup_pow_of_two
from memtui.view.numbers import (
    axis_time,
    cell_size,
    moment,
    part_of,
    percent,
    short_count,
    size_of,
    speed_factor,
    whole_percent,
)


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 9, "0 %"), (9, 9, "100 %"), (1, 10_000, "<1 %"), (9_999, 10_000, ">99 %"), (1, 2, "50 %"), (5, 0, "0 %")],
)
def test_whole_percent_never_calls_a_little_nothing(part: int, whole: int, words: str) -> None:
    assert whole_percent(part, whole) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(1, 64, "1.56 %"), (64, 100, "64.0 %"), (1, 1, "100 %"), (0, 1, "0 %"), (1, 10**9, "<0.01 %")],
)
def test_percent_has_three_digits(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


@pytest.mark.parametrize(
    ("count", "four", "three"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (4_900, "4.9k", "5k"),
        (9_960, "10k", "10k"),
        (18_000, "18k", "18k"),
        (123_000, "123k", ".1M"),
        (1_200_000, "1.2M", "1M"),
        (999_600, "1.0M", "1M"),
    ],
)
def test_short_counts_fit_their_cells(count: int, four: str, three: str) -> None:
    assert (short_count(count), short_count(count, 3)) == (four, three)


@pytest.mark.parametrize("power", range(60))
def test_short_counts_never_outgrow_their_cells(power: int) -> None:
    for count in (2**power - 1, 2**power, 10 ** (power // 4) * 9 + 95):
        assert len(short_count(count)) <= 4
        assert len(short_count(count, 3)) <= 3


def test_a_part_and_its_whole_share_a_unit_where_they_can() -> None:
    assert part_of(280 * MIB, 320 * MIB) == "280 of 320 MiB"
    assert part_of(900 * KIB, 16 * MIB) == "900 KiB of 16.0 MiB"


def test_sizes_line_up() -> None:
    assert {len(size_of(size)) for size in (0, 1, 1023 * MIB, GIB, 64 * TIB)} == {8}


@pytest.mark.parametrize(
    ("time_ns", "words"),
    [(0, "0.000s"), (3 * SECOND + 8 * MS, "3.008s"), (59 * MINUTE, "3540.000s"), (HOUR + 2 * MINUTE, "1:02:00")],
)
def test_moments(time_ns: int, words: str) -> None:
    assert moment(time_ns) == words


@pytest.mark.parametrize(
    ("time_ns", "words"),
    [
        (30 * SECOND, "30s"),
        (2_500 * MS, "2.5s"),
        (250 * MS, "250ms"),
        (12 * MINUTE, "12m"),
        (90 * SECOND, "90s"),
        (150_700 * MS, "150s"),
    ],
)
def test_axis_times_are_short(time_ns: int, words: str) -> None:
    assert axis_time(time_ns) == words


def test_speeds() -> None:
    assert [speed_factor(speed, "×") for speed in (0.1, 1.0, 1000.0, math.inf)] == ["×0.1", "×1", "×1000", "max"]


def test_what_a_cell_stands_for_is_exact_in_mib() -> None:
    assert [cell_size(size) for size in (292 * MIB, 2 * MIB, 4 * KIB, 3 * GIB)] == [
        "292 MiB",
        "2 MiB",
        "4.00 KiB",
        "3.00 GiB",
    ]


@pytest.mark.parametrize(("number", "below", "above"), [(-3, 1, 1), (0, 1, 1), (1, 1, 1), (5, 4, 8), (64, 64, 64)])
def test_powers_of_two_around_a_number(number: int, below: int, above: int) -> None:
    assert (rounddown_pow_of_two(number), roundup_pow_of_two(number)) == (below, above)
