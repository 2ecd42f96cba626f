"""What a counter must be, as a scenario writes it: a value, `A .. B`, or `{min, max}`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from memtui.fields import Field, Unit
from memtui.scenario.faults import Fault
from memtui.scenario.model import Bound, Place
from memtui.scenario.tree import REFUSED, MapNode, Node, Scalar, ScalarNode
from memtui.scenario.words import shown, shown_node, unknown_key
from memtui.units import KIB, PAGE_BYTES, parse_share, parse_size

RANGE: Final = ".."
"""Stands between the lowest and the highest value: `40GiB .. 45GiB`."""
LIMITS: Final = ("min", "max")
"""The keys of a long-form bound."""

_UNIT_BYTES: Final = {Unit.KB: KIB, Unit.PAGES: PAGE_BYTES, Unit.BYTES: 1}
"""Counters that may be written as sizes, and the bytes of one step."""

_EXPECTED: Final = {
    Unit.KB: "kB, or a size such as 64MiB",
    Unit.PAGES: "pages, or a size such as 64MiB",
    Unit.BYTES: "bytes, or a size such as 64MiB",
    Unit.PPM: "parts per million, or a share such as 10%",
}

_NUMBER = re.compile(r"-?[0-9]{1,24}", re.ASCII)
_KB = re.compile(r"([0-9]{1,24}) ?kB", re.ASCII)


class Refused(Exception):
    """A part of a scenario cannot be used; `faults` says why (none: it has been said already)."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__()
        self.faults = list(faults)


def refuse(place: Place, message: str) -> Refused:
    """The exception for one fault."""
    return Refused([Fault(place, message)])


def read_bound(counter: Field, node: Node) -> Bound:
    """The bound in the counter's own unit. Raises Refused."""
    if isinstance(node, MapNode):
        return _limits(counter, node)
    if not isinstance(node, ScalarNode):
        raise refuse(node.place, f"{counter.name}: expected a value, A .. B or {{min, max}}, not {shown_node(node)}")
    if isinstance(node.value, str) and RANGE in node.value:
        low, _, high = (part.strip() for part in node.value.partition(RANGE))
        if not low and not high:
            raise refuse(node.place, f"{counter.name}: a range without ends; expected A .. B")
        lowest = amount(counter, low, node.place) if low else None
        highest = amount(counter, high, node.place) if high else None
        return _ordered(Bound(lowest, highest, node.value), counter, node.place)
    value = amount(counter, node.value, node.place)
    return Bound(value, value, str(node.value))


def _limits(counter: Field, node: MapNode) -> Bound:
    faults: list[Fault] = []
    ends: dict[str, int] = {}
    for key, pair in node.pairs.items():
        if key not in LIMITS:
            faults.append(Fault(pair.key_place, unknown_key(key, counter.name, LIMITS)))
            continue
        try:
            if not isinstance(pair.node, ScalarNode):
                raise refuse(pair.node.place, f"{counter.name}: expected {expected(counter)}")
            ends[key] = amount(counter, pair.node.value, pair.node.place)
        except Refused as refused:
            faults += refused.faults
    if not node.pairs:
        faults.append(Fault(node.place, f"{counter.name}: no bound; expected min, max or both"))
    if faults or not ends:
        raise Refused(faults)
    written = ", ".join(f"{key}: {_written(pair.node)}" for key, pair in node.pairs.items())
    return _ordered(Bound(ends.get("min"), ends.get("max"), f"{{{written}}}"), counter, node.place)


def _written(node: Node) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""


def _ordered(bound: Bound, counter: Field, place: Place) -> Bound:
    if bound.lowest is not None and bound.highest is not None and bound.lowest > bound.highest:
        raise refuse(place, f"{counter.name}: the lowest value is above the highest; expected A .. B with A up to B")
    return bound


def expected(counter: Field) -> str:
    """What may be written for a counter."""
    return _EXPECTED.get(counter.unit, f"a whole number of {counter.unit}")


def amount(counter: Field, value: Scalar, place: Place) -> int:
    """One value of a counter, in its unit. Raises Refused."""
    if value is REFUSED:
        raise Refused([])
    try:
        number = _number(counter, value)
    except ValueError as error:
        raise refuse(place, f"{counter.name}: {error}") from None
    if number < 0 and counter.unit is not Unit.PER_MILLE:
        raise refuse(place, f"{counter.name}: {number} is below zero; expected {expected(counter)}")
    return number


def _number(counter: Field, value: Scalar) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if counter.unit is Unit.PPM and isinstance(value, (str, float)):
        return parse_share(value)
    if isinstance(value, str) and counter.unit in _UNIT_BYTES:
        return _of_size(counter, value)
    raise ValueError(f"expected {expected(counter)}, not {shown(value)}")


def _of_size(counter: Field, text: str) -> int:
    if counter.unit is Unit.KB and (kilobytes := _KB.fullmatch(text)):
        return int(kilobytes.group(1))
    step = _UNIT_BYTES[counter.unit]
    size_bytes = parse_size(text)
    if size_bytes % step:
        raise ValueError(f"{shown(text)} is not a whole number of {counter.unit}; expected {expected(counter)}")
    return size_bytes // step
