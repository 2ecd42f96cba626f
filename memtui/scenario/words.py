"""What pydantic found wrong, in the words of whoever wrote the scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from memtui.scenario.faults import Fault, did_you_mean, one_of
from memtui.scenario.tree import NOTHING, REFUSED, ListNode, MapNode, Node, ScalarNode, locate
from memtui.units import shorten

_PLAIN_TYPES: Mapping[str, str] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
}
_LIMITS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
}


def faults_of(error: ValidationError, model: type[BaseModel], node: Node, what: str) -> list[Fault]:
    """One fault per error of `model`, at its place below `node`; `what` names the node for people."""
    found: list[Fault] = []
    for details in error.errors(include_url=False):
        if details["input"] is REFUSED:
            continue
        path = tuple(details["loc"])
        key_place, value_place = locate(node, path)
        place = key_place if details["type"] == "extra_forbidden" else value_place
        short = isinstance(node, ScalarNode)
        found.append(Fault(place, _message(details, model, what, short)))
    return found


def _message(details: ErrorDetails, model: type[BaseModel], what: str, short: bool) -> str:
    """The words for one error; in a `short` form the only name people wrote is `what`."""
    path = [part for part in details["loc"] if isinstance(part, str)]
    kind = details["type"]
    if kind in ("missing", "extra_forbidden"):
        inside = path[-2] if len(path) > 1 else what
        if kind == "missing":
            return f"missing key {path[-1]!r} in {inside} ({_meaning(model, path)})"
        return unknown_key(path[-1], inside, keys_at(model, path[:-1]))
    problem = _problem(details, model, path)
    return f"{path[-1]}: {problem}" if path and not short else f"{what}: {problem}"


def _problem(details: ErrorDetails, model: type[BaseModel], path: list[str]) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "value_error":
        return _said(str(context["error"]), value)
    if kind in _PLAIN_TYPES:
        quotes = kind == "string_type" and isinstance(value, (int, float))
        return f"expected {_PLAIN_TYPES[kind]}, not {shown(value)}{'; put it in quotes' if quotes else ''}"
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"expected {words.format(context[name])}, not {shown(value)}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"expected keys and values ({', '.join(keys_at(model, path))}), not {shown(value)}"
    if kind == "literal_error":
        names = [name.strip("'") for name in context["expected"].replace(" or ", ", ").split(", ")]
        return f"{shown(value)} is unknown; expected {one_of(names)}" + did_you_mean(str(value), names)
    if kind == "string_too_short":
        return "expected text that is not empty"
    if kind == "string_too_long":
        return f"expected at most {context['max_length']} characters"
    return details["msg"]


def _said(message: str, value: Any) -> str:
    """A validator's own words; where they do not name the value, it is added."""
    return f"{message}, not {shown(value)}" if message.startswith("expected ") else message


def shown(value: Any) -> str:
    """A value from a scenario for quoting in a message: short, and never its whole content."""
    if value is NOTHING:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return shorten(str(value))
    if isinstance(value, str):
        return repr(shorten(value))
    return "a list" if isinstance(value, list) else "keys and values"


def shown_node(node: Node) -> str:
    """The same for a node of the tree."""
    if isinstance(node, ScalarNode):
        return shown(node.value)
    return shown([] if isinstance(node, ListNode) else {})


def unknown_key(key: str, inside: str, known: Iterable[str]) -> str:
    """`unknown key 'nodez' in machine; did you mean 'nodes'?`, or the keys there are."""
    names = list(known)
    hint = did_you_mean(key, names) or f"; expected {one_of(names)}"
    return f"unknown key {shorten(key)!r} in {inside}{hint}"


def _meaning(model: type[BaseModel], path: list[str]) -> str:
    """What the last key of a path is for."""
    fields = model_at(model, path[:-1]).model_fields
    return next((str(field.description) for name, field in fields.items() if path[-1] in (name, field.alias)), "")


def keys_at(model: type[BaseModel], path: Iterable[str]) -> list[str]:
    """The keys a model has at a path of its fields, as a scenario writes them."""
    return [field.alias or name for name, field in model_at(model, path).model_fields.items()]


def model_at(model: type[BaseModel], path: Iterable[str]) -> type[BaseModel]:
    """The model at a path of a model's fields, as far down as there are models."""
    for part in path:
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        if field is None:
            break
        inner = (field.annotation, *get_args(field.annotation))
        model = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), model)
    return model


def expect_map(node: Node, what: str) -> MapNode | Fault:
    """The node, if it is a mapping; otherwise what to say."""
    if isinstance(node, MapNode):
        return node
    return Fault(node.place, f"{what}: expected keys and values, not {shown_node(node)}")


def expect_list(node: Node, what: str) -> list[Node] | Fault:
    """The items of a list; otherwise what to say."""
    if isinstance(node, ListNode):
        return node.items
    return Fault(node.place, f"{what}: expected a list (lines that begin with '- '), not {shown_node(node)}")
