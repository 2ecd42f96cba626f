"""Speeds and the mapping of wall time to simulated time."""

from __future__ import annotations

import math

import pytest

from memtui.engine.clock import DEBT_NS, MAX_SPEED, Pace, faster_than, parse_speed, slower_than
from memtui.units import MS, SECOND


@pytest.mark.parametrize(
    ("text", "speed"),
    [("1", 1.0), ("0.1", 0.1), ("x10", 10.0), ("×2", 2.0), (" 1000 ", 1000.0), ("max", math.inf), ("MAX", math.inf)],
)
def test_a_speed_is_a_factor_or_max(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["fast", "", "-1", "0", "0.05", "1001", "nan", "inf", "1e999", "1,5"])
def test_what_is_no_speed_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no speed; expected a factor from 0\.1 to 1000, or max"):
        parse_speed(text)


def test_faster_and_slower_go_through_all_steps_and_stop_at_the_ends() -> None:
    speeds, speed = [], 0.1
    for _ in range(14):
        speeds.append(speed)
        speed = faster_than(speed)
    assert speeds == [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, math.inf]
    assert faster_than(MAX_SPEED) == MAX_SPEED
    assert slower_than(MAX_SPEED) == 1000
    assert slower_than(0.1) == 0.1


def test_from_a_speed_between_two_steps_the_next_step_is_taken() -> None:
    assert faster_than(3.0) == 5.0
    assert slower_than(3.0) == 2.0


def test_simulated_time_runs_at_the_pace_from_the_anchor() -> None:
    pace = Pace(10.0)
    pace.anchor(wall_ns=1000, simulated_ns=5 * SECOND)
    assert pace.target_ns(1000 + 20 * MS) == 5 * SECOND + 200 * MS
    assert pace.wall_of(5 * SECOND + 200 * MS) == 1000 + 20 * MS


def test_at_max_speed_there_is_no_target() -> None:
    assert Pace(MAX_SPEED).target_ns(123) is None


def test_a_lag_within_the_debt_is_caught_up() -> None:
    pace = Pace(1.0)
    pace.anchor(0, 0)
    pace.forgive(wall_ns=DEBT_NS, simulated_ns=0)
    assert pace.target_ns(DEBT_NS) == DEBT_NS


def test_a_suspended_computer_is_not_followed_by_a_jump() -> None:
    pace = Pace(10.0)
    pace.anchor(0, 0)
    pace.forgive(wall_ns=3600 * SECOND, simulated_ns=0)
    assert pace.target_ns(3600 * SECOND) == 10 * DEBT_NS
