"""Panel 2: what struct pages cost, what optimised huge pages gave back, and where."""

from __future__ import annotations

from dataclasses import replace

from memtui.reading import read
from memtui.snapshot import MapRequest, RunInfo, Snapshot, VmemmapCell, VmemmapView
from memtui.units import KIB, PAGE_BYTES, format_bytes, format_count, format_frames
from memtui.view.baseline import count_change, frames_change, since, with_changes
from memtui.view.cells import Row, Rows, Span, dim, flow, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.history import largest, strip
from memtui.view.maps import caption, cells_for, draw_map, map_legend
from memtui.view.numbers import cell_size, part_of, percent
from memtui.view.panels.map_moves import click_in_map, key_in_map
from memtui.view.panels.sharing import sharing_rows
from memtui.view.panels.stack import Division, divide, stack
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import Move, ViewState
from memtui.view.tokens import VMEMMAP_TOKENS, Token
from memtui.view.zoom import cell_under, window_words

_KINDS = (Token.OWN, Token.SHARED, Token.PARTLY_SHARED, Token.SPLIT)
_VOID = (VmemmapCell.NOT_POPULATED, Token.NOT_POPULATED)
_WIDE = 54
_SHARING_FROM = (72, 29)
"""Width and height from which the struct pages under the cursor are drawn below the map."""
_SHARING_ROWS = 14
_FRAMES_PER_2M = 8
"""Frames of struct pages a 2 MiB huge page has: 512 × 64 bytes."""
_FRAMES_PER_1G = 4096


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Struct pages before and now, what was given back and could be restored, and the map of it."""
    division = _division(width, height)
    figures = _figures(scene, width, glyphs)
    series = scene.history.series("struct_page_saved_bytes")
    most = format_bytes(largest(series))
    history = strip(series, scene.axis, "given back", most, width, division.strip, glyphs, Token.SHARED)
    cells = scene.now.vmemmap_cells
    if cells is None or not division.map:
        return Drawing(stack(division, figures, history, [], []))
    state = scene.state.vmemmap
    drawn = draw_map(cells, VMEMMAP_TOKENS, width, division.map, glyphs, cell_under(state, cells, default=None))
    words = map_legend(cells, _KINDS, _VOID, width, division.legend, glyphs)
    rows = stack(division, figures, history, drawn, words)
    if _tells_sharing(width, height):
        rows += [(), *sharing_rows(scene.now.struct_pages, width, _SHARING_ROWS, glyphs)]
    return Drawing(rows, caption(cells, "1 cell = memmap of {}", width, window_words(state)))


def request(info: RunInfo, state: ViewState, width: int, height: int) -> MapRequest:
    """The map that fills a panel of this size, and the struct pages under the cursor where they are drawn."""
    return MapRequest(
        vmemmap_cells=cells_for(width, _division(width, height).map, info.nodes + 2),
        vmemmap_window=state.vmemmap.window,
        vmemmap_frame=state.vmemmap.cursor if _tells_sharing(width, height) else None,
    )


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """Moves the cursor of the map, or its zoom."""
    state, cells, ram_bytes = scene.state, scene.now.vmemmap_cells, scene.info.ram_bytes
    return replace(state, vmemmap=key_in_map(state.vmemmap, asked, cells, ram_bytes, width, _division(width, height)))


def point(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Puts the cursor on the cell that was clicked."""
    state, cells = scene.state, scene.now.vmemmap_cells
    return replace(state, vmemmap=click_in_map(state.vmemmap, cells, x, y, width, _division(width, height)))


def _tells_sharing(width: int, height: int) -> bool:
    return width >= _SHARING_FROM[0] and height >= _SHARING_FROM[1]


def _division(width: int, height: int) -> Division:
    rows = height - 1 - _SHARING_ROWS if _tells_sharing(width, height) else height
    return divide(rows, figures=4 if width >= _WIDE else 7, legend=2 if width >= _WIDE else 3)


def _figures(scene: Scene, width: int, glyphs: Glyphs) -> Rows:
    """Lines of figures; behind each, where there is room, its change since the baseline."""
    view, changes = scene.now.vmemmap, _changes(scene, glyphs)
    parts = (_cost(scene, glyphs), _given_back(view), _restoring(view, glyphs))
    rows: Rows = []
    for place, groups in enumerate(parts):
        rows += flow(with_changes(groups, changes[place] if changes else (), width), width)
    pool = _pool(scene.now, glyphs)
    pool_changes = [count_change(since(scene.state.baseline, scene.now, name)) for name in pool]
    return rows + flow(with_changes(list(pool.values()), map(glyphs.text, pool_changes), width), width)


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
    at_once = Span(f" {glyphs.text('·')} not at once", Token.NOTICE)
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
    return groups


PANEL = Panel(
    name="vmemmap",
    title="vmemmap",
    tab="vmemmap",
    draw=draw,
    request=request,
    move=move,
    point=point,
    help=(
        "Every 4 KiB frame of RAM has a struct page of 64 bytes: 1.56 % of the machine. A huge page has hundreds or "
        "thousands of them, nearly all alike. With vm.hugetlb_optimize_vmemmap=1 a huge page that enters the pool "
        "keeps one frame of struct pages and gives the rest back: 7 of 8 frames for 2 MiB, 4095 of 4096 for 1 GiB.\n\n"
        "The first line is what struct pages would cost and what they cost now. Split tables are page tables of "
        "vmemmap's own 2 MiB leaves, one per 128 MiB of RAM, kept for ever. Before an optimised page can be freed it "
        "needs its frames back; 'to free all' says how much that is for the whole pool, and whether the allocator "
        "could hand it over in one go; where it could not, pages can still go one by one, as each that is freed pays "
        "for the next.\n\n"
        "In the map each cell stands for the struct pages of that stretch of physical memory. Arrows move its cursor, "
        "] and [ zoom from the machine to one 2 MiB block and back. Enlarged, the panel draws the struct pages under "
        "the cursor: its section of 128 MiB, whose vmemmap is one 2 MiB leaf until it is split, and the vmemmap pages "
        "of its huge page with the frames they point to. Those that share one frame bend to it; beside them stands who "
        "has the frame that boot gave them."
    ),
    counters=(
        "struct_page_bytes",
        "struct_page_saved_bytes",
        "sim_hvo_frames_freed",
        "sim_vmemmap_pt_frames",
        "nr_memmap_pages",
        "nr_memmap_boot_pages",
        "HugePages_Total",
        "HugePages_Free",
        "HugePages_Rsvd",
        "HugePages_Surp",
    ),
)
"""Struct pages."""
