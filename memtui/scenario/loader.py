"""From text to a Scenario, or to every fault the text has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError

from memtui.machine.config import MachineConfig
from memtui.scenario.entries import Draft, read_entry
from memtui.scenario.expectations import ExpectReader
from memtui.scenario.faults import Fault, ScenarioError
from memtui.scenario.files import bundled_files, read_source
from memtui.scenario.machines import MachineFault, MachineSection, Section, machine_config
from memtui.scenario.model import Scenario
from memtui.scenario.overrides import override
from memtui.scenario.reader import read
from memtui.scenario.timeline_checks import check_timeline
from memtui.scenario.tree import MapNode, Node, locate, plain
from memtui.scenario.words import expect_list, faults_of, unknown_key
from memtui.units import shorten
from memtui.workloads.params import WRITTEN, Duration

FORMAT_VERSION: Final = 1
"""The version of scenario files that this memtui reads."""

PARTS: Final = ("machine", "timeline", "expect")
"""Top-level keys that are read part by part, so that a fault in one hides none in another."""


def _known_version(version: int) -> int:
    if version != FORMAT_VERSION:
        raise ValueError(f"version {shorten(str(version))} of the format is unknown; expected {FORMAT_VERSION}")
    return version


class Top(Section):
    """The plain values at top level."""

    memtui: Annotated[int, AfterValidator(_known_version)] = Field(
        default=FORMAT_VERSION, description="version of this format", json_schema_extra={"const": FORMAT_VERSION}
    )
    name: str | None = Field(default=None, min_length=1, max_length=200, description="a title; else the file's name")
    about: str = Field(default="", max_length=10_000, description="what to watch, and why it matters")
    seed: int = Field(default=0, ge=0, lt=1 << 64, description="with the scenario it determines every byte of a run")
    until: Duration | None = Field(default=None, description="when the scenario ends; else with its last event")


def load(source: str | PurePath, sets: Iterable[str] = ()) -> Scenario:
    """The scenario at a path, of a bundled name, or on standard input (`-`), with `PATH=VALUE` options applied.

    Raises ScenarioError, which holds every fault.
    """
    text, name = read_source(str(source))
    return load_text(text, name, sets)


def load_text(text: str, path: str = "<scenario>", sets: Iterable[str] = (), versus: Iterable[str] = ()) -> Scenario:
    """The scenario in `text`; `path` is what messages call it. Raises ScenarioError with every fault.

    `versus` has `PATH=VALUE` options as `sets` has, applied after those.
    """
    root, faults = read(text, path)
    faults += override(root, sets)
    faults += override(root, versus, "--versus")
    if not isinstance(root, MapNode):
        faults.append(Fault(root.place, "expected keys and values at top level: name, machine, timeline, expect"))
        raise ScenarioError(faults, text)
    reading = _Reading(root, faults)
    scenario = reading.scenario(path)
    if scenario is None or reading.faults:
        raise ScenarioError(reading.faults, text)
    return scenario


def bundled() -> tuple[str, ...]:
    """Names of the scenarios that ship with memtui."""
    return tuple(bundled_files())


@dataclass(slots=True)
class _Reading:
    """One document on its way to a Scenario."""

    root: MapNode
    faults: list[Fault] = field(default_factory=list)

    def scenario(self, path: str) -> Scenario | None:
        """The scenario, as far as it can be put together."""
        self._check_keys()
        top = self._top()
        machine = self._machine()
        drafts = self._timeline()
        self.faults += check_timeline(drafts, machine)
        expect = ExpectReader(top.until if top else None, machine)
        if (node := self.root.get("expect")) is not None:
            expect.read(node)
            self.faults += expect.faults
        if top is None or machine is None:
            return None
        entries = tuple(draft.entry for draft in drafts if draft.entry is not None)
        name = top.name or PurePath(path).stem
        expectations = tuple(expect.expectations)
        return Scenario(name, top.about, top.seed, machine, entries, expectations, top.until, path, self.root)

    def _check_keys(self) -> None:
        known = [*Top.model_fields, *PARTS]
        for key, pair in self.root.pairs.items():
            if key not in known:
                self.faults.append(Fault(pair.key_place, unknown_key(key, "scenario", known)))

    def _top(self) -> Top | None:
        values = {key: plain(pair.node) for key, pair in self.root.pairs.items() if key in Top.model_fields}
        try:
            return Top.model_validate(values, context=WRITTEN)
        except ValidationError as error:
            self.faults += faults_of(error, Top, self.root, "scenario")
            return None

    def _machine(self) -> MachineConfig | None:
        node: Node = self.root.get("machine") or MapNode(self.root.place)
        try:
            return machine_config(MachineSection.model_validate(plain(node)))
        except MachineFault as error:
            path = tuple(error.key.split("."))
            self.faults.append(Fault(locate(node, path)[1], f"{path[-1]}: {error}"))
        except ValidationError as error:
            self.faults += faults_of(error, MachineSection, node, "machine")
        return None

    def _timeline(self) -> list[Draft]:
        node = self.root.get("timeline")
        if node is None:
            return []
        items = expect_list(node, "timeline")
        if isinstance(items, Fault):
            self.faults.append(items)
            return []
        drafts = [read_entry(item) for item in items]
        self.faults += (fault for draft in drafts for fault in draft.faults)
        return drafts
