"""What the recordings themselves move by: how far a figure may be off before it differs, by rule.

Guests are exact but for what the recording program and its shell do (recordings, "Noise": 0 kB when
idle, 40 or 76 kB at first), for what a random address layout decides, and for which of several
equal pages the allocator happened to take. Hosts move by what other programs do: by as much per
second as they moved in the idle recording of the same machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from memtui.recordings import archive
from memtui.recordings.case import Case, Judgement, Verdict
from memtui.recordings.model import Place, Recording
from memtui.units import SECOND

PAGE_KB: Final = 4
STACK_KB: Final = 16
BLOCK_KB: Final = 2048
GIB_KB: Final = 1 << 20

IDLE_KB: Final = 76
"""Most that a guest's free memory moved between two looks with nothing done."""
OWN_PAGES_KB: Final = 48
"""Pages of the recording program itself that come in when it first does something: its code, data and stack."""
KERNEL_THREADS: Final = 2
"""Kernel threads that may come or go between two looks."""
PROCESS_KB: Final = 8
"""What a process takes besides all that is counted (per-CPU counters, control groups), either way."""
FIRST_WRITES_KB: Final = 8
"""A child's first writes to its stack and data: 24 kB, or up to two pages less or more."""
LAYOUT_TABLES: Final = 3
"""Page tables more or fewer that randomised addresses cost a process: one at each level."""
LATE_TABLES: Final = 5
"""Page tables of 8 MiB, which go only after a grace period."""
FOLIO_BATCH: Final = 15
"""Pages that wait in a per-CPU batch before they count on an LRU list (PAGEVEC_SIZE)."""
SPLITS: Final = 2
"""Doing the same again splits 0 to 2 leaves now and then."""
SPLITS_SHARE: Final = 8
"""One block in so many more or fewer, of those a step splits: which pages were free."""
OTHER_PAGES_SHARE: Final = 64
"""One page of a pool in so many is another than the time before."""
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


@dataclass(frozen=True, slots=True)
class Allowance:
    """How far some counters may be off."""

    counters: str
    """A pattern of names."""
    amount: Callable[[Case], int]
    """In the counter's own unit; 0 where the rule does not apply."""
    why: str


def _guest(amount: Callable[[Case], int]) -> Callable[[Case], int]:
    return lambda case: amount(case) if case.recording.place is Place.GUEST else 0


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
    """Splits more or fewer that a step may have."""
    recorded = case.others.get("direct_map_level2_splits", (0, 0))[0]
    return 0 if _booting(case) else SPLITS + recorded // SPLITS_SHARE


def _pool_pages(case: Case) -> int:
    """Pages of a pool that may be others than the time before."""
    asked = case.argument("asked") or case.argument("got")
    if case.number == 0 and case.recording.after:
        asked = POOLS_BEFORE
    return 1 + asked // OTHER_PAGES_SHARE if asked else 0


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
        _guest(lambda case: OWN_PAGES_KB + _own_buffer_kb(case) + FIRST_WRITES_KB * _processes(case)),
        "pages of the recording program and of its children's first instructions",
    ),
    Allowance(
        "PageTables",
        _guest(lambda case: PAGE_KB * (LAYOUT_TABLES * 2 + LATE_TABLES + LAYOUT_TABLES * _processes(case))),
        "where randomised addresses put mappings, and tables freed after a grace period",
    ),
    Allowance(
        "KernelStack|VmallocUsed",
        _guest(lambda case: STACK_KB * KERNEL_THREADS),
        "kernel threads come and go",
    ),
    Allowance("task_struct|mm_struct", _guest(lambda case: KERNEL_THREADS), "kernel threads come and go"),
    Allowance(
        "vm_area_struct|anon_vma|anon_vma_chain|maple_node|radix_tree_node|shmem_inode_cache",
        _guest(lambda case: 4 + abs(case.recorded) // 8 if case.counter == "maple_node" else 4),
        "objects of the recording program; nodes of its trees are replaced, and freed after a grace period",
    ),
    Allowance(
        "S?Slab|SReclaimable|SUnreclaim",
        _guest(lambda case: 64 + abs(case.recorded) // 8),
        "caches nobody shrank",
    ),
    Allowance(
        "Unevictable",
        _guest(lambda case: PAGE_KB * FOLIO_BATCH * case.recording.cpus),
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
    if case.counter in ("MemFree", "MemAvailable"):
        return _free(case)
    for allowance in ALLOWANCES:
        if re.fullmatch(allowance.counters, case.counter) and abs(case.off) <= allowance.amount(case):
            return Judgement(Verdict.NOISE, allowance.why)
    if abs(case.off) <= _background(case, case.counter):
        return Judgement(Verdict.NOISE, "what the machine moves by when idle")
    return None


def _free(case: Case) -> Judgement | None:
    """Free memory is what all others leave: off by as much as they are, and by a little that nobody counts."""
    counted = case.off + sum(kb * case.off_by(user) for user, kb in _USERS_KB.items())
    if "nr_memmap_pages" in case.others:
        counted -= case.off_by("MemTotal")
    room = IDLE_KB + PROCESS_KB * _processes(case) + _background(case, "MemFree")
    if abs(counted) > room:
        return None
    return Judgement(Verdict.NOISE, "what others have more or less of, and kernel memory nobody counts")


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
