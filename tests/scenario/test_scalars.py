"""Plain scalars mean what the core schema of YAML 1.2 says, not what YAML 1.1 made of them."""

from __future__ import annotations

import pytest

from memtui.scenario.scalars import resolve
from memtui.scenario.tree import NOTHING


@pytest.mark.parametrize(
    "text", ["no", "yes", "on", "off", "y", "1:30", "1_000", "2026-01-01", "0b11", "tRUE", "-", "+"]
)
def test_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", 10), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("0", 0), ("9" * 24, 10**24 - 1)],
)
def test_whole_numbers(text: str, value: int) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is int


@pytest.mark.parametrize(
    ("text", "value"), [("0.1", 0.1), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-2.5E-1", -0.25)]
)
def test_fractions(text: str, value: float) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is float


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing(text: str) -> None:
    assert resolve(text) is NOTHING


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("FALSE", False), ("false", False)])
def test_truth(text: str, value: bool) -> None:
    assert resolve(text) is value


@pytest.mark.parametrize("text", ["9" * 25, "9" * 5000, "0x" + "f" * 25, "1." + "3" * 24])
def test_a_25_digit_number_is_refused_before_it_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"a number of \d+ digits; expected at most 24"):
        resolve(text)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e999"])
def test_no_infinities(text: str) -> None:
    with pytest.raises(ValueError, match="expected a finite one"):
        resolve(text)
