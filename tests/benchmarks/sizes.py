"""64 TiB against 1 GiB, and a million scattered splits."""

from __future__ import annotations

import subprocess
import sys

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.snapshot import MapRequest
from memtui.units import GIB, TIB
from tests.benchmarks.measure import ROOT, Measured, fastest, ratio

SMALL, LARGE = (MachineConfig("size", ram, 1, CpuConfig(8)) for ram in (GIB, 64 * TIB))
SCREEN = MapRequest(2280, 2280)
"""Both maps as a terminal of 120 by 40 shows them."""
SPLITTER = """
import resource
from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.direct_map import Perm
from memtui.units import FRAMES_1G, FRAMES_4G, TIB

machine = Machine(MachineConfig("size", 64 * TIB, 1, CpuConfig(8)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
step = 65_000 * FRAMES_1G // 1_000_000
for number in range(1_000_000):
    machine.direct_map.set_noflush(FRAMES_4G + number * step + number * 37 % 512, 1, Perm.NOT_PRESENT)
    if number % 1000 == 0:
        machine.drain_events()
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
count = machine.counters()["direct_map_level2_splits"]
assert count >= 990_000, count
print(grown, count)
"""
"""A million scattered splits; prints the KiB they took of the process, and their number."""


def boot() -> Measured:
    """Boot time."""
    large, small = fastest([lambda: Machine(LARGE), lambda: Machine(SMALL)], 30)
    return ratio(large, small)


def memory() -> Measured:
    """Peak memory of a process that boots a machine and looks at it."""
    large, small = (min(_peak_kib(size) for _ in range(3)) for size in (64 * TIB, GIB))
    return Measured(large / small, f"{large / 1024:.1f} MiB against {small / 1024:.1f} MiB")


def _peak_kib(ram_bytes: int) -> int:
    program = (
        "import resource; from memtui.machine import Machine, MachineConfig; from memtui.snapshot import MapRequest; "
        f"Machine(MachineConfig('size', {ram_bytes}, 1)).observe(MapRequest(2280, 2280)); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True)
    return int(done.stdout)


def redraw() -> Measured:
    """Time of one look at the machine with both maps."""
    large, small = Machine(LARGE), Machine(SMALL)
    return ratio(*fastest([lambda: large.observe(SCREEN), lambda: small.observe(SCREEN)], 20))


def splits() -> Measured:
    """MiB by which a process grows when it makes a million leaves of 4 KiB, each in a place of its own."""
    done = subprocess.run([sys.executable, "-c", SPLITTER], cwd=ROOT, capture_output=True, check=True, text=True)
    grown_kib, count = map(int, done.stdout.split())
    return Measured(grown_kib / 1024, f"{grown_kib * 1024 / count:.0f} bytes for each of {count} leaves of 2 MiB split")
