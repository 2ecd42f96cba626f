"""64 TiB against 1 GiB, and a million scattered splits."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.direct_map import Perm
from memtui.snapshot import MapRequest
from memtui.units import FRAMES_1G, FRAMES_4G, GIB, MIB, TIB
from tests.benchmarks.measure import ROOT, Measured, fastest, ratio

SMALL, LARGE = (MachineConfig("size", ram, 1, CpuConfig(8)) for ram in (GIB, 64 * TIB))
SCREEN = MapRequest(2280, 2280)
"""Both maps as a terminal of 120 by 40 shows them."""
SPLITS = 1_000_000


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
    """MiB that a million leaves of 4 KiB take, each in a place of its own."""
    machine = Machine(LARGE)
    tracemalloc.start()
    step = 65_000 * FRAMES_1G // SPLITS
    for number in range(SPLITS):
        frame = FRAMES_4G + number * step + number * 37 % 512
        machine.direct_map.set_noflush(frame, 1, Perm.NOT_PRESENT)
        if number % 1000 == 0:
            machine.drain_events()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    done = machine.counters()["direct_map_level2_splits"]
    if done < SPLITS * 99 // 100:
        raise AssertionError(f"{done} leaves of 2 MiB were split, not {SPLITS}")
    return Measured(used / MIB, f"{used / done:.0f} bytes for each of {done} leaves of 2 MiB split")
