"""The lines a faulty scenario is answered with."""

from __future__ import annotations

import pytest

from memtui.scenario import Fault, ScenarioError, load_text
from memtui.scenario.faults import did_you_mean, one_of
from memtui.scenario.model import Place
from memtui.units import shorten


def fault(line: int, column: int, message: str) -> Fault:
    return Fault(Place("f", line, column), message)


def test_faults_come_in_the_order_of_the_file_and_once_each() -> None:
    error = ScenarioError([fault(9, 1, "d"), fault(2, 7, "c"), fault(2, 3, "b"), fault(0, 0, "a"), fault(2, 7, "c")])
    assert str(error) == "f: a\nf:2:3: b\nf:2:7: c\nf:9:1: d"


def test_source_line_and_caret() -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text("machine:\n  nodez: 2\n", "f")
    assert caught.value.with_source() == (
        "f:2:3: unknown key 'nodez' in machine; did you mean 'nodes'?\n      nodez: 2\n      ^"
    )


def test_long_source_lines_are_cut_around_the_place() -> None:
    text = "about: '" + "x" * 5000 + "'\nmachine: {" + " " * 5000 + "ram: 2MB, nodes: 1}" + " " * 5000
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "f")
    message, source, caret = caught.value.with_source().splitlines()
    assert message.startswith("f:2:5016: ram: '2MB' is ambiguous")
    assert len(source) == 4 + 1 + 100 + 1
    assert source[caret.index("^") :].startswith("2MB, nodes: 1}")


def test_no_message_quotes_a_long_value_whole() -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text("machine: {ram: " + "y" * 5000 + ", like: " + "z" * 5000 + "}\n" + "k" * 1000 + ":\n", "f")
    assert all(len(str(fault)) < 300 for fault in caught.value.faults)
    assert shorten("y" * 5000) in str(caught.value)


def test_nearest_name_whatever_its_case() -> None:
    assert did_you_mean("memfree", ["MemFree", "MemTotal"]) == "; did you mean 'MemFree'?"
    assert did_you_mean("xyzzy", ["MemFree", "MemTotal"]) == ""


def test_lists_of_names() -> None:
    assert (one_of(["a"]), one_of(["a", "b"]), one_of(["a", "b", "c"])) == ("a", "a or b", "a, b or c")


def test_a_name_is_compared_with_the_first_200_only() -> None:
    many = [f"abc{number}" for number in range(200)]
    assert did_you_mean("wxyz", [*many[:199], "wxyzz"]) == "; did you mean 'wxyzz'?"
    assert did_you_mean("wxyz", [*many, "wxyzz"]) == ""
