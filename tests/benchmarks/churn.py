"""A month of modules and BPF programs that come and go, under each policy for executable memory."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Final

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.machine.kernels import EXEC_MEMORY
from memtui.scenario import load_text
from memtui.sources.headless import simulate
from memtui.units import GIB
from memtui.workloads.module_sizes import MIXES, draw
from tests.benchmarks.measure import Benchmark, Bound, Measured

MONTH_CPU_S: Final = Bound(20, unit=" s")
GROWTH: Final = Bound(2)
"""As for all growth. Up to 1.39 was measured (per_allocation); that free memory gets scattered at first may be why."""
TENTH, TENTHS = 400, 10
MONTH = """
memtui: 1
name: A month of churn
seed: 7
machine: {{ram: 32GiB, kernel: {{exec_memory: {policy}}}}}
timeline:
  - at: 1s
    module_churn: {{count: 300, loads: 5000}}
  - at: 2s
    bpf_churn: {{programs: 2000, loads: 95000}}
until: 721h
"""
"""100 000 loads, and as many unloads; one in twenty is a module's."""


def month(policy: str) -> Measured:
    """CPU seconds of the month, headless."""
    scenario, begin = load_text(MONTH.format(policy=policy)), time.process_time()
    result = simulate(scenario)
    spent_s = time.process_time() - begin
    splits = result.counters["direct_map_level2_splits"]
    return Measured(spent_s, f"{splits} 2M leaves split")


def growth(policy: str) -> Measured:
    """CPU per reload of a module in the last tenth, by that in the first after the machine has been churned a while."""
    machine = Machine(MachineConfig("churn", 32 * GIB, 1, CpuConfig(32), KernelConfig(exec_memory=policy)))
    rng = random.Random(7)
    modules = [machine.modules.load(draw(rng, MIXES["fleet"])[1]) for _ in range(300)]

    def reloads() -> float:
        begin = time.process_time()
        for _ in range(TENTH):
            place = rng.randrange(len(modules))
            machine.modules.unload(modules[place])
            modules[place] = machine.modules.load(modules[place].sizes)
            for _, work in machine.pop_timers():
                work()
        return (time.process_time() - begin) / TENTH

    reloads()
    costs = [reloads() for _ in range(TENTHS)]
    first, last = min(costs[:2]), min(costs[-2:])
    return Measured(last / first, f"{last * 1e6:.0f} µs a load against {first * 1e6:.0f} µs")


BENCHMARKS: Final = (
    *(
        Benchmark(f"churn-{name}", f"CPU of 100 000 loads and unloads, {name}", MONTH_CPU_S, partial(month, name))
        for name in EXEC_MEMORY.choices
    ),
    *(
        Benchmark(f"churn-growth-{name}", f"a module reloaded late by one early, {name}", GROWTH, partial(growth, name))
        for name in EXEC_MEMORY.choices
    ),
)
