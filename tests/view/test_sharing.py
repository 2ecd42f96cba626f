"""The struct pages of one huge page, drawn."""

from __future__ import annotations

from functools import cache

import pytest

from memtui.machine.config import KernelConfig, MachineConfig
from memtui.machine.machine import Machine
from memtui.snapshot import MapRequest, StructPagesView
from memtui.units import FRAMES_1G, FRAMES_2M, GIB
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels.sharing import diagram, inspector_rows, page_words, sharing_rows


@cache
def seen(count: int, page_frames: int = FRAMES_2M, *, on: bool = True) -> StructPagesView:
    kernel = KernelConfig(hugetlb_optimize_vmemmap=on)
    return view_of(Machine(MachineConfig(ram_bytes=8 * GIB, nodes=1, kernel=kernel)), count, page_frames)


def view_of(machine: Machine, count: int, page_frames: int = FRAMES_2M) -> StructPagesView:
    machine.hugetlb.set_nr_hugepages(count, page_frames)
    page = next(start for _, start, _ in machine.hugetlb.claims())
    view = machine.observe(MapRequest(vmemmap_frame=page)).struct_pages
    assert view is not None
    return view


def drawn(view: StructPagesView, width: int = 100) -> list[str]:
    return plain(sharing_rows(view, width, 12, UNICODE)).split("\n")


def test_an_optimised_page_is_drawn_as_8_pages_that_bend_to_one_frame() -> None:
    lines = drawn(seen(64))
    assert lines[0].endswith("hugetlb, 2 MiB  shared tails  vmemmap: PTE-mapped, one page table")
    assert lines[1].startswith("struct pages         vmemmap page   frame        boot gave it  now held by")
    assert drawn(seen(64), 116)[1].endswith("given back: 7 frames = 28.0 KiB")
    assert lines[2].startswith("head, tails 1-63     0 ▓ ─────┬───▸ 0x")
    assert [line[21:31] for line in lines[3:9]] == [f"{page} ░ ─────┤"[:10] for page in range(1, 7)]
    assert "7 ░ ─────┘" in lines[9]
    assert [line.split()[-1] for line in lines[2:10]] == ["lists"] * 8
    assert lines[-1].startswith("to free this page: 7 frames (28.0 KiB) on node 0 first; available now: yes ✓ (7")


def test_reserve_2_keeps_the_head_apart_and_6_pages_bend_to_the_second() -> None:
    kernel = KernelConfig(hugetlb_optimize_vmemmap=True, hugetlb_vmemmap="reserve-2")
    lines = drawn(view_of(Machine(MachineConfig(ram_bytes=8 * GIB, nodes=1, kernel=kernel)), 64))
    assert lines[2].startswith("head, tails 1-63     0 ▓ ─────────▸ 0x")
    assert lines[3].startswith("tails 64-127         1 ▓ ─────┬───▸ 0x")
    assert sum("as at boot" in line for line in lines) == 2
    assert "to free this page: 6 frames" in lines[-1]


def test_frames_given_back_say_what_free_block_they_are_part_of() -> None:
    view = seen(64)
    pages = tuple(page._replace(boot_owner="", boot_order=page.page) for page in view.pages)
    lines = drawn(view._replace(pages=pages))
    assert lines[5].endswith("  free (order 3)")
    assert pages[1].boot_order == 1


def test_what_is_missing_to_free_a_page_is_said() -> None:
    view = seen(64)._replace(restore_possible=False, available_frames=3, node_available_frames=0)
    assert drawn(view, 116)[-1].endswith("available now: no (12.0 KiB in all, 16.0 KiB short)")


def test_with_room_the_pages_stand_apart_along_the_line_that_joins_them() -> None:
    lines = plain(diagram(seen(64), 100, 16 + 1, UNICODE)).split("\n")
    assert len(lines) == 16
    assert {line[30] for line in lines[2::2]} == {"│"}
    assert (
        len({line.index("┬") for line in lines if "┬" in line} | {line.index("┘") for line in lines if "┘" in line})
        == 1
    )


def test_a_plain_page_has_8_frames_as_at_boot() -> None:
    lines = drawn(seen(64, on=False))
    assert "a frame for every page" in lines[0]
    assert "one 2M leaf" in lines[0]
    assert sum("as at boot" in line for line in lines) == 8
    assert lines[-1] == "to free this page: nothing is needed first"


def test_a_1g_page_says_what_its_4088_other_vmemmap_pages_do() -> None:
    lines = drawn(seen(1, FRAMES_1G))
    assert "… 4 088 more vmemmap pages: all share the frame of vmemmap page 0" in lines
    assert lines[-1].startswith("to free this page: 4 095 frames (16.0 MiB)")


def test_the_page_in_a_few_words() -> None:
    words = plain(inspector_rows(seen(64), 120, 2, UNICODE))
    assert "hugetlb 2 MiB page, in the pool, reserve-1" in words
    assert "to free this page: 7 frames" in words
    assert plain(inspector_rows(seen(64), 60, 2, UNICODE)).split("\n")[0].endswith("… 2 more")
    assert page_words(seen(64, on=False), UNICODE) == "hugetlb 2 MiB page, in the pool, not optimised"


@pytest.mark.parametrize("width", [36, 40, 56, 64, 76, 116])
@pytest.mark.parametrize("height", [1, 4, 8, 12, 24])
def test_no_row_is_wider_than_the_panel_and_ascii_stays_ascii(width: int, height: int) -> None:
    rows = sharing_rows(seen(8), width, height, ASCII)
    assert len(rows) <= height
    assert all(row_width(line) == width for line in rows)
    assert plain(rows).isascii()


def test_pages_without_room_are_counted() -> None:
    assert plain(diagram(seen(8), 76, 5, UNICODE)).split("\n")[-1] == "… 4 more vmemmap pages"
