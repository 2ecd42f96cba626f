"""The figures of the vmemmap: what struct pages cost, what was given back, what freeing takes, and the pool."""

from __future__ import annotations

from memtui.reading import read
from memtui.snapshot import Snapshot, VmemmapView
from memtui.units import KIB, PAGE_BYTES, format_bytes, format_count, format_frames
from memtui.view.baseline import count_change, frames_change, since, with_changes
from memtui.view.cells import Row, Rows, Span, dim, flow, flow_some, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import cell_size, part_of, percent
from memtui.view.scene import Scene
from memtui.view.tokens import Token

_FRAMES_PER_2M = 8
"""Frames of struct pages a 2 MiB huge page has: 512 × 64 bytes."""
_FRAMES_PER_1G = 4096
_KB_PER_2M = 2048
"""Hugepagesize where the pool of /proc/meminfo is that of 2 MiB pages."""


def figure_rows(scene: Scene, width: int, glyphs: Glyphs) -> Rows:
    """Lines of figures; behind each, where there is room, its change since the baseline."""
    view, changes = scene.now.vmemmap, _changes(scene, glyphs)
    parts = (_cost(scene, glyphs), _given_back(view), _restoring(view, glyphs))
    rows: Rows = []
    for place, groups in enumerate(parts):
        rows += flow(with_changes(groups, changes[place] if changes else (), width), width)
    pool = _pool(scene.now, glyphs)
    pool_changes = [count_change(since(scene.state.baseline, scene.now, name)) for name in pool]
    return rows + flow(with_changes(list(pool.values()), map(glyphs.text, pool_changes), width), width)


def brief_row(scene: Scene, width: int, glyphs: Glyphs) -> Row:
    """The same in one row, as far as it goes."""
    view = scene.now.vmemmap
    groups = [_cost(scene, glyphs)[0], *_given_back(view)[:1], *reversed(_restoring(view, glyphs))]
    return flow_some(groups, width, 1, glyphs.more)[0]


def _changes(scene: Scene, glyphs: Glyphs) -> list[list[str]]:
    """How much the figures of each line are more than at the baseline; nothing without one."""
    baseline, view = scene.state.baseline, scene.now.vmemmap
    if baseline is None:
        return []
    then = baseline.vmemmap
    lines = [
        [frames_change(view.used_frames - then.used_frames)],
        [frames_change(view.given_back_frames - then.given_back_frames)],
        [
            frames_change(view.table_frames - then.table_frames),
            frames_change(view.restore_frames - then.restore_frames),
        ],
    ]
    return [[glyphs.text(change) for change in line] for line in lines]


def _cost(scene: Scene, glyphs: Glyphs) -> list[Row]:
    """What struct pages would take and what they take now, as sizes and as shares of the RAM."""
    view, ram = scene.now.vmemmap, scene.info.ram_bytes
    full, used = view.full_frames * PAGE_BYTES, view.used_frames * PAGE_BYTES
    arrow = dim(glyphs.text(" → "))
    sizes, shares = [strong(format_bytes(full))], [strong(percent(full, ram))]
    if used != full:
        sizes += [arrow, strong(format_bytes(used))]
        shares += [arrow, strong(percent(used, ram))]
    return [row(dim("struct pages "), *sizes), row(*shares, dim(" of RAM"))]


def _given_back(view: VmemmapView) -> list[Row]:
    count = view.optimised_2m + view.optimised_1g
    if not count:
        return [row(dim("given back "), strong("0 B")), row(dim("no optimised huge pages"))]
    whole = (view.optimised_2m * _FRAMES_PER_2M + view.optimised_1g * _FRAMES_PER_1G) * PAGE_BYTES
    given = row(dim("given back "), Span(part_of(view.given_back_frames * PAGE_BYTES, whole), Token.SHARED))
    sizes = []
    if view.optimised_2m:
        sizes.append(f"{format_count(view.optimised_2m)} pages of 2M")
    if view.optimised_1g:
        sizes.append(f"{format_count(view.optimised_1g)} of 1G")
    return [given, row(dim("by "), ", ".join(sizes))]


def _restoring(view: VmemmapView, glyphs: Glyphs) -> list[Row]:
    tables = row(dim("split tables "), strong(format_frames(view.table_frames)))
    if not view.restore_frames:
        return [tables]
    short = format_frames(max(0, view.restore_frames - view.available_frames))
    at_once = Span(f" {glyphs.text('·')} {short} short", Token.NOTICE)
    able = Span(f" {glyphs.yes}", Token.GOOD) if view.restore_possible else at_once
    return [tables, row(dim("to free all "), strong(format_frames(view.restore_frames)), able)]


def _pool(now: Snapshot, glyphs: Glyphs) -> dict[str, Row]:
    """Groups of figures of the hugetlb pool, by the counter in pages that each tells, if it does."""
    total = read(now, "HugePages_Total")
    if total is None:
        return {}
    size = read(now, "Hugepagesize")
    kind = glyphs.text(f" × {cell_size(int(size) * KIB)}") if size is not None else ""
    groups: dict[str, Row] = {}
    everything = read(now, "Hugetlb")
    if everything is not None and size is not None and everything != total * size:
        groups[""] = row(dim("hugetlb "), strong(format_bytes(int(everything) * KIB)))
    groups["HugePages_Total"] = row(dim("pool "), strong(format_count(int(total))), dim(kind))
    for name, words in (("HugePages_Free", "free"), ("HugePages_Rsvd", "reserved"), ("HugePages_Surp", "surplus")):
        count = read(now, name)
        if count is not None and (count or words == "free"):
            groups[name] = row(strong(format_count(int(count))), dim(f" {words}"))
    if size == _KB_PER_2M and now.vmemmap.optimised_2m > total:
        leaving = format_count(now.vmemmap.optimised_2m - int(total))
        groups["leaving"] = row(strong(leaving), dim(" being freed"))
    return groups
