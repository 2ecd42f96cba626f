"""Latencies in text, as bpftrace's `hist()` prints them: one row per power of two of nanoseconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memtui.snapshot import LatencyView
from memtui.units import format_count, format_duration

BAR_CELLS = 52
"""Cells of the longest bar, as bpftrace has it."""
LABEL_CELLS = 16
COUNT_CELLS = 10
_SUFFIXES = ("", "K", "M", "G", "T", "P", "E")


def histogram(latency: LatencyView, bar_cells: int = BAR_CELLS) -> Iterator[str]:
    """The rows of one histogram: `[8K, 16K)   8360 |@@@@@@@@  |`, empty rows between others included."""
    counts = dict(latency.buckets)
    if not counts:
        return
    most = max(counts.values())
    for power in range(min(counts), max(counts) + 1):
        count = counts.get(power, 0)
        bar = "@" * (count * bar_cells // most)
        yield f"{_bounds(power):<{LABEL_CELLS}}{count:>{COUNT_CELLS}} |{bar:<{bar_cells}}|"


def heading(latency: LatencyView) -> str:
    """How many operations there were, and how long one took on average: `fork: 12 times, 4.10 ms each`."""
    each = "" if latency.operations == 1 else " each"
    times = "once" if latency.operations == 1 else f"{format_count(latency.operations)} times"
    return f"{latency.name}: {times}, {format_duration(latency.mean_ns)}{each}"


def by_time(latencies: Iterable[LatencyView]) -> list[LatencyView]:
    """Those that took the most time in all, first."""
    return sorted(latencies, key=lambda latency: (-latency.total_ns, latency.name))


def _bounds(power: int) -> str:
    """A row's least and most nanoseconds, in powers of 1024 as bpftrace has them."""
    return "[0, 2)" if power == 0 else f"[{_figure(power)}, {_figure(power + 1)})"


def _figure(power: int) -> str:
    tens, rest = divmod(power, 10)
    return f"{1 << rest}{_SUFFIXES[tens]}"
