from __future__ import annotations

import pytest

from memtui.view.catalogue import PANELS
from memtui.view.dashboard import map_request
from memtui.view.layout import Layout, Mode, Place, lay_out, lay_out_alone
from memtui.view.state import START
from tests.fake_source import FakeSource

SIZES = [
    (width, height) for width in (1, 20, 30, 44, 72, 80, 100, 120, 200, 300) for height in (1, 5, 12, 20, 24, 40, 60)
]


def cells_of(place: Place) -> set[tuple[int, int]]:
    return {(x, y) for x in range(place.x, place.x + place.width) for y in range(place.y, place.y + place.height)}


def places(layout: Layout) -> list[Place]:
    return [*layout.lines.values(), *(place for _, place in layout.panels)]


@pytest.mark.parametrize("only", [None, "memory"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_parts_cover_the_screen_without_overlap(width: int, height: int, only: str | None) -> None:
    layout = lay_out(width, height, only, "tlb")
    covered = [cells_of(place) for place in places(layout)]
    together = set().union(*covered)
    assert sum(len(cells) for cells in covered) == len(together)
    if layout.mode is not Mode.LINE:
        assert together == cells_of(Place(0, 0, width, height))


def test_a_screen_of_120x40_shows_everything_at_once() -> None:
    layout = lay_out(120, 40, None, "tlb")
    assert [name for name, _ in layout.panels] == [panel.name for panel in PANELS if panel.name != "proc"]
    assert list(layout.lines) == ["header", "timeline", "footer"]
    assert [layout.place_of(name) for name in ("direct-map", "vmemmap", "tlb", "memory", "events")] == [
        Place(0, 2, 60, 15),
        Place(60, 2, 60, 15),
        Place(0, 17, 60, 14),
        Place(60, 17, 60, 14),
        Place(0, 31, 120, 8),
    ]


def test_a_screen_of_80x24_shows_four_panels_and_two_events() -> None:
    layout = lay_out(80, 24, None, "tlb")
    assert layout.brief_events
    assert layout.place_of("memory") == Place(40, 11, 40, 10)
    assert layout.place_of("events") == Place(0, 21, 80, 2)
    assert not layout.has_frame("events")


def test_a_screen_of_40x12_shows_the_chosen_panel_without_a_frame() -> None:
    layout = lay_out(40, 12, None, "tlb")
    assert layout.panels == (("tlb", Place(0, 2, 40, 10)),)
    assert list(layout.lines) == ["header", "tabs"]
    assert not layout.has_frame("tlb")


def test_below_that_there_is_one_line() -> None:
    assert lay_out(29, 12, None, "tlb").panels == ()
    assert list(lay_out(40, 4, None, "tlb").lines) == ["header"]
    assert lay_out(0, 0, None, "tlb").lines == {}


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
def test_an_enlarged_panel_has_the_screen_to_itself(size: tuple[int, int]) -> None:
    assert [name for name, _ in lay_out(*size, "memory", "tlb").panels] == ["memory"]


def test_narrow_and_tall_screens_have_one_column() -> None:
    layout = lay_out(50, 50, None, "tlb")
    assert {place.x for _, place in layout.panels} == {0}
    assert len(layout.panels) == len(PANELS) - 1


def test_a_screen_of_200x60_has_a_column_for_proc() -> None:
    layout = lay_out(200, 60, None, "tlb")
    assert layout.place_of("proc") == Place(138, 2, 62, 45)
    assert layout.place_of("vmemmap") == Place(69, 2, 69, 23)
    assert layout.place_of("events") == Place(0, 47, 200, 12)


def test_a_panel_alone_fills_the_picture() -> None:
    layout = lay_out_alone(60, 20, "vmemmap")
    assert layout.panels == (("vmemmap", Place(0, 0, 60, 20)),)
    assert layout.lines == {}


def test_maps_are_asked_for_at_the_size_they_are_drawn() -> None:
    info = FakeSource().info
    wide = map_request(info, START, lay_out(120, 40, None, "tlb"))
    assert (wide.direct_map_cells, wide.vmemmap_cells) == (56 * 3 - 4, 56 * 4 - 4)
    assert map_request(info, START, lay_out(80, 24, None, "tlb")).direct_map_cells == 0
    alone = map_request(info, START, lay_out(120, 40, "vmemmap", "tlb"))
    assert alone.direct_map_cells == 0
    assert alone.vmemmap_cells > 700
