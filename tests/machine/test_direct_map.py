"""The direct map: splits, whole-leaf changes, collapse, and what secret memory and code do to it."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, OutOfMemory
from memtui.machine.boot_mapping import Level
from memtui.machine.direct_map import Perm
from memtui.machine.modules import ModuleSizes
from memtui.machine.physical.allocator import GFP_KERNEL
from memtui.machine.split_account import KEPT_CAUSES, NAMED_CAUSES, SplitAccount
from memtui.snapshot import MapRequest, SplitCause
from memtui.units import FRAMES_1G, FRAMES_2M, FRAMES_4G, GIB, KIB, MIB
from tests.machine.changes import Changes, count_of, counters_with_lists, settle

GUEST = MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(thp="never"))
SMALL = ModuleSizes(8 * KIB, 4 * KIB, 4 * KIB)
AVERAGE = ModuleSizes(88 * KIB, 40 * KIB, 60 * KIB, init_text=8 * KIB)
IN_1G = FRAMES_4G + FRAMES_1G
"""A frame at the start of a 1G leaf."""


@pytest.fixture
def guest() -> Machine:
    return Machine(GUEST)


def test_golden_38_40_one_4k_page_in_a_1g_leaf(guest: Machine) -> None:
    with Changes(guest) as split:
        guest.direct_map.set_memory(IN_1G + 5, 1, Perm.NOT_PRESENT)
    assert (split["DirectMap1G"], split["DirectMap2M"], split["DirectMap4k"]) == (-1048576, 511 * 2048, 2048)
    assert (split["direct_map_level3_splits"], split["direct_map_level2_splits"]) == (1, 1)
    assert split["nr_free_pages"] == -2, "a page table per split"
    assert split["DirectMap1G"] + split["DirectMap2M"] + split["DirectMap4k"] == 0
    assert guest.direct_map.not_present_frames() == 1
    guest.direct_map.check()


def test_golden_39_an_aligned_2m_in_a_1g_leaf_splits_only_the_1g_leaf(guest: Machine) -> None:
    with Changes(guest) as split:
        guest.direct_map.set_memory(IN_1G + FRAMES_2M, FRAMES_2M, Perm.NOT_PRESENT)
    assert (split["DirectMap1G"], split["DirectMap2M"], split["DirectMap4k"]) == (-1048576, 1048576, 0)
    assert (split["direct_map_level3_splits"], split["direct_map_level2_splits"]) == (1, 0)
    assert split["nr_free_pages"] == -1
    assert guest.direct_map.perm_at(IN_1G + FRAMES_2M) is Perm.NOT_PRESENT
    assert guest.direct_map.perm_at(IN_1G) is Perm.READ_WRITE


def test_a_whole_gib_is_rewritten_in_place(guest: Machine) -> None:
    with Changes(guest) as nothing:
        guest.direct_map.set_memory(IN_1G, FRAMES_1G, Perm.READ_ONLY)
    assert nothing.only()
    assert guest.direct_map.level_at(IN_1G) is Level.LEAF_1G
    guest.direct_map.set_memory(IN_1G, 1, Perm.READ_WRITE)
    assert guest.direct_map.perm_at(IN_1G + 1) is Perm.READ_ONLY, "a split inherits the permission"
    assert guest.direct_map.perm_at(IN_1G + FRAMES_2M) is Perm.READ_ONLY


def test_the_same_permission_splits_nothing(guest: Machine) -> None:
    with Changes(guest) as nothing:
        guest.direct_map.set_memory(IN_1G + 7, 3, Perm.READ_WRITE, whole_leaves=False)
    assert nothing.only()


def test_page_by_page_no_leaf_is_rewritten_whole(guest: Machine) -> None:
    with Changes(guest) as split:
        guest.direct_map.set_memory(IN_1G, FRAMES_2M, Perm.READ_ONLY, whole_leaves=False)
    assert (split["direct_map_level3_splits"], split["direct_map_level2_splits"]) == (1, 1)


def test_nothing_merges_back_but_where_a_collapse_is_asked_for(guest: Machine) -> None:
    before = guest.counters()
    guest.direct_map.set_memory(IN_1G + 5, 1, Perm.READ_ONLY)
    guest.direct_map.set_memory(IN_1G + 5, 1, Perm.READ_WRITE)
    assert guest.counters()["DirectMap4k"] == before["DirectMap4k"] + 2048
    guest.direct_map.set_memory(IN_1G, 1, Perm.READ_ONLY)
    assert guest.direct_map.collapse(IN_1G, FRAMES_2M) == 0, "leaves that differ stay"
    guest.direct_map.set_memory(IN_1G, FRAMES_2M, Perm.READ_ONLY)
    with Changes(guest) as merged:
        assert guest.direct_map.collapse(IN_1G, FRAMES_2M) == 1
    assert (merged["DirectMap4k"], merged["DirectMap2M"], merged["DirectMap1G"]) == (-2048, 2048, 0)
    assert (merged["direct_map_level2_collapses"], merged["nr_free_pages"]) == (1, 1)
    guest.direct_map.set_memory(IN_1G, FRAMES_2M, Perm.READ_WRITE)
    assert guest.direct_map.collapse(IN_1G, FRAMES_1G) == 1
    after = guest.counters()
    assert after["direct_map_level3_collapses"] == 1
    assert [after[f"DirectMap{size}"] for size in ("4k", "2M", "1G")] == [
        before[f"DirectMap{size}"] for size in ("4k", "2M", "1G")
    ]
    guest.check()


@pytest.mark.parametrize("nth", [1, 2])
def test_a_split_without_a_page_table_fails_and_changes_nothing_more(guest: Machine, nth: int) -> None:
    calls = iter(range(1, 10))
    guest.core.allocator.injector = lambda order, count: next(calls) == nth
    with pytest.raises(OutOfMemory):
        guest.direct_map.set_memory(IN_1G + 5, 1, Perm.NOT_PRESENT)
    guest.core.allocator.injector = None
    assert guest.direct_map.not_present_frames() == 0
    assert guest.counters()["direct_map_level3_splits"] == nth - 1, "splits done before stay"
    guest.check()


def test_row_secret_page_splits_the_2m_leaf_and_before_it_the_1g_leaf(guest: Machine) -> None:
    with Changes(guest) as touched:
        file = guest.secretmem.create(4 * KIB)
        guest.secretmem.touch(file, 1)
    assert (touched["DirectMap1G"], touched["DirectMap2M"], touched["DirectMap4k"]) == (-1048576, 1046528, 2048)
    assert touched["Cached"] == touched["Mapped"] == touched["Unevictable"] == touched["Mlocked"] == 4
    assert touched["Shmem"] == 0
    assert guest.direct_map.not_present_frames() == 1
    with Changes(guest) as released:
        guest.secretmem.close(file)
    assert guest.direct_map.not_present_frames() == 0
    assert released["DirectMap4k"] == released["DirectMap2M"] == released["direct_map_level2_collapses"] == 0
    guest.check()


def test_row_the_secret_series_splits_few_more_than_the_blocks_it_needs() -> None:
    """exp_secretmem: 128 MiB at most at a time. Quiet machines split 68 (64 is the least), and 1-2 1G leaves."""
    guest = Machine(GUEST)
    for files, size, rounds in ((1, 4, 3), (1, 2048, 3), (64, 4, 2), (512, 4, 2), (1, 16384, 2), (1, 131072, 2)):
        for _ in range(rounds):
            held = []
            for _ in range(files):
                held.append(guest.secretmem.create(size * KIB))
                guest.secretmem.touch(held[-1], size // 4)
            for file in held:
                guest.secretmem.close(file)
    seen = guest.counters()
    assert 64 <= seen["direct_map_level2_splits"] <= 70
    assert 1 <= seen["direct_map_level3_splits"] <= 2
    guest.check()


def test_row_doing_the_same_again_reuses_the_same_pages(guest: Machine) -> None:
    """0 splits, 0-2 now and then."""
    for least, most in ((8, 9), (0, 2), (0, 0)):
        with Changes(guest) as touched:
            file = guest.secretmem.create(16 * MIB)
            guest.secretmem.touch(file, file.pages)
        assert least <= touched["direct_map_level2_splits"] <= most
        guest.secretmem.close(file)


@pytest.mark.parametrize("files", [64, 512])
def test_row_many_one_page_files_split_no_more_than_one_file(files: int) -> None:
    one, many = Machine(GUEST), Machine(GUEST)
    file = one.secretmem.create(files * 4 * KIB)
    one.secretmem.touch(file, files)
    for _ in range(files):
        each = many.secretmem.create(4 * KIB)
        many.secretmem.touch(each, 1)
    splits = [machine.counters()["direct_map_level2_splits"] for machine in (one, many)]
    assert abs(splits[0] - splits[1]) <= 1
    slab_kb = many.counters()["Slab"]
    assert 0.8 * files <= slab_kb <= 1.4 * files + 32, "recorded: 0.8-1.2 kB of slab for each file"


def test_acceptance_b_n_secrets_in_n_gib_cost_2n_tables() -> None:
    """kernel-facts §19 B; the pages are placed by hand, one in each GiB."""
    big = Machine(MachineConfig("big", 256 * GIB, 1))
    spots = [FRAMES_4G + number * FRAMES_1G + 777 for number in range(200)]
    with Changes(big) as sprayed:
        for spot in spots:
            big.direct_map.set_memory(spot, 1, Perm.NOT_PRESENT)
    assert (sprayed["direct_map_level3_splits"], sprayed["direct_map_level2_splits"]) == (200, 200)
    assert sprayed["nr_free_pages"] == -400
    assert sprayed["DirectMap1G"] + sprayed["DirectMap2M"] + sprayed["DirectMap4k"] == 0
    with Changes(big) as freed:
        for spot in spots:
            big.direct_map.set_memory(spot, 1, Perm.READ_WRITE)
    assert freed.only()


def test_row_first_module_takes_a_2m_block_and_splits_its_leaf_once(guest: Machine) -> None:
    """guest-7.2-modules: the first module costs 2 MiB of vmalloc and two splits, later ones none, no collapse."""
    guest.direct_map.set_memory(FRAMES_4G, 4 * FRAMES_1G, Perm.READ_WRITE)
    with Changes(guest) as first:
        guest.modules.load(SMALL)
    assert first["VmallocUsed"] == 2048 + 8
    assert first["direct_map_level2_splits"] == 2, "the text block's leaf, and that of the rodata page"
    with Changes(guest) as later:
        for _ in range(20):
            guest.modules.load(SMALL)
    assert later["direct_map_level2_splits"] == 0
    assert later["VmallocUsed"] == 20 * 8
    assert guest.counters()["direct_map_level2_collapses"] == 0
    guest.check()


def test_row_unloading_gives_the_memory_back_and_leaves_the_splits(guest: Machine) -> None:
    before = counters_with_lists(guest)
    loaded = [guest.modules.load(AVERAGE) for _ in range(100)]
    with Changes(guest) as unloaded:
        for module in loaded:
            guest.modules.unload(module)
        settle(guest)
    assert unloaded["DirectMap4k"] == unloaded["DirectMap2M"] == 0
    after = counters_with_lists(guest)
    tables = after["direct_map_level2_splits"] + after["direct_map_level3_splits"]
    assert before["MemFree"] - after["MemFree"] == 4 * tables
    assert after["VmallocUsed"] == before["VmallocUsed"]
    guest.check()


@pytest.mark.parametrize(("insns", "vmalloc_kb"), [(2, 4), (512, 8), (4096, 36)])
def test_row_bpf_program_takes_whole_pages_beside_its_packed_code(guest: Machine, insns: int, vmalloc_kb: int) -> None:
    with Changes(guest) as loaded:
        guest.bpf.load(insns * 52 // 10)
    assert loaded["VmallocUsed"] == vmalloc_kb
    assert loaded["direct_map_level2_splits"] == 0, "it fits the pack that exists since boot"


def test_row_bpf_takes_one_more_pack_per_2_mib_of_code_and_splits_its_block(guest: Machine) -> None:
    """1000 programs of 512 instructions (2.6 kB of code each) took exactly one more pack: +1 split."""
    guest.bpf.load(8)
    packs = count_of(guest, "BPF packs")
    held = [guest.bpf.load(2660) for _ in range(1000)]
    assert count_of(guest, "BPF packs") == packs + 1
    splits = guest.counters()["direct_map_level2_splits"]
    assert 1 <= splits <= 2, "512 single pages in a row lie in one block, or in two"
    for program in held:
        guest.bpf.close(program)
    assert count_of(guest, "BPF packs") == packs, "an empty pack goes back"
    assert guest.counters()["direct_map_level2_splits"] == splits, "its splits stay"
    guest.check()


def test_a_program_larger_than_a_pack_has_its_own_pages(guest: Machine) -> None:
    packs = count_of(guest, "BPF packs")
    program = guest.bpf.load(3 * MIB)
    assert count_of(guest, "BPF packs") == packs
    assert guest.counters()["direct_map_level2_splits"] >= 1
    guest.bpf.close(program)
    guest.check()


@pytest.mark.parametrize("nth", range(1, 14))
def test_a_failed_load_leaves_nothing_but_splits(guest: Machine, nth: int) -> None:
    """Injected failure at each allocation of a module, a program and a secret file in turn."""
    guest.modules.load(SMALL)
    allocator = guest.core.allocator
    for load in (
        lambda: guest.modules.load(ModuleSizes(3 * MIB, 64 * KIB, 64 * KIB, init_text=64 * KIB)),
        lambda: guest.bpf.load(5 * MIB),
        lambda: guest.secretmem.touch(guest.secretmem.create(8 * MIB), 2048),
    ):
        calls = iter(range(1, 1000))
        settle(guest)
        before = guest.counters()
        allocator.injector = lambda order, count, calls=calls: next(calls) == nth  # type: ignore[misc]
        try:
            load()
        except OutOfMemory:
            settle(guest)
            after = guest.counters()
            names = ("VmallocUsed",)
            assert [after[name] for name in names] == [before[name] for name in names]
        finally:
            allocator.injector = None
        guest.check()


def test_memory_of_the_kernel_does_not_come_from_nowhere(guest: Machine) -> None:
    held = guest.core.allocator.allocate_many(guest.memmap._owner, GFP_KERNEL, 1000)
    assert guest.core.allocator.frame_map.owner_at(next(iter(held))[0]) is guest.memmap._owner
    guest.core.allocator.free_list(held, guest.memmap._owner)


def test_every_split_knows_its_cause_and_small_causes_are_one_line(guest: Machine) -> None:
    guest.core.cause = "module xfs text"
    guest.direct_map.set_memory(IN_1G + FRAMES_2M + 1, FRAMES_2M, Perm.READ_ONLY)
    for number in range(NAMED_CAUSES + 1):
        guest.core.cause = f"cause {number:02}"
        guest.direct_map.set_memory(IN_1G + (number + 8) * FRAMES_2M, 1, Perm.NOT_PRESENT)
    causes = guest.observe(MapRequest()).split_causes
    assert causes[0] == SplitCause("module xfs text", 2, 1)
    assert [cause.cause for cause in causes[1:-1]] == [f"cause {number:02}" for number in range(NAMED_CAUSES - 1)]
    assert causes[-1] == SplitCause("2 others", 2, 0)
    assert sum(cause.level2_splits for cause in causes) == guest.counters()["direct_map_level2_splits"]


def test_a_frame_says_who_split_its_leaf_and_when(guest: Machine) -> None:
    assert guest.direct_map.origin_at(IN_1G) is None, "as boot made it"
    guest.core.act("memfd_secret", "memfd_secret keys")
    guest.core.now_ns, guest.core.last_serial = 12, 7
    guest.direct_map.set_memory(IN_1G + 5, 1, Perm.NOT_PRESENT)
    guest.core.act("load_module")
    guest.core.now_ns = 99
    with guest.core.acting("rodata"):
        guest.direct_map.set_memory(IN_1G + FRAMES_2M + 5, 1, Perm.READ_ONLY)
        guest.direct_map.set_memory(IN_1G + 6, 1, Perm.READ_ONLY)
    views = [guest.observe(MapRequest(direct_map_frame=IN_1G + place)).frame for place in (6, FRAMES_2M, 2 * FRAMES_2M)]
    assert [(view.split_by, view.split_ns, view.split_event) for view in views if view is not None] == [
        ("memfd_secret keys", 12, 9),
        ("load_module: rodata", 99, 9),
        ("memfd_secret keys", 12, 8),
    ], "the line that tells of the GiB's first split comes next after that, and nothing after the others so far"
    assert guest.observe(MapRequest()).split_causes == (
        SplitCause("memfd_secret keys", 1, 1),
        SplitCause("load_module: rodata", 1, 0),
    )


def test_the_account_of_causes_is_bounded() -> None:
    account = SplitAccount()
    for number in range(KEPT_CAUSES + 500):
        account.add(f"cause {number:04}", Level.LEAF_2M, 512 * number)
        account.add(f"cause {number:04}", Level.LEAF_1G, 0)
    causes = account.causes()
    assert account.last == (Level.LEAF_1G, 0)
    assert len(causes) == NAMED_CAUSES + 1
    assert causes[-1].cause == "all others"
    assert sum(cause.level2_splits for cause in causes) == account.total(Level.LEAF_2M) == KEPT_CAUSES + 500
    assert sum(cause.level3_splits for cause in causes) == account.total(Level.LEAF_1G) == KEPT_CAUSES + 500
