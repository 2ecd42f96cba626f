"""Results made of two Snapshots, for what a report shows of them."""

from __future__ import annotations

from memtui.snapshot import Snapshot
from memtui.sources.result import Result
from memtui.sources.simulation import Simulation
from tests.sources.fakes import scenario


def shown(before: Snapshot, after: Snapshot) -> Result:
    """A result that went from one Snapshot to the other."""
    result = Result(Simulation(scenario()), before, after)
    result.on_the_way = ()
    return result
