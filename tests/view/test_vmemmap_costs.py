"""The tables of what struct pages cost and what freeing huge pages takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.snapshot import MapRequest, NodeRestore, PageSizeCost, VmemmapCosts
from memtui.timeline import Timeline
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, SECOND
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels.vmemmap_costs import cost_table, restore_table, tables
from memtui.view.panels.vmemmap_figures import figure_rows
from memtui.view.scene import Scene
from tests.fake_source import FakeSource, snapshot_at

NOW = snapshot_at(3 * SECOND, MapRequest(vmemmap_costs=True))
"""10 240 optimised pages of 2 MiB: 280 of 320 MiB given back, 160 tables."""


def costs(*nodes: tuple[int, int]) -> VmemmapCosts:
    """(needed, available) of each node."""
    restore = tuple(NodeRestore(number, *node) for number, node in enumerate(nodes))
    sizes = (PageSizeCost(FRAMES_2M, 0, 1, 8, 1), PageSizeCost(FRAMES_1G, 0, 0, 4096, 1))
    return VmemmapCosts(sizes, restore, sum(available for _, available in nodes))


def words(told: VmemmapCosts, height: int = 8, width: int = 60) -> list[str]:
    return plain(restore_table(told, width, height, UNICODE)).split("\n")


def test_10_240_optimised_pages_keep_40_of_320_mib_and_save_279_mib_after_tables() -> None:
    assert NOW.vmemmap_costs is not None
    lines = [line.split("  ") for line in plain(cost_table(NOW, NOW.vmemmap_costs, 64 * GIB)).split("\n")]
    told = [[part.strip() for part in line if part.strip()] for line in lines]
    assert told[1][:3] == ["4K, not in pools", "44.0 GiB", "704 MiB"]
    assert told[3][0] == "2M, optimised"
    assert " ".join(" ".join(told[3][1:]).split()) == "10 240 20.0 GiB 40.0 MiB 0.20 % 280 MiB 4.00 KiB"
    assert " ".join(told[6]).split() == ["all", "64.0", "GiB", "744", "MiB", "1.14", "%", "280", "MiB"]
    assert told[7] == ["less 640 KiB of page tables of split leaves: saves 279 MiB, 0.43 % of RAM"]


def test_rows_of_the_table_sum_to_all_struct_pages() -> None:
    assert NOW.vmemmap_costs is not None
    pages = NOW.vmemmap_costs.sizes[0]
    held = pages.optimised_pages * pages.kept_frames
    assert NOW.vmemmap.used_frames - held == (64 - 20) * GIB // 4096 // 64


def test_each_node_says_what_it_needs_and_has() -> None:
    lines = words(costs((256, 25_600), (512, 51_200)))
    assert lines[1:] == ["node 0 1.00 MiB of 100 MiB ✓", "node 1 2.00 MiB of 200 MiB ✓", "available now: yes"]


def test_a_node_that_is_short_takes_from_others() -> None:
    lines = words(costs((512, 256), (256, 25_600)))
    assert lines[1] == "node 0 2.00 MiB of 1.00 MiB 1.00 MiB short"
    assert lines[3] == "available now: yes, 1.00 MiB of it from other nodes"


def test_what_is_missing_on_all_nodes_is_said_and_how_it_goes_all_the_same() -> None:
    lines = words(costs((512, 256), (256, 0)))
    assert lines[3:] == ["available now: no, 2.00 MiB short", "one by one: each page freed pays the next"]
    assert words(costs((512, 0)))[-1] == "reclaim comes first"


def test_the_nodes_with_least_to_spare_show_where_not_all_do() -> None:
    lines = words(costs(*((100, 10_000 * (8 - node)) for node in range(8))), height=7)
    assert [line[:6] for line in lines[1:4]] == ["node 5", "node 6", "node 7"]
    assert lines[4] == "… 5 more nodes, with more to spare"
    assert len(lines) == 6


def test_nothing_to_free_needs_nothing() -> None:
    assert words(costs((0, 5)))[-1] == "nothing is needed first"


@pytest.mark.parametrize("width", [100, 116, 196])
@pytest.mark.parametrize("height", [0, 1, 4, 8])
def test_tables_keep_to_their_space(width: int, height: int) -> None:
    for now in (NOW, replace(NOW, vmemmap_costs=costs((512, 256), (256, 0))), replace(NOW, vmemmap_costs=None)):
        rows = tables(now, 64 * GIB, width, height, UNICODE)
        assert len(rows) == height
        assert max((row_width(line) for line in rows), default=0) <= width
        assert plain(tables(now, 64 * GIB, width, height, ASCII)).isascii()


def test_optimised_pages_that_have_left_the_pool_are_being_freed() -> None:
    emptied = replace(NOW, counters={**NOW.counters, "HugePages_Total": 240, "HugePages_Free": 240})
    told = [plain(figure_rows(Scene(FakeSource().info, now, Timeline()), 60, UNICODE)) for now in (NOW, emptied)]
    assert "being freed" not in told[0]
    assert "pool 240 × 2 MiB  240 free  10 000 being freed" in told[1]
