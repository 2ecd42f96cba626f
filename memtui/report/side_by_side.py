"""The readable report of a comparison: one table, a column per run. Plain text, as wide as there are runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from memtui.fields import BUDDYINFO_PREFIX, Source, field
from memtui.report.text import figure, label, plural
from memtui.sources.result import Result
from memtui.sources.side_by_side import Comparison, Difference, Value
from memtui.units import format_bytes, format_clock, shorten

NAME: Final = 42
"""Cells of a figure's name and unit."""
LEAST_COLUMN: Final = 16
SINCE: Final = 12
_GROUPS: Final = (Source.MEMINFO, Source.VMSTAT, Source.SLABINFO, Source.MEMTUI, Source.BUDDYINFO)
_FREE_LISTS: Final = (BUDDYINFO_PREFIX, "extfrag_index.", "unusable_index.")
"""Figures of free blocks by order: left out of the table unless all are wanted."""


def render(comparison: Comparison, counters: Sequence[str] = (), *, everything: bool = False) -> str:
    """The whole report, with a line break at its end.

    `counters` are followed over time, below; `everything`: with the free lists by order.
    """
    column = max(LEAST_COLUMN, *(len(variant.label) + 2 for variant in comparison.variants))
    sections = [
        list(_heading(comparison)),
        list(_runs(comparison, column)),
        list(_differences(comparison, column, everything)),
        *(list(_followed(comparison, name, column)) for name in counters),
    ]
    return "\n\n".join("\n".join(line.rstrip() for line in lines) for lines in sections if lines) + "\n"


def _heading(comparison: Comparison) -> Iterator[str]:
    first = comparison.results[0].info
    infos = [result.info for result in comparison.results]
    same = [
        words
        for words, alike in (
            (format_bytes(first.ram_bytes), all(info.ram_bytes == first.ram_bytes for info in infos)),
            (f"Linux {first.kernel}", all(info.kernel == first.kernel for info in infos)),
            (plural(first.cpus, "CPU"), all(info.cpus == first.cpus for info in infos)),
            (f"seed {first.seed}", all(info.seed == first.seed for info in infos)),
        )
        if alike
    ]
    yield f"{first.scenario}: {plural(len(comparison.variants), 'run')} side by side"
    if same:
        yield f"the same in all: {', '.join(same)}"
    if comparison.interrupted:
        yield "interrupted: what differs is told for what was played"


def _runs(comparison: Comparison, column: int) -> Iterator[str]:
    results = comparison.results
    yield _row("", [variant.label for variant in comparison.variants[: len(results)]], column)
    yield _row("simulated", [format_clock(result.simulated_ns) for result in results], column)
    if any(result.outcomes or result.not_reached for result in results):
        met = [f"{len(result.outcomes) - len(result.failed)} of {_expected(result)}" for result in results]
        yield _row("expectations met", met, column)
    if any(result.stopped for result in results):
        stopped = ["yes" if result.stopped else "no" for result in results]
        yield _row("could not go on", stopped, column)


def _expected(result: Result) -> int:
    return len(result.outcomes) + len(result.not_reached)


def _differences(comparison: Comparison, column: int, everything: bool) -> Iterator[str]:
    differing = list(comparison.differences())
    shown = [each for each in differing if everything or not each.name.startswith(_FREE_LISTS)]
    if not differing:
        yield "nothing differs, at no moment that was sampled and not at the end"
        return
    yield _row("what differs, at the end", [""] * len(comparison.results), column) + "since".rjust(SINCE)
    for group in _GROUPS:
        rows = [each for each in shown if (known := field(each.name)) is not None and known.source is group]
        if rows:
            yield str(group)
            yield from (_difference(each, column) for each in rows)
    if len(differing) > len(shown):
        yield f"free lists differ in {plural(len(differing) - len(shown), 'figure')} more; --all shows them"


def _difference(difference: Difference, column: int) -> str:
    since = "the end" if difference.first_ns < 0 else format_clock(difference.first_ns)
    return _row(label(difference.name), [_value(value) for value in difference.at_end], column) + since.rjust(SINCE)


def _followed(comparison: Comparison, name: str, column: int) -> Iterator[str]:
    yield _row(
        label(name).strip(), [variant.label for variant in comparison.variants[: len(comparison.results)]], column
    )
    for time_ns, values in comparison.on_the_way(name):
        yield _row(f"  {format_clock(time_ns)}", [_value(value) for value in values], column)
    ends = [dict(result.after.counters) | dict(result.after.derived) for result in comparison.results]
    yield _row("  at the end", [_value(values.get(name)) for values in ends], column)


def _row(name: str, cells: Sequence[str], column: int) -> str:
    return f"{shorten(name, NAME):<{NAME}}" + "".join(cell.rjust(column) for cell in cells)


def _value(value: Value) -> str:
    return "-" if value is None else figure(value)
