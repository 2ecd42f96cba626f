"""The page of results: `python -m tests.benchmarks` runs every benchmark and writes BENCHMARKS.md.

With names it runs only those, and prints them. Exit status 1 if a bound is not met.
"""

from __future__ import annotations

import os
import platform
import sys
from typing import Final

from tests.benchmarks.catalogue import BENCHMARKS, SECTIONS
from tests.benchmarks.measure import ROOT, Benchmark, Unavailable
from tests.benchmarks.screen import where_the_first_paint_goes
from tests.benchmarks.start_up import where_the_tours_time_goes

PAGE: Final = ROOT / "BENCHMARKS.md"

HEAD: Final = """# Speed and memory

Written by `python -m tests.benchmarks`; `pytest tests/benchmarks -s` holds the same bounds. Every line is a
ratio of two things measured in one run, in turns, the fastest of several: what the computer is worth cancels
out. Any line is run again by its name, `python -m tests.benchmarks NAME`, as the last column shows.

"""


def row(benchmark: Benchmark) -> tuple[str, bool]:
    """A benchmark's line of the page, and whether its bound was met, or could not be tried."""
    again = f"`python -m tests.benchmarks {benchmark.name}`"
    try:
        measured = benchmark.measure()
    except Unavailable as reason:
        return f"| {benchmark.what} | – | {benchmark.bound} | not measured: {reason} | | {again} |", True
    met = benchmark.bound.holds(measured.value)
    value = f"{measured.value:.3g}{benchmark.bound.unit}"
    verdict = "met" if met else "**not met**"
    return f"| {benchmark.what} | {value} | {benchmark.bound} | {verdict} | {measured.sides} | {again} |", met


def section(title: str, benchmarks: tuple[Benchmark, ...]) -> tuple[str, bool]:
    """One table, and whether all of it was met."""
    lines, all_met = (
        [f"## {title}\n", "| what | measured | bound | | of which | again |", "|---|---|---|---|---|---|"],
        True,
    )
    for benchmark in benchmarks:
        line, met = row(benchmark)
        print(line, file=sys.stderr, flush=True)
        lines.append(line)
        all_met &= met
    return "\n".join(lines) + "\n", all_met


def profile(title: str, steps: list[tuple[str, float]]) -> str:
    """Where CPU goes, as a table of steps that each hold the one before."""
    lines = [f"### {title}\n", "| up to here | CPU | more than before |", "|---|---|---|"]
    before = 0.0
    for name, cpu_ms in steps:
        lines.append(f"| {name} | {cpu_ms:.0f} ms | {cpu_ms - before:.0f} ms |")
        before = cpu_ms
    return "\n".join(lines) + "\n"


def main(names: list[str]) -> int:
    """Runs what is named, or everything for the page; the exit status."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"{unknown[0]}: no such benchmark; expected {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    if names:
        rows = [row(BENCHMARKS[name]) for name in names]
        print(*(line for line, _ in rows), sep="\n")
        return int(not all(met for _, met in rows))
    parts = [section(title, benchmarks) for title, benchmarks in SECTIONS.items()]
    kernel = platform.release().partition("-")[0]
    where = f"Measured with Python {platform.python_version()} on {platform.system()} {kernel}, {platform.machine()}, "
    where += f"{os.cpu_count()} CPUs.\n"
    profiles = (
        profile("Where the tour's time goes", where_the_tours_time_goes()),
        profile("Where the time to the first paint goes", where_the_first_paint_goes()),
    )
    PAGE.write_text("\n".join([HEAD + where, *(text for text, _ in parts), *profiles]), encoding="utf-8")
    return int(not all(met for _, met in parts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
