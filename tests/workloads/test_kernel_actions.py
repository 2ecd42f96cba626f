"""nr_hugepages, memfd_secret, load_module and load_bpf as a scenario plays them, word by word."""

from __future__ import annotations

import random

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig
from memtui.units import GIB, MIB, TIB
from memtui.workloads.base import Context
from memtui.workloads.hugepages import NrHugepages, NrHugepagesParams
from memtui.workloads.tmpfs import TmpfsWriteParams
from memtui.workloads.tmpfs_files import TmpfsWrite
from tests.machine.changes import counters_with_lists
from tests.workloads.playing import end, play

GUEST = MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(thp="never"))


def test_a_pool_grows_in_steps_and_says_once_what_became_of_it() -> None:
    guest = Machine(GUEST)
    played = play(guest, "nr_hugepages", count=2048)
    assert 30 <= played.steps <= 70
    assert played.said[0].startswith("2 MiB pages 0 → 2 048, 4.00 GiB to the pool, in 9.")
    assert len(played.said) == 1
    assert 2048 * 4_400 <= played.took_ns <= 2048 * 4_800, "recorded: 4.4-4.8 us a page"
    assert played.activity.progress == "2 048 of 2 048 pages of 2 MiB"


def test_a_pool_that_shrinks_says_how_many_pages_are_being_freed() -> None:
    guest = Machine(GUEST)
    guest.hugetlb.set_nr_hugepages(1024)
    activity = NrHugepages(NrHugepagesParams(count=24), Context(guest, random.Random(1), "pool"))
    steps = activity.start()
    next(steps)
    assert activity.progress == "1 000 pages of 2 MiB being freed, 24 kept"
    for _ in steps:
        pass
    assert activity.progress == "24 of 24 pages of 2 MiB"


def test_a_pool_that_cannot_have_one_page_says_none() -> None:
    guest = Machine(MachineConfig("small", GIB, 1, CpuConfig(1)))
    played = play(guest, "nr_hugepages", count=2, size=GIB)
    assert "none of the 2 asked for could be had" in played.said[-1]
    assert played.severities[-1] == "notice"


def test_a_resize_waits_for_the_one_before_it() -> None:
    guest = Machine(GUEST)
    first, second = (
        NrHugepages(NrHugepagesParams.model_validate({"count": count}), Context(guest, random.Random(1), "pool"))
        for count in (1024, 512)
    )
    growing, waiting = first.start(), second.start()
    next(growing)
    next(waiting)
    assert second.progress == "waits for another resize"
    assert guest.counters()["HugePages_Total"] == 0, "gathered pages enter the pool together"
    guest.check()
    for _ in growing:
        pass
    assert guest.counters()["HugePages_Total"] == 1024
    for _ in waiting:
        pass
    assert guest.counters()["HugePages_Total"] == 512


def test_an_exhausted_node_is_asked_in_vain_before_every_page() -> None:
    server = Machine(MachineConfig("server", 16 * GIB, 2))
    play(server, "nr_hugepages", count=100_000, node=0)
    before = server.counters()["htlb_buddy_alloc_fail"]
    first = server.counters()["HugePages_Total"]
    play(server, "nr_hugepages", count=first + 1000)
    assert 960 <= server.counters()["htlb_buddy_alloc_fail"] - before <= 1010


def test_secret_memory_is_touched_piece_by_piece() -> None:
    guest = Machine(GUEST)
    played = play(guest, "memfd_secret", size=256 * MIB, count=2)
    assert 100 <= played.steps <= 300
    assert played.said[-1].startswith("2 secret files, 512 MiB out of the direct map; ")
    assert guest.counters()["Unevictable"] == 512 * 1024
    assert end(guest, played).said == ["secret files closed: their leaves are present again, but stay split"]
    assert guest.counters()["Unevictable"] == 0


def test_secret_memory_beyond_the_ram_ends_in_an_oom_kill_of_its_holder() -> None:
    guest = Machine(GUEST)
    free = counters_with_lists(guest)["MemFree"]
    played = play(guest, "memfd_secret", size=9 * GIB)
    assert guest.counters()["oom_kill"] == 1
    assert any(text.startswith("Out of memory: killed memfd_secret: 7.") for text in played.said)
    assert guest.counters()["Unevictable"] == 0
    tables = guest.direct_map.table_frames
    assert free - counters_with_lists(guest)["MemFree"] <= 4 * tables, "only the tables of split leaves stay"


def test_a_program_may_lock_so_much_secret_memory_and_no_more() -> None:
    guest = Machine(GUEST)
    played = play(guest, "memfd_secret", size=MIB, count=20, memlock=8 * MIB + 4096)
    assert played.said[-2] == (
        "mmap of secret file 9 refused (EAGAIN): 1.00 MiB more than 8.00 MiB locked, RLIMIT_MEMLOCK is 8.00 MiB"
    )
    assert played.severities[-2] == "notice"
    assert played.said[-1].startswith("8 secret files, 8.00 MiB out of the direct map; ")
    assert played.activity.progress == "8 of 20 files, 8.00 MiB"
    end(guest, played)
    assert guest.counters()["Unevictable"] == 0


def test_secret_memory_spread_over_ram_splits_a_leaf_of_1_gib_per_page() -> None:
    server = Machine(MachineConfig("server", 64 * GIB, 2))
    played = play(server, "memfd_secret", size=4096, count=50, spread=GIB)
    assert played.said[-1] == (
        "50 secret files, 200 KiB out of the direct map; "
        "100 direct-map leaves split: 50 of 1G and 50 of 2M, the last of 2M at 0x380000000"
    )
    assert server.counters()["direct_map_level3_splits"] == 50


def test_a_holder_of_secret_memory_killed_for_another_has_ended() -> None:
    guest = Machine(GUEST)
    played = play(guest, "memfd_secret", size=5 * GIB)
    hog = play(guest, "anon", size=4 * GIB)
    assert any(text.startswith("Out of memory: killed memfd_secret: 5.00 GiB of secret memory, ") for text in hog.said)
    assert not played.activity.holds
    assert end(guest, played).said == []
    assert guest.counters()["AnonPages"] >= 4 * 1024 * 1024
    guest.check()


def test_secret_files_of_the_cache_leave_their_pages_in_it() -> None:
    guest = Machine(MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(secret_memory="unmapped_cache")))
    played = play(guest, "memfd_secret", size=4096, count=3)
    assert (
        played.said[-1]
        == "3 secret files, 12.0 KiB out of the direct map; 1 direct-map leaf of 1G split, at 0x100000000"
    )
    assert end(guest, played).said == ["secret files closed: their pages stay in the cache"]


def test_a_tmpfs_writer_that_finds_no_memory_is_killed() -> None:
    guest = Machine(MachineConfig("small", GIB, 1, CpuConfig(1)))
    play(guest, "tmpfs", mount="m", size=2 * GIB)
    play(guest, "tmpfs_write", mount="m", file="f", size=2 * GIB)
    assert guest.counters()["oom_kill"] == 1
    assert 0 < guest.counters()["Shmem"] < GIB // 1024, "what was written stays"


def test_twenty_million_pages_take_a_few_dozen_steps() -> None:
    huge = Machine(MachineConfig("huge", 64 * TIB, 8, kernel=KernelConfig(hugetlb_optimize_vmemmap=True)))
    played = play(huge, "nr_hugepages", count=20_000_000)
    assert played.steps < 100
    assert huge.counters()["HugePages_Total"] == 20_000_000


def test_a_resize_broken_off_leaves_what_it_gathered_in_the_pool() -> None:
    guest = Machine(GUEST)
    params = NrHugepagesParams.model_validate({"count": 1024})
    activity = NrHugepages(params, Context(guest, random.Random(1), "pool"))
    steps = activity.start()
    next(steps)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert not guest.hugetlb.resizing
    assert 0 < guest.counters()["HugePages_Total"] < 1024
    guest.check()
    assert "2 MiB pages" in play(guest, "nr_hugepages", count=0).said[0]


def test_files_that_lose_their_names_while_written_go_when_they_are_closed() -> None:
    guest = Machine(GUEST)
    play(guest, "tmpfs", mount="m", huge="always", size=4 * GIB)
    params = TmpfsWriteParams.model_validate({"mount": "m", "file": "f", "size": 2 * GIB, "chunk": MIB})
    writing = TmpfsWrite(params, Context(guest, random.Random(1), "w")).start()
    for _ in range(5):
        next(writing)
    mount = guest.tmpfs.mounts["m"]
    guest.tmpfs.unmount(mount)
    guest.check()
    assert guest.counters()["Shmem"] > 0, "the writer still has it open"
    for _ in writing:
        pass
    guest.check()
    assert guest.counters()["Shmem"] == 0


def test_struct_pages_of_a_full_node_come_from_another() -> None:
    """6.7 and later: no __GFP_THISNODE for vmemmap frames."""
    server = Machine(MachineConfig("server", 16 * GIB, 2, kernel=KernelConfig(hugetlb_optimize_vmemmap=True)))
    play(server, "nr_hugepages", count=100_000, node=1)
    pool = server.counters()["HugePages_Total"]
    filler = server.processes.spawn("filler")
    assert filler.node in (0, 1)
    play(server, "nr_hugepages", count=0, node=1)
    assert server.counters()["HugePages_Surp"] == 0
    assert pool > 3000


def test_a_pool_of_secret_memory_that_gets_no_2_mib_page_ends_its_program_and_kills_nobody() -> None:
    guest = Machine(
        MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(thp="never", secret_memory="pmd_pool"))
    )
    guest.core.allocator.injector = lambda order, count: order == 9
    played = play(guest, "memfd_secret", size=MIB, count=8)
    assert played.said[-2] == "memfd_secret ends: order-9 allocation failed (0 of 1)"
    assert guest.counters()["oom_kill"] == guest.counters()["Unevictable"] == 0
    guest.check()


@pytest.mark.parametrize(("before", "after"), [(0, 500), (500, 0)])
def test_what_the_log_tells_of_a_resize_comes_at_its_end(before: int, after: int) -> None:
    machine = Machine(MachineConfig("test", 4 * GIB, 1, CpuConfig(2)))
    play(machine, "nr_hugepages", count=before)
    activity = NrHugepages(NrHugepagesParams(count=after), Context(machine, random.Random(7), "resize"))
    machine.drain_events()
    waits = [(delay, len(machine.drain_events())) for delay in activity.start()]
    assert sum(delay for delay, _ in waits[:-1]) > 0
    assert [told for _, told in waits] == [0] * (len(waits) - 1) + [1]
    assert waits[-1][0] == 0, "no time is left to pass once it is told"
