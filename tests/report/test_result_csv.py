"""The CSV series."""

from __future__ import annotations

from memtui.report.result_csv import render
from memtui.sources.headless import play
from memtui.sources.simulation import Simulation
from memtui.units import MS
from tests.sources.fakes import scenario, take


def test_a_line_of_names_then_a_line_per_sample() -> None:
    result = play(Simulation(scenario(take(10), until_ms=25)), interval_ns=10 * MS)
    assert result.samples is not None
    assert render(result.samples) == (
        "time_s,MemFree,tlb_miss_ppm,sim_stopped,"
        "buddyinfo.0.Normal.0,buddyinfo.0.Normal.1,buddyinfo.0.Normal.2\n"
        "0.0,1000,0,0,1,4,0\n"
        "0.01,999,1,0,1,4,0\n"
        "0.02,999,1,0,1,4,0\n"
        "0.025,999,1,0,1,4,0\n"
    )
