"""Any moment of a run can be made again, and looked at in another way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.scenario import load, load_text
from memtui.snapshot import MapRequest, Snapshot
from memtui.sources.rewind import Rewind
from memtui.sources.simulation import Simulation
from memtui.units import MS, SECOND

FINE = MapRequest(direct_map_cells=500, vmemmap_cells=500)
COARSE = MapRequest(direct_map_cells=40)


def moments(simulation: Simulation, every_ns: int, until_ns: int) -> list[tuple[Snapshot, Snapshot]]:
    """(as it was seen, the same seen finely) at regular times."""
    seen = []
    for at_ns in range(0, until_ns, every_ns):
        simulation.advance(at_ns)
        seen.append((simulation.snapshot(COARSE), simulation.snapshot(FINE, events=False)))
    return seen


def without_events(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, events=())


def test_the_tour_can_be_gone_back_to_at_any_moment_exactly() -> None:
    simulation = Simulation(load("tour"))
    seen = moments(simulation, 1500 * MS, 14 * SECOND)
    rewind = Rewind(simulation)
    for moment, finely in (*reversed(seen[2:]), *seen[:3]):
        assert rewind.seek(moment)
        assert rewind.snapshot(moment, FINE) == finely
        assert without_events(rewind.snapshot(moment, COARSE)) == without_events(moment)


def test_it_goes_on_in_slices_and_says_how_far_it_is() -> None:
    simulation = Simulation(load("modules-and-bpf"))
    simulation.advance(4 * SECOND)
    moment = simulation.snapshot(COARSE)
    rewind = Rewind(simulation)
    assert rewind.progress_ppm(moment) == 0
    slices, far = 0, [0]
    while not rewind.seek(moment, lambda: True):
        slices += 1
        far.append(rewind.progress_ppm(moment))
    assert slices > 10
    assert far == sorted(far)
    assert without_events(rewind.snapshot(moment, COARSE)) == without_events(moment)


def test_a_session_with_injected_actions_can_be_gone_back_to() -> None:
    simulation = Simulation(
        load_text("machine: {ram: 8GiB, nodes: 1}\nuntil: 3s\ntimeline: [{at: 1s, nr_hugepages: 9}]")
    )
    simulation.advance(2 * SECOND)
    early = simulation.snapshot(COARSE)
    simulation.inject("nr_hugepages 40")
    simulation.advance(4 * SECOND)
    simulation.inject("load_module text=24KiB rodata=8KiB data=4KiB count=5")
    simulation.advance(5 * SECOND)
    late = simulation.snapshot(COARSE)
    rewind = Rewind(simulation)
    for moment in (late, early, late):
        assert rewind.seek(moment)
        again = rewind.snapshot(moment, COARSE)
        assert (again.counters, again.zones, again.time_ns) == (moment.counters, moment.zones, moment.time_ns)


def test_a_moment_it_does_not_stand_at_is_not_told_of() -> None:
    simulation = Simulation(load("tour"))
    simulation.advance(SECOND)
    with pytest.raises(ValueError, match="does not stand at that moment"):
        Rewind(simulation).snapshot(simulation.snapshot(COARSE), COARSE)
