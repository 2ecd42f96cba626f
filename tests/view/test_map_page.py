"""Zooming all the way in both maps, at any size of machine and of screen; and what stands above a zoomed map."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from memtui.scenario import load_text
from memtui.snapshot import CellMap, MapWindow
from memtui.sources.simulation import Simulation
from memtui.timeline import Timeline
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, PAGE_BYTES, SECOND, TIB
from memtui.view.catalogue import panel
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels.map_page import Atlas, plan, strip_clicked, trail
from memtui.view.scene import Drawing, Scene
from memtui.view.state import START, WHOLE, MapState, Move, ViewState
from memtui.view.tokens import DIRECT_MAP_TOKENS, Token
from tests.fake_source import FakeSource

SCENARIO = """
machine: {{like: {machine}, kernel: {{hugetlb_optimize_vmemmap: true}}}}
timeline:
  - {{at: 1s, nr_hugepages: 512}}
  - {{at: 2s, label: keys, memfd_secret: {{size: 64KiB}}}}
"""
SIZES = [(116, 34), (196, 54), (76, 19), (65, 20), (56, 13), (40, 10)]
"""Insides of panels: enlarged at the four sizes, and among others."""
ATLAS = Atlas("direct_map", (FRAMES_1G, FRAMES_2M), {FRAMES_1G: "GiB"}, 1, DIRECT_MAP_TOKENS)


@cache
def simulation(machine: str) -> Simulation:
    made = Simulation(load_text(SCENARIO.format(machine=machine)))
    made.advance(3 * SECOND)
    return made


class Looking:
    """Someone looks at one panel of some size."""

    def __init__(self, machine: str, name: str, width: int, height: int) -> None:
        self._source, self._panel = simulation(machine), panel(name)
        self._size = width, height
        self.scene = self._see(START)

    def _see(self, state: ViewState) -> Scene:
        wanted = self._panel.request
        assert wanted is not None
        now = self._source.snapshot(wanted(self._source.info, state, *self._size), events=False)
        history = Timeline()
        history.append(now)
        return Scene(self._source.info, now, history, self._source.events, state)

    def press(self, move: Move) -> bool:
        """Whether anything changed."""
        mover, before = self._panel.move, self.scene.state
        assert mover is not None
        self.scene = self._see(mover(self.scene, move, *self._size))
        return self.scene.state != before

    def click(self, x: int, y: int) -> None:
        pointer = self._panel.point
        assert pointer is not None
        self.scene = self._see(pointer(self.scene, x, y, *self._size))

    @property
    def where(self) -> MapState:
        state = self.scene.state
        return state.direct_map if self._panel.name == "direct-map" else state.vmemmap

    def draw(self, glyphs: object = UNICODE) -> Drawing:
        return self._panel.draw(self.scene, *self._size, glyphs)

    def lines(self) -> list[str]:
        return plain(self.draw().rows).split("\n")

    def check(self) -> None:
        """The page fits, says what a cell is, and has a cursor; in ASCII too."""
        width, height = self._size
        for glyphs in (UNICODE, ASCII):
            drawing = self.draw(glyphs)
            assert len(drawing.rows) <= height
            assert max(row_width(line) for line in drawing.rows) <= width
            assert "1 cell" in drawing.caption or "1 row" in drawing.caption
            assert glyphs is UNICODE or plain(drawing.rows).isascii()
        tokens = [span.token for line in self.draw().rows for span in line]
        assert Token.CURSOR in tokens or "1 row" in self.draw().caption


@pytest.mark.parametrize("name", ["direct-map", "vmemmap"])
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("machine", ["vm-8g", "server-64t"])
def test_zooming_goes_all_the_way_and_back_with_the_cursor_in_sight(
    machine: str, name: str, width: int, height: int
) -> None:
    looking = Looking(machine, name, width, height)
    looking.press(Move.NEXT)
    cursor = looking.where.cursor
    assert cursor is not None
    looking.check()
    sizes = []
    while looking.press(Move.ZOOM_IN):
        looking.check()
        window = looking.where.window
        assert window is not None
        assert window.start <= cursor < window.start + window.frames
        assert looking.where.cursor == cursor
        sizes.append(window.frames)
    cells = looking.scene.now.direct_map_cells
    assert sizes[-1] == FRAMES_2M or (cells is not None and cells.cell_bytes == PAGE_BYTES)
    assert cells is None or cells.cell_bytes == PAGE_BYTES
    back = []
    while looking.press(Move.ZOOM_OUT):
        looking.check()
        back.append(looking.where.window)
    assert back.pop() is None
    assert [window.frames for window in back if window is not None] == sizes[-2::-1]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_huge_page_has_its_8_vmemmap_pages_drawn_at_every_size(width: int, height: int) -> None:
    looking = Looking("vm-8g", "vmemmap", width, height)
    looking.press(Move.NEXT)
    while looking.press(Move.ZOOM_IN):
        pass
    lines = looking.lines()
    assert sum(" ░ " in line and ("┤" in line or "┘" in line) for line in lines) == 7
    assert any("▓ " in line and "┬" in line for line in lines)
    assert any("to free" in line for line in lines)
    assert any("hugetlb 2 MiB page" in line for line in lines)


@pytest.mark.parametrize("name", ["direct-map", "vmemmap"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_next_goes_round_all_places_at_every_size(name: str, width: int, height: int) -> None:
    looking = Looking("server-64t", name, width, height)
    seen: list[int | None] = []
    while looking.where.cursor not in seen:
        seen.append(looking.where.cursor)
        looking.press(Move.NEXT)
    assert len(seen) > 2
    assert looking.where.cursor == seen[1]


def test_beside_a_huge_page_stands_the_next_one_and_a_section_further_one_of_that() -> None:
    looking = Looking("vm-8g", "vmemmap", 116, 34)
    looking.press(Move.NEXT)
    while looking.press(Move.ZOOM_IN):
        pass
    first = looking.where.cursor
    assert first is not None
    looking.press(Move.RIGHT)
    assert looking.where == MapState(MapWindow(first + FRAMES_2M, FRAMES_2M), first + FRAMES_2M)
    looking.press(Move.LEFT)
    assert looking.where.cursor == first
    looking.press(Move.DOWN)
    assert looking.where.cursor is not None
    assert looking.where.cursor > first + FRAMES_2M


def test_the_levels_above_stand_above_a_zoomed_map_from_the_machine_down() -> None:
    looking = Looking("server-64t", "direct-map", 196, 54)
    looking.press(Move.NEXT)
    while looking.press(Move.ZOOM_IN):
        pass
    lines = looking.lines()
    names = ("machine ", "16.0 TiB", "1.00 TiB", "GiB ")
    strips = [next(line for line in lines if line.startswith(name) and "[" in line) for name in ("machine ", "GiB ")]
    assert all(line.count("[") == line.count("]") == 1 for line in strips)
    assert sum("[" in line and "]" in line and " 1 cell " in line for line in lines) >= len(names) - 1


def test_a_trail_leaves_its_first_steps_out_where_it_is_too_long() -> None:
    crumbs = [("direct map", WHOLE), ("GiB 31", WHOLE), ("pfn 0x7c41f3", None)]
    assert plain([trail(crumbs, "direct_map", 60, UNICODE)]) == "direct map › GiB 31 › pfn 0x7c41f3"
    assert plain([trail(crumbs, "direct_map", 26, UNICODE)]) == "… GiB 31 › pfn 0x7c41f3"
    assert plain([trail(crumbs, "direct_map", 10, ASCII)]) == "pfn 0x7c41f3"
    assert [span.action for span in trail(crumbs, "direct_map", 60, UNICODE)][::2] == [
        "look:direct_map:-:-:-",
        "look:direct_map:-:-:-",
        "",
    ]


def test_a_strip_is_clicked_where_its_cells_are_drawn() -> None:
    info = FakeSource().info
    state = MapState(MapWindow(16 * FRAMES_1G, FRAMES_1G), 16 * FRAMES_1G)
    page = plan(ATLAS, state, info, (116, 34), 12)
    strip = CellMap(bytes([1]) * 64, GIB, (), ((0, 64 * FRAMES_1G),))
    assert page.strips == (None,)
    for column, gib in ((9, 0), (9 + 15, 15), (9 + 16, 16), (9 + 17, 16), (9 + 18, 16), (9 + 19, 17), (9 + 65, 63)):
        found = strip_clicked(page, state, (strip,), column, page.crumbs)
        assert found.window == MapWindow(gib * FRAMES_1G, FRAMES_1G), column
    assert strip_clicked(page, state, (strip,), 9 + 66, page.crumbs) == state
    assert strip_clicked(page, state, (strip,), 3, page.crumbs) == state
    assert strip_clicked(page, state, (strip,), 20, 0) == state


@pytest.mark.parametrize("rows", range(1, 40))
@pytest.mark.parametrize("width", [30, 56, 76, 116, 196])
def test_a_plan_keeps_to_its_rows(width: int, rows: int) -> None:
    info = FakeSource().info
    for state in (WHOLE, MapState(MapWindow(0, FRAMES_1G)), MapState(MapWindow(512, FRAMES_2M))):
        page = plan(ATLAS, state, info, (width, rows + 6), rows)
        assert page.head + page.rows == rows
        assert page.rows >= 1
        assert page.cells >= 1
    assert info.ram_bytes < TIB


@pytest.mark.parametrize("name", ["direct-map", "vmemmap"])
def test_a_window_that_is_still_on_its_way_is_not_claimed_of_the_one_that_shows(name: str) -> None:
    looking = Looking("vm-8g", name, 116, 34)
    whole = looking.lines()
    asked = MapState(MapWindow(4 * FRAMES_1G, FRAMES_2M), None)
    state = ViewState(direct_map=asked, vmemmap=asked)
    looking.scene = replace(looking.scene, state=state)
    assert looking.lines() == whole
    assert "pfn" not in looking.draw().caption
