"""A value of a wrong type in every field there is: one fault, at the value, naming the field."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from memtui.fields import FIELDS
from memtui.scenario import ScenarioError, load_text
from memtui.scenario.entries import EntryHead
from memtui.scenario.loader import Top
from memtui.scenario.machines import CpuSection, KernelSection, MachineSection
from memtui.workloads.registry import ACTIONS

WRONG = {
    "list": "[1]",
    "mapping": "{x: 1}",
    "nothing": "",
    "text": "☃",
    "number": "-7",
    "fraction": "-0.5",
    "truth": "true",
    "size": "2MB",
}
"""Values that hardly any field takes, by what they are."""

FREE_TEXT = frozenset(("name", "about", "label", "mount", "file", "process", "child", "area"))

TRUTHS = frozenset(
    ("gbpages", "la57", "guest", "hugetlb_optimize_vmemmap", "rfc_quirks", "advise", "misaligned", "random", "upgrade")
)


def taken(field: str, kind: str) -> bool:
    """Whether a value of this kind is right for the field after all."""
    if field in FREE_TEXT:
        return kind in ("text", "size")
    if field.startswith(("extfrag_index.", "unusable_index.")):
        return kind == "number"
    return kind == "truth" and field in TRUTHS


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def cases() -> Iterator[tuple[str, str, str]]:
    """(name, text up to the value, field) of every field of a scenario; a line of its own for each value."""
    for key in [*keys(Top), "machine", "timeline", "expect"]:
        yield key, f"{key}: ", key
    for prefix, model in (("", MachineSection), ("  cpu:\n  ", CpuSection), ("  kernel:\n  ", KernelSection)):
        for key in keys(model):
            yield f"machine.{prefix.strip()}{key}", f"machine:\n{prefix}  {key}: ", key
    for key in keys(EntryHead):
        yield f"entry.{key}", f"timeline:\n  - load_bpf: {{size: 4K}}\n    {key}: ", key
    for action, spec in ACTIONS.items():
        yield action, f"timeline:\n  - at: 1s\n    {action}: ", action
        for key in keys(spec.params):
            yield f"{action}.{key}", f"timeline:\n  - at: 1s\n    {action}:\n      {key}: ", key
    for counter in [*FIELDS, "at"]:
        yield f"expect.{counter}", f"expect:\n  - {counter}: ", counter


@pytest.mark.parametrize(("before", "field"), [pytest.param(b, f, id=name) for name, b, f in cases()])
def test_wrong_types(before: str, field: str) -> None:
    wrong = {kind: value for kind, value in WRONG.items() if not taken(field, kind)}
    assert len(wrong) >= 6
    for value in wrong.values():
        check(before, value, field)


def check(before: str, value: str, field: str) -> None:
    """The value is answered with a fault at it, or after it, that names the field or what it stands in."""
    with pytest.raises(ScenarioError) as caught:
        load_text(before + value, "f")
    start = (before.count("\n") + 1, len(before.rpartition("\n")[2]))
    here = [fault for fault in caught.value.faults if (fault.place.line, fault.place.column) >= start]
    assert any(name in fault.message for fault in here for name in (field, "entry", "expectation")), (
        value,
        str(caught.value),
    )
