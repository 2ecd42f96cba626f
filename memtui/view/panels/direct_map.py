"""Panel 1: how RAM is mapped in the kernel's direct map, where it was split, and since when."""

from __future__ import annotations

from dataclasses import replace

from memtui.reading import read
from memtui.snapshot import DirectMapCell, MapRequest, RunInfo, Snapshot
from memtui.units import format_count, format_frames
from memtui.view.bars import bar
from memtui.view.baseline import bytes_change, count_change, frames_change, since, with_changes
from memtui.view.cells import Row, Rows, Span, cut_text, dim, flow, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.history import beside, changes, largest, strip
from memtui.view.leaves import LEAVES, counted_twice, mapped_leaves
from memtui.view.maps import caption, cells_for, draw_map, map_legend
from memtui.view.numbers import SIZE_WIDTH, percent_of_ppm, size_of, whole_percent
from memtui.view.panels.inspector import INSPECTOR_ROWS, inspector_rows
from memtui.view.panels.map_moves import click_in_map, key_in_map
from memtui.view.panels.split_causes import SIDE_BY_SIDE, cause_line, policy_rows, tables
from memtui.view.panels.stack import Division, divide, stack
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import Move, ViewState
from memtui.view.tokens import DIRECT_MAP_TOKENS, Token
from memtui.view.zoom import cell_under, window_words

_KINDS = (Token.LEAF_1G, Token.LEAF_2M, Token.LEAF_4K, Token.NOT_PRESENT)
_VOID = (DirectMapCell.HOLE, Token.HOLE)
_ONE_LINE_OF_FIGURES = 54
"""Width from which splits, collapses and tables stand in one row."""
_CHANGES_FROM = 46
"""Width from which each bar has its change since the baseline beside it."""
_COUNTERS_FROM = (72, 20)
"""Width and height from which Linux's own counters are told as well."""
_COUNTER_ROWS = 2
_LEGEND_ROWS = 2
_WHO_FROM = 18
"""Height from which the policies' state has a row below that of the causes of splits."""
_TABLES_FROM = 26
"""Height from which causes and policies have tables, side by side."""
_TABLE_ROWS = 8
_THREE_STRIPS_FROM = 100
"""Width from which splits and collapses have strips beside that of the 4K share."""
_LEAST_CHANGES = 3
_INSPECTOR_FROM = (54, 18)
"""Width and height from which the frame under the cursor is told of below the map."""


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Share of each leaf size, splits so far, the 4K share over time, and the map of physical memory."""
    division = _division(width, height)
    figures = _shares(scene, width, glyphs) + flow(_splits(scene, width, glyphs), width)
    if _tells_counters(width, height):
        figures += _counters(scene.now, width, glyphs)
    figures += _who(scene.now, width, height, glyphs)
    rows = stack(division, figures, _strip(scene, width, division.strip, glyphs), *_map(scene, width, division, glyphs))
    cells = scene.now.direct_map_cells
    if cells is None or not division.map:
        return Drawing(rows)
    if _inspects(width, height):
        rows += inspector_rows(scene.now.frame, scene.events, width, glyphs)
    return Drawing(rows, caption(cells, "1 cell = {}", width, window_words(scene.state.direct_map)))


def request(info: RunInfo, state: ViewState, width: int, height: int) -> MapRequest:
    """The map that fills a panel of this size, and the frame under its cursor."""
    return MapRequest(
        direct_map_cells=cells_for(width, _division(width, height).map, info.nodes + 2),
        direct_map_window=state.direct_map.window,
        direct_map_frame=state.direct_map.cursor if _inspects(width, height) else None,
    )


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """Moves the cursor of the map, or its zoom."""
    state, cells, ram_bytes = scene.state, scene.now.direct_map_cells, scene.info.ram_bytes
    return replace(
        state, direct_map=key_in_map(state.direct_map, asked, cells, ram_bytes, width, _division(width, height))
    )


def point(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Puts the cursor on the cell that was clicked."""
    state, cells = scene.state, scene.now.direct_map_cells
    return replace(state, direct_map=click_in_map(state.direct_map, cells, x, y, width, _division(width, height)))


def _inspects(width: int, height: int) -> bool:
    return width >= _INSPECTOR_FROM[0] and height >= _INSPECTOR_FROM[1]


def _division(width: int, height: int) -> Division:
    figures = _least_figures(width, height) + _who_rows(width, height)
    rows = height - INSPECTOR_ROWS if _inspects(width, height) else height
    return divide(rows, figures, _LEGEND_ROWS)


def _least_figures(width: int, height: int) -> int:
    return (4 if width >= _ONE_LINE_OF_FIGURES else 5) + _COUNTER_ROWS * _tells_counters(width, height)


def _who_rows(width: int, height: int) -> int:
    """Rows that say who split the map and what the policies hold; never at the price of the whole map."""
    if height >= _WHO_FROM:
        return 1 + _TABLE_ROWS if width >= SIDE_BY_SIDE and height >= _TABLES_FROM else 2
    figures = _least_figures(width, height)
    return int(bool(divide(height, figures + 1, _LEGEND_ROWS).map) or not divide(height, figures, _LEGEND_ROWS).map)


def _who(now: Snapshot, width: int, height: int, glyphs: Glyphs) -> Rows:
    rows = _who_rows(width, height)
    if rows > 2:
        return [(), *tables(now, width, rows - 1, glyphs)]
    causes = cause_line(now, width, glyphs) or [()]
    return (causes + policy_rows(now, width, 1, glyphs))[:rows]


def _tells_counters(width: int, height: int) -> bool:
    return width >= _COUNTERS_FROM[0] and height >= _COUNTERS_FROM[1]


def _shares(scene: Scene, width: int, glyphs: Glyphs) -> Rows:
    """A bar for each size of leaf, with its change since the baseline where there is one and room for it."""
    sizes = mapped_leaves(scene.now)
    whole = sum(size for _, _, size in sizes)
    changes = _leaf_changes(scene, glyphs) if width >= _CHANGES_FROM else {}
    column = max((len(change) + 1 for change in changes.values()), default=0)
    rows: Rows = []
    for label, token, size in sizes:
        figures = f" {whole_percent(size, whole):>5}"
        change = changes.get(label, "").rjust(column)
        length = max(4, width - 4 - SIZE_WIDTH - column - len(figures))
        bars = bar(size, whole, length, token, glyphs)
        rows.append(row(Span(f"{label} ", token), *bars, f" {size_of(size)}", dim(change), figures))
    return rows


def _leaf_changes(scene: Scene, glyphs: Glyphs) -> dict[str, str]:
    """Label → how much more is mapped by leaves of that size than at the baseline, in words."""
    if scene.state.baseline is None:
        return {}
    before = {label: size for label, _, size in mapped_leaves(scene.state.baseline)}
    return {
        label: glyphs.text(bytes_change(size - before.get(label, 0))) for label, _, size in mapped_leaves(scene.now)
    }


def _splits(scene: Scene, width: int, glyphs: Glyphs) -> list[Row]:
    """Groups of figures: splits by level, collapses, page tables; with changes since the baseline as there is room."""
    groups, changes = [], []
    now, baseline = scene.now, scene.state.baseline
    to_2m, to_4k = read(now, "direct_map_level3_splits"), read(now, "direct_map_level2_splits")
    for words, level, count in ((glyphs.text("splits 1G→2M"), 3, to_2m), (glyphs.text("2M→4K"), 2, to_4k)):
        if count is not None:
            groups.append(row(dim(f"{words} "), strong(format_count(int(count)))))
            changes.append(count_change(since(baseline, now, f"direct_map_level{level}_splits")))
    collapses = [f"direct_map_level{level}_collapses" for level in (2, 3)]
    known = [int(count) for name in collapses if (count := read(now, name)) is not None]
    if known:
        groups.append(row(dim("collapses "), strong(format_count(sum(known)))))
        changes.append(count_change(sum(since(baseline, now, name) or 0 for name in collapses)))
    tables = read(now, "sim_kernel_pt_frames")
    if tables is not None:
        groups.append(row(dim("tables "), strong(format_frames(int(tables)))))
        changes.append(frames_change(since(baseline, now, "sim_kernel_pt_frames")))
    return with_changes(groups, map(glyphs.text, changes), width)


def _counters(now: Snapshot, width: int, glyphs: Glyphs) -> Rows:
    """The lines of /proc/meminfo as Linux prints them, and why they add up to more than is mapped where they do."""
    known = [(name, now.counters[name]) for _, name, _ in LEAVES if name in now.counters]
    if not known:
        return []
    lines = [row(dim(f"{name} "), f"{format_count(size_kb)} kB") for name, size_kb in known]
    words = counted_twice(now)
    return [*flow([row(dim("/proc/meminfo")), *lines], width)[:1], row(dim(cut_text(words, width, glyphs.more)))]


def _strip(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The 4K share over time; where there is room, beside it when leaves were split and when they collapsed."""
    series = scene.history.series("direct_map_4k_ppm")
    most = percent_of_ppm(largest(series))
    if width < _THREE_STRIPS_FROM or height < _LEAST_CHANGES:
        return strip(series, scene.axis, "4K share", most, width, height, glyphs, Token.LEAF_4K)
    each = (width - 6) // 3
    widths = (width - 6 - 2 * each, each, each)
    share = strip(series, scene.axis, "4K share", most, widths[0], height, glyphs, Token.LEAF_4K)
    split = changes(scene.history.past(_all_splits), scene.axis, "splits", each, height, glyphs, Token.NOTICE)
    collapsed = changes(scene.history.past(_all_collapses), scene.axis, "collapses", each, height, glyphs, Token.GOOD)
    return beside((share, split, collapsed), widths, height, glyphs)


def _all_splits(now: Snapshot) -> float | None:
    return _sum_of(now, "direct_map_level2_splits", "direct_map_level3_splits")


def _all_collapses(now: Snapshot) -> float | None:
    return _sum_of(now, "direct_map_level2_collapses", "direct_map_level3_collapses")


def _sum_of(now: Snapshot, *names: str) -> float | None:
    known = [value for name in names if (value := read(now, name)) is not None]
    return sum(known) if known else None


def _map(scene: Scene, width: int, division: Division, glyphs: Glyphs) -> tuple[Rows, Rows]:
    cells = scene.now.direct_map_cells
    if cells is None or not division.map:
        return [], []
    cursor = cell_under(scene.state.direct_map, cells, default=None)
    drawn = draw_map(cells, DIRECT_MAP_TOKENS, width, division.map, glyphs, cursor)
    lead = "finest leaf:" if width >= _ONE_LINE_OF_FIGURES else ""
    return drawn, map_legend(cells, _KINDS, _VOID, width, division.legend, glyphs, lead)


PANEL = Panel(
    name="direct-map",
    title="Direct map",
    tab="Direct map",
    draw=draw,
    request=request,
    move=move,
    point=point,
    help=(
        "The kernel maps all RAM once, in leaves as large as it can: 1 GiB, 2 MiB or 4 KiB. Whoever needs other "
        "permissions for a part of a leaf (module text, BPF programs, secret memory) splits it, and every split "
        "costs a page table and TLB reach.\n\n"
        "The bars show how much RAM is mapped by each leaf size now, every frame once. /proc/meminfo can say more: "
        "DirectMap1G counts 2 GiB twice at boot, as Linux does, because the end of RAM is mapped in steps and counted "
        "at each. Enlarged, the panel gives the counters as Linux prints them.\n\n"
        "Splits and collapses count since boot; tables is the memory of the page tables that splits made. Every split "
        "knows its cause: who needed other permissions for a part of a leaf. The strip is the share in 4 KiB leaves "
        "over time.\n\n"
        "Enlarged, a table has all causes, largest first, beside what the policies that split hold inside themselves: "
        "blocks of the ROX cache, packs of BPF programs, blocks of the unmapped cache by order.\n\n"
        "The map is physical memory, left to right and top to bottom: each cell shows the finest leaf inside the "
        "memory it stands for, so a cell of 4K may hold a single small leaf. A leaf that is not present (secret "
        "memory) still counts in DirectMap4k. Nodes and zones begin at the marks."
    ),
    counters=(
        "DirectMap1G",
        "DirectMap2M",
        "DirectMap4k",
        "direct_map_level3_splits",
        "direct_map_level2_splits",
        "direct_map_level3_collapses",
        "direct_map_level2_collapses",
        "sim_kernel_pt_frames",
        "direct_map_4k_ppm",
    ),
)
"""The direct map."""
