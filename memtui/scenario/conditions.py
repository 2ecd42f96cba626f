"""`when:` of an expectation: the policies under which it is held against the run."""

from __future__ import annotations

from memtui.machine.config import KernelConfig
from memtui.scenario.bounds import refuse
from memtui.scenario.faults import did_you_mean, one_of
from memtui.scenario.policies import POLICIES, check_choice
from memtui.scenario.tree import ListNode, MapNode, Node, ScalarNode
from memtui.units import shorten


def applies(node: Node | None, kernel: KernelConfig | None) -> bool:
    """Whether the machine has all of the policies named; True without any, or where the machine is not known.

    A policy may be given a list: any of them will do. Raises Refused for what is no policy.
    """
    if node is None:
        return True
    if not isinstance(node, MapNode) or not node.pairs:
        raise refuse(node.place, "when: expected policies, such as {exec_memory: rox_cache}")
    chosen = True
    for axis, pair in node.pairs.items():
        if axis not in POLICIES:
            hint = did_you_mean(axis, POLICIES)
            raise refuse(pair.key_place, f"when: unknown policy {shorten(axis)!r}; expected {one_of(POLICIES)}{hint}")
        names = [_name(axis, item) for item in (pair.node.items if isinstance(pair.node, ListNode) else [pair.node])]
        chosen = chosen and (kernel is None or getattr(kernel, axis) in names)
    return chosen


def _name(axis: str, node: Node) -> str:
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        raise refuse(node.place, f"{axis}: expected the name of a policy, or a list of them")
    try:
        return check_choice(node.value, POLICIES[axis].built)
    except ValueError as error:
        raise refuse(node.place, f"{axis}: {error}") from None
