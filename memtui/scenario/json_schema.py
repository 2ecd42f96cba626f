"""The JSON Schema of scenario files, for editors; made from the models that check them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from memtui.fields import FIELDS, Field
from memtui.scenario.bounds import LIMITS, expected
from memtui.scenario.entries import EntryHead
from memtui.scenario.loader import Top
from memtui.scenario.machines import MachineSection
from memtui.scenario.policies import POLICIES, built_names
from memtui.workloads.params import exact_duration, exact_share, exact_size
from memtui.workloads.registry import ACTIONS

_BUDDYINFO_KEY: Final = r"^buddyinfo\.[0-9]{1,4}\.(DMA|DMA32|Normal|HighMem|Movable)\.([0-9]|10)$"

_WRITTEN: Final[Mapping[str, Callable[[int], str]]] = {
    "size": exact_size,
    "duration": exact_duration,
    "share": exact_share,
}
"""How a default of each format is written in a scenario."""


def schema() -> dict[str, Any]:
    """The whole schema: every key, every action, every counter, each with its meaning."""
    models: list[type[BaseModel]] = [MachineSection, *(spec.params for spec in ACTIONS.values())]
    definitions = models_json_schema([(model, "validation") for model in models])[1]["$defs"]
    top = Top.model_json_schema()["properties"]
    whole: dict[str, Any] = tidy(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "memtui scenario",
            "type": "object",
            "properties": {
                **top,
                "machine": _reference(MachineSection, "the machine that is simulated; left out, it is server-64g"),
                "timeline": {"type": "array", "items": _entry(), "description": "what happens, and when"},
                "expect": {"type": "array", "items": _expectation(), "description": "what counters must be"},
            },
            "additionalProperties": False,
            "$defs": {**definitions, "bound": _bound()},
        }
    )
    return whole


def parameters(model: type[BaseModel]) -> dict[str, Any]:
    """The tidy schema of one action's parameters: its long form."""
    long_form: dict[str, Any] = tidy(next(iter(_long_forms(model.model_json_schema()))))
    return long_form


def _long_forms(schema_of_model: dict[str, Any]) -> list[dict[str, Any]]:
    return [form for form in schema_of_model.get("anyOf", [schema_of_model]) if "properties" in form]


def _reference(model: type[BaseModel], description: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{model.__name__}", "description": description}


def _entry() -> dict[str, Any]:
    actions = {name: _reference(spec.params, spec.meaning) for name, spec in ACTIONS.items()}
    return {
        "type": "object",
        "properties": {**EntryHead.model_json_schema()["properties"], **actions},
        "required": ["at"],
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in ACTIONS],
        "dependentRequired": {"times": ["every"], "until": ["every"]},
        "dependentSchemas": {"every": {"oneOf": [{"required": ["times"]}, {"required": ["until"]}]}},
    }


def _expectation() -> dict[str, Any]:
    at = {"type": ["string", "integer"], "description": "a time, or end"}
    return {
        "type": "object",
        "properties": {"at": at, "when": _when(), **{name: _counter(counter) for name, counter in FIELDS.items()}},
        "patternProperties": {_BUDDYINFO_KEY: {"$ref": "#/$defs/bound"}},
        "required": ["at"],
        "minProperties": 2,
        "additionalProperties": False,
    }


def _when() -> dict[str, Any]:
    choices = {name: {"enum": built_names(policy.built)} for name, policy in POLICIES.items()}
    return {
        "type": "object",
        "description": "only on machines with these policies; of a list, any of them",
        "properties": {
            name: {"anyOf": [choice, {"type": "array", "items": choice, "minItems": 1}]}
            for name, choice in choices.items()
        },
        "minProperties": 1,
        "additionalProperties": False,
    }


def _counter(counter: Field) -> dict[str, Any]:
    return {"$ref": "#/$defs/bound", "description": f"{counter.meaning}; in {expected(counter)}"}


def _bound() -> dict[str, Any]:
    value = {"type": ["string", "number"]}
    limits = {
        "type": "object",
        "properties": dict.fromkeys(LIMITS, value),
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"anyOf": [value, limits], "description": "a value, A .. B, or {min: A, max: B}"}


def tidy(node: Any) -> Any:
    """A schema as people read it: no titles of fields, no nulls (a scenario has none), defaults as written."""
    if isinstance(node, list):
        return [tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = _without_null(node)
    if node.get("default") is not None and node.get("format") in _WRITTEN:
        node = {**node, "default": _WRITTEN[node["format"]](node["default"])}
    if "$schema" in node:
        return {key: tidy(value) for key, value in node.items()}
    return {
        key: {name: tidy(inner) for name, inner in value.items()} if key in ("properties", "$defs") else tidy(value)
        for key, value in node.items()
        if key != "title"
    }


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1 and len(node["anyOf"]) > 1:
        node = {**choices[0], **{key: value for key, value in node.items() if key != "anyOf"}}
    return {key: value for key, value in node.items() if key != "default" or value is not None}
