"""The Linux versions a scenario can name, and in what they differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from memtui.machine import kernels
from memtui.machine.config import KernelConfig
from memtui.machine.physical.pcp_limits import TunedLimits
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
    yield from differences_of(kernels.traits(version), kernels.KERNELS[version])


def differences_of(traits: Traits, policies: KernelConfig) -> Iterator[tuple[str, str]]:
    """(subject, words) of these facts and policies; every fact has a part in the words."""
    yield "boot", _boot(traits)
    yield "page allocator", _allocator(traits)
    yield "HVO", _hvo(traits)
    yield "PageTables", _tables(traits)
    yield "secret memory", "counts in Mlocked" if traits.secret_pages_mlocked else "does not count in Mlocked"
    pages = "large blocks first, which it splits" if traits.vmalloc_takes_large_blocks else "single pages"
    yield "vmalloc", f"asks for {pages}"
    yield "modules and BPF", f"exec_memory: {policies.exec_memory}; the first pack {_boot_pack(traits)}"
    yield "modules", _modules(traits)
    yield "direct map", f"direct_map_collapse: {policies.direct_map_collapse}"
    yield "tmpfs", f"shmem_thp: {policies.shmem_thp}"
    sizes = [f"{name} {size_bytes} B" for name, size_bytes in traits.object_bytes.items()]
    yield "kernel objects", f"sizes of 6.18 but {', '.join(sizes)}" if sizes else "sizes of 6.18"
    missing = [words for names, words in _MISSING.items() if names <= traits.missing_counters]
    yield "counters", f"without {' and '.join(missing)}" if missing else "all"


_MISSING: Final[Mapping[frozenset[str], str]] = {
    MEMMAP: "nr_memmap_pages and nr_memmap_boot_pages",
    COLLAPSES: "direct_map_level2_collapses and direct_map_level3_collapses",
}


def _boot(traits: Traits) -> str:
    sizes = traits.boot
    kept = f"keeps {_kib(sizes.image_bytes)} for the image, {_kib(sizes.early_bytes)} early, "
    memory = "that is free then" if traits.sizes_hashes_by_free_memory else "there is"
    return f"{kept}{sizes.section_bytes} B a section; hash tables follow the memory {memory}"


def _allocator(traits: Traits) -> str:
    limits = "tuned to what comes and goes" if traits.list_limits is TunedLimits else "of fixed length"
    stolen = "all that is free in it" if traits.steals_all_free else "one block"
    reserves = "follows memory that comes to be managed" if traits.reserves_follow_memory else "stays as at boot"
    return f"per-CPU lists {limits}; a pageblock of another type gives {stolen}; lowmem_reserve {reserves}"


def _hvo(traits: Traits) -> str:
    words = "an optimised page keeps the boot frame of its first struct pages: MemTotal +28 kB the first time"
    if traits.hvo_moves_heads:
        words = "an optimised page's struct pages get one new frame: MemTotal +32 kB the first time"
    together = "together" if traits.hvo_batches else "one by one"
    made = "made optimised" if traits.early_hvo else "optimised once made"
    return f"{words}; pages are restored {together}; 1 GiB pages of boot are {made}"


def _modules(traits: Traits) -> str:
    ranges = "a range for each kind of section" if traits.module_memory_types else "one range, and one for init"
    share = f"{traits.module_slab_ppm / 10_000:g} %"
    return f"{ranges}; slab {_kib(traits.module_slab_bytes)} and {share} of the file"


def _tables(traits: Traits) -> str:
    levels = "every level" if traits.counted_table_levels == ALL_TABLE_LEVELS else "PTE and PMD tables only"
    kinds = (("vmemmap", traits.counts_vmemmap_tables), ("direct-map", traits.counts_direct_map_tables))
    kernel = " and ".join(name for name, counted in kinds if counted)
    return f"counts {levels}, of the kernel's {f'those of split {kernel} leaves' if kernel else 'none'}"


def _boot_pack(traits: Traits) -> str:
    return "from both ends of the highest zone" if traits.boot_pack_at_both_ends else "from the top of the highest zone"


def _kib(size_bytes: int) -> str:
    return f"{size_bytes >> 10} KiB"
