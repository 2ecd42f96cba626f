"""/proc/meminfo, /proc/vmstat, /proc/slabinfo and /proc/buddyinfo in the kernel's own names and units.

Everything is read from the subsystems at the moment of asking; nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from memtui.fields import UNMAPPED_ROWS
from memtui.machine.boot_mapping import Level
from memtui.machine.physical.buddy import ORDERS
from memtui.machine.physical.fragmentation import fragmentation_index, unusable_index
from memtui.snapshot import TlbView
from memtui.units import FRAMES_2M, PAGE_BYTES, PPM, kb_of_frames

if TYPE_CHECKING:
    from memtui.machine.machine import Machine
    from memtui.machine.unmapped_cache import UnmappedCache

SLABINFO: Final = (
    "vm_area_struct",
    "anon_vma",
    "anon_vma_chain",
    "mm_struct",
    "task_struct",
    "maple_node",
    "shmem_inode_cache",
    "radix_tree_node",
)
"""Caches whose active objects are shown."""

VM_EVENTS: Final = (
    "nr_dirtied",
    "nr_written",
    "pswpin",
    "pswpout",
    "allocstall_dma",
    "allocstall_dma32",
    "allocstall_normal",
    "allocstall_movable",
    "pgsteal_kswapd",
    "pgsteal_direct",
    "pgscan_kswapd",
    "pgscan_direct",
    "pgscan_file",
    "pgsteal_file",
    "slabs_scanned",
    "drop_pagecache",
    "drop_slab",
    "oom_kill",
    "pgmigrate_success",
    "thp_migration_success",
    "compact_migrate_scanned",
    "compact_free_scanned",
    "compact_isolated",
    "compact_stall",
    "compact_fail",
    "compact_success",
    "compact_daemon_wake",
    "compact_daemon_migrate_scanned",
    "compact_daemon_free_scanned",
    "htlb_buddy_alloc_success",
    "htlb_buddy_alloc_fail",
    "thp_fault_alloc",
    "thp_fault_fallback",
    "thp_file_alloc",
    "thp_file_fallback",
    "thp_file_mapped",
    "thp_split_page",
    "thp_deferred_split_page",
    "thp_split_pmd",
    "direct_map_level2_splits",
    "direct_map_level3_splits",
    "direct_map_level2_collapses",
    "direct_map_level3_collapses",
)
"""Event counts of /proc/vmstat that subsystems keep in `Core.vm_events`."""


def counters(machine: Machine) -> dict[str, int]:
    """Every counter, under Linux's names and in Linux's units."""
    values = gauges(machine)
    events = machine.core.vm_events
    values.update({name: events.get(name, 0) for name in VM_EVENTS})
    for zone in machine.core.allocator.zones:
        values.update(zip(_buddyinfo_names(zone.layout.node, zone.layout.name), zone.buddy.free_blocks(), strict=True))
    for name in machine.traits.missing_counters:
        values.pop(name, None)
    return values


def gauges(machine: Machine) -> dict[str, int]:
    """What there is now of memory and objects: every counter but counts of events and of free blocks."""
    frames = amounts(machine)
    values = meminfo(machine, frames)
    values.update(vmstat(machine, frames))
    values.update({name: machine.slabs.active(name) for name in SLABINFO})
    for name in machine.traits.missing_counters:
        values.pop(name, None)
    return values


@cache
def _buddyinfo_names(node: int, zone: str) -> tuple[str, ...]:
    """The names of a zone's counts of free blocks, by order."""
    return tuple(f"buddyinfo.{node}.{zone}.{order}" for order in range(ORDERS))


def meminfo(machine: Machine, frames: Mapping[str, int]) -> dict[str, int]:
    """/proc/meminfo: kB, hugepage counts excepted. `frames`: its amounts of memory, in base frames."""
    values = {name: kb_of_frames(count) for name, count in frames.items()}
    pool = machine.hugetlb.pools[FRAMES_2M]
    values |= {
        "HugePages_Total": pool.total_pages,
        "HugePages_Free": pool.total_pages,
        "HugePages_Rsvd": 0,
        "HugePages_Surp": pool.surplus_pages,
        "Hugepagesize": kb_of_frames(FRAMES_2M),
    }
    return values


def vmstat(machine: Machine, frames: Mapping[str, int]) -> dict[str, int]:
    """/proc/vmstat without its counts of events. `frames`: the amounts of /proc/meminfo, in base frames."""
    return {
        "nr_free_pages": frames["MemFree"],
        "nr_mlock": frames["Mlocked"],
        "nr_unevictable": frames["Unevictable"],
        "nr_slab_reclaimable": frames["SReclaimable"],
        "nr_slab_unreclaimable": frames["SUnreclaim"],
        "nr_anon_pages": frames["AnonPages"],
        "nr_mapped": frames["Mapped"],
        "nr_file_pages": frames["Cached"],
        "nr_dirty": frames["Dirty"],
        "nr_shmem": frames["Shmem"],
        "nr_shmem_hugepages": frames["ShmemHugePages"] // FRAMES_2M,
        "nr_shmem_pmdmapped": frames["ShmemPmdMapped"] // FRAMES_2M,
        "nr_anon_transparent_hugepages": frames["AnonHugePages"] // FRAMES_2M,
        "nr_kernel_stack": kb_of_frames(frames["KernelStack"]),
        "nr_page_table_pages": frames["PageTables"],
        "nr_hugetlb": 0,
        "nr_memmap_pages": machine.memmap.allocated_frames,
        "nr_memmap_boot_pages": machine.memmap.boot_frames,
    }


def derived(machine: Machine, tlb: TlbView) -> dict[str, int | float]:
    """Our own figures, each with its unit in its name."""
    leaves = machine.direct_map.leaf_frames
    total = sum(leaves)
    memmap = machine.memmap
    used = memmap.boot_frames + memmap.allocated_frames
    return {
        **_translation(tlb),
        "struct_page_bytes": kb_of_frames(used) * 1024,
        "struct_page_saved_bytes": kb_of_frames(memmap.full_frames - used) * 1024,
        "direct_map_1g_ppm": leaves[Level.LEAF_1G] * PPM // total,
        "direct_map_2m_ppm": leaves[Level.LEAF_2M] * PPM // total,
        "direct_map_4k_ppm": leaves[Level.LEAF_4K] * PPM // total,
        "direct_map_not_present_bytes": machine.direct_map.absent_frames * PAGE_BYTES,
        "sim_kernel_pt_frames": machine.direct_map.table_frames,
        "sim_vmemmap_pt_frames": memmap.table_frames,
        "sim_hvo_frames_freed": memmap.full_frames - used,
        **_unmapped_cache(machine.unmapped_cache),
        "pcp_frames": machine.core.allocator.listed_frames,
        **_fragmentation(machine),
    }


def _unmapped_cache(cache: UnmappedCache) -> dict[str, int]:
    """The cache of unmapped pages, row by row and order by order."""
    values = {"unmapped_cache_frames": cache.held_frames, "unmapped_cache_free_frames": cache.free_frames}
    for row, blocks in zip(UNMAPPED_ROWS, cache.rows().values(), strict=True):
        values |= {f"unmapped_{row}.{order}": count for order, count in enumerate(blocks)}
    return values


def _translation(tlb: TlbView) -> dict[str, int | float]:
    """The TLB over the direct map, and what its leaves cost the accesses a scenario states."""
    direct, cost = tlb.accesses[0], tlb.cost
    values: dict[str, int | float] = {
        "tlb_reach_bytes": direct.reach_bytes,
        "tlb_miss_ppm": direct.miss_ppm,
        "page_table_levels": tlb.table_levels,
        "direct_map_table_bytes": tlb.direct_map_table_bytes,
    }
    if cost is not None:
        values |= {
            "kernel_access_miss_ppm": cost.access.miss_ppm,
            "kernel_access_cycles": cost.access.cycles_per_access,
            "kernel_walks_least_ns_per_s": cost.walks_ns_per_s[0],
            "kernel_walks_most_ns_per_s": cost.walks_ns_per_s[1],
            "kernel_walks_change_least_ns_per_s": cost.change_ns_per_s[0],
            "kernel_walks_change_most_ns_per_s": cost.change_ns_per_s[1],
            "tlb_flushes_full": cost.flushes.full,
            "tlb_flushes_ranged": cost.flushes.ranged,
            "tlb_flushes_least_cpu_ns": cost.flushes.cpu_ns[0],
            "tlb_flushes_most_cpu_ns": cost.flushes.cpu_ns[1],
        }
    return values


def _fragmentation(machine: Machine) -> dict[str, int]:
    """The indices of fragmentation by order, over all zones: what a request that may use any of them meets.

    debugfs prints them by zone; those follow from the zone's free blocks, /proc/buddyinfo.
    """
    by_zone = [zone.buddy.free_blocks() for zone in machine.core.allocator.zones]
    free = [sum(counts) for counts in zip(*by_zone, strict=True)]
    values = {f"extfrag_index.{order}": fragmentation_index(free, order) for order in range(ORDERS)}
    return values | {f"unusable_index.{order}": unusable_index(free, order) for order in range(ORDERS)}


def amounts(machine: Machine) -> dict[str, int]:
    """The lines of /proc/meminfo that are amounts of memory, in base frames."""
    allocator, files, processes = machine.core.allocator, machine.tmpfs, machine.processes
    secret, cache, direct_map = machine.secretmem.frames, machine.page_cache, machine.direct_map
    traits, (reclaimable, unreclaimable) = machine.traits, machine.slabs.frames_by_use()
    levels = traits.counted_table_levels
    tables = sum(part.counted_tables(levels) for part in (processes, machine.secretmem, machine.fragmenter))
    if traits.counts_vmemmap_tables:
        tables += machine.memmap.table_frames
    if traits.counts_direct_map_tables:
        tables += machine.direct_map.table_frames
    return {
        "MemTotal": allocator.managed_frames,
        "MemFree": allocator.free_frames,
        "MemAvailable": machine.reclaim.available_frames,
        "Cached": cache.frames + files.frames + secret,
        "Unevictable": secret,
        "Mlocked": secret if traits.secret_pages_mlocked else 0,
        "SwapTotal": 0,
        "SwapFree": 0,
        "Dirty": cache.dirty_frames,
        "AnonPages": processes.anon_frames + machine.fragmenter.anon_frames,
        "Mapped": files.mapped_frames + secret,
        "Shmem": files.frames,
        "KReclaimable": reclaimable,
        "Slab": reclaimable + unreclaimable,
        "SReclaimable": reclaimable,
        "SUnreclaim": unreclaimable,
        "KernelStack": processes.stack_frames,
        "PageTables": tables,
        "VmallocUsed": machine.vmalloc.frames + processes.stacks.mapped_frames,
        "AnonHugePages": processes.huge_frames,
        "ShmemHugePages": files.huge_frames,
        "ShmemPmdMapped": files.pmd_mapped_frames,
        "Hugetlb": machine.hugetlb.frames,
        "DirectMap4k": direct_map.leaf_frames[Level.LEAF_4K],
        "DirectMap2M": direct_map.leaf_frames[Level.LEAF_2M],
        "DirectMap1G": direct_map.leaf_frames[Level.LEAF_1G] + direct_map.boot_recount_frames,
    }
