"""The core at any size, as ratios inside one run: `pytest tests/benchmarks/test_core.py -s`."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.direct_map import Perm
from memtui.machine.physical.buddy import Buddy, MigrateType
from memtui.snapshot import MapRequest
from memtui.units import FRAMES_1G, FRAMES_4G, GIB, MIB, TIB

SMALL, LARGE = (MachineConfig("size", ram, 1, CpuConfig(8)) for ram in (GIB, 64 * TIB))


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def report(what: str, ratio: float, limit: float) -> None:
    print(f"\n{what}: {ratio:.3f} (limit {limit})")


def test_boot_of_64_tib_against_1_gib() -> None:
    ratio = best_of(30, lambda: Machine(LARGE)) / best_of(30, lambda: Machine(SMALL))
    report("boot time, 64 TiB against 1 GiB", ratio, 1.5)
    assert ratio <= 1.5


def peak_kib(ram_bytes: int) -> int:
    """Peak memory of a process that boots a machine and looks at it."""
    program = (
        "import resource; from memtui.machine import Machine, MachineConfig; from memtui.snapshot import MapRequest; "
        f"Machine(MachineConfig('size', {ram_bytes}, 1)).observe(MapRequest(2280, 2280)); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout)


def test_memory_of_64_tib_against_1_gib() -> None:
    ratio = min(peak_kib(64 * TIB) for _ in range(3)) / min(peak_kib(GIB) for _ in range(3))
    report("memory of the process, 64 TiB against 1 GiB", ratio, 1.05)
    assert ratio <= 1.05


def test_redraw_of_the_maps_of_64_tib_against_1_gib() -> None:
    request = MapRequest(2280, 2280)
    machines = [Machine(config) for config in (SMALL, LARGE)]
    small, large = (best_of(20, lambda machine=machine: machine.observe(request)) for machine in machines)  # type: ignore[misc]
    report("redraw of both maps, 64 TiB against 1 GiB", large / small, 1.5)
    assert large <= 1.5 * small


@pytest.mark.timeout(300)
def test_a_million_scattered_splits_fit_in_300_mib() -> None:
    machine = Machine(LARGE)
    tracemalloc.start()
    step = 65_000 * FRAMES_1G // 1_000_000
    for number in range(1_000_000):
        frame = FRAMES_4G + number * step + number * 37 % 512
        machine.direct_map.set_noflush(frame, 1, Perm.NOT_PRESENT)
        if number % 1000 == 0:
            machine.drain_events()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    report("MiB of a million scattered splits", used / MIB, 300)
    assert machine.counters()["direct_map_level2_splits"] >= 999_000
    assert used <= 300 * MIB


def scattered_free_rate(blocks: int) -> float:
    """Frees per second of single pages while `blocks` free blocks lie scattered."""
    buddy = Buddy(lambda start, frames: (frames, 0))
    buddy.free_run(0, 1 << 22)
    frames = [
        f for start, n in buddy.allocate_many(0, 2 * blocks, MigrateType.MOVABLE) for f in range(start, start + n)
    ]
    for frame in frames[::2]:
        buddy.free(frame, 0)
    rest = frames[1::2]
    random.Random(1).shuffle(rest)
    rest = rest[:10_000]
    begin = time.perf_counter()
    for frame in rest:
        buddy.free(frame, 0)
    return len(rest) / (time.perf_counter() - begin)


def test_scattered_frees_do_not_slow_down_with_fragmentation() -> None:
    few = max(scattered_free_rate(10_000) for _ in range(3))
    many = max(scattered_free_rate(300_000) for _ in range(3))
    report("rate of scattered frees, 300 000 free blocks against 10 000", many / few, 0.7)
    assert many >= 0.7 * few
