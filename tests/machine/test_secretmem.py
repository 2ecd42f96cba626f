"""Secret files under every policy: what each splits, what it gives back, limits, kills and failures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, OutOfMemory
from memtui.machine.errors import MemlockExceeded
from memtui.machine.oom import Killed
from memtui.machine.secretmem import SecretFile
from memtui.machine.spray import Spots
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, KIB, MIB, PAGE_BYTES
from tests.machine.bench import fail_nth
from tests.machine.changes import Changes, free_with_lists

GUEST = MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(thp="never"))
POLICIES = ("per_page", "pmd_pool", "unmapped_cache")


def guest(policy: str = "per_page", ram_gib: int = 8) -> Machine:
    kernel = replace(GUEST.kernel, secret_memory=policy)
    return Machine(replace(GUEST, ram_bytes=ram_gib * GIB, kernel=kernel))


def in_each_gib(machine: Machine) -> Spots:
    return Spots(machine.core.allocator, machine.direct_map, machine.layout.ram, FRAMES_1G)


def touched(machine: Machine, size_bytes: int, count: int = 1) -> list[SecretFile]:
    files = []
    for _ in range(count):
        files.append(machine.secretmem.create(size_bytes))
        machine.secretmem.touch(files[-1], files[-1].pages)
    return files


@pytest.mark.parametrize(
    ("policy", "level3", "level2", "taken"),
    [("per_page", 1, 1, 64), ("pmd_pool", 1, 0, 64 * FRAMES_2M), ("unmapped_cache", 1, 0, FRAMES_2M)],
)
def test_64_one_page_files(policy: str, level3: int, level2: int, taken: int) -> None:
    machine = guest(policy)
    with Changes(machine) as made:
        files = touched(machine, 4 * KIB, 64)
    assert made["direct_map_level2_splits"] == level2
    assert level3 <= made["direct_map_level3_splits"] <= level3 + 1
    assert machine.direct_map.not_present_frames() == taken
    assert made["Unevictable"] == made["Cached"] == made["Mapped"] == 256, "unused pages of pools are nobody's"
    machine.check()
    with Changes(machine) as closed:
        for file in files:
            machine.secretmem.close(file)
    assert closed["direct_map_level2_splits"] == closed["direct_map_level2_collapses"] == 0
    assert machine.direct_map.not_present_frames() == (taken if policy == "unmapped_cache" else 0)
    machine.check()


def test_a_pool_without_a_2_mib_page_fails_the_fault_and_leaves_nothing() -> None:
    machine = guest("pmd_pool")
    file = machine.secretmem.create(3 * MIB)
    machine.secretmem.touch(file, 100)
    machine.core.allocator.injector = lambda order, count: order == 9
    with Changes(machine) as failed, pytest.raises(OutOfMemory):
        machine.secretmem.touch(file, 600)
    assert failed["Unevictable"] == 4 * (FRAMES_2M - 100), "what the pool had was faulted in"
    with pytest.raises(OutOfMemory):
        machine.secretmem.touch(file, 1)
    machine.core.allocator.injector = None
    machine.secretmem.touch(file, 1)
    assert file.frames.frames == FRAMES_2M + 1
    machine.check()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("nth", range(1, 12))
def test_a_failed_touch_unwinds(policy: str, nth: int) -> None:
    """Every allocation of a file's life fails in turn: counters as before, splits and their tables aside."""
    machine = guest(policy)
    before, allocator = machine.counters(), machine.core.allocator
    free = free_with_lists(machine)
    allocator.injector = fail_nth(nth)
    try:
        for file in touched(machine, 5 * MIB):
            machine.core.allocator.injector = None
            machine.secretmem.close(file)
    except OutOfMemory:
        machine.core.allocator.injector = None
        machine.check()
        for file in list(machine.secretmem.files):
            machine.secretmem.close(file)
    machine.check()
    after = machine.counters()
    same = ("Cached", "Mapped", "Unevictable", "Mlocked", "PageTables", "vm_area_struct", "radix_tree_node")
    assert [after[name] for name in same] == [before[name] for name in same]
    machine.unmapped_cache.drop()
    lost = free - free_with_lists(machine)
    slabs = (after["Slab"] - before["Slab"]) // 4
    assert lost == machine.direct_map.table_frames - guest(policy).direct_map.table_frames + slabs


def test_the_memlock_limit_counts_what_is_mapped_and_refuses_with_nothing_kept() -> None:
    """RLIMIT_MEMLOCK: 8 MiB bound a user to 2048 pages (kernel-facts, acceptance scenario B)."""
    machine = guest()
    program = machine.secretmem.program("user", 8 * MIB)
    for _ in range(2048):
        machine.secretmem.create(PAGE_BYTES, program)
    with Changes(machine) as refused, pytest.raises(MemlockExceeded, match=r"4\.00 KiB more than 8\.00 MiB locked"):
        machine.secretmem.create(PAGE_BYTES, program)
    assert refused.only()
    machine.secretmem.close(next(iter(program.files)))
    machine.secretmem.create(PAGE_BYTES, program)
    machine.secretmem.create(PAGE_BYTES, machine.secretmem.program("root"))
    machine.check()


@pytest.mark.parametrize("policy", POLICIES)
def test_the_oom_killer_may_choose_the_holder_of_secret_memory(policy: str) -> None:
    machine = guest(policy)
    big = machine.secretmem.program("vault")
    file = machine.secretmem.create(5 * GIB, big)
    machine.secretmem.touch(file, file.pages)
    hog = machine.processes.spawn("hog")
    hog.touch(hog.mmap(4 * GIB))
    assert hog.alive
    assert not big.alive
    assert machine.counters()["Unevictable"] == 0
    assert machine.counters()["oom_kill"] == 1
    assert any(
        event.text.startswith("Out of memory: killed vault: 5.00 GiB of secret memory, ")
        for event in machine.drain_events()
    )
    with pytest.raises(Killed, match="vault has ended"):
        machine.secretmem.touch(file, 1)
    machine.secretmem.close(file)
    machine.check()


def test_the_holder_that_asks_for_more_than_there_is_is_killed_itself() -> None:
    machine = guest()
    small = machine.processes.spawn("small")
    with pytest.raises(Killed, match="memfd_secret was killed: out of memory"):
        touched(machine, 2 * GIB, 5)
    assert small.alive
    assert not machine.secretmem.files
    machine.check()


def test_acceptance_b_secret_memory_spray() -> None:
    """n one-page secrets in n distinct GiB: n 1G and n 2M leaves split, 2n tables, sizes constant, for good."""
    machine = guest(ram_gib=256)
    n = 200
    spots = in_each_gib(machine)
    with Changes(machine) as sprayed:
        files = [machine.secretmem.create(PAGE_BYTES, spots=spots) for _ in range(n)]
        for file in files:
            machine.secretmem.touch(file, 1)
    assert len({next(iter(file.frames))[0] // FRAMES_1G for file in files}) == n
    assert (sprayed["direct_map_level3_splits"], sprayed["direct_map_level2_splits"]) == (n, n)
    assert machine.direct_map.table_frames == guest(ram_gib=256).direct_map.table_frames + 2 * n
    assert sprayed["DirectMap1G"] + sprayed["DirectMap2M"] + sprayed["DirectMap4k"] == 0
    machine.check()
    with Changes(machine) as closed:
        for file in files:
            machine.secretmem.close(file)
    leaves = ("DirectMap1G", "DirectMap2M", "DirectMap4k", "direct_map_level3_splits", "direct_map_level2_splits")
    assert [closed[name] for name in leaves] == [0] * 5
    machine.check()


@pytest.mark.parametrize(("policy", "level3", "level2"), [("pmd_pool", 100, 0), ("unmapped_cache", 1, 0)])
def test_what_the_spray_does_to_the_other_policies(policy: str, level3: int, level2: int) -> None:
    """A pool per file spares 2M leaves only; a cache that all share has its block in one GiB."""
    machine = guest(policy, ram_gib=256)
    spots = in_each_gib(machine)
    with Changes(machine) as sprayed:
        for _ in range(100):
            machine.secretmem.touch(machine.secretmem.create(PAGE_BYTES, spots=spots), 1)
    assert (sprayed["direct_map_level3_splits"], sprayed["direct_map_level2_splits"]) == (level3, level2)
    machine.check()


def test_a_spray_goes_round_and_ends_where_nothing_is_free() -> None:
    machine = guest()
    spots = in_each_gib(machine)
    file = machine.secretmem.create(12 * PAGE_BYTES, spots=spots)
    machine.secretmem.touch(file, 12)
    gibs = [start // FRAMES_1G for start, frames in file.frames for _ in range(frames)]
    assert gibs[:5] == [7, 6, 5, 4, 1], "those of one leaf come first"
    assert gibs[5:] == [8, 7, 6, 5, 4, 2, 1], "then all: RAM ends in the 9th, and at 3 GiB there is a hole"
    with pytest.raises(OutOfMemory, match="no region of memory has a free block of order 20"):
        spots.take(next(machine.secretmem.claims())[0], 20)
    machine.check()


@pytest.mark.parametrize(
    ("policy", "state"),
    [("per_page", {}), ("pmd_pool", {"pools": 2, "2 MiB pages": 2, "unused": 4 * MIB - 8 * KIB})],
)
def test_what_the_policy_says_of_itself(policy: str, state: dict[str, int]) -> None:
    machine = guest(policy)
    touched(machine, PAGE_BYTES, 2)
    seen = machine.secretmem.policy_state()
    assert (seen.axis, seen.policy) == ("secret_memory", policy)
    assert {row.label: row.value for row in seen.rows} == state
