"""The figures of the direct map: bars by leaf size, splits and collapses, page tables, and all of them over time."""

from __future__ import annotations

from typing import Final

from memtui.reading import read
from memtui.snapshot import Snapshot
from memtui.units import format_count, format_frames
from memtui.view.bars import bar
from memtui.view.baseline import bytes_change, count_change, frames_change, since, with_changes
from memtui.view.cells import Row, Rows, Span, cut, cut_text, dim, flow, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.history import beside, changes, largest, strip
from memtui.view.leaves import LEAVES, counted_twice, mapped_leaves
from memtui.view.numbers import SIZE_WIDTH, percent_of_ppm, size_of, whole_percent
from memtui.view.scene import Scene
from memtui.view.tokens import Token

_CHANGES_FROM: Final = 46
"""Width from which each bar has its change since the baseline beside it."""
_ABSENT: Final = "direct_map_not_present_bytes"


def share_rows(scene: Scene, width: int, glyphs: Glyphs) -> Rows:
    """A bar for each size of leaf, and for what of them is not present, if anything is.

    Behind each its change since the baseline, where there is one and room for it.
    """
    sizes = mapped_leaves(scene.now)
    whole = sum(size for _, _, size in sizes)
    changes = _leaf_changes(scene, glyphs) if width >= _CHANGES_FROM else {}
    absent = read(scene.now, _ABSENT)
    if absent:
        sizes.append((glyphs.kinds[Token.NOT_PRESENT], Token.NOT_PRESENT, int(absent)))
        if changes:
            change = bytes_change(since(scene.state.baseline, scene.now, _ABSENT))
            changes[glyphs.kinds[Token.NOT_PRESENT]] = glyphs.text(change)
    column = max((len(change) + 1 for change in changes.values() if change), default=0)
    rows: Rows = []
    for label, token, size in sizes:
        figures = f" {whole_percent(size, whole):>5}"
        change = changes.get(label, "").rjust(column)
        length = max(4, width - 4 - SIZE_WIDTH - column - len(figures))
        bars = bar(size, whole, length, token, glyphs)
        rows.append(row(Span(f"{label:<2} ", token), *bars, f" {size_of(size)}", dim(change), figures))
    return rows


def share_line(scene: Scene, width: int, glyphs: Glyphs) -> Row:
    """The same without bars, in one row: sizes where there is room for them, else shares alone."""
    sizes = mapped_leaves(scene.now)
    whole = sum(size for _, _, size in sizes)
    if absent := read(scene.now, _ABSENT):
        sizes.append((glyphs.kinds[Token.NOT_PRESENT], Token.NOT_PRESENT, int(absent)))
    groups = [
        (Span(f"{label} ", token), strong(whole_percent(size, whole)), dim(f" {size_of(size).strip()}"))
        for label, token, size in sizes
    ]
    full = flow([row(*group) for group in groups], width)
    return full[0] if len(full) == 1 else cut(flow([row(*group[:2]) for group in groups], width)[0], width, glyphs.more)


def _leaf_changes(scene: Scene, glyphs: Glyphs) -> dict[str, str]:
    """Label → how much more is mapped by leaves of that size than at the baseline, in words."""
    if scene.state.baseline is None:
        return {}
    before = {label: size for label, _, size in mapped_leaves(scene.state.baseline)}
    return {
        label: glyphs.text(bytes_change(size - before.get(label, 0))) for label, _, size in mapped_leaves(scene.now)
    }


def split_groups(scene: Scene, width: int, glyphs: Glyphs) -> list[Row]:
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


def counter_rows(now: Snapshot, width: int, glyphs: Glyphs) -> Rows:
    """The lines of /proc/meminfo as Linux prints them, and why they add up to more than is mapped where they do."""
    known = [(name, now.counters[name]) for _, name, _ in LEAVES if name in now.counters]
    if not known:
        return []
    lines = [row(dim(f"{name} "), f"{format_count(size_kb)} kB") for name, size_kb in known]
    words = counted_twice(now)
    return [*flow([row(dim("/proc/meminfo")), *lines], width)[:1], row(dim(cut_text(words, width, glyphs.more)))]


def share_strip(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The 4K share over time."""
    series = scene.history.series("direct_map_4k_ppm")
    most = percent_of_ppm(largest(series))
    return strip(series, scene.axis, "4K share", most, width, height, glyphs, Token.LEAF_4K)


def strips(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """Over time, two by two: the 4K share and the memory of page tables, splits and collapses."""
    widths = ((width - 3) // 2, width - 3 - (width - 3) // 2)
    upper, lower = height - height // 2, height // 2
    tables = scene.history.series("sim_kernel_pt_frames")
    most = format_frames(largest(tables))
    first = (
        share_strip(scene, widths[0], upper, glyphs),
        strip(tables, scene.axis, "page tables", most, widths[1], upper, glyphs, Token.HISTORY),
    )
    split = changes(scene.history.past(_all_splits), scene.axis, "splits", widths[0], lower, glyphs, Token.NOTICE)
    merged = changes(scene.history.past(_all_collapses), scene.axis, "collapses", widths[1], lower, glyphs, Token.GOOD)
    return beside(first, widths, upper, glyphs) + beside((split, merged), widths, lower, glyphs)


def _all_splits(now: Snapshot) -> float | None:
    return _sum_of(now, "direct_map_level2_splits", "direct_map_level3_splits")


def _all_collapses(now: Snapshot) -> float | None:
    return _sum_of(now, "direct_map_level2_collapses", "direct_map_level3_collapses")


def _sum_of(now: Snapshot, *names: str) -> float | None:
    known = [value for name in names if (value := read(now, name)) is not None]
    return sum(known) if known else None
