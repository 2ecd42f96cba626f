"""Panel 2: what struct pages cost, what optimised huge pages gave back, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memtui.snapshot import MapRequest, RunInfo, VmemmapCell
from memtui.units import FRAMES_2M, FRAMES_SECTION, format_bytes, rounddown_pow_of_two
from memtui.view.cells import Row, Rows, cut
from memtui.view.glyphs import Glyphs
from memtui.view.history import largest, strip
from memtui.view.maps import Linked, caption, draw_map, gutter_of, legend, map_legend
from memtui.view.panels import vmemmap_costs
from memtui.view.panels.inspector import hints, page_hints
from memtui.view.panels.map_page import Atlas, Plan, cell_clicked, head_rows, key_in_map, plan, strip_clicked, trail
from memtui.view.panels.sharing import diagram, inspector_rows, page_words, restore_row, sharing_rows
from memtui.view.panels.stack import Division, divide, divide_zoomed, stack, strip_rows
from memtui.view.panels.vmemmap_figures import brief_row, figure_rows
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import MapState, Move, ViewState, Wheel
from memtui.view.tokens import VMEMMAP_TOKENS, Token
from memtui.view.zoom import cell_under, looked_at, shown, window_at, window_words, with_cursor

_ATLAS: Final = Atlas(
    "vmemmap",
    (FRAMES_SECTION, FRAMES_2M),
    {FRAMES_SECTION: "section", FRAMES_2M: "page"},
    FRAMES_2M,
    VMEMMAP_TOKENS,
    page_rows=9,
)
_PAGE_KINDS = (Token.OWN, Token.SHARED)
_KINDS = (Token.OWN, Token.SHARED, Token.PARTLY_SHARED, Token.SPLIT)
_VOID = (VmemmapCell.NOT_POPULATED, Token.NOT_POPULATED)
_WIDE = 54
_LOW = 13
"""Height below which a narrow panel's legend has one row."""
_ALL_FIGURES = 4
_PAGE_FROM = (100, 26)
"""Width and height from which tables say what struct pages cost and what freeing them takes."""
_INSPECTOR_FROM = (54, 17)
"""Width and height from which the page under the cursor is told of below the map."""
_SECTION_FROM = 12
"""The same height where the map is one of a section, which takes few rows."""
_INSPECTOR_ROWS = 2
_SHARING_IN_SECTION = 11
"""Rows below a section's map from which the struct pages are drawn there."""
_SHARING_FROM = 48
"""Height from which its struct pages are drawn there as well."""
_SHARING_ROWS = 12
_BRIEF_FROM = 11
"""Height from which a zoomed map has a row of figures above it."""
_SECTION_HEAD = 3
"""Rows above a section's map: where it is, and levels above."""
_SECTION_CELLS = 64
_FIGURES_FROM = 32
"""Height from which a zoomed map has all figures above it."""


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Struct pages before and now, what was given back and could be restored, and the map of it."""
    scene = _as_shown(scene)
    state, cells = scene.state.vmemmap, scene.now.vmemmap_cells
    division = _division(state, width, height)
    figures = _figures(scene, width, height, glyphs)
    history = _history(scene, width, strip_rows(division, figures), glyphs)
    if cells is None or not division.map:
        return Drawing(stack(division, figures, history, [], []))
    page = _plan(scene.info, state, width, height)
    words = _trail(scene, width, glyphs), _leaf(scene)
    drawn = head_rows(_ATLAS, page, state, scene.now.vmemmap_strips, words, width, glyphs)
    if _is_page(state):
        rows = stack(division, figures, history, drawn + _page(scene, width, page.rows, glyphs), [])
        return Drawing(rows, f"{window_words(state)}; 1 row = a frame of 64 struct pages")
    drawn += draw_map(cells, VMEMMAP_TOKENS, width, page.rows, glyphs, cell_under(state, cells, default=None))
    linked = Linked(_ATLAS.field, state, VMEMMAP_TOKENS) if cells.ram else None
    meanings = map_legend(cells, _KINDS, _VOID, width, division.legend, glyphs, linked=linked)
    rows = stack(division, figures, history, drawn, meanings)
    rows += _below(scene, width, height - len(rows), _below_rows(state, width, height), glyphs)
    return Drawing(rows, caption(cells, "memmap of {}", width, page.rows, window_words(state)))


def request(info: RunInfo, state: ViewState, width: int, height: int) -> MapRequest:
    """The map that fills a panel of this size, the levels above it, and the struct pages under the cursor."""
    where = state.vmemmap
    if not _division(where, width, height).map:
        return MapRequest()
    page = _plan(info, where, width, height)
    return MapRequest(
        vmemmap_cells=page.cells,
        vmemmap_window=where.window,
        vmemmap_frame=looked_at(where),
        vmemmap_strips=page.request(width),
        places=True,
        vmemmap_costs=_has_tables(where, width, height),
    )


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """Moves the cursor of the map, or its zoom; zoomed to a page, goes to the page beside it."""
    state, now = scene.state, scene.now
    if not _division(state.vmemmap, width, height).map:
        return state
    beside = _page_beside(scene, asked)
    if beside is not None:
        return replace(state, vmemmap=with_cursor(state.vmemmap, beside))
    page = _plan(scene.info, state.vmemmap, width, height)
    args = (now.vmemmap_cells, now.vmemmap_strips, now.places.optimised, width)
    return replace(state, vmemmap=key_in_map(page, state.vmemmap, asked, *args))


def aim(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Puts the cursor on the cell that the mouse is over."""
    state = _as_shown(scene).state.vmemmap
    if _is_page(state):
        return scene.state
    page, top = _plan(scene.info, state, width, height), _division(state, width, height).map_top
    clicked = cell_clicked(page, state, scene.now.vmemmap_cells, x, y - top - page.head, width)
    return replace(scene.state, vmemmap=clicked)


def point(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Puts the cursor on the cell that was clicked, or shows below a strip what was clicked in it."""
    state = _as_shown(scene).state.vmemmap
    page, top = _plan(scene.info, state, width, height), _division(state, width, height).map_top
    if 0 <= y - top < page.head:
        return replace(scene.state, vmemmap=strip_clicked(page, state, scene.now.vmemmap_strips, x, y - top))
    return aim(scene, x, y, width, height)


def _is_page(state: MapState) -> bool:
    """Whether the window is that of one huge page, whose struct pages are drawn in the map's place."""
    return state.window is not None and state.window.frames <= FRAMES_2M


def _page_beside(scene: Scene, asked: Move) -> int | None:
    """The first frame of the page, or of its aligned 2 MiB, beside the page that is drawn, if there is RAM."""
    view, strips = scene.now.struct_pages, scene.now.vmemmap_strips
    if view is None or not strips or not _is_page(scene.state.vmemmap) or asked not in (Move.LEFT, Move.RIGHT):
        return None
    frame = view.start + view.frames if asked is Move.RIGHT else view.start - FRAMES_2M
    return frame if strips[0].cell_of(frame) is not None else None


def _as_shown(scene: Scene) -> Scene:
    """The scene with the window that its moment was looked at with: another one may still be on its way."""
    asked = scene.now.request
    state = shown(scene.state.vmemmap, asked.vmemmap_cells, asked.vmemmap_window)
    return scene if state is scene.state.vmemmap else replace(scene, state=replace(scene.state, vmemmap=state))


def _plan(info: RunInfo, state: MapState, width: int, height: int) -> Plan:
    rows = _division(state, width, height).map
    return plan(_ATLAS, state, info, (width, height), rows)


def _division(state: MapState, width: int, height: int) -> Division:
    meanings = _legend(width, height)
    rows = height - _below_rows(state, width, height)
    if state.window is None:
        figures = _ALL_FIGURES if width >= _WIDE else 7
        figures += (1 + vmemmap_costs.ROWS) * _has_tables(state, width, height)
        whole, bare = divide(rows, figures, meanings), divide(rows, figures, meanings, with_strip=False)
        return bare if bare.map and not whole.map else whole
    return divide_zoomed(rows, _zoomed_figures(state, width, height), 0 if _is_page(state) else 1)


def _legend(width: int, height: int) -> int:
    return 2 if width >= _WIDE else 3 if height >= _LOW else 1


def _columns(width: int) -> int:
    """Cells of a section's map in a row."""
    return rounddown_pow_of_two(width - gutter_of(width))


def _brief_rows(width: int, height: int) -> int:
    """Rows of figures above a zoomed map."""
    return _ALL_FIGURES if height >= _FIGURES_FROM and width >= _WIDE else int(height >= _BRIEF_FROM)


def _zoomed_figures(state: MapState, width: int, height: int) -> int:
    return _brief_rows(width, height) + (1 + vmemmap_costs.ROWS) * _has_tables(state, width, height)


def _has_tables(state: MapState, width: int, height: int) -> bool:
    return width >= _PAGE_FROM[0] and height >= (_PAGE_FROM[1] if state.window is None else _SHARING_FROM)


def _below_rows(state: MapState, width: int, height: int) -> int:
    """Rows below the map's legend for the page under the cursor."""
    if _is_page(state) or width < _INSPECTOR_FROM[0]:
        return 0
    if state.window is not None and state.window.frames <= FRAMES_SECTION and height >= _SECTION_FROM:
        used = _zoomed_figures(state, width, height) + _SECTION_HEAD + -(-_SECTION_CELLS // _columns(width)) + 1
        return max(_INSPECTOR_ROWS, height - used - 1)
    if height < _INSPECTOR_FROM[1]:
        return 0
    tall = height >= _SHARING_FROM and state.cursor is not None
    return _SHARING_ROWS if tall else _INSPECTOR_ROWS


def _below(scene: Scene, width: int, room: int, rows: int, glyphs: Glyphs) -> Rows:
    """The page under the cursor: drawn where there are rows for it, else told."""
    view = scene.now.struct_pages
    if not rows:
        return []
    if view is None:
        return [hints(width, glyphs)]
    if rows >= _SHARING_IN_SECTION:
        return [(), *sharing_rows(view, width, max(rows, room) - 1, glyphs)]
    return inspector_rows(view, width, rows, glyphs)


def _page(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The struct pages of one huge page in the rows there are, and in the last one what freeing it takes."""
    view = scene.now.struct_pages
    if view is None:
        return [()] * height
    told = [cut(restore_row(view, width, glyphs), width, glyphs.more)]
    told += [page_hints(width, glyphs)] * (height > len(view.pages) + len(told) + 1)
    told += legend(_PAGE_KINDS, width, glyphs)[:1] * (height > 2 * len(view.pages) + len(told) + 3)
    gaps: Rows = [()] * (height > len(view.pages) + len(told) + 3)
    rows = diagram(view, width, height - len(told) - 2 * len(gaps), glyphs)
    drawn = [cut(line, width, glyphs.more) for line in rows]
    return [*gaps, *drawn, *gaps, *told]


def _figures(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """All that stands above the map; of a zoomed map one row of it."""
    zoomed = scene.state.vmemmap.window is not None
    if zoomed and _brief_rows(width, height) < _ALL_FIGURES:
        return [brief_row(scene, width, glyphs)] * _brief_rows(width, height)
    rows = figure_rows(scene, width, glyphs)
    if not _has_tables(scene.state.vmemmap, width, height):
        return rows
    return [*rows, (), *vmemmap_costs.tables(scene.now, scene.info.ram_bytes, width, vmemmap_costs.ROWS, glyphs)]


def _history(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    series = scene.history.series("struct_page_saved_bytes")
    most = format_bytes(largest(series))
    return strip(series, scene.axis, "given back", most, width, height, glyphs, Token.SHARED)


def _leaf(scene: Scene) -> str:
    """How the vmemmap of the section is mapped, for the strip of a section."""
    view = scene.now.struct_pages
    if view is None or not _is_page(scene.state.vmemmap):
        return ""
    return "PTE-mapped" if view.table_frames else "one 2M leaf"


def _trail(scene: Scene, width: int, glyphs: Glyphs) -> Row:
    """Machine, node and zone, section and page: as far down as the window is small."""
    state, view = scene.state.vmemmap, scene.now.struct_pages
    if state.window is None:
        return ()
    steps: list[tuple[str, MapState | None]] = [("vmemmap", MapState(None, state.cursor))]
    if view is None:
        return cut(trail([*steps, (window_words(state), None)], _ATLAS.field, width, glyphs), width, glyphs.more)
    steps.append((f"node {view.node} {view.zone}", MapState(None, state.cursor)))
    if state.window.frames <= FRAMES_SECTION:
        section = MapState(window_at(view.section_start, FRAMES_SECTION), state.cursor)
        steps.append((f"section {view.section}", section))
    what = page_words(view, glyphs) if _is_page(state) else view.kind.value
    first, _, rest = what.partition(", ")
    steps.append((f"{first}, pfn {view.start:#x}{', ' if rest else ''}{rest}", None))
    return cut(trail(steps, _ATLAS.field, width, glyphs), width, glyphs.more)


PANEL = Panel(
    name="vmemmap",
    title="vmemmap",
    tab="vmemmap",
    draw=draw,
    request=request,
    move=move,
    point=point,
    wheel=Wheel(Move.ZOOM_IN, Move.ZOOM_OUT),
    aim=aim,
    help=(
        "Every 4 KiB frame of RAM has a struct page of 64 bytes: 1.56 % of the machine. A huge page has hundreds or "
        "thousands of them, nearly all alike. With vm.hugetlb_optimize_vmemmap=1 a huge page that enters the pool "
        "keeps one frame of struct pages and gives the rest back: 7 of 8 frames for 2 MiB, 4095 of 4096 for 1 GiB.\n\n"
        "The first line is what struct pages would cost and what they cost now, in bytes and percent of RAM "
        "(/proc/vmstat: nr_memmap_pages and nr_memmap_boot_pages). Split tables are page tables of vmemmap's own 2 MiB "
        "leaves, one per section of 128 MiB, kept for ever. Before an optimised page can be freed it needs its frames "
        "back; 'to free all' says how much that is for the whole pool, and whether the allocator could hand it over in "
        "one go, without reclaim; where it could not, how much is short. Pages can then still go one by one, as each "
        "that is freed pays for the next. The pool is that of the default size, as /proc/meminfo has it.\n\n"
        "Enlarged, a table says by size of page how many there are, plain and optimised, how much RAM they are, what "
        "their struct pages take (in bytes, and in percent of that RAM), what was given back, and what one page keeps; "
        "the last line is what it all saves, less the page tables. Beside it stands what each node needs first and "
        "what it has; frames may come from other nodes too. The strip is what was given back over time.\n\n"
        "In the map each cell stands for the struct pages of that stretch of physical memory; the caption says how "
        "much. Arrows, or a click, put a cursor on it; n goes to the next run of optimised pages; ] and [, or the "
        "wheel, zoom from the machine to a section, to one huge page and back, and the right button goes back out. "
        "Above a zoomed map stand where it is, and the levels above it, with [ ] around the part that shows below; "
        "a click there goes to it.\n\n"
        "Of a huge page its vmemmap pages are drawn, a row each: the struct pages they hold, and the frame they are "
        "mapped to. Those that share one frame bend to it; beside them stands the frame that boot gave them and who "
        "holds that now (a free one with the order of its block). Left and right go to the pages beside it, up and "
        "down to other sections. The last line is what freeing this page needs first, and whether it could be had."
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
        "Hugepagesize",
        "Hugetlb",
    ),
)
"""Struct pages."""
