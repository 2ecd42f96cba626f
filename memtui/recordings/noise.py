"""What the recordings themselves move by: how far a figure may be off before it differs, by rule.

Guests are exact but for what the recording program and its shell do (recordings, "Noise": 0 kB when
idle, 40 or 76 kB at first), for what a random address layout decides, and for which of several
equal pages the allocator happened to take. Hosts move by what other programs do: by as much per
second as they moved in the idle recording of the same machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Final

from memtui.machine.kernels import traits
from memtui.recordings import archive, pressure
from memtui.recordings.allowance import Allowance, in_all
from memtui.recordings.case import Case, Judgement, Verdict
from memtui.recordings.model import Place, Recording
from memtui.recordings.raw import AVAILABLE, FREE, LISTS
from memtui.units import SECOND, kb_of_frames

PAGE_KB: Final = 4
STACK_KB: Final = 16
BLOCK_KB: Final = 2048
GIB_KB: Final = 1 << 20

SHEAF_KERNELS: Final = ("6.18", "7.2")

IDLE_KB: Final = 76
"""Most that a guest's free memory moved between two looks with nothing done."""
OWN_PAGES_KB: Final = 48
"""Pages of the recording program itself that come in when it first does something: its code, data and stack."""
KERNEL_THREADS: Final = 3
"""Kernel threads that may come or go between two looks."""
PROCESS_KB: Final = 8
"""What a process takes besides all that is counted (per-CPU counters, control groups), either way."""
FIRST_WRITES_KB: Final = 8
"""A child's first writes to its stack and data: 24 kB, or up to two pages less or more."""
LAYOUT_TABLES: Final = 3
"""Page tables more or fewer that randomised addresses cost a process: one at each level."""
LATE_TABLES: Final = 5
"""Page tables of 8 MiB, which go only after a grace period."""
FOLIO_BATCH: Final = 31
"""Most pages that wait in a per-CPU batch before they count on an LRU list (PAGEVEC_SIZE; 15 on older kernels)."""
BATCH_KB: Final = 2048
"""Pages that compaction unmaps before it moves them: a pageblock at most (NR_MAX_BATCHED_MIGRATION)."""
COMPACTING_KB: Final = 2 * BATCH_KB
"""Pages that compaction holds, those that move and those they move to."""
SCATTERED_SHARE: Final = 2
"""Where free memory is scattered, as much as half of them."""
MODULE_SPLITS: Final = 5
"""Most that one module splits where free memory is scattered (there)."""
SINGLE_PAGE_PACKS: Final = ("6.1", "6.12", "6.18")
"""Kernels whose packs of BPF programs are made of single pages."""
PACK_BLOCKS: Final = 13
"""2 MiB blocks more or fewer that the 512 pages of a new pack lie in: 12 on 6.1, 14 on 6.12, 1 on 6.18."""
SPLITS: Final = 2
"""Doing the same again splits 0 to 2 leaves now and then (recordings, "memfd_secret")."""
SHEAF_OBJECTS: Final = 3 * 32
"""Freed objects that wait in a CPU's sheaves and count as used (6.18 and later)."""
LATE_SLAB_KB: Final = 96
"""Slabs that a grace period keeps past the step that emptied them."""
OWN_FILE_KB: Final = 8
"""Shared pages of the recording program."""
STARTED_KB: Final = 1024
"""What the program takes when `exp_aged` starts it: its file's pages, its own, its tables."""
PROGRAM_BYTES: Final = 256
"""What a BPF program takes besides all that is counted."""
REPORTED_KB: Final = 32 * 4096
"""Free blocks a host takes off its lists at a time to report them to the hypervisor: 32 of 4 MiB."""
OTHER_PAGES_SHARE: Final = 64
"""One page of a pool in so many is another than the time before: up to 5 of 512 in `guest-6.1-hvo-2m-booted-on`."""
POOLS_BEFORE: Final = 2048
"""Pages of the largest pool that a recording begins after."""
GIGANTIC_ROOM: Final = {"Hugetlb": GIB_KB, "MemTotal": 16384, "nr_memmap_pages": 4096, "nr_memmap_boot_pages": 4096}
"""What one 1 GiB page more or less in a pool makes of these counters."""
FIRMWARE_KB: Final = 4
EARLY_KB: Final = 12
"""What boot's own allocations differ by from 1 to 256 GiB, of 48 to 310 MB."""

_USERS_KB: Final = {
    **dict.fromkeys(("AnonPages", "Cached", "Slab", "PageTables", "VmallocUsed", "Hugetlb"), 1),
    "nr_memmap_pages": 4,
}
"""Who has memory that is not free, as far as it is counted, and the kB each step of the counter is.

What is free is MemTotal less theirs; without a count of the memmap, MemTotal moves by what that frees.
"""


def _booting(case: Case) -> bool:
    return case.number == 0 and case.recording.fresh


def _processes(case: Case) -> int:
    """Processes that begin, end or write at a step."""
    return max(case.argument("children"), case.argument("depth"), 10 if "vmas" in case.step.args else 0)


def _own_buffer_kb(case: Case) -> int:
    """Memory of the program for what it hands to the kernel: BPF instructions, the data of a file."""
    if case.program == "exp_bpf":
        return case.argument("insns") * 8 // 1024
    return case.argument("wrote") // 1024


def _splits(case: Case) -> int:
    """Splits more or fewer that a step may have; where free memory is scattered it is their sum that counts."""
    if _booting(case):
        return 0
    recorded, simulated = case.since_start.get("direct_map_level2_splits", (0, 0))
    if case.recording.aged is not None and abs(recorded - simulated) <= SPLITS + _least_blocks(case):
        recorded, simulated = case.others["direct_map_level2_splits"]
        return abs(recorded - simulated)
    if _pack_of_pages(case):
        return PACK_BLOCKS
    return SPLITS if case.recording.aged is None else _splits_by_code(case, recorded, simulated)


def _splits_by_code(case: Case, recorded: int, simulated: int) -> int:
    """In scattered memory: a few by each module, and at no time more than a share of all the recording comes to."""
    first, last = (case.recording.steps[end].values.get("direct_map_level2_splits", 0) for end in (0, -1))
    in_all = SPLITS + (last - first) // SCATTERED_SHARE
    return MODULE_SPLITS if abs(recorded - simulated) <= in_all else 0


def _pack_of_pages(case: Case) -> bool:
    """Programs that may need a new pack are loaded, on a kernel whose packs are made of single pages."""
    recorded, simulated = case.since_start["direct_map_level2_splits"]
    single = case.recording.kernel in SINGLE_PAGE_PACKS
    return case.program == "exp_bpf" and single and abs(recorded - simulated) <= PACK_BLOCKS


def _least_blocks(case: Case) -> int:
    """2 MiB blocks that hold the most memory that was secret at a time so far.

    In scattered memory the series splits as few at least, and twice as many at most (recordings,
    "memfd_secret": 74, 125 and 145 on three kernels, where 64 blocks would hold it).
    """
    steps = case.recording.steps[: case.number + 1]
    sizes = (int(step.args.get("fds", 0)) * int(step.args.get("kb_each", 0)) for step in steps)
    return max(sizes) // BLOCK_KB


def _pool_pages(case: Case) -> int:
    """Pages of a pool that may be others than the time before.

    A pool grown again after another program has ended may take what that one had.
    """
    if case.step.name == "regrown":
        return int(case.recording.steps[case.number - 2].args.get("eater_kb", 0)) // BLOCK_KB
    asked = case.argument("asked") or case.argument("got") or case.argument("before")
    if case.number == 0 and case.recording.after:
        asked = POOLS_BEFORE
    return 1 + asked // OTHER_PAGES_SHARE if asked else 0


def _started(case: Case) -> int:
    """Memory of a program that starts at this step."""
    return STARTED_KB if case.recording.aged is not None and case.number == 1 else 0


def _vmas(case: Case) -> int:
    """VMAs more or fewer: another layout of each process, and a reservation each round of `exp_fork` leaves behind."""
    rounds = sum(step.name == "touch" for step in case.recording.steps[: case.number + 1])
    return 4 + _processes(case) * max(1, rounds) + _sheaves(case)


def _sheaves(case: Case) -> int:
    """Objects in sheaves, of CPUs that have freed any."""
    return SHEAF_OBJECTS * case.recording.cpus if case.recording.kernel in SHEAF_KERNELS else 0


def _pack_kb(case: Case) -> int:
    """A pack more or less, where others have filled a part of the first."""
    return BLOCK_KB if case.program == "exp_bpf" and case.recording.place is not Place.GUEST else 0


ALLOWANCES: Final = (
    Allowance("MemTotal", lambda case: EARLY_KB if _booting(case) else 0, "boot's early allocations, by a few kB"),
    Allowance("DirectMap4k", lambda case: FIRMWARE_KB if _booting(case) else 0, "firmware tables end a page earlier"),
    Allowance(
        "DirectMap[42][kM]",
        lambda case: BLOCK_KB if _booting(case) and case.recording.kernel in ("6.1", "6.12") else 0,
        "the pages of boot's BPF pack lie in two 2 MiB blocks or three",
    ),
    Allowance(
        "DirectMap(1G|2M)",
        lambda case: GIB_KB if _booting(case) and "kaslr" in case.recording.boot else 0,
        "KASLR puts the kernel image into a GiB of its own, or not",
    ),
    Allowance(
        "AnonPages|Mapped",
        lambda case: OWN_PAGES_KB + _own_buffer_kb(case) + _started(case) + FIRST_WRITES_KB * _processes(case),
        "pages of the recording program and of its children's first instructions",
    ),
    Allowance(
        "AnonHugePages",
        lambda case: _own_buffer_kb(case) // BLOCK_KB * BLOCK_KB,
        "what the recording program hands to the kernel lies in a huge page",
    ),
    Allowance(
        "AnonHugePages|thp_split_pmd",
        lambda case: {"AnonHugePages": BLOCK_KB, "thp_split_pmd": 1}[case.counter] if case.program == "exp_bpf" else 0,
        "the recording program's own buffer: khugepaged makes a huge page of it, or freeing it splits one",
    ),
    Allowance(
        "thp_fault_alloc",
        lambda case: 2 * (_own_buffer_kb(case) // BLOCK_KB),
        "what the recording program hands to the kernel lies in a huge page",
    ),
    Allowance("Cached|Shmem", lambda _: OWN_FILE_KB, "a shared page of the recording program"),
    Allowance(
        "PageTables",
        lambda case: PAGE_KB * (LAYOUT_TABLES * 2 + LATE_TABLES + LAYOUT_TABLES * _processes(case)),
        "where randomised addresses put mappings, and tables freed after a grace period",
    ),
    Allowance(
        "AnonPages|Mapped",
        lambda case: BATCH_KB if case.recording.aged is not None else 0,
        "pages that compaction had unmapped to move them",
    ),
    Allowance("KernelStack|VmallocUsed", lambda _: STACK_KB * KERNEL_THREADS, "kernel threads come and go"),
    Allowance("VmallocUsed", _pack_kb, "other programs on the host have filled a part of the first pack"),
    Allowance("task_struct|mm_struct", lambda _: KERNEL_THREADS, "kernel threads come and go"),
    Allowance(
        "maple_node",
        lambda case: 4 + abs(case.recorded) // 8 + case.argument("vmas") // 50 + _sheaves(case),
        "nodes of the program's trees are replaced, and freed after a grace period",
    ),
    Allowance(
        "vm_area_struct|anon_vma|anon_vma_chain",
        _vmas,
        "another layout of each process, reservations that stay, freed objects that still count",
    ),
    Allowance("radix_tree_node|shmem_inode_cache", lambda _: 4, "objects of the recording program"),
    Allowance("Slab|SReclaimable|SUnreclaim", lambda case: 64 + abs(case.recorded) // 8, "caches nobody shrank"),
    Allowance(
        "Slab|SReclaimable|SUnreclaim",
        lambda case: in_all(case, LATE_SLAB_KB),
        "freed after a grace period, at another step",
    ),
    Allowance(
        "Unevictable",
        lambda case: PAGE_KB * FOLIO_BATCH * case.recording.cpus,
        "pages in a per-CPU batch are not on their list yet",
    ),
    Allowance("direct_map_level2_splits", _splits, "which pages were free"),
    Allowance("DirectMap4k", lambda case: BLOCK_KB * _splits(case), "which pages were free"),
    Allowance("direct_map_level3_splits", lambda case: 0 if _booting(case) else 1, "which pages were free"),
    Allowance("DirectMap1G", lambda case: 0 if _booting(case) else GIB_KB, "which pages were free"),
    Allowance(
        "DirectMap2M", lambda case: 0 if _booting(case) else GIB_KB + BLOCK_KB * _splits(case), "which pages were free"
    ),
    Allowance("MemTotal", lambda case: 32 * _pool_pages(case), "pages of the pool are others than the time before"),
    Allowance(
        "Hugetlb|MemTotal|nr_memmap_(boot_)?pages",
        lambda case: GIGANTIC_ROOM.get(case.counter, 0) if case.argument("size_kb") == GIB_KB else 0,
        "whether one GiB more or less was free of memory that cannot be moved",
    ),
    Allowance(
        "nr_memmap_(boot_)?pages",
        lambda case: 8 * _pool_pages(case),
        "pages of the pool are others than the time before",
    ),
)
"""For each counter the first rule that gives room."""


def within(case: Case) -> Judgement | None:
    """Whether a figure that is not exact is within what the recordings move by; None if it is not."""
    if case.counter in (FREE, AVAILABLE):
        return _free(case)
    for allowance in (*ALLOWANCES, *pressure.ALLOWANCES):
        if re.fullmatch(allowance.counters, case.counter) and abs(case.off) <= allowance.amount(case):
            return Judgement(Verdict.NOISE, allowance.why)
    if abs(case.off) <= _background(case, case.counter):
        return Judgement(Verdict.NOISE, "what the machine moves by when idle")
    return None


def _free(case: Case) -> Judgement | None:
    """Free memory is what all others leave: off by as much as they are, and by a little that nobody counts."""
    unexplained = abs(case.off + _others_kb(case))
    room = IDLE_KB + PROCESS_KB * _processes(case) + _own_buffer_kb(case) + _started(case) + _background(case, FREE)
    room += case.argument("progs") * PROGRAM_BYTES // 1024
    if case.counter == AVAILABLE:
        room += (
            _below_zero_kb(case) + abs(case.off_by("SReclaimable")) + abs(case.off_by("Cached") - case.off_by("Shmem"))
        )
    if unexplained <= room:
        return Judgement(Verdict.NOISE, "what others have more or less of, and kernel memory nobody counts")
    if unexplained <= room + case.unseen_kb:
        return Judgement(Verdict.NOISE, "pages that left the per-CPU lists between two reads, so that neither saw them")
    if case.recording.aged is not None and unexplained <= room + COMPACTING_KB:
        return Judgement(Verdict.NOISE, "pages that compaction was moving and pages it was moving them to")
    blocks = min(unexplained % BLOCK_KB, -unexplained % BLOCK_KB)
    if case.recording.place is not Place.GUEST and blocks <= room and unexplained <= REPORTED_KB + room:
        return Judgement(Verdict.NOISE, "free blocks off their lists for a moment, to be reported to the hypervisor")
    return None


def _below_zero_kb(case: Case) -> int:
    """MemAvailable says 0 when less is free than has to stay; how much less is up to what per-CPU lists held then."""
    steps = case.recording.steps[max(0, case.number - 1) : case.number + 1]
    lists_kb = [kb_of_frames(step.values.get(LISTS, 0)) for step in steps]
    at_zero = [kb for kb, step in zip(lists_kb, steps, strict=True) if step.values.get(AVAILABLE) == kb]
    return max(at_zero, default=0)


def _others_kb(case: Case) -> int:
    """How much more than here was not free there, as far as it is counted."""
    users = sum(kb * case.off_by(user) for user, kb in _USERS_KB.items())
    if "nr_memmap_pages" in case.others:
        users -= case.off_by("MemTotal")
    if not traits(case.recording.kernel).counts_direct_map_tables:
        splits = ("direct_map_level2_splits", "direct_map_level3_splits")
        users += PAGE_KB * sum(case.off_by(name) for name in splits)
    return users


def _background(case: Case, counter: str) -> int:
    """What a counter of a host moves by on its own in the time of a step."""
    if case.recording.place is Place.GUEST:
        return 0
    per_second = _idle_rates(case.recording.place).get(counter, 0)
    return max(per_second, per_second * case.elapsed_ns // SECOND)


@cache
def _idle_rates(place: Place) -> dict[str, int]:
    """Most that each counter moved between two looks a second apart, with nothing done."""
    name = "host-idle-quiet" if place is Place.QUIET else "host-idle"
    return dict(_largest(archive.load(name)))


def _largest(recording: Recording) -> Iterator[tuple[str, int]]:
    for counter in recording.steps[0].values:
        yield counter, max(abs(b.values[counter] - a.values[counter]) for a, b in pairwise(recording.steps))
