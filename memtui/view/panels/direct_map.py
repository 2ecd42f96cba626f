"""Panel 1: how RAM is mapped in the kernel's direct map, where it was split, and since when."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memtui.snapshot import DirectMapCell, MapRequest, RunInfo
from memtui.units import FRAMES_1G, FRAMES_2M
from memtui.view.cells import Row, Rows, cut, flow
from memtui.view.glyphs import Glyphs
from memtui.view.history import beside
from memtui.view.maps import Linked, caption, draw_map, map_legend
from memtui.view.panels.inspector import inspector_height, inspector_rows
from memtui.view.panels.leaf_figures import (
    counter_rows,
    share_line,
    share_rows,
    share_strip,
    split_groups,
    strips,
)
from memtui.view.panels.map_page import Atlas, Plan, cell_clicked, head_rows, key_in_map, plan, strip_clicked, trail
from memtui.view.panels.split_causes import SIDE_BY_SIDE, cause_line, column, policy_rows
from memtui.view.panels.stack import Division, divide, divide_zoomed, stack, strip_rows
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import MapState, Move, ViewState, Wheel
from memtui.view.tokens import DIRECT_MAP_TOKENS, Token
from memtui.view.zoom import cell_under, looked_at, shown, window_at, window_words

_ATLAS: Final = Atlas(
    "direct_map", (FRAMES_1G, FRAMES_2M), {FRAMES_1G: "GiB", FRAMES_2M: "block"}, 1, DIRECT_MAP_TOKENS
)
_KINDS = (Token.LEAF_1G, Token.LEAF_2M, Token.LEAF_4K, Token.NOT_PRESENT)
_VOID = (DirectMapCell.HOLE, Token.HOLE)
_ONE_LINE_OF_FIGURES = 54
"""Width from which splits, collapses and tables stand in one row."""
_COUNTERS_FROM = (72, 20)
"""Width and height from which Linux's own counters are told as well."""
_COUNTER_ROWS = 2
_LEGEND_ROWS = 2
_WHO_FROM = 18
"""Height from which the policies' state has a row below that of the causes of splits."""
_PAGE_FROM = (SIDE_BY_SIDE, 26)
"""Width and height from which causes and policies have tables, beside them what became of the map over time."""
_BLOCK_ROWS = 8
_TALL_BLOCK_FROM = 48
_TALL_BLOCK_ROWS = 12


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Share of each leaf size, splits so far, the 4K share over time, and the map of physical memory."""
    scene = _as_shown(scene)
    state, cells = scene.state.direct_map, scene.now.direct_map_cells
    division = _division(state, width, height)
    figures = _figures(scene, width, height, glyphs)
    history = share_strip(scene, width, strip_rows(division, figures), glyphs)
    if cells is None or not division.map:
        return Drawing(stack(division, figures, history, [], []))
    page = _plan(scene.info, state, width, height)
    cursor = cell_under(state, cells, default=None)
    drawn = head_rows(
        _ATLAS, page, state, scene.now.direct_map_strips, (_trail(scene, width, glyphs), ""), width, glyphs
    )
    drawn += draw_map(cells, DIRECT_MAP_TOKENS, width, page.rows, glyphs, cursor)
    lead = "finest leaf:" if width >= _ONE_LINE_OF_FIGURES else ""
    linked = Linked(_ATLAS.field, state, DIRECT_MAP_TOKENS) if cells.ram else None
    words = map_legend(cells, _KINDS, _VOID, width, division.legend, glyphs, lead, linked)
    rows = stack(division, figures, history, drawn, words)
    told = inspector_height(width, height, zoomed=state.window is not None)
    rows += inspector_rows(scene.now.frame, scene.events, width, told, glyphs)
    return Drawing(rows, caption(cells, "{}", width, page.rows, window_words(state)))


def request(info: RunInfo, state: ViewState, width: int, height: int) -> MapRequest:
    """The map that fills a panel of this size, the levels above it, and the frame under its cursor."""
    where = state.direct_map
    if not _division(where, width, height).map:
        return MapRequest()
    page = _plan(info, where, width, height)
    return MapRequest(
        direct_map_cells=page.cells,
        direct_map_window=where.window,
        direct_map_frame=looked_at(where),
        direct_map_strips=page.request(width),
        places=True,
    )


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """Moves the cursor of the map, or its zoom; or goes to the event that split what the cursor stands on."""
    state, now = scene.state, scene.now
    if asked is Move.FOLLOW:
        return state if now.frame is None or not now.frame.split_event else replace(state, event=now.frame.split_event)
    if not _division(state.direct_map, width, height).map:
        return state
    page = _plan(scene.info, state.direct_map, width, height)
    args = (now.direct_map_cells, now.direct_map_strips, now.places.split, width)
    return replace(state, direct_map=key_in_map(page, state.direct_map, asked, *args))


def aim(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Puts the cursor on the cell that the mouse is over."""
    state = _as_shown(scene).state.direct_map
    page, top = _plan(scene.info, state, width, height), _division(state, width, height).map_top
    clicked = cell_clicked(page, state, scene.now.direct_map_cells, x, y - top - page.head, width)
    return replace(scene.state, direct_map=clicked)


def point(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Puts the cursor on the cell that was clicked, or shows below a strip what was clicked in it."""
    state = _as_shown(scene).state.direct_map
    page, top = _plan(scene.info, state, width, height), _division(state, width, height).map_top
    if 0 <= y - top < page.head:
        return replace(scene.state, direct_map=strip_clicked(page, state, scene.now.direct_map_strips, x, y - top))
    return aim(scene, x, y, width, height)


def _as_shown(scene: Scene) -> Scene:
    """The scene with the window that its moment was looked at with: another one may still be on its way."""
    asked = scene.now.request
    state = shown(scene.state.direct_map, asked.direct_map_cells, asked.direct_map_window)
    return scene if state is scene.state.direct_map else replace(scene, state=replace(scene.state, direct_map=state))


def _plan(info: RunInfo, state: MapState, width: int, height: int) -> Plan:
    rows = _division(state, width, height).map
    return plan(_ATLAS, state, info, (width, height), rows)


def _division(state: MapState, width: int, height: int) -> Division:
    rows = height - inspector_height(width, height, zoomed=state.window is not None)
    if _has_page(width, height):
        return divide(rows, _least_figures(width, height) + 1 + _block_rows(height), _LEGEND_ROWS, with_strip=False)
    if state.window is not None:
        return divide_zoomed(rows, 1, 1)
    return divide(rows, _least_figures(width, height) + _who_rows(width, height), _LEGEND_ROWS)


def _has_page(width: int, height: int) -> bool:
    return width >= _PAGE_FROM[0] and height >= _PAGE_FROM[1]


def _block_rows(height: int) -> int:
    return _TALL_BLOCK_ROWS if height >= _TALL_BLOCK_FROM else _BLOCK_ROWS


def _least_figures(width: int, height: int) -> int:
    return (4 if width >= _ONE_LINE_OF_FIGURES else 5) + _COUNTER_ROWS * _tells_counters(width, height)


def _who_rows(width: int, height: int) -> int:
    """Rows that say who split the map and what the policies hold; never at the price of the whole map."""
    if height >= _WHO_FROM:
        return 2
    figures = _least_figures(width, height)
    return int(bool(divide(height, figures + 1, _LEGEND_ROWS).map) or not divide(height, figures, _LEGEND_ROWS).map)


def _tells_counters(width: int, height: int) -> bool:
    return width >= _COUNTERS_FROM[0] and height >= _COUNTERS_FROM[1]


def _figures(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """All that stands above the map; of a zoomed map where there is little room, the shares in one row."""
    if not _has_page(width, height) and scene.state.direct_map.window is not None:
        return [share_line(scene, width, glyphs)]
    figures = share_rows(scene, width, glyphs) + flow(split_groups(scene, width, glyphs), width)
    if _tells_counters(width, height):
        figures += counter_rows(scene.now, width, glyphs)
    if _has_page(width, height):
        return [*figures, (), *_block(scene, width, _block_rows(height), glyphs)]
    causes = cause_line(scene.now, width, glyphs) or [()]
    return figures + (causes + policy_rows(scene.now, width, 1, glyphs))[: _who_rows(width, height)]


def _block(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """Who split the map and what the policies hold, and beside it all of it over time."""
    widths = (width * 2 // 5, width - 3 - width * 2 // 5)
    parts = (column(scene.now, widths[0], height, glyphs), strips(scene, widths[1], height, glyphs))
    return beside(parts, widths, height, glyphs)


def _trail(scene: Scene, width: int, glyphs: Glyphs) -> Row:
    """Machine, node and zone, GiB, block and frame: as far down as the window is small."""
    state, view = scene.state.direct_map, scene.now.frame
    if state.window is None:
        return ()
    frame = view.frame if view is not None else state.window.start
    steps: list[tuple[str, MapState | None]] = [("direct map", MapState(None, state.cursor))]
    if view is not None:
        steps.append((f"node {view.node} {view.zone}", MapState(None, state.cursor)))
    if state.window.frames <= FRAMES_1G:
        steps.append((f"GiB {frame // FRAMES_1G}", MapState(window_at(frame, FRAMES_1G), state.cursor)))
    if state.window.frames <= FRAMES_2M:
        block = frame - frame % FRAMES_2M
        steps.append((f"2 MiB block {block:#x}", MapState(window_at(frame, FRAMES_2M), state.cursor)))
    steps.append((f"pfn {frame:#x}", None))
    return cut(trail(steps, _ATLAS.field, width, glyphs), width, glyphs.more)


PANEL = Panel(
    name="direct-map",
    title="Direct map",
    tab="Direct map",
    draw=draw,
    request=request,
    move=move,
    point=point,
    wheel=Wheel(Move.ZOOM_IN, Move.ZOOM_OUT),
    aim=aim,
    help=(
        "The kernel maps all RAM once, in leaves as large as it can: 1 GiB, 2 MiB or 4 KiB. Whoever needs other "
        "permissions for a part of a leaf (module text, BPF programs, secret memory) splits it, and every split "
        "costs a page table and TLB reach.\n\n"
        "The bars show how much RAM is mapped by each leaf size now, in bytes and percent of RAM, every frame once. "
        "The bar of what is not present (secret memory, the unmapped cache) appears when there is any; that memory "
        "is part of the leaves above it too, as Linux counts it in DirectMap4k. /proc/meminfo can say more than is "
        "mapped: DirectMap1G counts 2 GiB twice at boot, as Linux does, because the end of RAM is mapped in steps and "
        "counted at each. Enlarged, the panel gives the counters as Linux prints them, in kB.\n\n"
        "Splits and collapses count since boot (/proc/vmstat: direct_map_level3_splits are splits of 1G leaves, "
        "level2 of 2M leaves); tables is the memory of the page tables that splits made. Every split knows its cause: "
        "who needed other permissions for a part of a leaf.\n\n"
        "Enlarged, a table has all causes, largest first, with splits of 1G and of 2M leaves, and below it stands what "
        "the policies that split hold inside themselves: blocks of the ROX cache, packs of BPF programs, blocks of the "
        "unmapped cache by order. Beside it, over simulated time: the share in 4 KiB leaves, the memory of page "
        "tables, splits and collapses in each stretch of time.\n\n"
        "The map is physical memory, left to right and top to bottom: each cell shows the finest leaf inside the "
        "memory it stands for, so a cell of 4K may hold a single small leaf; the caption says how much memory a cell "
        "is. Nodes and zones begin at the marks. Arrows, or a click, put a cursor on it; n goes to the next block that "
        "was split since boot; a click on the legend goes to the next cell of that kind, or to a zone. ] and [, or "
        "the wheel, zoom from the whole machine by way of a GiB (a cell is a 2 MiB block) to one 2 MiB block (a cell "
        "is a frame) and back. Above a zoomed map stand where it is, and the levels above it, with [ ] around the "
        "part that shows below: a click in a step, or in a strip, goes there, the right button back out.\n\n"
        "Below the map stands the frame under the cursor: its number (pfn), the leaf that maps it with its range and "
        "permission, who owns it (with the letter of page-types), node and zone, and who split the leaf that was here, "
        "when, and the event that tells of it; e, or a click there, goes to its moment."
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
        "direct_map_not_present_bytes",
    ),
)
"""The direct map."""
