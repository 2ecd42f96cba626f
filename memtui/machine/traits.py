"""In what one Linux differs from another where the algorithm is the same: sizes, and what is counted.

Which algorithm a kernel has is a policy, a class chosen by name (`kernels.py`); what is here are
figures and plain facts that subsystems are given when the machine boots. Each is recorded or read
in that kernel's source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from memtui.machine.physical.pcp_limits import FixedLimits, PcpLimits, TunedLimits
from memtui.units import KIB

ALL_TABLE_LEVELS: Final = 5
"""As many levels as there can be."""


class BootSizes(NamedTuple):
    """What boot keeps of RAM, by kernel; the rest follows from the RAM (`boot.py`)."""

    image_bytes: int
    """Kernel code, rwdata, rodata and bss, as dmesg prints them; init is freed after boot."""
    early_bytes: int
    """Per-CPU areas, early page tables and the like: what is left over in every recorded boot."""
    section_bytes: int
    """Usage map and pageblock flags of one memory section, with its share of tables."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Facts of one Linux version."""

    boot: BootSizes
    counted_table_levels: int = ALL_TABLE_LEVELS
    """Levels of page tables, from the PTE level up, that PageTables counts: 2 until all upper ones counted too."""
    counts_vmemmap_tables: bool = True
    """PageTables counts the tables of vmemmap leaves that were split (kernel tables have a constructor since 6.16)."""
    counts_direct_map_tables: bool = False
    """PageTables counts the tables of direct-map leaves that were split (recorded on 7.2; on 6.18 not)."""
    hvo_moves_heads: bool = True
    """An optimised huge page gets a new frame for its head struct pages, and all boot frames go (6.2 and later)."""
    hvo_batches: bool = True
    """Pages freed together get their struct pages back before any of them is freed (6.7 and later)."""
    reserves_follow_memory: bool = True
    """lowmem_reserve is worked out again when memory comes to be managed (6.16 and later)."""
    steals_all_free: bool = False
    """A request that turns to a pageblock of another type takes all that is free in it (before 6.10)."""
    early_hvo: bool = True
    """The memmap of 1 GiB pages taken at boot is optimised before it is made (6.15 and later)."""
    sizes_hashes_by_free_memory: bool = True
    """Boot's hash tables follow the memory that is free then, less what boot took for 1 GiB pages (6.9 and later)."""
    list_limits: type[PcpLimits] = TunedLimits
    """How much per-CPU page lists hold: since 6.7 that is tuned to what is allocated and freed."""
    secret_pages_mlocked: bool = False
    """Secret pages count in Mlocked."""
    vmalloc_takes_large_blocks: bool = False
    """vmalloc asks for the largest blocks that fit and splits them, a BPF pack for a whole 2 MiB page (6.19)."""
    module_memory_types: bool = True
    """A module has a range for each kind of section; before, one for all that stays and one for init (6.4)."""
    module_slab_bytes: int = 14 * KIB
    """Slab a module costs whatever its size: sysfs, kobjects, what its init function registers."""
    module_slab_ppm: int = 220_000
    """Slab a module costs besides, of the size of its file: section attributes, type information (BTF).

    Fitted to `guest-6.1-modules` and `guest-7.2-modules` by module; to the total of 6.12, 13.6 MB; so 6.18, of
    which no modules are recorded.
    """
    boot_pack_at_both_ends: bool = False
    """Of the pack that boot makes, half the pages come from the bottom of the highest zone, not all from its top.

    Recorded on 6.1: from 8 GiB up two GiB of that zone are split after boot, with less RAM one; on 7.2 one.
    """
    object_bytes: Mapping[str, int] = field(default_factory=dict)
    """Sizes of kernel objects where they are not those of 6.18 (`slab.py`)."""
    missing_counters: frozenset[str] = field(default=frozenset())
    """Counters this kernel has not got yet."""


COLLAPSES = frozenset(("direct_map_level2_collapses", "direct_map_level3_collapses"))
"""Counted since 6.15."""
MEMMAP = frozenset(("nr_memmap_pages", "nr_memmap_boot_pages"))
"""Counted since 6.11."""

DEBIAN_6_1 = BootSizes((14343 + 2338 + 9132 + 17344) * KIB, 2604 * KIB, 96)
"""`guest-6.1-boot-*`."""
DEBIAN_7_2 = BootSizes((18011 + 3416 + 14384 + 4748) * KIB, 4116 * KIB, 128)
"""`guest-7.2-boot-*`."""

TRAITS: dict[str, Traits] = {
    "6.1": Traits(
        DEBIAN_6_1,
        counted_table_levels=2,
        counts_vmemmap_tables=False,
        hvo_moves_heads=False,
        hvo_batches=False,
        reserves_follow_memory=False,
        steals_all_free=True,
        early_hvo=False,
        sizes_hashes_by_free_memory=False,
        list_limits=FixedLimits,
        boot_pack_at_both_ends=True,
        module_memory_types=False,
        module_slab_ppm=191_000,
        object_bytes={"vm_area_struct": 152},
        missing_counters=COLLAPSES | MEMMAP,
    ),
    "6.12": Traits(
        DEBIAN_7_2,
        counts_vmemmap_tables=False,
        reserves_follow_memory=False,
        early_hvo=False,
        boot_pack_at_both_ends=True,
        missing_counters=COLLAPSES,
    ),
    "6.18": Traits(DEBIAN_7_2, secret_pages_mlocked=True),
    "7.2": Traits(
        DEBIAN_7_2,
        counts_direct_map_tables=True,
        vmalloc_takes_large_blocks=True,
        module_slab_bytes=80 * KIB,
        module_slab_ppm=324_000,
    ),
}
"""By version. No boot of 6.12 is recorded; the 6.18 that is recorded is a small one, built for one machine."""
