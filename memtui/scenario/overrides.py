"""`--set PATH=VALUE`: fields of a scenario changed from outside, before anything is checked.

What an option sets carries the option as its place, so that a fault names the option and not
a line of the file.
"""

from __future__ import annotations

from collections.abc import Iterable

from memtui.scenario.faults import Fault, ScenarioError, printable
from memtui.scenario.model import Place
from memtui.scenario.reader import read
from memtui.scenario.tree import NOTHING, ListNode, MapNode, Node, Pair, ScalarNode
from memtui.units import shorten
from memtui.workloads.registry import ACTIONS

LITERAL_BELOW = "sysctl"
"""Below this key the rest of a path is one name: `timeline.0.sysctl.vm.nr_hugepages`."""


class _PathError(ValueError):
    """The path of an option leads nowhere."""


def override(root: Node, options: Iterable[str], name: str = "--set") -> list[Fault]:
    """Applies `PATH=VALUE` options to the tree, in order, and says what is wrong with them; `name` is the option's."""
    faults: list[Fault] = []
    for option in options:
        place = Place(f"{name} {printable(option, 80)}")
        path, equals, value = option.partition("=")
        parts = path.strip().split(".")
        if not equals or not all(parts):
            faults.append(Fault(place, "expected PATH=VALUE, such as machine.ram=1TiB or timeline.0.at=2s"))
            continue
        try:
            node, value_faults = _value(value, place)
            faults += value_faults
            _assign(root, parts, node, place)
        except _PathError as error:
            faults.append(Fault(place, str(error)))
        except ScenarioError as error:
            faults += (Fault(place, fault.message) for fault in error.faults)
    return faults


def _value(text: str, place: Place) -> tuple[Node, list[Fault]]:
    if not text.strip():
        return ScalarNode(place, NOTHING), []
    node, faults = read(text, place.file)
    _move(node, place)
    return node, [Fault(place, fault.message) for fault in faults]


def _move(node: Node, place: Place) -> None:
    """Gives a whole tree one place."""
    node.place = place
    for child in _children(node):
        _move(child, place)
    if isinstance(node, MapNode):
        for pair in node.pairs.values():
            pair.key_place = place


def _children(node: Node) -> list[Node]:
    if isinstance(node, MapNode):
        return [pair.node for pair in node.pairs.values()]
    return node.items if isinstance(node, ListNode) else []


def _assign(node: Node, parts: list[str], value: Node, place: Place) -> None:
    while True:
        key, rest = _first_key(node, parts)
        if not rest:
            break
        node, parts = _descend(node, key, place), rest
        if key == LITERAL_BELOW:
            parts = [".".join(parts)]
    if isinstance(node, MapNode):
        node.pairs[key] = Pair(place, value)
    elif isinstance(node, ListNode):
        node.items[_index(node, key)] = value


def _first_key(node: Node, parts: list[str]) -> tuple[str, list[str]]:
    """The next key and what is left; a key that is there may itself have dots in it."""
    if isinstance(node, MapNode):
        for length in range(len(parts), 1, -1):
            if (joined := ".".join(parts[:length])) in node.pairs:
                return joined, parts[length:]
    elif isinstance(node, ScalarNode):
        raise _PathError(f"nothing lies below a single value, so no {shorten(parts[0])!r}")
    return parts[0], parts[1:]


def _descend(node: Node, key: str, place: Place) -> Node:
    """The node under a key, made when it is not there, and a short form written out."""
    if isinstance(node, ListNode):
        return node.items[_index(node, key)]
    assert isinstance(node, MapNode)
    pair = node.pairs.setdefault(key, Pair(place, MapNode(place)))
    if isinstance(pair.node, ScalarNode):
        pair.node = _long_form(key, pair.node)
    return pair.node


def _long_form(key: str, node: ScalarNode) -> Node:
    spec = ACTIONS.get(key)
    if spec is not None and spec.params.short_field is not None:
        return MapNode(node.place, {spec.params.short_field: Pair(node.place, node)})
    return MapNode(node.place) if node.value is NOTHING else node


def _index(node: ListNode, key: str) -> int:
    count = len(node.items)
    index = int(key) if key.isascii() and key.isdigit() and len(key) < 9 else count
    if index >= count:
        there = f"0 to {count - 1}" if count else "none, the list is empty"
        raise _PathError(f"no entry {shorten(key)!r} in that list; expected {there}")
    return index
