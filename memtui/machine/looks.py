"""Everything that can be told of one frame: its leaf, its owner, and where its struct pages lie."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

from memtui.machine import maps
from memtui.machine.boot_mapping import Level
from memtui.machine.direct_map import Perm
from memtui.machine.geometry import SECTION_FRAMES, Layout, ZoneLayout
from memtui.machine.memmap import Memmap
from memtui.machine.memmap_backing import memmap_frames
from memtui.machine.memmap_boot import SECTION_MEMMAP_FRAMES
from memtui.machine.physical.allocator import GFP_VMEMMAP
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import FrameMap
from memtui.machine.physical.top_runs import TOP_ORDER
from memtui.snapshot import (
    FrameKind,
    FrameView,
    MapRequest,
    MapWindow,
    NodeRestore,
    PageSizeCost,
    Places,
    StructPageFrame,
    StructPagesView,
    VmemmapCosts,
)
from memtui.units import FRAMES_1G, FRAMES_2M

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

_SIZES: Final = {Level.LEAF_4K: ("4K", 1), Level.LEAF_2M: ("2M", FRAMES_2M), Level.LEAF_1G: ("1G", FRAMES_1G)}
_PERMISSIONS: Final = {Perm.READ_WRITE: "rw", Perm.READ_ONLY: "ro", Perm.NOT_PRESENT: "not present"}
_NEARBY: Final = FRAMES_2M
"""How far around a frame its owner's run is looked for, on each side."""
_END: Final = 1 << 52
"""Above every frame there can be."""
_LOOKED_THROUGH: Final = 4096
"""Runs that are looked at for one that is apart from the one before."""


def frame_view(machine: Machine, frame: int) -> FrameView | None:
    """Leaf, permission and owner of one frame; None for a frame where there is no RAM."""
    zone, level = zone_at(machine.layout, frame), machine.direct_map.level_at(frame)
    if zone is None or level is None:
        return None
    leaf, leaf_frames = _SIZES[level]
    owners = machine.core.allocator.frame_map
    owner = owners.owner_at(frame)
    start, frames = owner_run(owners, frame)
    origin = machine.direct_map.origin_at(frame)
    return FrameView(
        frame=frame,
        node=zone.node,
        zone=zone.name,
        leaf=leaf,
        leaf_start=frame - frame % leaf_frames,
        leaf_frames=leaf_frames,
        permission=_PERMISSIONS[machine.direct_map.perm_at(frame)],
        kind=FrameKind.FREE if owner is None else owner.kind,
        owner="" if owner is None else str(owner),
        owner_start=start,
        owner_frames=frames,
        split_by="" if origin is None else origin.cause,
        split_event=0 if origin is None else origin.event,
        split_ns=0 if origin is None else origin.time_ns,
    )


def places(machine: Machine, request: MapRequest) -> Places:
    """The next split leaf and the next run of optimised pages above the frames of a request."""
    optimised, after = machine.memmap.optimised_runs, request.vmemmap_frame
    following = None if after is None else _next_run(optimised(after, _END), after)
    if following is None:
        following = next((start for start, _ in optimised(0, _END)), None)
    return Places(machine.direct_map.next_split(request.direct_map_frame), following)


def vmemmap_costs(machine: Machine) -> VmemmapCosts:
    """Struct pages by size of page, and what freeing huge pages takes node by node."""
    memmap, allocator = machine.memmap, machine.core.allocator
    optimised = memmap.optimised_frames
    sizes = []
    for size in (FRAMES_2M, FRAMES_1G):
        shared, full = optimised.get(size, 0) // size, memmap_frames(size)
        plain = max(0, machine.hugetlb.pages(size) - shared)
        sizes.append(PageSizeCost(size, plain, shared, full, full - memmap.shared_frames(size)))
    nodes = range(allocator.nodes)
    return VmemmapCosts(
        sizes=tuple(sizes),
        nodes=tuple(
            NodeRestore(node, memmap.restore_frames_of(node), allocator.available_on(GFP_VMEMMAP, node))
            for node in nodes
        ),
        available_frames=allocator.available_frames(GFP_VMEMMAP, 0),
    )


def struct_pages_view(machine: Machine, frame: int) -> StructPagesView | None:
    """The section around a frame and the struct pages of its huge page; None where there is no RAM."""
    zone = zone_at(machine.layout, frame)
    if zone is None or machine.direct_map.level_at(frame) is None:
        return None
    memmap, owners = machine.memmap, machine.core.allocator.frame_map
    page = memmap.backing_at(frame, zone.node)
    section = frame // SECTION_FRAMES
    needed = memmap.shared_frames(page.page_frames) if page.optimised else 0
    owner = owners.owner_at(page.start)
    available = machine.core.allocator.available_frames(GFP_VMEMMAP, zone.node)
    return StructPagesView(
        section=section,
        section_start=section * SECTION_FRAMES,
        node=zone.node,
        table_frames=int(memmap.is_split(section)),
        blocks=_blocks(memmap, machine.layout, section),
        start=page.start,
        frames=page.page_frames,
        optimised=page.optimised,
        kind=FrameKind.FREE if owner is None else owner.kind,
        owner="" if owner is None else str(owner),
        pages=tuple(
            StructPageFrame(
                index, now, page.optimised and index >= page.kept, boot, _name(owners, boot), _order(machine, boot)
            )
            for index, (now, boot) in enumerate(zip(page.frames, page.boot_frames, strict=True))
        ),
        restore_frames=needed,
        restore_possible=available >= needed,
        available_frames=available,
        node_available_frames=machine.core.allocator.available_on(GFP_VMEMMAP, zone.node),
        zone=zone.name,
        policy=machine.config.kernel.hugetlb_vmemmap,
    )


def zone_at(layout: Layout, frame: int) -> ZoneLayout | None:
    """The zone a frame lies in; None where there is no RAM."""
    if not any(start <= frame < start + frames for start, frames in layout.ram):
        return None
    return next((zone for zone in layout.zones if _spans(zone, frame)), None)


def owner_run(owners: FrameMap, frame: int) -> tuple[int, int]:
    """The run of frames around one that have the same owner or are free as it is, looked for 2 MiB to each side."""
    low, high = max(0, frame - _NEARBY), frame + _NEARBY
    start = low
    for first, frames, _ in owners.runs(low, high):
        if first > frame:
            return start, first - start
        if first + frames > frame:
            return first, frames
        start = first + frames
    return start, high - start


def _blocks(memmap: Memmap, layout: Layout, section: int) -> bytes:
    window = MapWindow(section * SECTION_FRAMES, SECTION_FRAMES)
    grid = maps.CellGrid(layout, SECTION_MEMMAP_FRAMES // memmap_frames(FRAMES_2M), window)
    return maps.VmemmapPicture(memmap, grid).look().cells


def _next_run(runs: Iterable[Run], after: int) -> int | None:
    """Where the first of some ascending runs begins that does not begin at, or join, what `after` is part of."""
    end = after + 1
    for start, frames in islice(runs, _LOOKED_THROUGH):
        if start > end:
            return start
        end = max(end, start + frames)
    return None


def _order(machine: Machine, frame: int) -> int:
    """The order of the free block a frame is part of; -1 if it is not free in the buddy allocator."""
    zone = next((zone for zone in machine.core.allocator.zones if _spans(zone.layout, frame)), None)
    if zone is None or machine.core.allocator.frame_map.owner_at(frame) is not None:
        return -1
    for order in range(TOP_ORDER):
        if zone.buddy.order_at(frame >> order << order) == order:
            return order
    return TOP_ORDER


def _spans(zone: ZoneLayout, frame: int) -> bool:
    return zone.start <= frame < zone.end


def _name(owners: FrameMap, frame: int) -> str:
    owner = owners.owner_at(frame)
    return "" if owner is None else str(owner)
