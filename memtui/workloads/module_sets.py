"""`load_modules`, `unload_modules`, `reload_modules`: a set of modules with the published sizes, by name."""

from __future__ import annotations

import random
from typing import Annotated, Literal

from pydantic import Field

from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory
from memtui.machine.machine import Machine
from memtui.machine.modules import Module, ModuleSizes
from memtui.units import PPM, format_count
from memtui.workloads.base import Activity, Steps
from memtui.workloads.module_sizes import MIXES, draw, upgraded
from memtui.workloads.params import Count, Params, Share
from memtui.workloads.wording import merge_words, plural, split_words

SetName = Annotated[str, Field(min_length=1, max_length=40)]
Mix = Literal["fleet", "desktop"]
MIX_MEANING = "whose modules: those of large servers (fleet) or of a desktop"


class LoadModulesParams(Params):
    """A set of modules: how many, and how their sizes are distributed."""

    count: Count = Field(description="how many modules")
    sizes: Mix = Field(default="fleet", description=MIX_MEANING)
    name: SetName = Field(default="modules", description="name of the set, for entries that unload or reload it")


class UnloadModulesParams(Params):
    """Which modules go."""

    name: SetName = Field(default="modules", description="name of the set")
    share: Share = Field(default=PPM, description="how much of the set, those loaded last first")


class ReloadModulesParams(Params):
    """Which modules are loaded again."""

    name: SetName = Field(default="modules", description="name of the set")
    upgrade: bool = Field(default=False, description="whether they come back in their next version, of another size")
    sizes: Mix = Field(default="fleet", description=f"how an upgrade divides: {MIX_MEANING}")


def named_set(machine: Machine, name: str) -> list[Module]:
    """The loaded modules of a set; an event says so when there are none."""
    found = machine.modules.of(name)
    if not found:
        machine.core.log(f"no module of {name} is loaded: ENOENT", Severity.BAD)
    return found


def drawn_set(rng: random.Random, sizes: Mix, count: int) -> list[tuple[str, ModuleSizes]]:
    """(name, sizes) of so many modules."""
    drawn = (draw(rng, MIXES[sizes]) for _ in range(count))
    return [(giant or f"mod{number:03}", parts) for number, (giant, parts) in enumerate(drawn)]


class LoadModules(Activity[LoadModulesParams]):
    """Loads a set, module by module."""

    action = "load_modules"
    params_type = LoadModulesParams

    def start(self) -> Steps:
        """Loads them; one that finds no memory fails with ENOMEM and the rest are not tried."""
        params, machine = self.params, self.machine
        before, loaded = machine.direct_map.splits, 0
        for name, sizes in drawn_set(self.context.rng, params.sizes, params.count):
            try:
                machine.modules.load(sizes, name, params.name)
            except OutOfMemory as short:
                machine.core.log(f"module {name} fails to load: ENOMEM, {short}", Severity.BAD)
                break
            loaded += 1
            self.progress = f"{loaded} of {params.count} modules"
            yield machine.take_ns()
        splits = split_words(machine.direct_map, before)
        machine.core.log(f"{format_count(loaded)} {plural(loaded, 'module')} of {params.name} loaded; {splits}")
        yield machine.take_ns()

    def finish(self) -> Steps:
        """Unloads what is loaded of the set, the last first."""
        there, before = self.machine.modules.of(self.params.name), self.machine.direct_map.collapses
        for module in reversed(there):
            self.machine.modules.unload(module)
            yield self.machine.take_ns()
        _log_unloaded(self.machine, self.params.name, len(there), before)

    @property
    def holds(self) -> bool:
        """Whether modules of the set are loaded."""
        return bool(self.machine.modules.of(self.params.name))


class UnloadModules(Activity[UnloadModulesParams]):
    """Unloads part of a set."""

    action = "unload_modules"
    params_type = UnloadModulesParams

    def start(self) -> Steps:
        """Unloads modules, the last first."""
        there, before = named_set(self.machine, self.params.name), self.machine.direct_map.collapses
        count = -(-len(there) * self.params.share // PPM)
        for number, module in enumerate(reversed(there[len(there) - count :]), 1):
            self.machine.modules.unload(module)
            self.progress = f"{number} of {count} modules"
            yield self.machine.take_ns()
        _log_unloaded(self.machine, self.params.name, count, before)
        yield self.machine.take_ns()


def _log_unloaded(machine: Machine, name: str, count: int, collapses: int) -> None:
    if count:
        merged = merge_words(machine.direct_map, collapses)
        machine.core.log(f"{format_count(count)} {plural(count, 'module')} of {name} unloaded; {merged}")


class ReloadModules(Activity[ReloadModulesParams]):
    """Unloads and loads each module of a set in turn, as an agent does that brings a fleet up to date."""

    action = "reload_modules"
    params_type = ReloadModulesParams

    def start(self) -> Steps:
        """One module after another; one that finds no memory stays away."""
        params, machine = self.params, self.machine
        before, there = machine.direct_map.splits, named_set(machine, params.name)
        for number, module in enumerate(there, 1):
            sizes = upgraded(module.sizes, self.context.rng, MIXES[params.sizes]) if params.upgrade else module.sizes
            reload(machine, module, sizes)
            self.progress = f"{number} of {len(there)} modules"
            yield machine.take_ns()
        if there:
            done = "upgraded" if params.upgrade else "reloaded"
            splits = split_words(machine.direct_map, before)
            machine.core.log(f"{format_count(len(there))} modules of {params.name} {done}; {splits}")
        yield machine.take_ns()


def reload(machine: Machine, module: Module, sizes: ModuleSizes) -> Module | None:
    """Unloads a module and loads it anew; None, with an event, if it finds no memory."""
    machine.modules.unload(module)
    try:
        return machine.modules.load(sizes, module.name, module.group)
    except OutOfMemory as short:
        machine.core.log(f"module {module.name} fails to load: ENOMEM, {short}", Severity.BAD)
        return None
