"""What the simulated machine does not do, or does not do yet: by rule, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from memtui.recordings.case import Case, Judgement, Verdict
from memtui.recordings.model import Place

_BOOTED: Final = re.compile(
    r"MemTotal|DirectMap\w+|nr_memmap\w*|HugePages_\w+|Hugepagesize|Hugetlb|Swap\w+|direct_map_\w+"
)
"""Counters that boot alone decides."""
_OBJECTS: Final = re.compile(
    r"Slab|SReclaimable|SUnreclaim|vm_area_struct|anon_vma(_chain)?|mm_struct|task_struct|maple_node|"
    r"shmem_inode_cache|radix_tree_node"
)
"""Kernel objects and the memory that holds them."""
_SPLITS: Final = re.compile(r"DirectMap\w+|direct_map_\w+")
_SCANNING: Final = re.compile(
    r"compact_(isolated|daemon_wake|(daemon_)?(migrate|free)_scanned)|pgscan_\w+|pgsteal_\w+|slabs_scanned|pgmigrate_success|"
    r"allocstall_\w+"
)
_SLABS: Final = re.compile(r"Slab|SReclaimable|SUnreclaim|maple_node")
_ZOMBIES: Final = re.compile(r"task_struct|Slab|SUnreclaim|radix_tree_node")
_PROGRAMS: Final = re.compile(
    r"AnonPages|Mapped|Mlocked|Cached|Dirty|PageTables|VmallocUsed|KernelStack|(task|mm|vm_area)_struct|anon_vma(_chain)?|"
    r"radix_tree_node|shmem_inode_cache"
)
"""What programs move by merely running."""
_HUGE: Final = re.compile(r"AnonHugePages|thp_fault_alloc")
"""What programs that are ready for huge pages move by."""
_STARTED: Final = re.compile(r"MemFree|MemAvailable|VmallocUsed|KernelStack|AnonPages")


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


def _verifier(case: Case) -> bool:
    return case.program == "exp_bpf" and case.counter in ("compact_stall", "compact_fail", "compact_success")


def _kernel_page_tables(case: Case) -> bool:
    return case.counter == "PageTables" and case.program in ("exp_modules", "exp_bpf")


def _zombies(case: Case) -> bool:
    relay = case.program == "exp_fork" and case.recording.arguments[1] == "relay"
    return relay and _ZOMBIES.fullmatch(case.counter) is not None


def _hosts_slabs(case: Case) -> bool:
    return case.recording.place is not Place.GUEST and _SLABS.fullmatch(case.counter) is not None


def _hosts_programs(case: Case) -> bool:
    if _HUGE.fullmatch(case.counter):
        return case.recording.place is not Place.GUEST and not case.simulated
    if _PROGRAMS.fullmatch(case.counter) is None:
        return False
    return case.recording.place is Place.HOST or (case.recording.place is Place.QUIET and not case.simulated)


def _left_before(case: Case) -> bool:
    return case.number == 0 and bool(case.recording.after)


def _module_code(case: Case) -> bool:
    return case.program == "exp_modules" and _STARTED.fullmatch(case.counter) is not None


ALWAYS: Final = (
    Rule(_level, "what boot, the guest's init or the host's past left: compared as changes from here on"),
    Rule(_memory_cgroup, "memory cgroups are not simulated"),
    Rule(
        _unshrunk_objects,
        "SLUB keeps empty slabs and counts free objects of per-CPU slabs as active; only exp_fork shrank its caches",
    ),
    Rule(_host_splits, "the free memory of a machine in use is scattered, its direct map split already"),
    Rule(_hosts_pages, "which memory had been optimised before on a host that has run for hours"),
    Rule(_kernel_page_tables, "page tables of the vmalloc area, which are kept for ever"),
    Rule(
        lambda case: _SCANNING.fullmatch(case.counter) is not None,
        "how much reclaim and compaction look at before they find something, and how often before they give up",
    ),
    Rule(_verifier, "buffers of several pages that the BPF verifier asks for"),
    Rule(_zombies, "children of a relay that have exited and that nobody waits for"),
    Rule(
        _hosts_slabs,
        "slabs of a host are partly empty and fill first; its caches keep spare objects that count as used",
    ),
)
"""Judged before anything else. In this order; the first that applies gives the reason."""

BEYOND_NOISE: Final = (
    Rule(_hosts_programs, "what other programs on the host do"),
    Rule(_left_before, "what others left in the same boot: compared in their own recordings, if they are here"),
    Rule(_module_code, "what a module's own code allocates when it starts, and how its memory is divided"),
)
"""Judged only of figures that are off by more than noise."""


def unmodelled(case: Case) -> Judgement | None:
    """Why a figure is not modelled at all; None if it is."""
    return _first(ALWAYS, case)


def beyond_noise(case: Case) -> Judgement | None:
    """Why a figure that is off by more than noise is not modelled; None if it should be right."""
    return _first(BEYOND_NOISE, case)


def _first(rules: Iterable[Rule], case: Case) -> Judgement | None:
    return next((Judgement(rule.verdict, rule.why) for rule in rules if rule.applies(case)), None)
