"""What is told of the frame under a cursor, and how keys and clicks of the map panels get there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.scenario import load_text
from memtui.snapshot import DirectMapCell, Event, FrameKind, FrameView, MapWindow
from memtui.sources.simulation import Simulation
from memtui.timeline import Timeline
from memtui.units import FRAMES_1G, SECOND
from memtui.view.catalogue import panel
from memtui.view.cells import plain
from memtui.view.dashboard import map_request
from memtui.view.glyphs import UNICODE
from memtui.view.layout import lay_out
from memtui.view.panels.inspector import inspector_rows
from memtui.view.scene import Scene
from memtui.view.state import START, Move, ViewState
from memtui.view.zoom import looked

SECRET = FrameView(
    frame=0x7C41F3,
    node=0,
    zone="Normal",
    leaf="4K",
    leaf_start=0x7C41F3,
    leaf_frames=1,
    permission="not present",
    kind=FrameKind.SECRET,
    owner="secretmem",
    owner_start=0x7C41F0,
    owner_frames=16,
    split_by="memfd_secret keys",
    split_event=7,
    split_ns=10_020_000_000,
)
WIDTH, HEIGHT = 116, 35
SCENARIO = """
machine: {ram: 8GiB, nodes: 1}
timeline: [{at: 1s, label: keys, memfd_secret: {size: 64KiB}}]
"""


def words(view: FrameView, width: int = 120, height: int = 2) -> str:
    events = [Event(SECOND, "oom", "x", serial=5), Event(10_020_000_000, "memfd_secret", "keys hidden", serial=7)]
    return plain(inspector_rows(view, events, width, height, UNICODE))


def test_a_secret_page_says_leaf_owner_and_who_split_it_when() -> None:
    assert words(SECRET) == (
        "● pfn 0x7c41f3  4K leaf, not present  z secretmem, secret memory (64.0 KiB here)  node 0 Normal\n"
        "split by memfd_secret keys at 10.020s"
    )


def test_with_room_the_event_that_split_it_is_told_and_can_be_clicked() -> None:
    assert words(SECRET, 120, 3).split("\n")[2] == "10.020s memfd_secret: keys hidden  e goes there"
    events = [Event(10_020_000_000, "memfd_secret", "keys hidden", serial=7)]
    spans = [span for line in inspector_rows(SECRET, events, 120, 3, UNICODE) for span in line]
    assert {span.action for span in spans if span.action} == {"event:7"}
    assert inspector_rows(SECRET, [], 120, 3, UNICODE)[-1][-1].text == " at 10.020s"


def test_an_untouched_leaf_says_so_with_its_range() -> None:
    plain_view = SECRET._replace(
        leaf="2M",
        leaf_start=0x7C4000,
        leaf_frames=512,
        permission="rw",
        kind=FrameKind.FREE,
        owner="",
        split_by="",
        split_event=0,
    )
    assert "2M leaf 0x7c4000-0x7c41ff, rw" in words(plain_view)
    assert "B free, 64.0 KiB around it" in words(plain_view)
    assert "as boot mapped it" in words(plain_view)


def test_one_row_says_leaf_permission_and_owner() -> None:
    assert words(SECRET, 60, 1) == "● 4K not present  z secretmem, secret memory (64.0 KiB here)"
    assert words(SECRET, 30, 1) == "● 4K not present  z secretmem…"


def test_what_has_no_room_is_counted() -> None:
    assert words(SECRET, 40).split("\n")[-1].endswith("… 3 more")


def seen(simulation: Simulation, state: ViewState) -> Scene:
    layout = lay_out(120, 40, "direct-map", "direct-map")
    now = simulation.snapshot(map_request(simulation.info, state, layout), events=False)
    return Scene(simulation.info, now, Timeline(), simulation.events, state)


def shown(scene: Scene, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    return plain(panel("direct-map").draw(scene, width, height, UNICODE).rows).split("\n")


def pressed(simulation: Simulation, scene: Scene, *moves: Move) -> Scene:
    for asked in moves:
        move = panel("direct-map").move
        assert move is not None
        scene = seen(simulation, move(scene, asked, WIDTH, HEIGHT))
    return scene


@pytest.fixture(scope="module")
def secret() -> Simulation:
    simulation = Simulation(load_text(SCENARIO))
    simulation.advance(2 * SECOND)
    return simulation


def test_the_first_key_goes_to_the_split_block_and_zooming_to_the_secret_page(secret: Simulation) -> None:
    scene = pressed(secret, seen(secret, START), Move.RIGHT)
    assert scene.now.frame is not None
    assert "memfd_secret" in scene.now.frame.split_by
    scene = pressed(secret, scene, Move.ZOOM_IN, Move.ZOOM_IN)
    cells = scene.now.direct_map_cells
    assert cells is not None
    assert (scene.state.direct_map.window or MapWindow(0, 0)).frames == 512
    assert cells.cells.count(DirectMapCell.NOT_PRESENT) == 16
    lines = shown(scene)
    trail = next(line for line in lines if line.startswith("direct map"))
    assert trail.startswith("direct map › node 0 Normal › GiB ")
    assert " › 2 MiB block 0x" in trail
    machine, gib = (next(line for line in lines if line.startswith(name)) for name in ("machine ", "GiB "))
    assert machine.count("[") == gib.count("[") == 1
    assert any("●" in line for line in lines)
    scene = pressed(secret, scene, Move.ZOOM_OUT, Move.ZOOM_OUT)
    assert scene.state.direct_map.window is None


def test_the_key_of_the_inspector_chooses_the_event_that_split_the_leaf(secret: Simulation) -> None:
    scene = pressed(secret, seen(secret, START), Move.RIGHT)
    assert scene.now.frame is not None
    followed = pressed(secret, scene, Move.FOLLOW)
    assert followed.state.event == scene.now.frame.split_event > 0
    assert pressed(secret, seen(secret, START), Move.FOLLOW).state.event == 0


def test_a_click_puts_the_cursor_where_it_is_drawn(secret: Simulation) -> None:
    point = panel("direct-map").point
    assert point is not None
    scene = seen(secret, START)
    y = next(number for number, line in enumerate(shown(scene)) if line.startswith("     0 B "))
    scene = seen(secret, point(scene, 30, y, WIDTH, HEIGHT))
    assert shown(scene)[y][30] == "●"
    assert point(scene, 3, y, WIDTH, HEIGHT) == scene.state


def test_a_click_in_a_strip_shows_that_part_below_it(secret: Simulation) -> None:
    point = panel("direct-map").point
    assert point is not None
    scene = pressed(secret, seen(secret, START), Move.RIGHT, Move.ZOOM_IN)
    y = next(number for number, line in enumerate(shown(scene)) if line.startswith("machine "))
    scene = seen(secret, point(scene, 9, y, WIDTH, HEIGHT))
    assert scene.state.direct_map.window == MapWindow(0, FRAMES_1G)
    assert shown(scene)[y].startswith("machine  [")
    assert point(scene, 2, y, WIDTH, HEIGHT) == scene.state


def test_clicks_on_legend_and_trail_look_where_they_say(secret: Simulation) -> None:
    scene = pressed(secret, seen(secret, START), Move.RIGHT, Move.ZOOM_IN, Move.ZOOM_IN)
    spans = [span for line in panel("direct-map").draw(scene, WIDTH, HEIGHT, UNICODE).rows for span in line]

    def clicked(words: str) -> ViewState:
        state = looked(next(span.action for span in spans if span.text == words), scene.state)
        assert state is not None
        return state

    assert clicked("direct map").direct_map.window is None
    gib = clicked(next(span.text for span in spans if span.text.startswith("GiB ") and span.action))
    assert gib.direct_map.window is not None
    assert gib.direct_map.window.frames == FRAMES_1G
    absent = clicked(" not present").direct_map
    told = seen(secret, replace(scene.state, direct_map=absent)).now.frame
    assert told is not None
    assert told.permission == "not present"
