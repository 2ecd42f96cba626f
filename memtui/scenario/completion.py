"""What can come next in a command: actions, their parameters, the values that have names, labels, mounts."""

from __future__ import annotations

from typing import Any, Final, get_args

from pydantic import BaseModel

from memtui.scenario.command import HEAD, CommandError, label_of, tokens
from memtui.scenario.model import Scenario
from memtui.workloads.end import EndParams
from memtui.workloads.registry import ACTIONS
from memtui.workloads.tmpfs import TmpfsParams

_MOUNT: Final = "mount"


def completions(text: str, scenario: Scenario) -> list[str]:
    """Whole commands that `text` can go on to, in the order they are listed to people."""
    _, begin = label_of(text)
    try:
        words = [word for _, word in tokens(text[begin:])]
    except CommandError:
        return []
    rest = text[begin:]
    last = words[-1] if words and not rest[-1:].isspace() else ""
    kept = text[: len(text) - len(last)]
    before = words[: len(words) - 1] if last else words
    return [kept + word for word in _next_words(before, last, scenario) if word.startswith(last) and word != last]


def usage(action: str) -> str:
    """An action and its parameters in one line: `load_module text= [rodata=] [count=]`; '' for no action."""
    spec = ACTIONS.get(action)
    if spec is None:
        return ""
    short = spec.params.short_field
    parts = [f"{name}=" if field.is_required() else f"[{name}=]" for name, field in _fields(spec.params).items()]
    value = f" {short.upper()}, or" if short and len(parts) > 1 else f" {short.upper()}" if short else ""
    named = "" if short and len(parts) == 1 else " " + " ".join(parts)
    return f"{action}{value}{named}"


def _next_words(before: list[str], last: str, scenario: Scenario) -> list[str]:
    if not before:
        return [f"{name} " for name in ACTIONS]
    spec = ACTIONS.get(before[0])
    if spec is None:
        return []
    fields = _fields(spec.params)
    name, equals, _ = last.partition("=")
    if equals:
        return [f"{name}={value}" for value in _values(name, fields.get(name), scenario)]
    used = {word.partition("=")[0] for word in before[1:]}
    names = [f"{name}=" for name in (*fields, *HEAD) if name not in used]
    if len(before) > 1 or spec.params.short_field is None:
        return names
    if spec.params is EndParams:
        return _labels(scenario)
    short = spec.params.short_field
    return [*_values(short, fields.get(short), scenario), *names]


def _fields(params: type[BaseModel]) -> dict[str, Any]:
    """Fields by the name a scenario writes."""
    return {field.alias or name: field for name, field in params.model_fields.items()}


def _values(name: str, field: Any, scenario: Scenario) -> list[str]:
    """The values that have a name, where a parameter has such."""
    if name == _MOUNT:
        return [entry.params.mount for entry in scenario.entries if isinstance(entry.params, TmpfsParams)]
    return [] if field is None else [value for value in _literals(field.annotation) if isinstance(value, str)]


def _literals(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for part in get_args(annotation):
        found += [part] if isinstance(part, (str, int)) else _literals(part)
    return found


def _labels(scenario: Scenario) -> list[str]:
    """Labels that were made and not ended."""
    ended = {entry.params.label for entry in scenario.entries if isinstance(entry.params, EndParams)}
    return [entry.label for entry in scenario.entries if entry.label is not None and entry.label not in ended]
