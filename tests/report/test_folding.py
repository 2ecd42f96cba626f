"""Folding a log: lines that differ only in their figures become one."""

from __future__ import annotations

from memtui.report.folding import fold
from memtui.snapshot import Event


def log(*texts: str, severity: str = "info", source: str = "test") -> list[Event]:
    return [Event(number, source, text, severity) for number, text in enumerate(texts)]


def folded(events: list[Event]) -> list[tuple[str, int, int]]:
    return [(line.first.text, line.count, line.last.time_ns) for line in fold(events)]


def test_lines_that_differ_in_figures_units_and_addresses_are_one() -> None:
    events = log("takes 4.00 KiB at 0x7c00", "takes 1.5 GiB at 0x12ab", "takes 512 B at 0x0", "takes 10 240 kB at 0x1")
    assert folded(events) == [("takes 4.00 KiB at 0x7c00", 4, 3)]


def test_words_keep_lines_apart() -> None:
    assert len(fold(log("loads a module", "loads a program"))) == 2


def test_lines_that_take_turns_still_fold() -> None:
    assert folded(log("a 1", "b 1", "a 2", "b 2")) == [("a 1", 2, 2), ("b 1", 2, 3)]


def test_a_line_that_comes_back_after_many_others_is_told_again() -> None:
    others = [f"other{chr(97 + number)}" for number in range(8)]
    assert [text for text, _, _ in folded(log("a 1", *others, "a 2"))] == ["a 1", *others, "a 2"]


def test_cause_and_severity_keep_lines_apart() -> None:
    events = [*log("a 1"), *log("a 2", severity="bad"), *log("a 3", source="other")]
    assert len(fold(events)) == 3


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) == []
