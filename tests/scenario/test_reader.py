"""The tree of a document: values with their places, and what of YAML is refused."""

from __future__ import annotations

import pytest

from memtui.scenario import ScenarioError
from memtui.scenario.model import Place
from memtui.scenario.reader import read
from memtui.scenario.tree import NOTHING, REFUSED, locate, plain


def test_values_as_plain_data() -> None:
    node, faults = read("a: [1, no, 'x', {b: }]\nc: |\n  two\n  lines\n", "f")
    assert plain(node) == {"a": [1, "no", "x", {"b": NOTHING}], "c": "two\nlines\n"}
    assert faults == []


def test_every_value_knows_its_line_and_column() -> None:
    node, _ = read("a:\n  - b: 1\n    c: [2, 3]\n", "f")
    assert locate(node, ("a", 0, "c", 1)) == (Place("f", 3, 12), Place("f", 3, 12))
    assert locate(node, ("a", 0, "c")) == (Place("f", 3, 5), Place("f", 3, 8))


def test_a_path_that_was_not_written_ends_at_what_was() -> None:
    node, _ = read("a: {b: 1}\n", "f")
    assert locate(node, ("a", "b", "count")) == (Place("f", 1, 5), Place("f", 1, 8))
    assert locate(node, ("a", "z")) == (Place("f", 1, 1), Place("f", 1, 4))


def test_columns_count_characters_not_bytes() -> None:
    node, _ = read("größe: 5", "f")
    assert locate(node, ("größe",))[1] == Place("f", 1, 8)


def test_the_first_of_duplicate_keys_counts() -> None:
    node, faults = read("a: 1\na: 2\n", "f")
    assert plain(node) == {"a": 1}
    assert [str(fault) for fault in faults] == ["f:2:1: duplicate key 'a'; it stands at line 1 already"]


def test_a_key_is_the_text_that_was_written() -> None:
    assert plain(read("010: x\nno: y\n0.10: z\n", "f")[0]) == {"010": "x", "no": "y", "0.10": "z"}


def test_an_alias_expands_to_nothing() -> None:
    node, faults = read("a: &x [1, 2]\nb: *x\n*x : 3\n", "f")
    assert plain(node) == {"a": [1, 2], "b": REFUSED}
    assert [(fault.place.line, fault.message.split(";")[0]) for fault in faults] == [
        (1, "anchor &x"),
        (2, "alias *x"),
        (3, "alias *x"),
    ]


@pytest.mark.parametrize("tag", ["!!str", "!!python/name:os.system", "!x", "!<tag:a,2000:b>", "!"])
def test_tags_are_refused(tag: str) -> None:
    faults = read(f"a: {tag} 5\n", "f")[1]
    assert [str(fault).partition("tag")[0] for fault in faults] == ["f:1:4: "]
    assert faults[0].message.endswith("expected a plain value without a tag")


def test_what_was_seen_before_the_text_broke_is_told_too() -> None:
    with pytest.raises(ScenarioError) as caught:
        read("a: 1\na: 2\nb: [1\n", "f")
    assert str(caught.value).splitlines() == [
        "f:2:1: duplicate key 'a'; it stands at line 1 already",
        "f:4:1: not YAML: the text ends inside brackets, which began at line 3",
    ]
