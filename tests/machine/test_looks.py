"""What can be told of one frame, and maps of a part of RAM."""

from __future__ import annotations

from memtui.machine.config import KernelConfig, MachineConfig
from memtui.machine.machine import Machine
from memtui.snapshot import DirectMapCell, FrameKind, MapRequest, MapWindow, VmemmapCell
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, PAGE_BYTES


def small(**kernel: bool) -> Machine:
    return Machine(MachineConfig(ram_bytes=8 * GIB, nodes=1, kernel=KernelConfig(**kernel)))


def pool_page(machine: Machine) -> int:
    return next(start for owner, start, _ in machine.hugetlb.claims())


def test_a_frame_knows_its_leaf_and_its_owner() -> None:
    machine = small()
    machine.hugetlb.set_nr_hugepages(1)
    page = pool_page(machine)
    seen = machine.observe(MapRequest(direct_map_frame=page + 3)).frame
    assert seen is not None
    assert (seen.frame, seen.kind, seen.owner, seen.permission) == (page + 3, FrameKind.HUGETLB, "hugetlb", "rw")
    assert seen.owner_start <= page
    assert seen.leaf_start % seen.leaf_frames == 0


def test_a_secret_page_is_not_present_in_a_leaf_of_its_own() -> None:
    machine = small()
    machine.secretmem.touch(machine.secretmem.create(PAGE_BYTES), 1)
    frame = next(start for owner, start, _ in machine.secretmem.claims() if owner.kind is FrameKind.SECRET)
    seen = machine.observe(MapRequest(direct_map_frame=frame)).frame
    assert seen is not None
    assert (seen.leaf, seen.leaf_start, seen.leaf_frames, seen.permission) == ("4K", frame, 1, "not present")


def test_there_is_nothing_to_tell_of_a_hole() -> None:
    machine = small()
    hole = 3 * FRAMES_1G + 5
    request = MapRequest(direct_map_frame=hole, vmemmap_frame=hole)
    assert machine.observe(request).frame is None
    assert machine.observe(request).struct_pages is None
    assert machine.observe(MapRequest(direct_map_frame=1 << 50)).frame is None


def test_an_optimised_page_shares_one_frame_and_says_who_has_the_7_others() -> None:
    machine = small(hugetlb_optimize_vmemmap=True)
    machine.hugetlb.set_nr_hugepages(64)
    page = pool_page(machine)
    seen = machine.observe(MapRequest(vmemmap_frame=page + FRAMES_2M - 1)).struct_pages
    assert seen is not None
    assert (seen.start, seen.frames, seen.optimised, seen.restore_frames) == (page, FRAMES_2M, True, 7)
    assert len({each.frame for each in seen.pages}) == 1
    assert [each.shared for each in seen.pages] == [False] + [True] * 7
    assert all(each.frame != each.boot_frame for each in seen.pages)
    assert seen.table_frames == 1
    assert seen.blocks.count(VmemmapCell.SHARED) >= 1


def test_a_restored_page_has_frames_of_its_own_again() -> None:
    machine = small(hugetlb_optimize_vmemmap=True)
    machine.hugetlb.set_nr_hugepages(8)
    page = pool_page(machine)
    machine.hugetlb.set_nr_hugepages(0)
    seen = machine.observe(MapRequest(vmemmap_frame=page)).struct_pages
    assert seen is not None
    held = {
        frame for owner, start, frames in machine.memmap.claims() for frame in range(start, start + min(frames, 99))
    }
    assert not seen.optimised
    assert len({each.frame for each in seen.pages}) == 8
    assert {each.frame for each in seen.pages} <= held
    assert not any(each.shared for each in seen.pages)


def test_a_1g_page_shares_with_its_head_wherever_one_looks() -> None:
    machine = small(hugetlb_optimize_vmemmap=True)
    assert machine.hugetlb.set_nr_hugepages(1, FRAMES_1G).after == 1
    page = pool_page(machine)
    seen = machine.observe(MapRequest(vmemmap_frame=page + FRAMES_1G // 2)).struct_pages
    assert seen is not None
    assert (seen.start, seen.frames, seen.restore_frames) == (page, FRAMES_1G, 4095)
    assert len({each.frame for each in seen.pages}) == 1


def test_a_map_of_a_part_shows_that_part_alone() -> None:
    machine = small()
    machine.secretmem.touch(machine.secretmem.create(PAGE_BYTES), 1)
    frame = next(start for owner, start, _ in machine.secretmem.claims() if owner.kind is FrameKind.SECRET)
    block = frame - frame % FRAMES_2M
    window = MapWindow(block, FRAMES_2M)
    cells = machine.observe(MapRequest(direct_map_cells=FRAMES_2M, direct_map_window=window)).direct_map_cells
    assert cells is not None
    assert (len(cells.cells), cells.cell_bytes) == (FRAMES_2M, PAGE_BYTES)
    assert cells.cells.count(DirectMapCell.NOT_PRESENT) == 1
    assert cells.cells.count(DirectMapCell.LEAF_4K) == FRAMES_2M - 1
    assert cells.frame_of(frame - block) == frame
    assert cells.cell_of(frame) == frame - block


def test_cells_and_frames_agree_across_the_hole_below_4_gib() -> None:
    cells = small().observe(MapRequest(direct_map_cells=100)).direct_map_cells
    assert cells is not None
    assert [cells.cell_of(cells.frame_of(cell)) for cell in range(len(cells.cells))] == list(range(len(cells.cells)))
    assert cells.cell_of(3 * FRAMES_1G) is None
