"""The struct pages of one huge page, drawn."""

from __future__ import annotations

import pytest

from memtui.machine.config import KernelConfig, MachineConfig
from memtui.machine.machine import Machine
from memtui.snapshot import MapRequest, StructPagesView
from memtui.units import FRAMES_1G, FRAMES_2M, GIB
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels.sharing import sharing_rows


def seen(count: int, page_frames: int = FRAMES_2M, *, on: bool = True) -> StructPagesView:
    machine = Machine(MachineConfig(ram_bytes=8 * GIB, nodes=1, kernel=KernelConfig(hugetlb_optimize_vmemmap=on)))
    machine.hugetlb.set_nr_hugepages(count, page_frames)
    page = next(start for _, start, _ in machine.hugetlb.claims())
    view = machine.observe(MapRequest(vmemmap_frame=page)).struct_pages
    assert view is not None
    return view


def drawn(view: StructPagesView, width: int = 100) -> list[str]:
    return plain(sharing_rows(view, width, 20, UNICODE)).split("\n")


def test_an_optimised_page_is_drawn_as_8_pages_that_bend_to_one_frame() -> None:
    lines = drawn(seen(64))
    assert "shared tails" in lines[0]
    assert "PTE-mapped, one page table" in lines[1]
    assert lines[3].startswith("head, tails 1-63     0 ▓ ─────┐────▸ 0x")
    assert [line[21:31] for line in lines[4:10]] == [f"{page} ░ ─────┤"[:10] for page in range(1, 7)]
    assert "7 ░ ─────┘" in lines[10]
    assert sum("boot frame 0x" in line for line in lines) == 8
    assert lines[-1].startswith("to free it: 7 frames (28.0 KiB) on node 0 first; there now: yes")


def test_a_plain_page_has_8_frames_as_at_boot() -> None:
    lines = drawn(seen(64, on=False))
    assert "a frame for every page" in lines[0]
    assert "one 2M leaf" in lines[1]
    assert sum("as at boot" in line for line in lines) == 8
    assert lines[-1] == "to free it: nothing is needed first"


def test_a_1g_page_says_what_its_4088_other_vmemmap_pages_do() -> None:
    lines = drawn(seen(1, FRAMES_1G))
    assert "… 4 088 more vmemmap pages: all share the first frame" in lines
    assert lines[-1].startswith("to free it: 4 095 frames (16.0 MiB)")


@pytest.mark.parametrize("width", [40, 64, 76, 116])
def test_no_row_is_wider_than_the_panel_and_ascii_stays_ascii(width: int) -> None:
    rows = sharing_rows(seen(8), width, 12, ASCII)
    assert len(rows) == 12
    assert all(row_width(line) == width for line in rows)
    assert plain(rows).isascii()
