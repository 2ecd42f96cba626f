"""What a benchmark is: something measured as a ratio inside one run, and its bound."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memtui.units import format_count

ROOT: Final = Path(__file__).resolve().parents[2]


class Unavailable(Exception):
    """What is to be measured is not to be had here; the text says why, and what would have to be there."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure must not pass."""

    limit: float
    at_least: bool = False
    """Whether the figure must reach the limit; otherwise it must stay within."""
    unit: str = ""

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"

    def holds(self, value: float) -> bool:
        """Whether the figure is on the right side of the limit, or at it."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out."""

    value: float
    sides: str
    """What the figure was made of, in words: both sides of a ratio."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One line of the page of results."""

    name: str
    """By which it is run alone."""
    what: str
    bound: Bound
    measure: Callable[[], Measured]
    """Raises Unavailable where it cannot be measured."""


def ratio(above: float, below: float, unit: str = "ms", scale: float = 1000) -> Measured:
    """One figure by another, both told in a unit."""
    return Measured(above / below, f"{above * scale:.4g} {unit} against {below * scale:.4g} {unit}")


def rates(mine: float, other: float) -> str:
    """Two rates, told to the thousand a second."""
    return f"{format_count(1000 * round(mine / 1000))} a second against {format_count(1000 * round(other / 1000))}"


def fastest(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Seconds of the fastest run of each, in turns, so that whatever else the computer does meets all alike."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            begin = time.perf_counter()
            work()
            best[place] = min(best[place], time.perf_counter() - begin)
    return best


def python_cpu_s(*arguments: str) -> float:
    """CPU seconds, user and system, of a Python process from its start to its end, compiled modules at hand."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=plain, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cheapest_pythons(commands: Sequence[Sequence[str]], rounds: int) -> list[float]:
    """CPU seconds of the cheapest run of each command, in turns; the first round only compiles what is imported."""
    for command in commands:
        python_cpu_s(*command)
    return [min(times) for times in zip(*([python_cpu_s(*c) for c in commands] for _ in range(rounds)), strict=True)]
