"""Actions injected into a run, and the session written out as a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from memtui.scenario import bundled, load, load_text
from memtui.scenario.command import CommandError
from memtui.scenario.model import Entry, Expectation
from memtui.scenario.writing import as_yaml
from memtui.snapshot import MapRequest
from memtui.sources.run import Abandoned
from memtui.sources.simulation import Simulation
from memtui.units import SECOND

NO_MAPS = MapRequest()
SCENARIO = """
name: Two pools
seed: 5
machine: {ram: 8GiB, nodes: 1}
timeline:
  - {at: 1s, nr_hugepages: 16}
  - {at: 3s, every: 10ms, times: 20, load_bpf: {size: 3KiB}}
expect:
  - {at: 2s, HugePages_Total: 16}
"""


def played(text: str) -> Simulation:
    simulation = Simulation(load_text(text))
    simulation.advance(1 << 62)
    return simulation


def test_an_injected_action_happens_now_and_shows_in_the_list() -> None:
    simulation = Simulation(load_text(SCENARIO))
    simulation.advance(2 * SECOND)
    simulation.inject("nr_hugepages 40")
    simulation.advance(2 * SECOND + SECOND // 2)
    now = simulation.snapshot(NO_MAPS)
    assert now.counters["HugePages_Total"] == 40
    assert [view.name for view in now.workloads] == ["nr_hugepages", "load_bpf", "nr_hugepages"]
    assert 2 * SECOND + 1 in simulation.info.event_times_ns


def test_a_session_written_out_plays_the_same_to_the_last_event() -> None:
    simulation = Simulation(load_text(SCENARIO))
    for at_ns, command in (
        (2 * SECOND, "keys: memfd_secret size=16KiB count=20"),
        (3 * SECOND + 55_000_000, "load_module text=24KiB rodata=8KiB data=4KiB count=5"),
        (3 * SECOND + 55_000_000, "fragment free=10% order=3"),
        (4 * SECOND, "end keys"),
    ):
        simulation.advance(at_ns)
        simulation.inject(command)
    simulation.advance(1 << 62)
    again = played(as_yaml(simulation.scenario, simulation.seed))
    assert again.events == simulation.events
    assert again.snapshot(NO_MAPS).counters == simulation.snapshot(NO_MAPS).counters
    assert again.now_ns == simulation.now_ns


def test_a_run_that_was_over_goes_on_and_ends_again() -> None:
    simulation = played(SCENARIO)
    assert simulation.finished
    simulation.inject("nr_hugepages 8")
    assert not simulation.finished
    simulation.advance(1 << 62)
    assert simulation.finished
    assert simulation.snapshot(NO_MAPS).counters["HugePages_Total"] == 8
    assert played(as_yaml(simulation.scenario, 5)).events == simulation.events


def test_after_its_until_a_scenario_ends_with_its_last_event() -> None:
    simulation = played(SCENARIO + "until: 4s\n")
    simulation.inject("nr_hugepages 3000")
    simulation.advance(1 << 62)
    written = as_yaml(simulation.scenario, 5)
    assert "until" not in written
    assert played(written).snapshot(NO_MAPS).counters == simulation.snapshot(NO_MAPS).counters


def test_restart_plays_the_session_again() -> None:
    simulation = played(SCENARIO)
    simulation.inject("nr_hugepages 8")
    simulation.advance(1 << 62)
    before = simulation.events
    simulation.restart()
    simulation.advance(1 << 62)
    assert simulation.events == before


def test_a_bad_command_changes_nothing() -> None:
    simulation = played(SCENARIO)
    scenario = simulation.scenario
    with pytest.raises(CommandError, match="did you mean 'nr_hugepages'"):
        simulation.inject("nr_hugepage 8")
    assert simulation.scenario is scenario
    assert simulation.finished


def test_a_run_that_was_broken_off_takes_no_action() -> None:
    simulation = Simulation(load_text(SCENARIO))

    def lost_patience() -> bool:
        raise Abandoned(130)

    simulation.advance(2 * SECOND, lost_patience)
    with pytest.raises(CommandError, match="the run was broken off"):
        simulation.inject("nr_hugepages 8")


def placeless(parts: Sequence[Entry] | Sequence[Expectation]) -> list[Entry | Expectation]:
    return [replace(part, place=None) for part in parts]


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_scenario_survives_being_written(name: str) -> None:
    scenario = load(name)
    again = load_text(as_yaml(scenario, scenario.seed), scenario.path)
    assert placeless(again.entries) == placeless(scenario.entries)
    assert placeless(again.expectations) == placeless(scenario.expectations)
    assert replace(again, entries=(), expectations=()) == replace(scenario, entries=(), expectations=())
