"""The readable report of a run: what changed, what happened, what was expected. Plain text, 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from memtui.fields import Source, Unit, field
from memtui.reading import buddyinfo, figures
from memtui.report.folding import Line, fold
from memtui.sources.result import Result
from memtui.units import format_bytes, format_clock, format_count, shorten
from memtui.view.latency import by_time, heading, histogram

WIDTH: Final = 100
"""Columns the report keeps to."""

FIRST_LINES: Final = 150
"""Lines of a long log that are shown from its beginning; the JSON result has every event."""

LAST_LINES: Final = 100
"""And from its end."""

SOURCE_COLUMNS: Final = 24
"""Longest name of a cause that is still aligned."""

_GROUPS: Final = (Source.MEMINFO, Source.VMSTAT, Source.SLABINFO, Source.MEMTUI)
_PLAIN_UNITS: Final = (Unit.EVENTS, Unit.OBJECTS, Unit.HUGE_PAGES)
_MARKS: Final = {"notice": "*", "bad": "!"}


def render(result: Result, *, latencies: bool = False) -> str:
    """The whole report, with a line break at its end; with `latencies`, how long each kind of operation took."""
    took = _latencies(result) if latencies else iter(())
    sections = (_heading(result), _changes(result), _free_blocks(result), _log(result), took, _expectations(result))
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def _heading(result: Result) -> Iterator[str]:
    info = result.info
    yield from _wrap(info.scenario)
    yield from _wrap(
        f"{info.machine}: {format_bytes(info.ram_bytes)}, Linux {info.kernel}, {plural(info.nodes, 'node')}, "
        f"{plural(info.cpus, 'CPU')}; seed {info.seed}"
    )
    happened = len(result.events) + result.events_dropped
    yield f"{format_clock(result.simulated_ns)} simulated, {plural(happened, 'event')}"
    if result.interrupted:
        yield "interrupted in the middle of an event" if result.abandoned else "interrupted before its end"
    if result.stopped is not None:
        yield from _wrap(f"the machine could not go on: {result.stopped}")


def _changes(result: Result) -> Iterator[str]:
    """Every figure that changed, under the file Linux prints it in."""
    earlier = dict(figures(result.before))
    changed = [(name, earlier.get(name, 0), value) for name, value in figures(result.after)]
    changed = [row for row in changed if row[1] != row[2]]
    yield f"{'what changed':<40}{'before':>18}{'after':>18}{'difference':>18}"
    for group in _GROUPS:
        rows = [row for row in changed if (known := field(row[0])) is not None and known.source is group]
        if rows:
            yield str(group)
            yield from (_row(*row) for row in rows)
    if not changed:
        yield "  nothing"
    yield from _on_the_way(result)


def _on_the_way(result: Result) -> Iterator[str]:
    """Gauges that were further away than at either end, and came back; /proc/vmstat's say nothing else."""
    shown = [row for row in result.on_the_way if (known := field(row[0])) and known.source is not Source.VMSTAT]
    if shown:
        yield f"{'in between':<40}{'least':>18}{'most':>18}"
        yield from (f"{label(name):<40}{figure(least):>18}{figure(most):>18}" for name, least, most in shown)


def _row(name: str, before: int | float, after: int | float) -> str:
    difference = after - before
    sign = "+" if difference > 0 else ""
    return f"{label(name):<40}{figure(before):>18}{figure(after):>18}{sign + figure(difference):>18}"


def label(name: str) -> str:
    """A figure's name, indented, with its unit where the name does not say it."""
    known = field(name)
    plain = known is None or known.unit in _PLAIN_UNITS or known.unit.replace(" ", "_") in name
    return f"  {name}" if plain or known is None else f"  {name}, {known.unit}"


def _free_blocks(result: Result) -> Iterator[str]:
    """/proc/buddyinfo before and after, for the zones where it changed."""
    before = dict(buddyinfo(result.before))
    changed = [(name, before[name], after) for name, after in buddyinfo(result.after) if before.get(name) != after]
    if not changed:
        return
    yield f"{Source.BUDDYINFO}, free blocks"
    yield f"    order {_blocks(range(len(changed[0][2])))}"
    for name, earlier, later in changed:
        _, node, zone = name.split(".")
        yield f"  node {node}, {zone}"
        yield f"    before{_blocks(earlier)}"
        yield f"    after {_blocks(later)}"


def _log(result: Result) -> Iterator[str]:
    lines = fold(result.events, result.info.event_times_ns)
    if not lines:
        return
    yield "what happened (* worth a look, ! went wrong)"
    if result.events_dropped:
        yield f"  (the first {plural(result.events_dropped, 'event')} are no longer known)"
    columns = min(max(len(line.event.source) for line in lines), SOURCE_COLUMNS)
    cut = len(lines) > FIRST_LINES + LAST_LINES
    for line in lines[:FIRST_LINES] if cut else lines:
        yield from _happened(line, columns)
    if cut:
        left = len(lines) - FIRST_LINES - LAST_LINES
        yield f"  ... {plural(left, 'line')} left out here; --json FILE writes every event"
        for line in lines[-LAST_LINES:]:
            yield from _happened(line, columns)


def _happened(line: Line, columns: int) -> list[str]:
    event = line.event
    mark = _MARKS.get(event.severity, " ")
    start = f"{mark}{format_clock(event.time_ns):>11}  {shorten(event.source, columns):<{columns}}  "
    indent = " " * (columns + 16)
    lines = _wrap(event.text, start, indent)
    if line.left_out:
        lines += _wrap(f"({format_count(line.left_out)} more like it, until {format_clock(line.until_ns)})", indent)
    return lines


def _latencies(result: Result) -> Iterator[str]:
    """A histogram for every kind of operation, in nanoseconds."""
    yield "how long operations took, in ns"
    for number, latency in enumerate(by_time(result.after.latencies)):
        yield from [""] * bool(number)
        yield f"  {heading(latency)}"
        yield from (f"  {line}" for line in histogram(latency))
    if not result.after.latencies:
        yield "  none of those that are timed"


def _expectations(result: Result) -> Iterator[str]:
    if not result.outcomes and not result.not_reached:
        return
    failed, not_reached = len(result.failed), len(result.not_reached)
    verdicts = [f"{format_count(len(result.outcomes) - failed)} met"]
    verdicts += [f"{format_count(failed)} not"] if failed else []
    verdicts += [f"{format_count(not_reached)} not reached"] if not_reached else []
    yield f"what was expected: {', '.join(verdicts)}"
    for outcome in result.outcomes:
        at_ns = outcome.expectation.at_ns
        when = "at the end" if at_ns is None else f"at {format_clock(at_ns)}"
        verdict = "ok  " if outcome.passed else "FAIL"
        yield from _wrap(f"{when}: {outcome}", f"  {verdict}  ", " " * 8)


def _wrap(text: str, start: str = "", indent: str = "  ") -> list[str]:
    wrapped = textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=indent, break_long_words=True, break_on_hyphens=False
    )
    return wrapped or [start.rstrip()]


def _blocks(counts: Iterable[int]) -> str:
    return "".join(f"{count:>8}" for count in counts)


def figure(value: int | float) -> str:
    """A whole number with spaces between thousands; any other with two digits after the point."""
    return format_count(value) if isinstance(value, int) else f"{value:,.2f}".replace(",", " ")


def plural(count: int, thing: str) -> str:
    """So many of something: `1 run`, `4 runs`."""
    return f"{format_count(count)} {thing}" if count == 1 else f"{format_count(count)} {thing}s"
