"""The Linux versions a scenario can name, and in what they differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from memtui.machine import kernels
from memtui.machine.traits import ALL_TABLE_LEVELS, COLLAPSES, MEMMAP, Traits

KERNELS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(kernels.KERNELS, True),
    "4.7+teams": False,
    "2.6.7": False,
    "2.5.40": False,
}
"""Versions by name, and whether they are built."""

RECORDED: Final[Mapping[str, str]] = {
    "6.1": "as recorded on Debian 12's kernel",
    "6.12": "as recorded on Debian 13's kernel; boot as 7.2",
    "6.18": "as recorded; boot as 7.2",
    "7.2": "as recorded on a Debian kernel",
}
"""What a version's figures rest on."""


def differences(version: str) -> Iterator[tuple[str, str]]:
    """(subject, how this Linux does it) for all that built versions differ in."""
    traits, policies = kernels.traits(version), kernels.KERNELS[version]
    yield "boot", f"keeps {_kib(traits.boot.image_bytes)} for the image and {_kib(traits.boot.early_bytes)} early"
    yield "HVO", _hvo(traits)
    yield "PageTables", _tables(traits)
    yield "secret memory", "counts in Mlocked" if traits.secret_pages_mlocked else "does not count in Mlocked"
    pages = "large blocks first, which it splits" if traits.vmalloc_takes_large_blocks else "single pages"
    yield "vmalloc", f"asks for {pages}"
    yield "modules and BPF", f"exec_memory: {policies.exec_memory}; the first pack {_boot_pack(traits)}"
    yield "direct map", f"direct_map_collapse: {policies.direct_map_collapse}"
    yield "tmpfs", f"shmem_thp: {policies.shmem_thp}"
    missing = [words for names, words in _MISSING.items() if names <= traits.missing_counters]
    yield "counters", f"without {' and '.join(missing)}" if missing else "all"


_MISSING: Final[Mapping[frozenset[str], str]] = {
    MEMMAP: "nr_memmap_pages and nr_memmap_boot_pages",
    COLLAPSES: "direct_map_level2_collapses and direct_map_level3_collapses",
}


def _hvo(traits: Traits) -> str:
    if traits.hvo_moves_heads:
        return "an optimised page's struct pages get one new frame: MemTotal +32 kB the first time"
    return "an optimised page keeps the boot frame of its first struct pages: MemTotal +28 kB the first time"


def _tables(traits: Traits) -> str:
    levels = "every level" if traits.counted_table_levels == ALL_TABLE_LEVELS else "PTE and PMD tables only"
    kinds = (("vmemmap", traits.counts_vmemmap_tables), ("direct-map", traits.counts_direct_map_tables))
    kernel = " and ".join(name for name, counted in kinds if counted)
    return f"counts {levels}, of the kernel's {f'those of split {kernel} leaves' if kernel else 'none'}"


def _boot_pack(traits: Traits) -> str:
    return "from both ends of the highest zone" if traits.boot_pack_at_both_ends else "from the top of the highest zone"


def _kib(size_bytes: int) -> str:
    return f"{size_bytes >> 10} KiB"
