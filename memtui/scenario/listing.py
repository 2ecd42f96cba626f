"""What there is to choose from: scenarios, machines, kernels, policies and actions, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memtui.machine.config import NAMED_MACHINES
from memtui.scenario.faults import one_of
from memtui.scenario.files import bundled_files
from memtui.scenario.json_schema import parameters
from memtui.scenario.kernels import KERNELS, RECORDED, differences
from memtui.scenario.loader import load
from memtui.scenario.machines import MACHINES, describe_machine
from memtui.scenario.policies import POLICIES
from memtui.workloads.registry import ACTIONS, NOT_BUILT, ActionSpec

_KINDS: Mapping[str, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be named in a scenario or on the command line."""

    name: str
    meaning: str
    value: str = ""
    """What may be written for it, with its default in brackets: `a size (2MiB)`."""
    built: bool = True
    """Whether it can be used; otherwise naming it is answered with `not built yet`."""
    details: tuple[Item, ...] = ()
    """Its parameters or choices."""


def describe_scenarios() -> tuple[Item, ...]:
    """The scenarios that ship with memtui: name, and title with what to watch."""
    scenarios = [(name, load(name)) for name in bundled_files()]
    return tuple(Item(name, scenario.about.strip(), scenario.name) for name, scenario in scenarios)


def describe_machines() -> tuple[Item, ...]:
    """The named machines."""
    return tuple(
        Item(name, describe_machine(NAMED_MACHINES[name]) if built else "", built=built)
        for name, built in MACHINES.items()
    )


def describe_kernels() -> tuple[Item, ...]:
    """The Linux versions whose policies can be chosen together, and what each does in its own way."""
    return tuple(
        Item(
            name,
            f"Linux {name}" + (f", {RECORDED[name]}" if built else ""),
            built=built,
            details=tuple(Item(*pair) for pair in differences(name)) if built else (),
        )
        for name, built in KERNELS.items()
    )


def describe_policies() -> tuple[Item, ...]:
    """The policies of a kernel, each with its choices."""
    return tuple(
        Item(
            policy.name,
            policy.meaning,
            details=tuple(Item(choice.name, choice.meaning, built=choice.built) for choice in policy.choices),
        )
        for policy in POLICIES.values()
    )


def describe_actions() -> tuple[Item, ...]:
    """The actions of a timeline, each with its parameters."""
    built = tuple(Item(spec.name, spec.meaning, details=_parameters(spec)) for spec in ACTIONS.values())
    return built + tuple(Item(name, meaning, built=False) for name, meaning in NOT_BUILT.items())


def _parameters(spec: ActionSpec) -> tuple[Item, ...]:
    described = parameters(spec.params)
    required = described.get("required", ())
    return tuple(
        Item(name, schema.get("description", ""), _value(schema, name in required))
        for name, schema in described["properties"].items()
    )


def _range(schema: Mapping[str, Any]) -> str:
    """` from 0 to 9` or `, 1`, for a figure with few values."""
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    if lowest is None or highest is None or highest > 1000:
        return ""
    return f", {lowest}" if lowest == highest else f" from {lowest} to {highest}"


def _value(schema: Mapping[str, Any], required: bool) -> str:
    if "enum" in schema:
        kind = one_of(str(choice) for choice in schema["enum"])
    else:
        kind = f"a {schema['format']}" if "format" in schema else _KINDS[schema["type"]] + _range(schema)
    if required:
        return f"{kind}, required"
    default = schema.get("default")
    shown = str(default).lower() if isinstance(default, bool) else default
    return kind if default is None else f"{kind} ({shown})"
