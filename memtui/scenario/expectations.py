"""`expect:` what counters must be, at a time or at the end, in the counters' own units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from memtui.fields import FIELDS, Field, buddyinfo_name
from memtui.fields import field as find_field
from memtui.machine.config import MachineConfig
from memtui.scenario.bounds import Refused, read_bound, refuse
from memtui.scenario.conditions import applies
from memtui.scenario.faults import Fault, did_you_mean
from memtui.scenario.model import Expectation, Place
from memtui.scenario.tree import REFUSED, MapNode, Node, ScalarNode
from memtui.scenario.words import expect_list, expect_map
from memtui.units import shorten
from memtui.workloads.params import duration_of

WHAT: Final = "expectation"
"""What messages call one of `expect:`."""
NOT_COUNTERS: Final = ("at", "when")
"""Keys of an expectation that say when it counts."""
END: Final = "end"
"""What `at` says for the end of the scenario."""


@dataclass(slots=True)
class ExpectReader:
    """Reads `expect:`; what the rest of the scenario says decides what may be expected."""

    until_ns: int | None
    """When the scenario says it ends."""
    machine: MachineConfig | None
    """What it is played on, if that is known."""
    expectations: list[Expectation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def read(self, node: Node) -> None:
        """Reads the whole list, into `expectations` and `faults`."""
        items = expect_list(node, "expect")
        if isinstance(items, Fault):
            self.faults.append(items)
            return
        for item in items:
            mapping = expect_map(item, WHAT)
            if isinstance(mapping, Fault):
                self.faults.append(mapping)
            else:
                self._read_item(mapping)

    def _read_item(self, mapping: MapNode) -> None:
        at_ns: int | None = None
        wanted = True
        try:
            at_ns = self._read_at(mapping)
            wanted = applies(mapping.get("when"), self.machine.kernel if self.machine is not None else None)
        except Refused as refused:
            self.faults += refused.faults
        counters = {name: pair for name, pair in mapping.pairs.items() if name not in NOT_COUNTERS}
        if not counters:
            message = "no counter to expect something of; expected one, such as MemFree: {min: 1GiB}"
            self.faults.append(Fault(mapping.place, message))
        for name, pair in counters.items():
            try:
                bound = read_bound(self._counter(name, pair.key_place), pair.node)
                if wanted:
                    self.expectations.append(Expectation(at_ns, name, bound, pair.key_place))
            except Refused as refused:
                self.faults += refused.faults

    def _read_at(self, mapping: MapNode) -> int | None:
        """The time, or None for the end."""
        node = mapping.get("at")
        if node is None:
            raise refuse(mapping.place, "missing key 'at' in expectation; expected a time, or end")
        value = node.value if isinstance(node, ScalarNode) else None
        if value == END:
            return None
        if value is REFUSED:
            raise Refused([])
        try:
            at_ns = duration_of(value)
        except ValueError as error:
            raise refuse(node.place, f"at: {error}, or end") from None
        if self.until_ns is not None and at_ns > self.until_ns:
            raise refuse(node.place, "at: lies after the end of the scenario; expected a time up to its until, or end")
        return at_ns

    def _counter(self, name: str, place: Place) -> Field:
        counter, parts = find_field(name), buddyinfo_name(name)
        if counter is None and name.startswith("buddyinfo"):
            raise refuse(place, f"unknown counter {shorten(name)!r}; expected one such as buddyinfo.0.Normal.9")
        if counter is None:
            hint = did_you_mean(name, FIELDS) or "; `memtui list counters` names them all"
            raise refuse(place, f"unknown counter {shorten(name)!r}{hint}")
        if parts is not None and parts.order is None:
            raise refuse(place, f"{name}: a list by order; expected one order of it, such as {name}.9")
        if parts is not None and self.machine is not None and parts.node >= self.machine.nodes:
            raise refuse(place, f"{name}: the machine has no node {parts.node}; its nodes count from 0")
        return counter
