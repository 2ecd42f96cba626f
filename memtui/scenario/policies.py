"""The policies a scenario can choose between, those that are built and those that are not yet.

The names are those of `kernel:` in a scenario; the built ones are what `machine/` has a class
for. A name that is not built is refused in one line and never pretends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from memtui.scenario.faults import did_you_mean, one_of
from memtui.units import shorten


class Choice(NamedTuple):
    """One name of a policy: whether it can be run, and what it is."""

    name: str
    built: bool
    meaning: str


class Policy(NamedTuple):
    """One question a kernel has several answers to."""

    name: str
    meaning: str
    choices: tuple[Choice, ...]

    @property
    def built(self) -> dict[str, bool]:
        """Its choices by name, and whether each is built."""
        return {choice.name: choice.built for choice in self.choices}


_POLICIES: Final = (
    Policy(
        "hugetlb_vmemmap",
        "how struct pages of huge pages are kept",
        (
            Choice("reserve-1", True, "one frame per huge page, its tails share it (Linux 5.18 and later)"),
            Choice("reserve-2", True, "two frames per huge page, further tails share the second (Linux 5.14 to 5.17)"),
            Choice("full", True, "every struct page in a frame of its own (before 5.14)"),
        ),
    ),
    Policy(
        "hugetlb_free",
        "who frees optimised huge pages that leave a pool",
        (
            Choice("direct", True, "the writer to nr_hugepages itself (as merged in Linux 5.14)"),
            Choice("worker", True, "a kworker: the write returns at once (the series of December 2020)"),
        ),
    ),
    Policy(
        "exec_memory",
        "where module text and BPF programs come from",
        (
            Choice(
                "rox_cache", True, "read-only 2 MiB blocks, merged back when a block is free (Linux 6.13 and later)"
            ),
            Choice("prog_pack", True, "BPF programs share 2 MiB packs, modules have pages of their own (5.18 to 6.12)"),
            Choice("unmapped_cache", True, "pages taken out of the direct map in bulk (__GFP_UNMAPPED, proposed 2023)"),
            Choice("per_allocation", True, "every load splits the direct map for itself (before 5.18)"),
        ),
    ),
    Policy(
        "rmap",
        "how a page finds the page tables that map it",
        (
            Choice("anon_vma_chain", True, "a chain between each VMA and its anon_vmas (Linux 2.6.34 and later)"),
            Choice("anon_vma", False, "one anon_vma for a whole family of forks (Linux 2.6.7)"),
            Choice("objrmap", False, "through the file's VMAs; chains for anonymous pages (2003)"),
            Choice("pte_chain", False, "a chain of page-table entries per page (Linux 2.5)"),
        ),
    ),
    Policy(
        "memory_model",
        "where struct pages lie",
        (
            Choice("sparse_vmemmap", True, "one virtual array, backed where there is RAM"),
            Choice("sparse", False, "an array per section"),
            Choice("discontig", False, "an array per node"),
            Choice("flat", False, "one array from the first to the last frame"),
        ),
    ),
    Policy(
        "shmem_thp",
        "how tmpfs holds huge pages",
        (
            Choice("multi_order", True, "folios of the size a write allows (Linux 6.14 and later)"),
            Choice(
                "compound_by_write", True, "2 MiB pages only; within_size knows how far a write reaches (Linux 6.6)"
            ),
            Choice("compound", True, "2 MiB pages only; within_size knows the size a file has (Linux 4.8)"),
            Choice("team", False, "teams of small pages (proposed for 4.6)"),
            Choice("none", False, "base pages only"),
        ),
    ),
    Policy(
        "secret_memory",
        "how memfd_secret leaves the direct map",
        (
            Choice("per_page", True, "page by page (Linux 5.14 and later)"),
            Choice("pmd_pool", True, "from pools of whole 2 MiB pages, one per file (drafts of 2020)"),
            Choice(
                "unmapped_cache",
                True,
                "from the cache of unmapped pages that all files share (__GFP_UNMAPPED, proposed 2023)",
            ),
        ),
    ),
    Policy(
        "direct_map",
        "how boot maps RAM",
        (
            Choice("auto", True, "the largest leaves that fit: 1 GiB, 2 MiB, and 4 KiB at ragged ends"),
            Choice("no_1g", True, "no leaf larger than 2 MiB, as nogbpages does"),
            Choice("all_4k", True, "4 KiB leaves everywhere, as debug_pagealloc does"),
        ),
    ),
    Policy(
        "direct_map_collapse",
        "which split leaves of the direct map become large again",
        (
            Choice("never", True, "none (Linux before 6.15)"),
            Choice("rox_only", True, "those that sealing code asks for (Linux 6.15 and later)"),
            Choice("always", True, "any whose parts are alike again: hypothetical, no Linux does this"),
        ),
    ),
)

POLICIES: Final[Mapping[str, Policy]] = {policy.name: policy for policy in _POLICIES}
"""Every policy of `kernel:`, in the order it is listed to people."""


def built_names(names: Mapping[str, bool]) -> list[str]:
    """The names that are built."""
    return [name for name, is_built in names.items() if is_built]


def check_choice(name: str, built: Mapping[str, bool]) -> str:
    """`name`, if it is known and built. Raises ValueError with the words to answer with otherwise."""
    there = one_of(built_names(built))
    if name not in built:
        hint = did_you_mean(name, built)
        raise ValueError(f"{shorten(name)!r} is unknown; expected {there}{hint}")
    if not built[name]:
        raise ValueError(f"{name!r} is not built yet; expected {there}")
    return name
