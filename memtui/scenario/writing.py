"""A scenario, with what was injected while it played, written out as a scenario that plays the same again."""

from __future__ import annotations

from typing import Any

import yaml

from memtui.scenario.model import Scenario
from memtui.scenario.tree import NOTHING, ListNode, MapNode, Pair, plain


def with_entry(document: MapNode, entry: MapNode) -> MapNode:
    """The document with one more entry at the end of its timeline; the document itself is left as it is."""
    pairs = dict(document.pairs)
    timeline = document.get("timeline")
    items = list(timeline.items) if isinstance(timeline, ListNode) else []
    pairs["timeline"] = Pair(document.place, ListNode(document.place, [*items, entry]))
    return MapNode(document.place, pairs)


def as_yaml(scenario: Scenario, seed: int) -> str:
    """The scenario as YAML text, in the words of its file; `seed` is the one it was played with."""
    document = _values(plain(scenario.document)) if scenario.document is not None else {}
    document["seed"] = seed
    if scenario.until_ns is None:
        document.pop("until", None)
    order = ["memtui", "name", "about", "seed", "until", "machine", "timeline", "expect"]
    ordered = {key: document[key] for key in order if key in document}
    text: str = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=100)
    return text


def _values(value: Any) -> Any:
    """The tree with what is not there as YAML's null."""
    if isinstance(value, dict):
        return {key: _values(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_values(inner) for inner in value]
    return None if value is NOTHING else value
