"""Every counter, once: its name, unit, kind, where Linux prints it, and what it means.

Whatever shows, exports, compares or expects a counter reads this table, so that a name means
the same thing everywhere. The order is the order Linux prints them in, and that of every
report and export.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple


class Unit(StrEnum):
    """What one step of a counter is."""

    KB = "kB"
    """1024 bytes, as /proc/meminfo counts."""
    PAGES = "pages"
    """Base pages of 4 KiB."""
    HUGE_PAGES = "huge pages"
    """Pages of `Hugepagesize`."""
    EVENTS = "events"
    OBJECTS = "objects"
    BLOCKS = "blocks"
    """Free blocks of one order."""
    BYTES = "bytes"
    PPM = "ppm"
    """Parts per million."""
    PER_MILLE = "per mille"
    """Thousandths."""
    CYCLES = "cycles"
    LEVELS = "levels"
    NS = "ns"
    NS_PER_S = "ns per s"
    """CPU time in each second."""


class Kind(StrEnum):
    """How a counter moves."""

    GAUGE = "gauge"
    """What is there now: goes up and down."""
    COUNT = "count"
    """What has happened since boot: only goes up."""
    CONSTANT = "constant"
    """Fixed by the machine."""


class Source(StrEnum):
    """Where the figure is printed."""

    MEMINFO = "/proc/meminfo"
    VMSTAT = "/proc/vmstat"
    SLABINFO = "/proc/slabinfo"
    BUDDYINFO = "/proc/buddyinfo"
    MEMTUI = "memtui"


class Field(NamedTuple):
    """One counter."""

    name: str
    unit: Unit
    kind: Kind
    source: Source
    meaning: str

    @property
    def linux(self) -> bool:
        """Whether Linux has a counter of this name; otherwise it is a figure of ours."""
        return self.source is not Source.MEMTUI


def _memory(name: str, meaning: str, unit: Unit = Unit.KB, kind: Kind = Kind.GAUGE) -> Field:
    return Field(name, unit, kind, Source.MEMINFO, meaning)


def _pages(name: str, meaning: str) -> Field:
    return Field(name, Unit.PAGES, Kind.GAUGE, Source.VMSTAT, meaning)


def _events(name: str, meaning: str, unit: Unit = Unit.EVENTS) -> Field:
    return Field(name, unit, Kind.COUNT, Source.VMSTAT, meaning)


def _objects(name: str, meaning: str) -> Field:
    return Field(name, Unit.OBJECTS, Kind.GAUGE, Source.SLABINFO, meaning)


def _ours(name: str, unit: Unit, meaning: str, kind: Kind = Kind.GAUGE) -> Field:
    return Field(name, unit, kind, Source.MEMTUI, meaning)


def _extfrag(order: int) -> Field:
    return _ours(
        f"extfrag_index.{order}",
        Unit.PER_MILLE,
        f"why no zone has order {order} free: towards 1000 fragmentation, towards 0 lack of memory, -1000 one has",
    )


UNMAPPED_ROWS: Final = {
    "free": (Kind.GAUGE, "free blocks of order {} in the cache of unmapped pages"),
    "cached": (Kind.COUNT, "blocks of order {} that the cache of unmapped pages took"),
    "released": (Kind.COUNT, "blocks of order {} that the cache of unmapped pages gave back under pressure"),
}
"""The rows of debugfs' `unmapped_alloc`: how each moves, and what it counts."""


def _unmapped(row: str, order: int) -> Field:
    kind, meaning = UNMAPPED_ROWS[row]
    return _ours(f"unmapped_{row}.{order}", Unit.BLOCKS, meaning.format(order), kind)


def _unusable(order: int) -> Field:
    meaning = f"share of all zones' free memory in blocks too small for order {order}"
    return _ours(f"unusable_index.{order}", Unit.PER_MILLE, meaning)


_MEMINFO: Final = (
    _memory("MemTotal", "RAM the page allocator manages; what boot reserved (memmap, kernel) is not in it"),
    _memory("MemFree", "memory nobody uses"),
    _memory("MemAvailable", "what a new program could take without swapping: free and cheaply reclaimable memory"),
    _memory("Cached", "file pages in memory, tmpfs and secret memory included"),
    _memory("Unevictable", "pages that reclaim must leave alone"),
    _memory("Mlocked", "pages locked by their owner, secret memory included"),
    _memory("HighTotal", "memory the kernel cannot map permanently (32-bit machines)"),
    _memory("HighFree", "free part of HighTotal (32-bit machines)"),
    _memory("LowTotal", "memory the kernel maps permanently (32-bit machines)"),
    _memory("LowFree", "free part of LowTotal (32-bit machines)"),
    _memory("SwapTotal", "swap space"),
    _memory("SwapFree", "unused swap space"),
    _memory("Dirty", "file pages waiting to be written back"),
    _memory("AnonPages", "anonymous pages mapped by processes, huge ones included"),
    _memory("Mapped", "file pages mapped by processes, tmpfs and secret memory included"),
    _memory("Shmem", "tmpfs and shared memory"),
    _memory("KReclaimable", "kernel memory that pressure gives back"),
    _memory("Slab", "kernel objects: SReclaimable and SUnreclaim"),
    _memory("SReclaimable", "kernel objects that pressure gives back"),
    _memory("SUnreclaim", "kernel objects that stay"),
    _memory("KernelStack", "stacks of tasks in the kernel"),
    _memory("PageTables", "page tables of processes, and those of the kernel that this kernel counts"),
    _memory("VmallocUsed", "memory mapped through vmalloc: module and BPF text and data"),
    _memory("AnonHugePages", "anonymous memory in huge pages"),
    _memory("ShmemHugePages", "tmpfs memory in 2 MiB pages"),
    _memory("ShmemPmdMapped", "tmpfs memory mapped into processes by 2 MiB entries"),
    _memory("HugePages_Total", "pages in the hugetlb pool of the default size", Unit.HUGE_PAGES),
    _memory("HugePages_Free", "pages of that pool nobody has", Unit.HUGE_PAGES),
    _memory("HugePages_Rsvd", "pages of that pool promised to mappings", Unit.HUGE_PAGES),
    _memory("HugePages_Surp", "pages beyond nr_hugepages, those that could not be freed included", Unit.HUGE_PAGES),
    _memory("Hugepagesize", "the default huge page size", kind=Kind.CONSTANT),
    _memory("Hugetlb", "memory in hugetlb pools of every size"),
    _memory("DirectMap4k", "direct map in 4 KiB leaves; leaves that are not present count too"),
    _memory("DirectMap2M", "direct map in 2 MiB leaves"),
    _memory("DirectMap1G", "direct map in 1 GiB leaves"),
)

_VMSTAT_PAGES: Final = (
    _pages("nr_free_pages", "free pages"),
    _pages("nr_mlock", "pages locked by their owner"),
    _pages("nr_unevictable", "pages that reclaim must leave alone"),
    _pages("nr_slab_reclaimable", "pages of kernel objects that pressure gives back"),
    _pages("nr_slab_unreclaimable", "pages of kernel objects that stay"),
    _pages("nr_anon_pages", "anonymous pages mapped by processes"),
    _pages("nr_mapped", "file pages mapped by processes"),
    _pages("nr_file_pages", "file pages in memory, tmpfs included"),
    _pages("nr_dirty", "file pages waiting to be written back"),
    _pages("nr_shmem", "pages of tmpfs and shared memory"),
    _pages("nr_shmem_hugepages", "2 MiB pages of tmpfs"),
    _pages("nr_shmem_pmdmapped", "2 MiB pages of tmpfs mapped by 2 MiB entries"),
    _pages("nr_anon_transparent_hugepages", "anonymous huge pages"),
    _events("nr_dirtied", "file pages that became dirty", Unit.PAGES),
    _events("nr_written", "file pages written back", Unit.PAGES),
    Field("nr_kernel_stack", Unit.KB, Kind.GAUGE, Source.VMSTAT, "stacks of tasks in the kernel"),
    _pages("nr_page_table_pages", "page tables"),
    _pages("nr_hugetlb", "base pages of hugetlb pools that are in use, as none ever is here"),
    _pages("nr_memmap_pages", "pages of struct pages that came from the page allocator, since boot"),
    _pages("nr_memmap_boot_pages", "pages of struct pages that boot set aside"),
)

_VMSTAT_EVENTS: Final = (
    _events("pswpin", "pages read from swap", Unit.PAGES),
    _events("pswpout", "pages written to swap", Unit.PAGES),
    _events("allocstall_dma", "allocations that only ZONE_DMA could serve and that had to reclaim first"),
    _events("allocstall_dma32", "the same for allocations from ZONE_DMA32 or below"),
    _events("allocstall_normal", "the same for allocations from any zone, for the kernel's own use"),
    _events("allocstall_movable", "the same for pages that can be moved"),
    _events("pgsteal_kswapd", "pages kswapd reclaimed", Unit.PAGES),
    _events("pgsteal_direct", "pages allocations reclaimed for themselves", Unit.PAGES),
    _events("pgscan_kswapd", "pages kswapd looked at", Unit.PAGES),
    _events("pgscan_direct", "pages allocations looked at in direct reclaim", Unit.PAGES),
    _events("pgscan_file", "file pages reclaim looked at", Unit.PAGES),
    _events("pgsteal_file", "file pages reclaimed", Unit.PAGES),
    _events("slabs_scanned", "kernel objects shrinkers looked at", Unit.OBJECTS),
    _events("drop_pagecache", "writes to drop_caches that drop file pages"),
    _events("drop_slab", "writes to drop_caches that drop kernel objects"),
    _events("oom_kill", "processes killed because memory ran out"),
    _events("pgmigrate_success", "pages moved elsewhere", Unit.PAGES),
    _events("thp_migration_success", "huge pages moved elsewhere"),
    _events("compact_migrate_scanned", "pages compaction looked at to move away", Unit.PAGES),
    _events("compact_free_scanned", "pages compaction looked at to move to", Unit.PAGES),
    _events("compact_isolated", "pages compaction took out to move", Unit.PAGES),
    _events("compact_stall", "allocations that had to compact first"),
    _events("compact_fail", "direct compactions that made no block of the wanted order"),
    _events("compact_success", "direct compactions that made one"),
    _events("compact_daemon_wake", "times kcompactd set to work"),
    _events("compact_daemon_migrate_scanned", "pages kcompactd looked at to move away", Unit.PAGES),
    _events("compact_daemon_free_scanned", "pages kcompactd looked at to move to", Unit.PAGES),
    _events("htlb_buddy_alloc_success", "huge pages the allocator gave to a hugetlb pool"),
    _events("htlb_buddy_alloc_fail", "huge pages it could not give"),
    _events("thp_fault_alloc", "huge pages given to faults on anonymous memory"),
    _events("thp_fault_fallback", "such faults that got base pages instead"),
    _events("thp_file_alloc", "huge pages given to tmpfs"),
    _events("thp_file_fallback", "tmpfs huge pages that became smaller ones for want of memory"),
    _events("thp_file_mapped", "tmpfs huge pages mapped by a 2 MiB entry"),
    _events("thp_split_page", "huge pages split into base pages"),
    _events("thp_deferred_split_page", "huge pages queued to be split under pressure"),
    _events("thp_split_pmd", "2 MiB entries of processes split into page tables"),
    _events("direct_map_level2_splits", "2 MiB leaves of the direct map split into 4 KiB ones since boot"),
    _events("direct_map_level3_splits", "1 GiB leaves of the direct map split into 2 MiB ones since boot"),
    _events("direct_map_level2_collapses", "2 MiB leaves of the direct map made again from 4 KiB ones"),
    _events("direct_map_level3_collapses", "1 GiB leaves of the direct map made again from 2 MiB ones"),
)

_SLABINFO: Final = (
    _objects("vm_area_struct", "areas of address spaces (VMAs)"),
    _objects("anon_vma", "heads by which anonymous pages find their VMAs"),
    _objects("anon_vma_chain", "links between VMAs and anon_vmas"),
    _objects("mm_struct", "address spaces"),
    _objects("task_struct", "tasks"),
    _objects("maple_node", "nodes of the trees that hold VMAs"),
    _objects("shmem_inode_cache", "tmpfs files"),
    _objects("radix_tree_node", "nodes of the trees that hold file pages"),
)

_DERIVED: Final = (
    _ours("tlb_reach_bytes", Unit.BYTES, "memory the last TLB level covers over the direct map as it is mapped now"),
    _ours("tlb_miss_ppm", Unit.PPM, "uniform random accesses to the direct map that miss the last TLB level"),
    _ours("page_table_levels", Unit.LEVELS, "levels of page tables: 5 on CPUs with la57", Kind.CONSTANT),
    _ours("direct_map_table_bytes", Unit.BYTES, "page tables that map all RAM, those of boot included"),
    _ours("kernel_access_miss_ppm", Unit.PPM, "the kernel's stated accesses that miss the last TLB level"),
    _ours("kernel_access_cycles", Unit.CYCLES, "cycles of translation that each of these accesses takes"),
    _ours("kernel_walks_least_ns_per_s", Unit.NS_PER_S, "CPU time of translating these accesses, at least"),
    _ours("kernel_walks_most_ns_per_s", Unit.NS_PER_S, "the same, at most"),
    _ours(
        "kernel_walks_change_least_ns_per_s",
        Unit.NS_PER_S,
        "what of that time splits of the direct map since boot cost, at least; below zero they save it",
    ),
    _ours("kernel_walks_change_most_ns_per_s", Unit.NS_PER_S, "the same, at most"),
    _ours("tlb_flushes_full", Unit.EVENTS, "broadcasts that emptied every CPU's TLB", Kind.COUNT),
    _ours("tlb_flushes_ranged", Unit.EVENTS, "broadcasts of at most 33 kernel pages", Kind.COUNT),
    _ours("tlb_flushes_least_cpu_ns", Unit.NS, "CPU time all these took on all CPUs, at least", Kind.COUNT),
    _ours("tlb_flushes_most_cpu_ns", Unit.NS, "the same, at most, with every emptied TLB filled again"),
    _ours("struct_page_bytes", Unit.BYTES, "memory the struct pages take now"),
    _ours("struct_page_saved_bytes", Unit.BYTES, "struct pages given back, against one frame per 64 pages"),
    _ours("direct_map_1g_ppm", Unit.PPM, "share of the direct map in 1 GiB leaves"),
    _ours("direct_map_2m_ppm", Unit.PPM, "share of the direct map in 2 MiB leaves"),
    _ours("direct_map_4k_ppm", Unit.PPM, "share of the direct map in 4 KiB leaves"),
    _ours(
        "direct_map_not_present_bytes", Unit.BYTES, "RAM whose leaf of the direct map is not present; leaves count it"
    ),
    _ours("sim_kernel_pt_frames", Unit.PAGES, "page tables of the direct map made by splits"),
    _ours("sim_vmemmap_pt_frames", Unit.PAGES, "page tables of vmemmap made by splits"),
    _ours("sim_hvo_frames_freed", Unit.PAGES, "frames of struct pages given back by optimised huge pages"),
    _ours("unmapped_cache_frames", Unit.PAGES, "pages of the cache of unmapped pages, those its users have included"),
    _ours("unmapped_cache_free_frames", Unit.PAGES, "pages in the cache of unmapped pages that nobody uses"),
    *(_unmapped(row, order) for row in UNMAPPED_ROWS for order in range(11)),
    _ours("pcp_frames", Unit.PAGES, "free pages in per-CPU lists, which MemFree does not count (/proc/zoneinfo)"),
    *(_extfrag(order) for order in range(11)),
    *(_unusable(order) for order in range(11)),
    _ours("sim_stopped", Unit.EVENTS, "1 when the machine could not go on: nothing left to kill", Kind.COUNT),
)


def _by_name(fields: Iterator[Field]) -> dict[str, Field]:
    table: dict[str, Field] = {}
    for entry in fields:
        if entry.name in table:
            raise ValueError(f"counter {entry.name} is declared twice")
        table[entry.name] = entry
    return table


FIELDS: Final[dict[str, Field]] = _by_name(
    entry for group in (_MEMINFO, _VMSTAT_PAGES, _VMSTAT_EVENTS, _SLABINFO, _DERIVED) for entry in group
)
"""Every counter by name, in the order of reports and exports."""

BUDDYINFO_PREFIX: Final = "buddyinfo."
"""Names of the free lists begin so."""

BUDDYINFO_PATTERN: Final = "buddyinfo.<node>.<zone>[.<order>]"
"""How the lists of /proc/buddyinfo are named; with an order it is one figure of the list."""

_BUDDYINFO = re.compile(r"buddyinfo\.(\d{1,4})\.(DMA|DMA32|Normal|HighMem|Movable)(?:\.(\d|10))?", re.ASCII)


class BuddyinfoName(NamedTuple):
    """The parts of a name such as `buddyinfo.0.Normal.9`; without an order it means the whole list."""

    node: int
    zone: str
    order: int | None


def buddyinfo_name(name: str) -> BuddyinfoName | None:
    """The parts of a /proc/buddyinfo name, or None when `name` is not one."""
    match = _BUDDYINFO.fullmatch(name)
    if match is None:
        return None
    node, zone, order = match.groups()
    return BuddyinfoName(int(node), zone, None if order is None else int(order))


def field(name: str) -> Field | None:
    """The counter of that name, `buddyinfo.<node>.<zone>[.<order>]` included, or None when there is none."""
    if name in FIELDS:
        return FIELDS[name]
    parts = buddyinfo_name(name)
    if parts is None:
        return None
    orders = "by order" if parts.order is None else f"of order {parts.order}"
    meaning = f"free blocks {orders} in zone {parts.zone} of node {parts.node}"
    return Field(name, Unit.BLOCKS, Kind.GAUGE, Source.BUDDYINFO, meaning)
