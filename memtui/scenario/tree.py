"""A scenario as it was written: mappings, lists and scalars, each knowing its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from memtui.scenario.model import Place


class Nothing:
    """A value that is not there: no parameter accepts it."""


NOTHING: Final = Nothing()
"""A key with nothing after it (YAML's null)."""
REFUSED: Final = Nothing()
"""A value the reader has refused already: nobody complains about it again."""

Scalar = str | int | float | bool | Nothing


@dataclass(slots=True)
class ScalarNode:
    """A single value."""

    place: Place
    value: Scalar


@dataclass(slots=True)
class ListNode:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Pair:
    """One key of a mapping and its value."""

    key_place: Place
    node: Node


@dataclass(slots=True)
class MapNode:
    """A mapping, in the order it was written."""

    place: Place
    pairs: dict[str, Pair] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        pair = self.pairs.get(key)
        return None if pair is None else pair.node


Node = ScalarNode | ListNode | MapNode


def plain(node: Node) -> Any:
    """The node as Python's own dicts, lists and scalars."""
    if isinstance(node, MapNode):
        return {key: plain(pair.node) for key, pair in node.pairs.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.value


def locate(node: Node, path: tuple[int | str, ...]) -> tuple[Place, Place]:
    """The places of (key, value) at a path below `node`, as far down as the path was written.

    What a short form left out (`nr_hugepages: 5` has no `count`) is found at what stands for it.
    """
    key_place = node.place
    for part in path:
        if isinstance(node, MapNode) and isinstance(part, str) and part in node.pairs:
            key_place, node = node.pairs[part].key_place, node.pairs[part].node
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            key_place = node.place
    return key_place, node.place
