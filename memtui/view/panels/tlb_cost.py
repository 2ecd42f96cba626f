"""What did it cost, in the TLB panel: flushes so far, walks per second, other mappings, walks level by level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memtui.snapshot import TlbAccess, TlbCost, TlbView
from memtui.units import PPM, format_bytes, format_count, format_duration, three_digits
from memtui.view.cells import Row, Rows, Span, cut, cut_text, dim, flow, row, row_width, strong, wrap
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import percent_of_ppm
from memtui.view.tokens import Token

_LABEL: Final = 18
_FIGURE: Final = 16
_WORDS_FROM: Final = 70
"""Width from which a figure has room for words beside it."""
_LEAST_COLUMN: Final = 11
AT_BOOT: Final = "as at boot"
"""The alternative that is the mapping before any split."""
CALIBRATED: Final = (
    "Calibrated: broadcasts, by CPU count, against published 25-50 us on 8 sockets and 140-280 us on 252 virtual "
    "CPUs. Not calibrated: cycles of walks. Published results disagree on their sign: 1G best in 45 %, 2M in 30 %, 4K "
    "in 20 % of 259 tests; a kernel build with 2M instead of 1G leaves took 3.6 % less to 6.9 % more time."
)
"""What stands behind the figures: kernel list postings and the report of 2021 that `machine/tlb` names."""
GUEST: Final = "The second dimension of a guest's walks, through the hypervisor's tables, is not in them."


def cost_line(cost: TlbCost, width: int, glyphs: Glyphs) -> Row:
    """Flushes so far against what splits do to the stated accesses, in one row."""
    flushes = row(dim("flushes "), strong(_span_of(cost.flushes.cpu_ns, glyphs)))
    if not cost.accesses_per_s:
        count = format_count(cost.flushes.full + cost.flushes.ranged)
        return cut(row(dim(f"{count} "), *flushes, dim(" of CPU time so far")), width, glyphs.more)
    walks = row(dim("walks "), strong(_span_of(cost.walks_ns_per_s, glyphs)), dim("/s"))
    choices = (flushes, walks, _verdict(cost, glyphs)), (flushes, _verdict(cost, glyphs)), (flushes,)
    fitting = (lines[0] for groups in choices if len(lines := flow(groups, width)) == 1)
    return cut(next(fitting, flushes), width, glyphs.more)


def cost_rows(view: TlbView, cpus: int, width: int, glyphs: Glyphs) -> Rows:
    """The whole answer, for a panel that has the room."""
    cost = view.cost
    if cost is None:
        return []
    kind = "virtual CPUs" if view.guest else "CPUs"
    flushes = (
        f"{format_count(cost.flushes.full)} full, {format_count(cost.flushes.ranged)} ranged, each to {cpus} {kind}"
    )
    rows: Rows = [row(strong("what did it cost"), dim("   CPU time on all CPUs, least and most"))]
    rows.append(_line("flushes so far", flushes, row(strong(_span_of(cost.flushes.cpu_ns, glyphs))), width))
    if cost.accesses_per_s:
        accesses = f"{format_count(cost.accesses_per_s)} accesses/s, {glyphs.text(cost.access.name)}"
        walks = row(strong(_span_of(cost.walks_ns_per_s, glyphs)), dim("/s"))
        rows.append(_line("walks", accesses, walks, width))
        rows.append(_line("of that, splits", "against the direct map as at boot", row(*_verdict(cost, glyphs)), width))
    else:
        rows.append(row(dim("walks".ljust(_LABEL)), "accesses not stated: what a single one pays is below"))
    return [cut(line, width, glyphs.more) for line in rows]


def split_verdict(view: TlbView, width: int, glyphs: Glyphs) -> Rows:
    """In words, whether the splits since boot help these accesses or cost them, and why."""
    cost = view.cost
    boot = next((access for access in cost.alternatives if access.name == AT_BOOT), None) if cost else None
    if cost is None or boot is None:
        return []
    now = cost.access
    change = now.cycles_per_access - boot.cycles_per_access
    if now.mapped_bytes == boot.mapped_bytes or not change:
        return []
    verb, token = ("help", Token.GOOD) if change < 0 else ("cost", Token.NOTICE)
    sure = all((later - before) * change > 0 for later, before in zip(now.cycles_range, boot.cycles_range, strict=True))
    words = (
        f"{verb if sure else f'may {verb}'} here: {three_digits(now.cycles_per_access)} cycles per access instead of "
        f"{three_digits(boot.cycles_per_access)} as mapped at boot, {percent_of_ppm(now.miss_ppm)} missed instead of "
        f"{percent_of_ppm(boot.miss_ppm)}; {_last_entries(view)}."
    )
    lines = wrap(glyphs.text(f"Splits {words}"), width)
    return [row(Span(line, token)) for line in lines]


def _last_entries(view: TlbView) -> str:
    """How many leaves of each size the last level holds: why a split can help."""
    last = [level for level in view.levels if level.level == "L2"]
    return "the last level holds " + ", ".join(f"{level.entries} of {level.page}" for level in last)


def _line(label: str, words: str, figure: Row, width: int) -> Row:
    if width < _WORDS_FROM:
        return (dim(label.ljust(_LABEL)), *figure)
    gap = " " * max(2, _FIGURE - row_width(figure))
    return (dim(label.ljust(_LABEL)), *figure, Span(gap), dim(words))


def _verdict(cost: TlbCost, glyphs: Glyphs) -> Row:
    """What splits do to the stated accesses, its sign only where all latencies agree on it."""
    least, most = cost.change_ns_per_s
    if least == most == 0:
        return row(dim("splits change nothing"))
    if least >= 0:
        return row(Span("splits cost ", Token.NOTICE), strong(_span_of((least, most), glyphs)), dim("/s"))
    if most <= 0:
        return row(Span("splits save ", Token.GOOD), strong(_span_of((-most, -least), glyphs)), dim("/s"))
    down, up = format_duration(-least), format_duration(most)
    figure, _, unit = down.partition(" ")
    down = figure if up.endswith(f" {unit}") else down
    return row(Span("splits ", Token.NOTICE), strong(glyphs.text(f"−{down} to +{up}")), dim("/s"))


def alternatives(cost: TlbCost, width: int, glyphs: Glyphs) -> Rows:
    """The accesses as mapped now, as at boot and by one leaf size alone, side by side: what each pays."""
    accesses = (cost.access, *cost.alternatives)
    column = min(16, (width - _LABEL) // len(accesses))
    if column < _LEAST_COLUMN:
        return []
    best = min(access.cycles_per_access for access in accesses)
    heads = ["now", *(access.name for access in cost.alternatives)]
    rows: Rows = [row(dim("cycles per access".ljust(_LABEL) + "".join(head.rjust(column) for head in heads)))]
    likely = [
        Span(("*" * (each.cycles_per_access == best) + three_digits(each.cycles_per_access)).rjust(column), token)
        for each in accesses
        for token in [Token.GOOD if each.cycles_per_access == best else Token.TEXT]
    ]
    rows.append(row(dim("likely, * best".ljust(_LABEL)), *likely))
    rows.append(_figures("least - most", accesses, column, lambda each: _range_of(each.cycles_range, glyphs)))
    rows.append(_figures("miss", accesses, column, lambda each: percent_of_ppm(each.miss_ppm)))
    rows.append(_figures("walk, cycles", accesses, column, lambda each: three_digits(each.walk_cycles)))
    return rows


def _figures(label: str, accesses: tuple[TlbAccess, ...], column: int, figure: Callable[[TlbAccess], str]) -> Row:
    return row(dim(label.ljust(_LABEL)), "".join(figure(access).rjust(column) for access in accesses))


def walk_rows(view: TlbView, width: int, glyphs: Glyphs) -> Rows:
    """Page tables of the direct map, and what a walk for the first or the stated access reads, level by level."""
    access = view.cost.access if view.cost is not None else view.accesses[0] if view.accesses else None
    if access is None or not access.walk_levels:
        return []
    tables = format_bytes(view.direct_map_table_bytes)
    rows: Rows = [
        row(strong(f"{view.table_levels}-level walk"), dim(f"   direct-map tables {tables}")),
        row(dim("level".ljust(6) + "tables used".rjust(12) + "read by".rjust(11) + "cycles".rjust(9))),
    ]
    for level in access.walk_levels:
        read = "all" if level.read_ppm == PPM else "none" if not level.read_ppm else percent_of_ppm(level.read_ppm)
        figures = format_bytes(level.table_bytes).rjust(12) + read.rjust(11) + three_digits(level.read_cycles).rjust(9)
        rows.append(row(level.level.ljust(6), figures))
    return [cut(line, width, glyphs.more) for line in rows]


def calibration(view: TlbView, width: int, height: int, glyphs: Glyphs) -> Rows:
    """What stands behind the figures; cut with a sign where there is no room."""
    lines = wrap(f"{CALIBRATED} {GUEST}" if view.guest else CALIBRATED, width)
    if len(lines) > height > 0:
        lines = [*lines[: height - 1], cut_text(lines[height - 1] + " ...", width - 1, "") + glyphs.more]
    return [row(dim(glyphs.text(line))) for line in lines[: max(0, height)]]


def _span_of(bounds_ns: tuple[int, int], glyphs: Glyphs) -> str:
    least, most = (format_duration(bound) for bound in bounds_ns)
    if least == most:
        return least
    figure, _, unit = least.partition(" ")
    return glyphs.text(f"{figure}–{most}" if unit and most.endswith(f" {unit}") else f"{least} – {most}")


def _range_of(bounds: tuple[float, float], glyphs: Glyphs) -> str:
    return glyphs.text(f"{three_digits(bounds[0])}–{three_digits(bounds[1])}")
