"""The JSON Schema and the lists for people say the same as the models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from memtui.fields import FIELDS
from memtui.scenario.json_schema import schema
from memtui.scenario.listing import (
    Item,
    describe_actions,
    describe_kernels,
    describe_machines,
    describe_policies,
    describe_scenarios,
)
from memtui.workloads.registry import ACTIONS, NOT_BUILT


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def entry() -> dict[str, Any]:
    items: dict[str, Any] = schema()["properties"]["timeline"]["items"]
    return items


def test_it_is_plain_json_and_always_the_same() -> None:
    assert json.loads(json.dumps(schema())) == schema()
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_reference_leads_somewhere() -> None:
    whole = schema()
    references = [node["$ref"] for node in nodes(whole) if "$ref" in node]
    assert len(references) > len(ACTIONS)
    assert all(reference.removeprefix("#/$defs/") in whole["$defs"] for reference in references)


def test_top_level_keys() -> None:
    keys = ["memtui", "name", "about", "seed", "until", "machine", "timeline", "expect"]
    assert list(schema()["properties"]) == keys
    assert schema()["additionalProperties"] is False


def test_an_entry_has_exactly_one_action() -> None:
    assert entry()["oneOf"] == [{"required": [name]} for name in ACTIONS]
    assert entry()["required"] == ["at"]
    assert set(ACTIONS) < set(entry()["properties"])


def test_every_action_and_parameter_has_a_meaning() -> None:
    definitions = schema()["$defs"]
    for name, spec in ACTIONS.items():
        assert entry()["properties"][name]["description"] == spec.meaning
        definition = definitions[spec.params.__name__]
        long_form = next(form for form in definition.get("anyOf", [definition]) if "properties" in form)
        assert long_form["additionalProperties"] is False
        for parameter in long_form["properties"].values():
            assert parameter["description"]
            assert "type" in parameter


def test_short_forms_are_in_it() -> None:
    forms = schema()["$defs"]["NrHugepagesParams"]["anyOf"]
    assert [form["type"] for form in forms] == ["integer", "object"]


def test_no_value_may_be_null() -> None:
    assert not [node for node in nodes(schema()) if node.get("type") == "null"]


def test_defaults_are_written_as_people_write_them() -> None:
    definitions = schema()["$defs"]
    assert definitions["NrHugepagesParams"]["anyOf"][1]["properties"]["size"]["default"] == "2MiB"
    assert definitions["AnonParams"]["properties"]["touch"]["default"] == "100%"
    assert definitions["ForkStormParams"]["properties"]["hold"]["default"] == "0"


def test_policies_offer_what_is_built() -> None:
    kernel = schema()["$defs"]["KernelSection"]["properties"]
    assert kernel["exec_memory"]["enum"] == ["rox_cache", "prog_pack", "unmapped_cache", "per_allocation"]
    assert kernel["like"]["enum"] == ["6.1", "6.12", "6.18", "7.2"]


def test_every_counter_can_be_expected() -> None:
    expectation = schema()["properties"]["expect"]["items"]
    assert list(expectation["properties"]) == ["at", "when", *FIELDS]
    assert FIELDS["MemFree"].meaning in expectation["properties"]["MemFree"]["description"]


def test_actions_for_people() -> None:
    items = {item.name: item for item in describe_actions()}
    assert list(items) == [*ACTIONS, *NOT_BUILT]
    assert [name for name, item in items.items() if not item.built] == list(NOT_BUILT)
    details = {detail.name: detail.value for detail in items["nr_hugepages"].details}
    assert details == {"count": "a whole number, required", "size": "a size (2MiB)", "node": "a whole number"}
    assert items["fork_storm"].details[2].value == "fan, chain or relay (fan)"
    assert items["sysctl"].details[0].value == "a whole number from 0 to 1"
    assert items["tmpfs_map"].details[7].value == "true or false (false)"


@pytest.mark.parametrize("items", [describe_actions(), describe_policies(), describe_kernels()])
def test_everything_listed_has_a_meaning(items: tuple[Item, ...]) -> None:
    assert items
    assert all(item.meaning for item in items)
    assert all(detail.meaning for item in items for detail in item.details)


def test_machines_for_people() -> None:
    items = {item.name: item for item in describe_machines()}
    assert items["server-64g"].meaning == "64GiB on 2 nodes, 32 CPUs skylake-sp"
    assert items["laptop-16g"].meaning == "16GiB on 1 node, 8 CPUs zen4"
    assert not items["i386-pae-64g"].built


def test_scenarios_for_people() -> None:
    assert all(item.name and item.value for item in describe_scenarios())
