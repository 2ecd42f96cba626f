"""What is told of the frame under a cursor, and how keys and clicks of the map panels get there."""

from __future__ import annotations

from memtui.scenario import load_text
from memtui.snapshot import Event, FrameKind, FrameView
from memtui.sources.simulation import Simulation
from memtui.timeline import Timeline
from memtui.units import SECOND
from memtui.view.catalogue import panel
from memtui.view.cells import plain
from memtui.view.dashboard import map_request
from memtui.view.glyphs import UNICODE
from memtui.view.layout import lay_out
from memtui.view.panels.inspector import inspector_rows
from memtui.view.scene import Scene
from memtui.view.state import START, Move, ViewState

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
)
WIDTH, HEIGHT = 116, 35
SCENARIO = """
machine: {ram: 8GiB, nodes: 1}
timeline: [{at: 1s, label: keys, memfd_secret: {size: 64KiB}}]
"""


def words(view: FrameView, width: int = 120) -> str:
    events = [Event(10_020_000_000, "memfd_secret", "split", serial=7)]
    return plain(inspector_rows(view, events, width, UNICODE))


def test_a_secret_page_says_leaf_owner_and_who_split_it_when() -> None:
    assert words(SECRET) == (
        "● pfn 0x7c41f3  4K leaf, not present  z secretmem, secret memory (64.0 KiB here)  node 0 Normal\n"
        "split by memfd_secret keys at 10.020s"
    )


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


def test_what_has_no_room_is_counted() -> None:
    assert words(SECRET, 40).split("\n")[-1].endswith("… 3 more")


def seen(simulation: Simulation, state: ViewState) -> Scene:
    layout = lay_out(120, 40, "direct-map", "direct-map")
    now = simulation.snapshot(map_request(simulation.info, state, layout), events=False)
    return Scene(simulation.info, now, Timeline(), simulation.events, state)


def test_keys_zoom_from_the_machine_to_the_secret_page_and_back() -> None:
    simulation = Simulation(load_text(SCENARIO))
    simulation.advance(2 * SECOND)
    move = panel("direct-map").move
    assert move is not None
    scene = seen(simulation, START)
    cells = scene.now.direct_map_cells
    assert cells is not None
    scene = seen(simulation, move(scene, Move.RIGHT, WIDTH, HEIGHT))
    while b"\x04" not in cells.cells[: (cells.cell_of(scene.state.direct_map.cursor or 0) or 0) + 1]:
        scene = seen(simulation, move(scene, Move.RIGHT, WIDTH, HEIGHT))
    for _ in range(6):
        scene = seen(simulation, move(scene, Move.ZOOM_IN, WIDTH, HEIGHT))
    assert scene.now.frame is not None
    assert scene.state.direct_map.window is not None
    assert scene.state.direct_map.window.frames == 512
    for _ in range(6):
        scene = seen(simulation, move(scene, Move.ZOOM_OUT, WIDTH, HEIGHT))
    assert scene.state.direct_map.window is None


def test_a_click_puts_the_cursor_where_it_is_drawn() -> None:
    simulation = Simulation(load_text(SCENARIO))
    shown = panel("direct-map")
    assert shown.point is not None
    scene = seen(simulation, START)
    drawn = plain(shown.draw(scene, WIDTH, HEIGHT, UNICODE).rows).split("\n")
    y = next(number for number, line in enumerate(drawn) if line.startswith("     0 B "))
    scene = seen(simulation, shown.point(scene, 30, y, WIDTH, HEIGHT))
    redrawn = plain(shown.draw(scene, WIDTH, HEIGHT, UNICODE).rows).split("\n")
    assert redrawn[y][30] == "●"
    assert shown.point(scene, 3, y, WIDTH, HEIGHT) == scene.state
