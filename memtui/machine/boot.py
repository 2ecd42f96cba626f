"""What boot code takes before the page allocator gets the rest: memmap, kernel, hash tables.

The parts and their sizes reproduce `MemTotal` of the recorded guests (`guest-*-boot-*`, 1 GiB to
256 GiB) to a few kB: the kernel image, a bounce buffer once RAM lies above 4 GiB, the dentry
and inode hash tables, and 1/64 of RAM for struct pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from memtui.machine import kernels
from memtui.machine.boot_mapping import KERNEL_IMAGE_FRAME, Level, boot_spans, table_frames
from memtui.machine.config import MachineConfig
from memtui.machine.core import KernelOwner
from memtui.machine.errors import MachineStopped
from memtui.machine.geometry import SECTION_FRAMES, Layout, layout
from memtui.machine.hugetlb_vmemmap import HugetlbVmemmap
from memtui.machine.memmap_backing import memmap_frames
from memtui.machine.memmap_boot import SECTION_MEMMAP_FRAMES, NodeMemmap
from memtui.machine.physical.allocator import PageAllocator
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import FrameMap
from memtui.machine.physical.pcp_limits import PcpLimits
from memtui.machine.physical.ranges import RangeSet
from memtui.machine.physical.zone import Zone, set_lowmem_reserve
from memtui.machine.traits import Traits
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_1G, FRAMES_2M, FRAMES_4G, GIB, KIB, PAGE_BYTES, format_bytes, frames_of

LOW_RESERVED: Final[Run] = (0, 256)
"""The first MiB is kept for firmware and real-mode code (`reserve_real_mode`)."""
SWIOTLB_BYTES: Final = 64 * 1024 * KIB + 768 * KIB
"""The bounce buffer and its slot table, once RAM lies above 4 GiB."""
FIVE_LEVEL_BYTES: Final = 2020 * KIB
"""What boot keeps more with 5-level page tables; recorded on 6.1 and 7.2, for what is unknown (`guest-*-8G-la57`)."""
SPARE_EARLY_TABLES: Final = 5
"""Page tables that boot has room for in the kernel image (`early_alloc_pgt_buf`) and 1G leaves leave unused.

Recorded: six more tables, for 6 GiB in leaves of 2 MiB, take one frame more (`guest-*-8G-no1g` against `-la57`)."""
HASH_BUCKET_BYTES: Final = 8
HASH_TABLES: Final = (("dentry hash table", 13), ("inode hash table", 14))
"""Name, and log2 of the bytes of RAM per bucket (`alloc_large_system_hash`)."""
HASH_ADAPT_BYTES: Final = 64 * GIB
"""From here on the hash tables grow half as fast as RAM (ADAPT_SCALE_BASE, ADAPT_SCALE_SHIFT 2)."""


def hash_table_bytes(ram_bytes: int, shift: int) -> int:
    """Size of one boot-time hash table: one bucket per 2^shift bytes of RAM, rounded up to a power of two."""
    step = HASH_ADAPT_BYTES
    while step < ram_bytes:
        shift += 1
        step <<= 2
    buckets = max(1, ram_bytes >> shift)
    return HASH_BUCKET_BYTES << (buckets - 1).bit_length()


class GiganticPage(NamedTuple):
    """A 1 GiB huge page that boot took before the page allocator had anything."""

    node: int
    start: int
    tables: FrameList
    """Page tables for its vmemmap, if that is optimised before it is made."""


@dataclass(slots=True)
class BootMemory:
    """Physical memory after boot: zones filled, everything else with its owner."""

    layout: Layout
    allocator: PageAllocator
    memmap_nodes: list[NodeMemmap]
    memmap_owner: KernelOwner
    hugetlb_vmemmap: HugetlbVmemmap
    """What optimised huge pages keep of their struct pages."""
    reservations: list[tuple[KernelOwner, int, int]]
    """(owner, first frame, frames) of all that boot keeps, the memmap excepted."""
    gigantic: list[GiganticPage]
    """1 GiB pages taken for the hugepage pool; the allocator manages them."""


class _Early:
    """The boot-time allocator (memblock): hands out the top of what is left of a node."""

    def __init__(self, plan: Layout) -> None:
        self.free = [RangeSet() for _ in plan.nodes]
        for node, runs in enumerate(plan.nodes):
            for start, frames in runs:
                self.free[node].add(start, start + frames)

    def reserve(self, start: int, frames: int) -> list[Run]:
        """Takes a fixed range out of whatever nodes hold it; returns the parts that were still there."""
        parts: list[Run] = []
        for ranges in self.free:
            for low, high in list(ranges.overlapping(start, start + frames)):
                part = (max(low, start), min(high, start + frames) - max(low, start))
                ranges.remove(part[0], part[0] + part[1])
                parts.append(part)
        return parts

    def take(self, frames: int, node: int, *, below: int = 1 << 52, align: int = 1) -> Run:
        """The highest aligned run below a limit, on one node. Raises MachineStopped if there is none."""
        for low, high in reversed(list(self.free[node])):
            start = (min(high, below) - frames) // align * align
            if start >= low:
                self.free[node].remove(start, start + frames)
                return start, frames
        raise MachineStopped(f"cannot boot: no {format_bytes(frames * PAGE_BYTES)} of memory in a row on node {node}")


def largest_leaf(config: MachineConfig) -> Level:
    """The largest leaf the direct map may have: what the kernel allows, as far as the CPU has it."""
    return min(kernels.DIRECT_MAP.choose(config.kernel), Level.LEAF_1G if config.cpu.gbpages else Level.LEAF_2M)


def boot_memory(config: MachineConfig) -> BootMemory:
    """Lays out RAM, sets boot's parts aside and gives the rest to the zones. Raises MachineStopped."""
    traits = kernels.traits(config.kernel.version)
    plan = layout(config.ram_bytes, config.nodes, la57=config.cpu.la57)
    early = _Early(plan)
    firmware = KernelOwner("firmware", FrameKind.RESERVED)
    reservations = [(firmware, *part) for run in (*plan.firmware, LOW_RESERVED) for part in early.reserve(*run)]
    image = KernelOwner("kernel image", FrameKind.KERNEL)
    reservations += [(image, *part) for part in early.reserve(KERNEL_IMAGE_FRAME, frames_of(traits.boot.image_bytes))]
    if sum(frames for owner, _, frames in reservations if owner is image) < frames_of(traits.boot.image_bytes):
        raise MachineStopped(f"cannot boot: the kernel image does not fit into {format_bytes(config.ram_bytes)}")
    hvo = kernels.HUGETLB_VMEMMAP.choose(config.kernel)(moves_heads=traits.hvo_moves_heads)
    optimises = config.kernel.hugetlb_optimize_vmemmap and hvo.kept_frames(FRAMES_1G) < memmap_frames(FRAMES_1G)
    gigantic = _gigantic_pages(early, config.kernel.hugepages_1g, tables=traits.early_hvo and optimises)
    memmap_nodes = [_node_memmap(early, node, runs) for node, runs in enumerate(plan.nodes)]
    reservations += [(owner, *run) for owner, run in _early_tables(early, config, plan, traits)]
    frame_map = FrameMap()
    memmap_owner = KernelOwner("memmap", FrameKind.MEMMAP)
    for owner, start, frames in reservations:
        frame_map.assign(start, frames, owner)
    for node_memmap in memmap_nodes:
        frame_map.assign(node_memmap.base_frame, node_memmap.frames, memmap_owner)
    allocator = PageAllocator(_zones(plan, early, frame_map, traits.list_limits), frame_map)
    allocator.reserves_follow_memory = traits.reserves_follow_memory
    for zone in allocator.zones:
        zone.buddy.takes_all_free = traits.steals_all_free
    return BootMemory(plan, allocator, memmap_nodes, memmap_owner, hvo, reservations, gigantic)


def _gigantic_pages(early: _Early, count: int, *, tables: bool) -> list[GiganticPage]:
    """1 GiB pages on the nodes in turn (`alloc_bootmem_huge_page`), perhaps with tables. Raises MachineStopped."""
    table_frames = FRAMES_1G // SECTION_FRAMES if tables else 0
    pages: list[GiganticPage] = []
    for number in range(count):
        node = number % len(early.free)
        start, _ = early.take(FRAMES_1G, node, align=FRAMES_1G)
        pages.append(GiganticPage(node, start, FrameList([early.take(table_frames, node)] if tables else [])))
    return pages


def _node_memmap(early: _Early, node: int, runs: tuple[Run, ...]) -> NodeMemmap:
    """Struct pages for every section the node has RAM in, in one run of its own memory."""
    sections = RangeSet()
    for start, frames in runs:
        sections.add(start // SECTION_FRAMES, -(-(start + frames) // SECTION_FRAMES))
    counts = tuple((low, high - low) for low, high in sections)
    base, _ = early.take(sections.count * SECTION_MEMMAP_FRAMES, node, align=FRAMES_2M)
    return NodeMemmap(counts, base)


def _early_tables(early: _Early, config: MachineConfig, plan: Layout, traits: Traits) -> list[tuple[KernelOwner, Run]]:
    """The kernel's own early allocations, on node 0."""
    sizes, hashed_bytes = traits.boot, config.ram_bytes
    if traits.sizes_hashes_by_free_memory:
        hashed_bytes -= config.kernel.hugepages_1g * GIB
    sections = -(-plan.ram_frames // SECTION_FRAMES)
    early_bytes = sizes.early_bytes + sections * sizes.section_bytes + config.cpu.la57 * FIVE_LEVEL_BYTES
    early_bytes += _further_tables(config, plan) * PAGE_BYTES
    wanted = [("early allocations", early_bytes, 1 << 52)]
    if plan.ram[-1][0] >= FRAMES_4G:
        wanted.append(("swiotlb", SWIOTLB_BYTES, FRAMES_4G))
    wanted += [(name, hash_table_bytes(hashed_bytes, shift), 1 << 52) for name, shift in HASH_TABLES]
    return [
        (KernelOwner(name, FrameKind.KERNEL), early.take(frames_of(size), 0, below=below))
        for name, size, below in wanted
    ]


def _further_tables(config: MachineConfig, plan: Layout) -> int:
    """Page tables of the direct map that leaves smaller than the recorded boots had take more."""
    levels, largest = config.cpu.table_levels, largest_leaf(config)
    if largest is Level.LEAF_1G:
        return 0
    more = table_frames(boot_spans(plan, largest), levels) - table_frames(boot_spans(plan), levels)
    return max(0, more - SPARE_EARLY_TABLES)


def _zones(plan: Layout, early: _Early, frame_map: FrameMap, limits: type[PcpLimits]) -> list[Zone]:
    """Zones with all that boot left over."""
    zones = [Zone.build(each, frame_map, limits) for each in plan.zones]
    for zone in zones:
        span = zone.layout
        for low, high in early.free[span.node].overlapping(span.start, span.end):
            zone.hand_over(max(low, span.start), min(high, span.end) - max(low, span.start))
        zone.least_free_frames = zone.buddy.free_frames
    for node in range(len(plan.nodes)):
        set_lowmem_reserve([zone for zone in zones if zone.layout.node == node])
    return zones
