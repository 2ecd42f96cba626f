"""What the simulated machine does not do, or does not do yet: by rule, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from memtui.recordings.case import Case, Judgement, Verdict
from memtui.recordings.model import Place

OLDER_CODE_KERNELS: Final = ("6.1", "6.12")
"""Kernels whose modules come from module_alloc."""

_BOOTED: Final = re.compile(
    r"MemTotal|DirectMap\w+|nr_memmap\w*|HugePages_\w+|Hugepagesize|Hugetlb|Swap\w+|direct_map_\w+"
)
"""Counters that boot alone decides."""
_OBJECTS: Final = re.compile(
    r"S?Slab|SReclaimable|SUnreclaim|vm_area_struct|anon_vma(_chain)?|mm_struct|task_struct|maple_node|"
    r"shmem_inode_cache|radix_tree_node"
)
"""Kernel objects and the memory that holds them."""
_SPLITS: Final = re.compile(r"DirectMap\w+|direct_map_\w+")
_SCANNING: Final = re.compile(r"compact_\w+|pgscan_\w+|pgsteal_\w+|slabs_scanned|allocstall_\w+")
_BACKGROUND: Final = re.compile(r"Cached|Dirty|Mapped|Shmem|Unevictable|Mlocked|SReclaimable|Slab|radix_tree_node")


@dataclass(frozen=True, slots=True)
class Rule:
    """When a figure is not modelled."""

    applies: Callable[[Case], bool]
    why: str
    verdict: Verdict = Verdict.NOT_MODELLED


def _level(case: Case) -> bool:
    return case.number == 0 and not (case.recording.fresh and _BOOTED.fullmatch(case.counter))


def _memory_cgroup(case: Case) -> bool:
    steps = case.recording.steps
    before = steps[case.number - 1].name if case.number else ""
    return "memcg" in case.step.name or "memcg" in before


def _unshrunk_objects(case: Case) -> bool:
    return case.program != "exp_fork" and _OBJECTS.fullmatch(case.counter) is not None


def _host_splits(case: Case) -> bool:
    return case.recording.place is not Place.GUEST and _SPLITS.fullmatch(case.counter) is not None


def _hosts_pages(case: Case) -> bool:
    pages = case.counter == "MemTotal" or case.counter.startswith("nr_memmap")
    return pages and case.recording.place is not Place.GUEST


def _hosts_programs(case: Case) -> bool:
    elsewhere = case.recording.place is not Place.GUEST and not case.simulated
    return elsewhere and case.counter not in ("MemFree", "MemAvailable")


def _five_levels(case: Case) -> bool:
    return case.number == 0 and case.counter == "MemTotal" and "5-level paging" in case.recording.cpu


def _older_code(case: Case) -> bool:
    return case.program in ("exp_modules", "exp_bpf") and case.recording.kernel in OLDER_CODE_KERNELS


def _kernel_page_tables(case: Case) -> bool:
    return case.counter == "PageTables" and case.program in ("exp_modules", "exp_bpf")


RULES: Final = (
    Rule(_level, "what boot, the guest's init or the host's past left: compared as changes from here on"),
    Rule(_memory_cgroup, "memory cgroups are not simulated"),
    Rule(
        _older_code,
        "modules and BPF programs of this kernel come from allocators that are not built yet",
        Verdict.WAITING,
    ),
    Rule(
        _unshrunk_objects,
        "SLUB keeps empty slabs and counts free objects of per-CPU slabs as active; only exp_fork shrank its caches",
    ),
    Rule(_host_splits, "the free memory of a machine in use is scattered, its direct map split already"),
    Rule(_hosts_pages, "which memory had been optimised before on a host that has run for hours"),
    Rule(_hosts_programs, "what other programs on the host do: nothing in the experiment moves it"),
    Rule(_five_levels, "five levels of page tables, which take 2 MB of early memory"),
    Rule(_kernel_page_tables, "page tables of the vmalloc area, which are kept for ever"),
    Rule(
        lambda case: _SCANNING.fullmatch(case.counter) is not None,
        "how much reclaim and compaction look at before they find something",
    ),
)
"""In this order; the first that applies gives the reason."""


def unmodelled(case: Case) -> Judgement | None:
    """Why a figure is not modelled; None if it is."""
    for rule in RULES:
        if rule.applies(case):
            return Judgement(rule.verdict, rule.why)
    return None
