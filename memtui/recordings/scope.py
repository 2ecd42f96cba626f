"""Which counters are compared, and why others are not: every counter of the recordings is one or the other."""

from __future__ import annotations

import re
from typing import Final

from memtui.fields import FIELDS
from memtui.recordings.raw import LISTS

SAME_AS: Final[dict[str, str]] = {
    "nr_free_pages": "MemFree",
    "nr_mlock": "Mlocked",
    "nr_unevictable": "Unevictable",
    "nr_slab_reclaimable": "SReclaimable",
    "nr_slab_unreclaimable": "SUnreclaim",
    "nr_anon_pages": "AnonPages",
    "nr_mapped": "Mapped",
    "nr_file_pages": "Cached",
    "nr_shmem": "Shmem",
    "nr_shmem_hugepages": "ShmemHugePages",
    "nr_shmem_pmdmapped": "ShmemPmdMapped",
    "nr_anon_transparent_hugepages": "AnonHugePages",
    "nr_kernel_stack": "KernelStack",
    "nr_page_table_pages": "PageTables",
    "nr_hugetlb": "Hugetlb",
    "KReclaimable": "SReclaimable",
}
"""Counters that say in pages what another says in kB: compared there."""

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
    (r"allocstall_.*|pgscan_direct_throttle", "stalls are counted for the whole machine, not by zone"),
    (r"compact_daemon_.*|thp_(collapse|scan|migration|underused|zero|split_pud).*", "no khugepaged, no kcompactd"),
    (r"thp_(fault|file)_fallback_charge", "no memory cgroups"),
    (r"thp_split_page_failed", "nothing pins a page here"),
    (r"nr_free_pages_blocks", "free pages in whole pageblocks: /proc/buddyinfo says it by order"),
    (r"pcp_pages", "pages in per-CPU lists, which are read as free"),
    (r"files_cache|signal_cache|sighand_cache|pid|cred_jar", "one each per process, as task_struct is"),
)

NOT_SIMULATED: Final = tuple((re.compile(rf"({names})(\(\w+\))?"), reason) for names, reason in _NOT_SIMULATED)
"""Names of counters that Linux has and memtui has not, and why."""

COMPARED: Final = tuple(name for name, field in FIELDS.items() if field.linux and name not in SAME_AS)
"""Counters that are compared at every step."""

KEPT: Final = (*COMPARED, LISTS)
"""Counters that the files keep: those that are compared and those that say how much another is worth."""


def why_not_compared(counter: str) -> str | None:
    """Why a counter of a recording is not compared for itself; None if it is. Raises KeyError for one unheard of."""
    if counter in SAME_AS:
        return f"the same as {SAME_AS[counter]}"
    if counter in COMPARED:
        return None
    for names, reason in NOT_SIMULATED:
        if names.fullmatch(counter):
            return reason
    raise KeyError(counter)
