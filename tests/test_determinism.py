"""Same scenario, same seed: the same bytes, whatever the hash seed, the speed, or whoever looks on."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import memtui
from memtui.engine.player import FOREVER_NS, Player
from memtui.report import result_json
from memtui.scenario import bundled, load
from memtui.snapshot import MapRequest
from memtui.sources.headless import play, simulate
from memtui.sources.result import Result
from memtui.sources.samples import NO_MAPS
from memtui.sources.simulation import Simulation
from memtui.tui.app import Dashboard
from memtui.units import MS, SECOND

ROOT = Path(__file__).resolve().parents[1]

MAPS = MapRequest(direct_map_cells=900, vmemmap_cells=900)

SCENARIOS = bundled()

SHORT = [name for name in SCENARIOS if max(entry.at_ns for entry in load(name).entries) < 600 * SECOND]
"""Those of minutes: a month at 40 times real time is millions of slices."""


def rendered(result: Result) -> str:
    return result_json.render(result, memtui.__version__)


@cache
def headless(name: str) -> str:
    """What every other way of playing the scenario is held against."""
    return rendered(simulate(load(name)))


def by_command(name: str, hash_seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "memtui", "run", name, "--headless", "--quiet", "--json", "-"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def watched(name: str, speed: float) -> str:
    """Played against a wall clock that runs on by itself, with a Snapshot and its maps after each slice."""
    wall_ns = 0

    def wall() -> int:
        nonlocal wall_ns
        wall_ns += MS
        return wall_ns

    simulation = Simulation(load(name))
    before = simulation.snapshot(NO_MAPS)
    player = Player(simulation, speed, wall_ns=wall)
    while not player.finished:
        wall_ns += player.slice()
        simulation.snapshot(MAPS)
    assert player.error is None
    return rendered(Result(simulation, before, simulation.snapshot(NO_MAPS)))


def test_there_is_a_scenario_for_each_workload() -> None:
    assert len(SCENARIOS) >= 6


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_hash_seed_changes_nothing(name: str) -> None:
    assert by_command(name, 1) == by_command(name, 4242) == headless(name)


@pytest.mark.parametrize(
    ("name", "speed"), [*((name, 40.0) for name in SHORT), *((name, math.inf) for name in SCENARIOS)]
)
def test_neither_speed_nor_looking_on_changes_anything(name: str, speed: float) -> None:
    assert watched(name, speed) == headless(name)


async def test_the_dashboard_changes_nothing() -> None:
    simulation = Simulation(load("tour"))
    before = simulation.snapshot(NO_MAPS)
    dashboard = Dashboard(simulation, speed=math.inf)
    async with dashboard.run_test(size=(120, 40)):
        while not simulation.finished:
            await asyncio.sleep(0.01)
    assert rendered(Result(simulation, before, simulation.snapshot(NO_MAPS))) == headless("tour")


@pytest.mark.parametrize("name", SCENARIOS)
def test_neither_single_steps_nor_a_restart_change_anything(name: str) -> None:
    simulation = Simulation(load(name))
    while simulation.now_ns < 5000 * MS and not simulation.finished:
        simulation.step()
    simulation.restart()
    before = simulation.snapshot(NO_MAPS)
    while not simulation.finished:
        simulation.step()
    assert rendered(Result(simulation, before, simulation.snapshot(NO_MAPS))) == headless(name)


def test_another_seed_is_another_run_where_chance_has_a_part() -> None:
    tour = load("tour")
    assert rendered(simulate(tour, seed=1)) != rendered(simulate(tour, seed=2))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_bundled_scenario_meets_its_own_expectations_and_every_law(name: str) -> None:
    simulation = Simulation(load(name))
    result = play(simulation, until_ns=FOREVER_NS)
    assert [str(outcome) for outcome in result.failed] == []
    assert result.outcomes
    assert result.stopped is None
    simulation.check()
