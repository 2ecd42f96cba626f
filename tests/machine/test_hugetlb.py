"""Hugepage pools and HVO: golden numbers and the rules of recordings.md, section HVO."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.machine.core import KernelOwner
from memtui.machine.hugetlb_pool import spread
from memtui.machine.physical.allocator import GFP_KERNEL, GFP_VMEMMAP, GFP_VMEMMAP_HEAD, Gfp
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, MIB, TIB
from tests.machine.changes import Changes, counters_with_lists

GUEST = MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(thp="never"))


def machine(hvo: bool, config: MachineConfig = GUEST) -> Machine:
    booted = Machine(config)
    booted.hugetlb.optimize_vmemmap = hvo
    return booted


@pytest.mark.parametrize("pages", [512, 1024, 2048])
def test_row_2m_pages_with_hvo_off_take_2048_kb_each(pages: int) -> None:
    guest = machine(hvo=False)
    with Changes(guest) as grown:
        guest.hugetlb.set_nr_hugepages(pages)
    assert grown["MemFree"] == -2048 * pages
    assert grown.only("MemFree", "HugePages_Total", "HugePages_Free", "Hugetlb", "htlb_buddy_alloc_success")
    with Changes(guest) as freed:
        guest.hugetlb.set_nr_hugepages(0)
    assert freed["MemFree"] == 2048 * pages


@pytest.mark.parametrize(("pages", "tables"), [(512, 8), (1024, 16), (2048, 32)])
def test_golden_11_first_growth_gives_back_7_of_8_and_splits_one_leaf_per_128_mib(pages: int, tables: int) -> None:
    """Golden 11: 28 kB per page; the boot frames become ordinary memory (MemTotal +32 kB per page on 6.18)."""
    guest = machine(hvo=True)
    with Changes(guest) as grown:
        guest.hugetlb.set_nr_hugepages(pages)
    assert tables <= grown["nr_page_table_pages"] <= tables + 2, "a stray block, and a run that begins inside a section"
    assert grown["MemTotal"] == 32 * pages
    assert grown["nr_memmap_boot_pages"] == -8 * pages
    assert grown["nr_memmap_pages"] == pages
    assert grown["MemFree"] == -2020 * pages - 4 * grown["nr_page_table_pages"]
    assert guest.counters()["direct_map_level2_splits"] == 0
    with Changes(guest) as freed:
        guest.hugetlb.set_nr_hugepages(0)
    assert freed["MemFree"] == 2020 * pages, "7 frames per page are taken back before the pages are released"
    assert freed["nr_memmap_pages"] == 7 * pages
    assert freed["nr_page_table_pages"] == 0
    guest.check()


def test_row_a_second_growth_over_the_same_memory_costs_no_table_and_no_memtotal() -> None:
    guest = machine(hvo=True)
    guest.hugetlb.set_nr_hugepages(512)
    guest.hugetlb.set_nr_hugepages(0)
    with Changes(guest) as grown:
        guest.hugetlb.set_nr_hugepages(512)
    assert grown["nr_page_table_pages"] <= 1
    assert grown["MemTotal"] in (0, 32), "recorded: one page of other memory at most"
    assert grown["MemFree"] + 4 * grown["nr_page_table_pages"] == -2020 * 512


@pytest.mark.parametrize(("grown_with", "freed_with", "per_page_kb"), [(True, False, 2020), (False, True, 2048)])
def test_row_the_state_of_a_page_is_fixed_when_it_enters_the_pool(
    grown_with: bool, freed_with: bool, per_page_kb: int
) -> None:
    guest = machine(hvo=grown_with)
    guest.hugetlb.set_nr_hugepages(512)
    guest.sysctl.write("vm.hugetlb_optimize_vmemmap", int(freed_with))
    with Changes(guest) as freed:
        guest.hugetlb.set_nr_hugepages(0)
    assert freed["MemFree"] == 512 * per_page_kb
    guest.check()


def test_golden_11_64_a_1g_page_gives_back_4095_of_4096_frames_over_8_leaves() -> None:
    """Golden 11 for 1 GiB, golden 64: a 1 GiB page splits 8 vmemmap leaves."""
    guest = machine(hvo=True)
    with Changes(guest) as grown:
        result = guest.hugetlb.set_nr_hugepages(1, FRAMES_1G)
    assert result.given_back_frames == 4095
    assert grown["nr_page_table_pages"] == 8
    assert grown["MemFree"] == -GIB // 1024 + 16380 - 32
    with Changes(guest) as freed:
        guest.hugetlb.set_nr_hugepages(0, FRAMES_1G)
    assert freed["MemFree"] == GIB // 1024 - 16380
    guest.check()


def test_golden_15_2m_pages_give_back_14336_mib_per_tib_net_14304() -> None:
    big = machine(hvo=True, config=MachineConfig("big", 2 * TIB, 1))
    pages = TIB // (2 * MIB)
    result = big.hugetlb.set_nr_hugepages(pages)
    assert result.after == pages
    assert result.given_back_frames * 4096 == 14336 * MIB
    assert big.memmap.table_frames in (8192, 8193)
    assert (result.given_back_frames - 8192) * 4096 == 14304 * MIB


def test_a_pool_falls_short_where_memory_does() -> None:
    guest = machine(hvo=False)
    result = guest.hugetlb.set_nr_hugepages(100_000)
    assert 3900 < result.after < 4096
    assert guest.counters()["htlb_buddy_alloc_fail"] >= 1
    assert any("could not be had" in event.text for event in guest.drain_events())
    guest.hugetlb.set_nr_hugepages(0)
    guest.check()


def test_a_page_that_cannot_get_its_struct_pages_back_stays_as_surplus() -> None:
    """kernel-facts §6.3; the recordings freed 384 pages with 64 MiB free, a refusal needs an empty node."""
    guest = machine(hvo=True)
    guest.hugetlb.set_nr_hugepages(64)
    guest.core.allocator.injector = lambda order, count: True
    result = guest.hugetlb.set_nr_hugepages(0)
    guest.core.allocator.injector = None
    assert (result.after, result.surplus) == (0, 64)
    assert guest.counters()["HugePages_Surp"] == 64
    assert guest.counters()["HugePages_Total"] == 64
    guest.check()
    assert guest.hugetlb.set_nr_hugepages(64).surplus == 0, "growing takes surplus pages first"
    guest.hugetlb.set_nr_hugepages(0)
    assert guest.counters()["HugePages_Total"] == 0
    guest.check()


def test_seven_free_frames_are_enough_to_drain_a_pool() -> None:
    """kernel-facts §6.3: each page's own memory funds the struct pages of the next."""
    guest = machine(hvo=True)
    guest.hugetlb.set_nr_hugepages(256)
    allocator, filler = guest.core.allocator, guest.memmap._owner
    spare = sum(max(0, zone.spare_frames(zone.marks.min, 2)) for zone in allocator.zones)
    taken = allocator.allocate_many(filler, GFP_KERNEL, spare - 7)
    assert guest.hugetlb.set_nr_hugepages(0).surplus == 0
    allocator.free_list(taken, filler)
    guest.check()


def test_without_a_page_table_pages_stay_plain() -> None:
    guest = machine(hvo=True)
    guest.core.allocator.injector = lambda order, count: order == 0
    result = guest.hugetlb.set_nr_hugepages(64)
    guest.core.allocator.injector = None
    assert (result.after, result.given_back_frames) == (64, 0)
    guest.check()


@pytest.mark.parametrize("page_frames", [FRAMES_2M, FRAMES_1G])
@pytest.mark.parametrize("again", [False, True])
def test_without_a_frame_for_the_new_head_a_page_keeps_its_old_one(
    page_frames: int, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vmemmap_remap_free: "Fallback to the currently mapped head page"; tables are there, no frame is to be had."""
    guest = machine(hvo=True)
    pages = {FRAMES_2M: 64, FRAMES_1G: 1}[page_frames]
    if again:
        guest.hugetlb.set_nr_hugepages(pages, page_frames)
        guest.hugetlb.set_nr_hugepages(0, page_frames)
    allocate_many = guest.core.allocator.allocate_many

    def refused(
        owner: Owner, gfp: Gfp, count: int, order: int = 0, node: int = 0, *, partial: bool = False
    ) -> FrameList:
        count = 0 if gfp == GFP_VMEMMAP_HEAD else count
        return allocate_many(owner, gfp, count, order, node, partial=partial)

    monkeypatch.setattr(guest.core.allocator, "allocate_many", refused)
    with Changes(guest) as grown:
        result = guest.hugetlb.set_nr_hugepages(pages, page_frames)
    guest.check()
    tails = page_frames // 64 - 1
    assert result.given_back_frames == pages * tails, "optimised, not plain"
    assert grown["MemFree"] == (tails * pages - pages * page_frames - grown["nr_page_table_pages"]) * 4
    if not again:
        assert grown["nr_memmap_pages"] == 0
        assert grown["MemTotal"] == 4 * tails * pages
    with Changes(guest) as freed:
        guest.hugetlb.set_nr_hugepages(0, page_frames)
    assert freed["MemFree"] == (pages * page_frames - tails * pages) * 4
    guest.check()


def test_nodes_share_a_pool_evenly() -> None:
    server = Machine(MachineConfig())
    server.hugetlb.set_nr_hugepages(1001)
    shares = [node.frames // FRAMES_2M for node in server.hugetlb.pools[FRAMES_2M].nodes]
    assert sorted(shares) == [500, 501]
    server.hugetlb.set_nr_hugepages(3)
    shares = [node.frames // FRAMES_2M for node in server.hugetlb.pools[FRAMES_2M].nodes]
    assert sorted(shares) == [1, 2]
    server.hugetlb.set_nr_hugepages(10, node=1)
    assert server.hugetlb.pools[FRAMES_2M].nodes[1].frames // FRAMES_2M == 10
    server.check()


def test_spread_takes_in_turn() -> None:
    assert spread(7, [10, 10, 10]) == [3, 2, 2]
    assert spread(10, [1, 10, 10]) == [1, 5, 4]
    assert spread(10, [1, 0, 2]) == [1, 0, 2]


def test_size_costs_nothing() -> None:
    """64 TiB: twenty million pages are a few runs."""
    huge = machine(hvo=True, config=MachineConfig("huge", 64 * TIB, 8))
    result = huge.hugetlb.set_nr_hugepages(20_000_000)
    assert result.given_back_frames == 140_000_000
    assert sum(len(node.runs) for node in huge.hugetlb.pools[FRAMES_2M].nodes) < 100
    huge.hugetlb.set_nr_hugepages(0)
    huge.check()


def reserving(policy: str, ram_bytes: int = 8 * GIB, version: str = "6.18") -> Machine:
    """A machine whose optimised huge pages keep what the policy says."""
    kernel = KernelConfig(version, policy, hugetlb_optimize_vmemmap=True, thp="never")
    return Machine(MachineConfig(policy, ram_bytes, 1, CpuConfig(1), kernel))


def test_golden_10_reserve_2_gives_back_6_of_8_frames_and_moves_none() -> None:
    guest = reserving("reserve-2")
    with Changes(guest) as grown:
        result = guest.hugetlb.set_nr_hugepages(512)
    assert result.given_back_frames == 6 * 512
    assert grown["MemTotal"] == 4 * 6 * 512
    assert grown["nr_memmap_pages"] == 0
    guest.check()
    with Changes(guest) as freed:
        assert guest.hugetlb.set_nr_hugepages(0).surplus == 0
    assert freed["MemFree"] == (2048 - 24) * 512
    assert freed["nr_memmap_pages"] == 6 * 512
    guest.check()
    assert guest.hugetlb.set_nr_hugepages(600).given_back_frames == 6 * 600
    guest.check()


def test_full_optimises_nothing() -> None:
    guest = reserving("full")
    with Changes(guest) as grown:
        assert guest.hugetlb.set_nr_hugepages(512).given_back_frames == 0
    assert grown.only("MemFree", "HugePages_Total", "HugePages_Free", "Hugetlb", "htlb_buddy_alloc_success")
    guest.check()


@pytest.mark.parametrize(("policy", "gross_mib", "net_mib"), [("reserve-2", 16376, 16344), ("reserve-1", 16380, 16348)])
def test_golden_17_18_scenario_d_1_tib_of_1g_pages(policy: str, gross_mib: int, net_mib: int) -> None:
    """kernel-facts §19 D: what is given back, and the same less the tables of split vmemmap leaves."""
    big = reserving(policy, 1056 * GIB)
    result = big.hugetlb.set_nr_hugepages(1024, FRAMES_1G)
    assert result.after == 1024
    assert result.given_back_frames * 4096 == gross_mib * MIB
    assert (result.given_back_frames - big.memmap.table_frames) * 4096 == net_mib * MIB


@pytest.mark.parametrize("policy", ["reserve-1", "reserve-2"])
@pytest.mark.parametrize("version", ["6.1", "6.18"])
def test_pages_go_back_and_forth_between_the_sizes(policy: str, version: str) -> None:
    guest = reserving(policy, 8 * GIB, version)
    for _ in range(2):
        assert guest.hugetlb.set_nr_hugepages(2, FRAMES_1G).after == 2
        guest.check()
        guest.hugetlb.set_nr_hugepages(0, FRAMES_1G)
        guest.check()
        pages = guest.hugetlb.set_nr_hugepages(3000).after
        guest.check()
        guest.hugetlb.set_nr_hugepages(pages - 1500)
        guest.check()
        guest.hugetlb.set_nr_hugepages(0)
        guest.check()


@pytest.mark.parametrize(("policy", "needed"), [("reserve-2", 6), ("reserve-1", 7)])
@pytest.mark.parametrize("version", ["6.1", "6.18"])
def test_scenario_c_a_pool_of_10240_drains_with_just_the_frames_of_one_page(
    policy: str, needed: int, version: str
) -> None:
    """kernel-facts §19 C: every page that is freed pays for the next; with one frame less not even the first is."""
    guest = reserving(policy, 24 * GIB, version)
    guest.sysctl.write("vm.watermark_boost_factor", 0)
    assert guest.hugetlb.set_nr_hugepages(10240).after == 10240
    allocator, filler = guest.core.allocator, KernelOwner("filler", FrameKind.KERNEL)
    allocator.drain_lists()
    taken = allocator.allocate_many(filler, GFP_VMEMMAP, allocator.available_frames(GFP_VMEMMAP, 0) - (needed - 1))
    allocator.drain_lists()
    result = guest.hugetlb.set_nr_hugepages(10239)
    assert (result.after, result.surplus) == (10239, 1)
    assert (guest.counters()["HugePages_Total"], guest.counters()["HugePages_Surp"]) == (10240, 1)
    assert f"1 stay as surplus: no {needed} frames" in guest.drain_events()[-1].text
    allocator.free_list(taken.take(1), filler)
    assert guest.hugetlb.set_nr_hugepages(10240).surplus == 0
    assert guest.hugetlb.set_nr_hugepages(0).surplus == 0
    assert guest.counters()["HugePages_Total"] == 0


def free_kb(guest: Machine) -> int:
    """Free memory, that in per-CPU lists included."""
    return counters_with_lists(guest)["MemFree"]


@pytest.mark.parametrize("version", ["6.1", "6.18"])
def test_a_shrinking_pool_gives_its_pages_back_in_slices(version: str) -> None:
    guest = reserving("reserve-1", 8 * GIB, version)
    guest.hugetlb.set_nr_hugepages(3000)
    guest.take_ns()
    free: list[int] = []
    spent: list[int] = []
    for _ in guest.hugetlb.resize(1000, FRAMES_2M, None):
        assert guest.hugetlb.resizing
        assert guest.counters()["HugePages_Total"] == 1000, "all leave the pool before the first is freed"
        spent.append(guest.take_ns())
        guest.check()
        free.append(free_kb(guest))
    assert not guest.hugetlb.resizing
    assert all(ns > 0 for ns in spent[:-1]), "every slice takes its time, and the end none"
    assert free[-1] - free[0] > 1900 * 2020
    assert len(set(free)) > 30


def test_a_write_that_is_broken_off_frees_what_has_left_the_pool() -> None:
    guest = reserving("reserve-1")
    guest.hugetlb.set_nr_hugepages(3000)
    before = free_kb(guest)
    steps = guest.hugetlb.resize(0, FRAMES_2M, None)
    next(steps)
    steps.close()
    guest.check()
    assert free_kb(guest) - before == 3000 * 2020
    assert not guest.hugetlb.resizing
