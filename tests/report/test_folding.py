"""Folding a log: of lines that differ only in numbers the first and the last stay."""

from __future__ import annotations

import pytest

from memtui.report.folding import fold
from memtui.snapshot import Event


def log(*texts: str, severity: str = "info", source: str = "test") -> list[Event]:
    return [Event(number, source, text, severity) for number, text in enumerate(texts)]


def folded(events: list[Event], entry_times_ns: tuple[int, ...] = ()) -> list[tuple[str, int]]:
    return [(line.event.text, line.left_out) for line in fold(events, entry_times_ns)]


def test_of_lines_that_differ_in_numbers_the_first_and_the_last_stay() -> None:
    events = log("takes 4.00 KiB at 0x7c00", "takes 1.5 KiB at 0x12ab", "takes 10 240 KiB at 0x1", "takes 7 KiB at 0x0")
    assert folded(events) == [("takes 4.00 KiB at 0x7c00", 2), ("takes 7 KiB at 0x0", 0)]
    assert fold(events)[0].until_ns == 2


def test_three_lines_alike_are_all_told() -> None:
    assert folded(log("a 1", "a 2", "a 3")) == [("a 1", 0), ("a 2", 0), ("a 3", 0)]


def test_words_and_units_keep_lines_apart() -> None:
    events = log(*(["4 KiB, 2 leaves split", "128 MiB, 64 leaves split"] * 3))
    assert len(fold(events)) == 6
    assert len(fold(log("loads a module", "loads a program"))) == 2


def test_lines_that_take_turns_fold_and_stay_in_order() -> None:
    events = log(*(f"{name} {number}" for number in range(9) for name in "ab"))
    assert folded(events) == [("a 0", 7), ("b 0", 7), ("a 8", 0), ("b 8", 0)]


def test_a_row_ends_where_many_others_come_between() -> None:
    others = [f"other{chr(97 + number)}" for number in range(8)]
    events = log("a 1", "a 2", *others, "a 3", "a 4", *others)
    assert len(fold(events)) == len(events)


def test_a_row_ends_where_an_entry_of_the_timeline_begins() -> None:
    events = log(*(f"a {number}" for number in range(10)))
    assert folded(events, (0, 5)) == [("a 0", 3), ("a 4", 0), ("a 5", 3), ("a 9", 0)]
    assert folded(events, (2, 4, 6, 8)) == [(event.text, 0) for event in events]


@pytest.mark.parametrize("severity", ["notice", "bad"])
def test_notices_and_failures_are_all_told(severity: str) -> None:
    assert len(fold(log(*(f"kills {pid}" for pid in range(20)), severity=severity))) == 20


def test_causes_keep_lines_apart() -> None:
    assert len(fold([*log("a 1", "a 2"), *log("a 3", "a 4", source="other")])) == 4


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) == []
