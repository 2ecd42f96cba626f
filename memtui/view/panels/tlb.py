"""Panel 3: how far the TLB reaches, array by array, against what is accessed, on one log scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memtui.snapshot import MapRequest, RunInfo, TlbAccess, TlbView
from memtui.units import three_digits
from memtui.view.baseline import bytes_change, ppm_change
from memtui.view.cells import Row, Rows, dim, row, row_width, spread, strong
from memtui.view.glyphs import UNICODE, Glyphs
from memtui.view.history import beside
from memtui.view.numbers import percent_of_ppm
from memtui.view.panels import tlb_choice
from memtui.view.panels.tlb_arrays import Scale, array_rows
from memtui.view.panels.tlb_choice import chosen_access, others
from memtui.view.panels.tlb_cost import alternatives, calibration, cost_line, cost_rows, split_verdict, walk_rows
from memtui.view.panels.tlb_history import history
from memtui.view.panels.tlb_table import listed, mixes, table
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import Move, ViewState

_ENLARGED: Final = 16
"""Height from which processes are listed and what it cost is told at length."""
_TWO_COLUMNS_FROM: Final = 100
"""Width from which what it cost stands in two columns, below strips that are always there."""
_WALK_COLUMNS: Final = 40
"""Cells of what a page walk reads, in the right column."""
_GAPS_FROM: Final = 24
_LEAST_TABLE: Final = 4
_LEAST_STRIP: Final = 4
_TALLEST_STRIP: Final = 10
_MIX_FROM: Final = 80
_CALIBRATION_ROWS: Final = 4
_KEYS: Final = "n next access"
"""What the bottom edge says."""


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """The arrays of the CPU's TLB, the reach of the mappings as they are, and what each access costs."""
    view = scene.now.tlb
    main = chosen_access(view, scene.state)
    plan = _plan(scene, width, height, glyphs)
    rows: Rows = [_title(scene, main, plan.table > 0, width, glyphs), *array_rows(view, main, width, glyphs)]
    if plan.axis:
        rows.append(Scale(view, width).axis(main.footprint_bytes if main else 0, glyphs))
    rows += [()] * plan.gap
    rows += table(view, main, width, plan.table, glyphs)
    if plan.strip and main is not None:
        rows += [(), *history(scene, main, width, plan.strip, glyphs)]
    rows += _details(scene, height - len(rows), width, height, glyphs)
    return Drawing(rows, _KEYS if len(view.accesses) > 1 else "")


def request(info: RunInfo, state: ViewState, width: int, height: int) -> MapRequest:
    """The processes there is room to list, and what skewed accesses pay."""
    return tlb_choice.request(state, rows=height - _ENLARGED)


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """The next access, or the one above or below in the table."""
    step = {Move.NEXT: 1, Move.DOWN: 1, Move.UP: -1}.get(asked)
    return scene.state if step is None else tlb_choice.stepped(scene.now.tlb, scene.state, step)


def point(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Chooses the access whose row of the table was clicked."""
    view, plan = scene.now.tlb, _plan(scene, width, height, UNICODE)
    places = listed(view, chosen_access(view, scene.state), plan.table)
    place = y - plan.first_of_table
    return tlb_choice.chosen(view, scene.state, places[place]) if 0 <= place < len(places) else scene.state


@dataclass(frozen=True, slots=True)
class _Plan:
    """Rows for each part; 0 leaves it out."""

    above: int
    """Title and bars."""
    axis: int
    gap: int
    table: int
    """Its head included."""
    strip: int

    @property
    def first_of_table(self) -> int:
        """The row in which the first access of the table stands."""
        return self.above + self.axis + self.gap + 1


def _plan(scene: Scene, width: int, height: int, glyphs: Glyphs) -> _Plan:
    view = scene.now.tlb
    above = 1 + len(view.levels) + bool(view.accesses)
    if height >= _ENLARGED:
        return _plan_enlarged(scene, above, width, height, glyphs)
    return _plan_small(view, above, height - above)


def _plan_small(view: TlbView, above: int, rest: int) -> _Plan:
    """The table first, then one row of what it cost, then an axis, and the strips where all of that leaves room."""
    has_table = bool(view.accesses) and rest >= 1 + min(len(view.accesses), 2)
    table_rows = min(1 + len(view.accesses), rest) if has_table else 0
    spare = rest - table_rows - (view.cost is not None)
    axis, gap = int(spare >= 1), int(spare >= 3)
    strip = spare - axis - gap - 1
    return _Plan(above, axis, gap, table_rows, strip if strip >= _LEAST_STRIP - 1 and view.accesses else 0)


def _plan_enlarged(scene: Scene, above: int, width: int, height: int, glyphs: Glyphs) -> _Plan:
    """Strips and what it cost have their rows; the table has what is left, and strips grow by what that leaves."""
    view, gap = scene.now.tlb, int(height >= _GAPS_FROM)
    room = height - above - 1 - gap
    whole = 1 + len(view.accesses) + bool(others(view)) if view.accesses else 0
    least = min(whole, _LEAST_TABLE + gap)
    strip = _LEAST_STRIP if view.accesses and room - least > _LEAST_STRIP else 0
    room -= strip + bool(strip)
    parts, extras = ([len(part) + 1 for part in parts] for parts in _parts(scene, width, glyphs))
    # All of what it cost, else its first part, else one row in short: what fits beside the least of a table.
    cost = next((rows for rows in (sum(parts), *parts[:1]) if room - least >= rows), int(view.cost is not None))
    table_rows = min(whole, max(least, room - cost))
    spare = max(0, room - table_rows - cost)
    for rows in extras:
        spare -= rows if rows <= spare else 0
    return _Plan(above, 1, gap, table_rows, strip + min(spare, _TALLEST_STRIP - strip) if strip else 0)


def _details(scene: Scene, room: int, width: int, height: int, glyphs: Glyphs) -> Rows:
    """What it cost in so many rows: in a panel of that height one part after the other, else a row in short."""
    cost = scene.now.tlb.cost
    rows: Rows = []
    if height >= _ENLARGED:
        for part in (part for parts in _parts(scene, width, glyphs) for part in parts):
            if len(rows) + 1 + len(part) <= room:
                rows += [(), *part]
    if not rows and cost is not None and room >= 1:
        return [cost_line(cost, width, glyphs)]
    return rows


def _parts(scene: Scene, width: int, glyphs: Glyphs) -> tuple[list[Rows], list[Rows]]:
    """What it cost, in parts drawn whole or not at all, and what is told only where nothing else wants room."""
    view, cpus = scene.now.tlb, scene.info.cpus
    extras = [[row(dim("mapped by")), *mixes(view, width, glyphs)]] if width >= _MIX_FROM and view.accesses else []
    extras.append(calibration(view, width, _CALIBRATION_ROWS, glyphs))
    if view.cost is None:
        return [part for part in [walk_rows(view, width, glyphs)] if part], extras
    if width < _TWO_COLUMNS_FROM:
        parts = [cost_rows(view, cpus, width, glyphs), split_verdict(view, width, glyphs)]
        parts += [alternatives(view.cost, width, glyphs), walk_rows(view, width, glyphs)]
        return [part for part in parts if part], extras
    widths = (width - 3 - _WALK_COLUMNS, _WALK_COLUMNS)
    left = [*cost_rows(view, cpus, widths[0], glyphs), *split_verdict(view, widths[0], glyphs), ()]
    left += alternatives(view.cost, widths[0], glyphs)
    right = walk_rows(view, widths[1], glyphs)
    return [beside((left, right), widths, max(len(left), len(right)), glyphs)], extras


def _title(scene: Scene, access: TlbAccess | None, has_table: bool, width: int, glyphs: Glyphs) -> Row:
    """The CPU; at the right what changed since the baseline, or what `access` pays where there is no table of all."""
    right = row(dim("reach, log scale"))
    changed = _changes(scene, access, glyphs)
    if changed and row_width(changed) + 16 <= width:
        right = changed
    elif access is not None and not has_table:
        cost = three_digits(access.cycles_per_access)
        right = row(dim("miss "), strong(percent_of_ppm(access.miss_ppm)), strong(f" +{cost}"), dim(" cycles"))
    return spread(row(strong(glyphs.text(scene.now.tlb.cpu))), right, width, glyphs.more)


def _changes(scene: Scene, access: TlbAccess | None, glyphs: Glyphs) -> Row:
    """Reach and misses of the access against the baseline; nothing where there is none, or it had no such access."""
    baseline = scene.state.baseline
    then = (
        next((each for each in baseline.tlb.accesses if access and each.name == access.name), None)
        if baseline
        else None
    )
    if access is None or then is None:
        return ()
    reach = bytes_change(access.reach_bytes - then.reach_bytes)
    missed = ppm_change(access.miss_ppm - then.miss_ppm)
    parts = [(name, change) for name, change in (("reach", reach), ("miss", missed)) if change]
    return row(*(part for name, change in parts for part in (dim(f"  {name} "), strong(glyphs.text(change)))))


PANEL = Panel(
    name="tlb",
    title="TLB reach",
    tab="TLB reach",
    draw=draw,
    request=request,
    move=move,
    point=point,
    help=(
        "The TLB remembers translations in separate arrays per page size. Reach is entries times page size: the "
        "memory that can be accessed without a page walk. Arrays joined by a bracket are the same entries, competed "
        "for by two page sizes.\n\n"
        "All bars share one log scale. The last bar is what the whole TLB, both levels together, covers of the "
        "chosen access as it is mapped now; the mark is its whole footprint. Before the entries of an array stand "
        "those that the chosen access holds, and the fainter part of a bar is what it leaves unused. n, arrows or a "
        "click choose: the direct map, what the kernel is stated to access, the vmemmap (struct pages, in 2 MiB leaves "
        "that HVO splits), or any process, the largest first; where not all are listed, n goes on through them.\n\n"
        "The table gives, for random access over each mapping (uniform unless named otherwise), the share of accesses "
        "that miss the first and the last level, the cycles a page walk takes then, and the translation cycles an "
        "average access pays beyond an L1 hit; at the right the same where some memory is used more than other, by "
        "Zipf's law with exponent 0.99. A split can help: 1 GiB leaves have few entries, 2 MiB leaves many. Misses and "
        "entries are in closed form, and agree with a simulated set-associative LRU to 1 % of accesses. Enlarged, "
        "strips show what the chosen access missed, and how far the TLB reached, over time: of a process as long as it "
        "was among those told of.\n\n"
        "What did it cost: flushes are the broadcasts that changes of kernel mappings sent to all CPUs so far. Walks "
        "are what translating the stated accesses (the action kernel_access) takes each second, and of that what "
        "splits since boot cost or save. Both are ranges, from the least to the most that published latencies allow; "
        "where they disagree the sign is open. Enlarged, the same accesses are shown with other mappings, and the walk "
        "level by level: paging-structure caches let most walks begin near the leaf, so a fifth level costs little. "
        "With a baseline (b), the change of reach and misses since stands at the top."
    ),
    counters=(
        "tlb_reach_bytes",
        "tlb_miss_ppm",
        "kernel_access_miss_ppm",
        "kernel_access_cycles",
        "kernel_walks_least_ns_per_s",
        "kernel_walks_most_ns_per_s",
        "kernel_walks_change_least_ns_per_s",
        "kernel_walks_change_most_ns_per_s",
        "tlb_flushes_full",
        "tlb_flushes_ranged",
        "tlb_flushes_least_cpu_ns",
        "tlb_flushes_most_cpu_ns",
        "page_table_levels",
        "direct_map_table_bytes",
    ),
)
"""The TLB."""
