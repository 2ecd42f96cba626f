"""Every benchmark, with its bound, in the order of the page of results."""

from __future__ import annotations

from typing import Final

from tests.benchmarks import (
    beside_kernel,
    buddy_rates,
    churn,
    clock_rate,
    growth,
    memory_over_a_day,
    screen,
    sizes,
    start_up,
)
from tests.benchmarks.measure import Benchmark, Bound

SECTIONS: Final[dict[str, tuple[Benchmark, ...]]] = {
    "64 TiB against 1 GiB": (
        Benchmark("boot", "time to boot", Bound(1.5), sizes.boot),
        Benchmark("memory", "memory of the process", Bound(1.05), sizes.memory),
        Benchmark("redraw", "time to redraw both maps", Bound(1.5), sizes.redraw),
        Benchmark("splits", "a million scattered 4K splits on 64 TiB", Bound(300, unit=" MiB"), sizes.splits),
    ),
    "The allocator": (
        Benchmark(
            "buddy",
            "rate of random allocations and frees, orders 0 to 9, with migratetypes and counters, "
            "by that of a plain buddy of dicts and sets",
            Bound(0.8, at_least=True),
            buddy_rates.random_rate,
        ),
        Benchmark(
            "scattered-frees",
            "rate of scattered frees with 300 000 free blocks, by that with 10 000",
            Bound(0.7, at_least=True),
            buddy_rates.scattered_frees,
        ),
    ),
    "The clock": (
        Benchmark("clock", "events per second, by those of simpy", Bound(1, at_least=True), clock_rate.event_rate),
    ),
    "Beside the real kernel": (
        Benchmark(
            "kernel-pool",
            "wall time for a pool of 2 048 huge pages made and freed, HVO off, by the kernel's own",
            Bound(1),
            beside_kernel.pool_without_hvo,
        ),
        Benchmark("kernel-pool-hvo", "the same, HVO on", Bound(1), beside_kernel.pool_with_hvo),
        Benchmark(
            "kernel-fork",
            "wall time for a fork of a process with 1 GiB of touched base pages, by the kernel's own",
            Bound(1),
            beside_kernel.fork,
        ),
    ),
    "Start": (
        Benchmark("tour", "CPU of the whole tour headless, by that of importing textual.app", Bound(4), start_up.tour),
        Benchmark("help", "CPU of `memtui --help`, by that of importing typer", Bound(2), start_up.help_page),
    ),
    "At a terminal of 120 by 40": (
        *screen.BENCHMARKS,
        Benchmark(
            "screen-memory",
            "resident memory after a simulated day of looking on, by that after 18 hours",
            Bound(1.05),
            memory_over_a_day.flat,
        ),
    ),
    "Cost follows what happens, not what has happened": growth.BENCHMARKS,
    "A month of modules and BPF programs": churn.BENCHMARKS,
}

BENCHMARKS: Final = {benchmark.name: benchmark for section in SECTIONS.values() for benchmark in section}
