"""Which counters are compared, and why others are not: every counter of the recordings is one or the other."""

from __future__ import annotations

import re
from typing import Final

from memtui.fields import FIELDS
from memtui.recordings.raw import LISTS
from memtui.units import FRAMES_2M, kb_of_frames

KB_OF_PAGE: Final = kb_of_frames(1)

SAME_AS: Final[dict[str, tuple[str, int]]] = {
    "nr_free_pages": ("MemFree", KB_OF_PAGE),
    "nr_mlock": ("Mlocked", KB_OF_PAGE),
    "nr_unevictable": ("Unevictable", KB_OF_PAGE),
    "nr_slab_reclaimable": ("SReclaimable", KB_OF_PAGE),
    "nr_slab_unreclaimable": ("SUnreclaim", KB_OF_PAGE),
    "nr_anon_pages": ("AnonPages", KB_OF_PAGE),
    "nr_mapped": ("Mapped", KB_OF_PAGE),
    "nr_file_pages": ("Cached", KB_OF_PAGE),
    "nr_shmem": ("Shmem", KB_OF_PAGE),
    "nr_shmem_hugepages": ("ShmemHugePages", kb_of_frames(FRAMES_2M)),
    "nr_shmem_pmdmapped": ("ShmemPmdMapped", kb_of_frames(FRAMES_2M)),
    "nr_anon_transparent_hugepages": ("AnonHugePages", kb_of_frames(FRAMES_2M)),
    "nr_kernel_stack": ("KernelStack", 1),
    "nr_page_table_pages": ("PageTables", KB_OF_PAGE),
    "KReclaimable": ("SReclaimable", 1),
}
"""Counters that say what another says, and the kB that one of theirs is."""

_NOT_SIMULATED: Final = (
    (r"Active|Inactive|nr_(in)?active_anon", "which LRU list a page is on decides nothing here: reclaim has one order"),
    (r"Buffers|Writeback.*|NFS_Unstable|Bounce|FileHugePages|FilePmdMapped|nr_file_hugepages", "no block devices"),
    (r"Commit.*", "no overcommit accounting"),
    (r"Swap.*|Zswap.*|pswp.*|thp_swpout.*", "no recorded machine had swap"),
    (
        r"Vmalloc(Total|Chunk)|HardwareCorrupted|Cma.*|Unaccepted|Balloon|GPU.*",
        "constant, or hardware that is not there",
    ),
    (r"Percpu", "per-CPU areas belong to boot's early memory"),
    (r"SecPageTables|nr_sec_page_table_pages", "page tables of virtual machines and devices"),
    (r"pgfault|pgmajfault", "faults of the recording program and its shell are most of them"),
    (r"unevictable_pgs_.*", "moves between LRU lists"),
    (r"allocstall_device", "no ZONE_DEVICE"),
    (r"pgscan_direct_throttle", "nobody waits for kswapd: it is done when it is woken"),
    (r"thp_(collapse|scan|underused).*", "no khugepaged"),
    (r"thp_zero.*|thp_split_pud", "nothing reads memory that it has not written, and no mapping is 1 GiB large"),
    (r"thp_migration_(fail|split)", "nothing pins a page here: a huge page always moves whole"),
    (r"thp_(fault|file)_fallback_charge", "no memory cgroups"),
    (r"thp_split_page_failed", "nothing pins a page here"),
    (r"nr_free_pages_blocks", "free pages in whole pageblocks: /proc/buddyinfo says it by order"),
    (r"pcp_pages", "pages in per-CPU lists, which are read as free"),
    (r"buddyinfo", "which blocks per-CPU lists and the guest's or host's other programs hold: their sum is MemFree"),
    (r"mthp", "huge pages by size: those of 2 MiB are thp_*; the smaller ones are only tmpfs's"),
    (r"files_cache|signal_cache|sighand_cache|pid|cred_jar", "one each per process, as task_struct is"),
)

NOT_SIMULATED: Final = tuple((re.compile(rf"({names})(\(\w+\))?"), reason) for names, reason in _NOT_SIMULATED)
"""Names of counters that Linux has and memtui has not, and why."""

UNHEARD_OF: Final = "a counter that no recording here has"

COMPARED: Final = tuple(name for name, field in FIELDS.items() if field.linux)
"""Counters that are compared at every step."""

KEPT: Final = (*COMPARED, LISTS)
"""Counters that the files keep: those that are compared and those that say how much another is worth."""


def why_not_compared(counter: str) -> str | None:
    """Why a counter of a recording is not compared for itself; None if it is."""
    if counter in COMPARED:
        return None
    for names, reason in NOT_SIMULATED:
        if names.fullmatch(counter):
            return reason
    return UNHEARD_OF
