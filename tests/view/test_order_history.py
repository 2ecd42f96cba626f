"""Free blocks by order over time."""

from __future__ import annotations

from dataclasses import replace

from memtui.snapshot import ZoneView
from memtui.timeline import Timeline
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import UNICODE
from memtui.view.panels.order_history import Blocks, order_history
from memtui.view.scene import Scene
from tests.fake_source import FakeSource
from tests.snapshots import snapshot


def moment(time_ns: int, *blocks: int) -> tuple[ZoneView, ...]:
    return tuple(ZoneView(node, "Normal", 9, 9, 1, 2, 3, 9, blocks) for node in range(2))


def scene(*counts: tuple[int, ...]) -> Scene:
    timeline = Timeline()
    for time_ns, blocks in enumerate(counts):
        timeline.append(replace(snapshot(time_ns), zones=moment(time_ns, *blocks)))
    now = timeline.current
    assert now is not None
    return Scene(FakeSource().info, now, timeline)


def test_blocks_are_those_of_all_zones() -> None:
    now = scene((3, 4, 5)).now
    assert [Blocks(order)(now) for order in range(4)] == [6, 8, 10, None]


def test_a_row_per_order_and_how_many_there_are_now() -> None:
    shown = scene((0, 8, 1000), (4, 0, 1), (4, 0, 1), (4, 0, 1), (500, 0, 1))
    lines = plain(order_history(shown, 50, 8, UNICODE)).split("\n")
    assert lines[0] == "free blocks by order, log scale" + " " * 16 + "now"
    assert lines[1].endswith("▇  1.0k")
    assert lines[1][4:13] == " " * 9
    assert lines[2].split()[0] == "1"
    assert lines[2].endswith("0")
    assert lines[3].startswith("  2 █████")
    assert lines[3].endswith("     2")


def test_small_orders_go_first_where_there_are_too_few_rows() -> None:
    rows = order_history(scene((1, 2, 3, 4, 5, 6)), 50, 4, UNICODE)
    lines = plain(rows).split("\n")
    assert lines[0].startswith("free blocks, orders 3 to 5, log scale")
    assert [line.split()[0] for line in lines[1:]] == ["3", "4", "5"]
    assert {row_width(line) for line in rows} == {50}


def test_too_few_rows_draw_nothing() -> None:
    assert order_history(scene((1, 2, 3)), 50, 3, UNICODE) == []
