"""What can be told of one frame, and maps of a part of RAM."""

from __future__ import annotations

from memtui.machine.config import KernelConfig, MachineConfig
from memtui.machine.direct_map import Perm
from memtui.machine.machine import Machine
from memtui.snapshot import (
    NOWHERE,
    DirectMapCell,
    FrameKind,
    MapRequest,
    MapWindow,
    PageSizeCost,
    StripRequest,
    VmemmapCell,
)
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


def hidden(machine: Machine, pages: int) -> list[int]:
    """Frames of secret memory of so many pages."""
    machine.secretmem.touch(machine.secretmem.create(pages * PAGE_BYTES), pages)
    runs = ((start, frames) for owner, start, frames in machine.secretmem.claims() if owner.kind is FrameKind.SECRET)
    return sorted(frame for start, frames in runs for frame in range(start, start + frames))


def test_no_pages_are_optimised_on_a_machine_as_booted_and_no_places_told_unasked() -> None:
    assert small().observe(MapRequest(places=True)).places.optimised is None
    assert small().observe(MapRequest()).places == NOWHERE


def test_the_next_place_goes_round_all_split_blocks_in_order() -> None:
    machine = small()
    boot = machine.observe(MapRequest(places=True)).places.split
    at_boot = set() if boot is None else {boot}
    blocks = sorted({frame - frame % FRAMES_2M for frame in hidden(machine, 2 * FRAMES_2M)} | at_boot)
    assert len(blocks) >= 3
    seen: list[int | None] = []
    at = None
    for _ in range(len(blocks) + 1):
        at = machine.observe(MapRequest(places=True, direct_map_frame=at)).places.split
        seen.append(at)
    assert seen == [*blocks, blocks[0]]


def test_the_next_run_of_optimised_pages_is_apart_from_the_one_looked_at() -> None:
    machine = Machine(MachineConfig(ram_bytes=8 * GIB, nodes=2, kernel=KernelConfig(hugetlb_optimize_vmemmap=True)))
    machine.hugetlb.set_nr_hugepages(64)
    starts = sorted(start for _, start, _ in machine.hugetlb.claims())
    first = machine.observe(MapRequest(places=True)).places.optimised
    assert first == starts[0]
    other = machine.observe(MapRequest(places=True, vmemmap_frame=first)).places.optimised
    assert other is not None
    assert other > first + FRAMES_2M
    assert any(start <= other < start + 64 * FRAMES_2M for start in starts)
    last = machine.observe(MapRequest(places=True, vmemmap_frame=starts[-1])).places.optimised
    assert last == first


def test_costs_of_64_optimised_2m_pages_and_1_of_1g_on_two_nodes() -> None:
    machine = Machine(MachineConfig(ram_bytes=8 * GIB, nodes=2, kernel=KernelConfig(hugetlb_optimize_vmemmap=True)))
    machine.hugetlb.set_nr_hugepages(64)
    machine.hugetlb.set_nr_hugepages(1, FRAMES_1G, node=1)
    costs = machine.observe(MapRequest(vmemmap_costs=True)).vmemmap_costs
    assert costs is not None
    assert costs.sizes == (PageSizeCost(FRAMES_2M, 0, 64, 8, 1), PageSizeCost(FRAMES_1G, 0, 1, 4096, 1))
    assert [node.needed_frames for node in costs.nodes] == [32 * 7, 32 * 7 + 4095]
    assert sum(node.available_frames for node in costs.nodes) == costs.available_frames
    view = machine.observe(MapRequest()).vmemmap
    assert sum(node.needed_frames for node in costs.nodes) == view.restore_frames
    assert costs.available_frames == view.available_frames
    machine.check()


def test_plain_pages_keep_what_they_have_and_restored_ones_need_nothing() -> None:
    machine = small(hugetlb_optimize_vmemmap=True)
    machine.hugetlb.set_nr_hugepages(8)
    machine.hugetlb.optimize_vmemmap = False
    machine.hugetlb.set_nr_hugepages(12)
    costs = machine.observe(MapRequest(vmemmap_costs=True)).vmemmap_costs
    assert costs is not None
    assert costs.sizes[0] == PageSizeCost(FRAMES_2M, 4, 8, 8, 1)
    machine.hugetlb.set_nr_hugepages(0)
    costs = machine.observe(MapRequest(vmemmap_costs=True)).vmemmap_costs
    assert costs is not None
    assert [node.needed_frames for node in costs.nodes] == [0]
    assert costs.sizes[0] == PageSizeCost(FRAMES_2M, 0, 0, 8, 1)


def test_strips_are_maps_of_the_windows_asked_for() -> None:
    machine = small()
    window = MapWindow(4 * FRAMES_1G, FRAMES_1G)
    strips = (StripRequest(50, None), StripRequest(64, window))
    seen = machine.observe(MapRequest(direct_map_strips=strips, vmemmap_strips=strips[1:]))
    assert [len(cells.cells) for cells in seen.direct_map_strips] == [50, 64]
    assert seen.direct_map_strips[1].ram == (tuple(window),)
    assert [cells.cell_bytes for cells in seen.vmemmap_strips] == [GIB // 64]


def test_a_cell_of_a_window_is_as_round_as_the_window_where_ram_ends_inside_it() -> None:
    window = MapWindow(0, 4 * FRAMES_1G)
    cells = small().observe(MapRequest(direct_map_cells=64, direct_map_window=window)).direct_map_cells
    assert cells is not None
    assert (cells.cell_bytes, len(cells.cells)) == (4 * GIB // 64, 48)


def test_what_is_not_present_is_counted_as_it_comes_and_goes() -> None:
    machine = small()
    secret = machine.secretmem.create(64 * PAGE_BYTES)
    machine.secretmem.touch(secret, 64)
    assert machine.observe(MapRequest()).derived["direct_map_not_present_bytes"] == 64 * PAGE_BYTES
    machine.check()
    machine.secretmem.close(secret)
    assert machine.observe(MapRequest()).derived["direct_map_not_present_bytes"] == 0
    machine.check()


def test_a_whole_leaf_that_goes_counts_whole_and_back() -> None:
    direct_map = small().direct_map
    for start, frames in ((5 * FRAMES_1G, FRAMES_1G), (5 * FRAMES_1G, FRAMES_2M), (5 * FRAMES_1G + 7, 3)):
        direct_map.set_memory(start, frames, Perm.NOT_PRESENT)
        assert direct_map.absent_frames == frames
        direct_map.check()
        direct_map.set_memory(start, frames, Perm.READ_WRITE)
        assert direct_map.absent_frames == 0
        direct_map.check()


def test_frames_given_back_know_their_free_block() -> None:
    machine = small(hugetlb_optimize_vmemmap=True)
    machine.hugetlb.set_nr_hugepages(512)
    machine.core.allocator.drain_lists()
    orders = set()
    for owner, start, frames in machine.hugetlb.claims():
        assert owner.kind is FrameKind.HUGETLB
        for page in range(start, start + frames, FRAMES_2M):
            seen = machine.observe(MapRequest(vmemmap_frame=page)).struct_pages
            assert seen is not None
            for each in seen.pages:
                assert (each.boot_order >= 0) == (not each.boot_owner)
                orders.add(each.boot_order)
    assert max(orders) >= 1
