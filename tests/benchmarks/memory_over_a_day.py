"""Memory of a watched run over a simulated day: it must not grow once the history is full."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.measure import ROOT, Measured

WATCHER = '''
from pathlib import Path
from memtui.scenario.loader import load_text
from memtui.snapshot import MapRequest
from memtui.sources.simulation import Simulation
from memtui.timeline import Timeline
from memtui.units import SECOND

DAY = """
memtui: 1
name: A day
machine: {like: server-64g}
timeline:
  - {at: 1s, every: 60s, times: 1439, label: job, anon: {size: 256MiB}}
  - {at: 31s, every: 60s, times: 1439, end: job}
until: 24h
"""
simulation, timeline = Simulation(load_text(DAY)), Timeline()
request = MapRequest(1140, 1140, skewed=True)

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def watch(first_minute, last_minute):
    for minute in range(first_minute, last_minute):
        simulation.advance(minute * 60 * SECOND + 45 * SECOND)
        timeline.append(simulation.snapshot(request))
    return resident_bytes()

print(watch(0, 1080), watch(1080, 1440), len(timeline), timeline.memory_bytes)
'''
"""Prints resident memory after 18 and after 24 simulated hours, moments kept, and what they take."""


def flat() -> Measured:
    """Resident memory after a simulated day, by that after three quarters of it, when the history is full."""
    done = subprocess.run([sys.executable, "-c", WATCHER], cwd=ROOT, capture_output=True, check=True, text=True)
    before, after, moments, history = map(int, done.stdout.split())
    sides = f"{after / 2**20:.1f} MiB against {before / 2**20:.1f} MiB, {moments} moments in {history / 2**20:.1f} MiB"
    return Measured(after / before, sides)
