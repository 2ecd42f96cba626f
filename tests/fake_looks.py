"""What the fake machine tells of single frames, and of where memory is not as boot left it."""

from __future__ import annotations

from memtui.snapshot import (
    FrameKind,
    FrameView,
    NodeRestore,
    PageSizeCost,
    Places,
    StructPageFrame,
    StructPagesView,
    VmemmapCell,
    VmemmapCosts,
)
from memtui.units import FRAMES_1G, FRAMES_2M, FRAMES_SECTION, SECOND

SPLIT_FRAME = 33 * FRAMES_1G + 3 * FRAMES_2M
"""The block that the secret of the eighth second split."""
SPLIT_EVENT = 4
"""The serial of the event that tells of it."""
POOL_FRAME = 8 * FRAMES_1G
"""Where the pool begins."""


def places(aged: bool, pool: int) -> Places:
    """The split block and the pool, once there are any."""
    return Places(SPLIT_FRAME if aged else None, POOL_FRAME if pool else None)


def frame_view(frame: int, aged: bool) -> FrameView:
    """A frame of the secret where that is; of free memory in a large leaf elsewhere."""
    secret = aged and SPLIT_FRAME <= frame < SPLIT_FRAME + FRAMES_2M
    size = 1 if secret else FRAMES_1G
    return FrameView(
        frame=frame,
        node=int(frame >= 32 * FRAMES_1G),
        zone="Normal",
        leaf="4K" if secret else "1G",
        leaf_start=frame - frame % size,
        leaf_frames=size,
        permission="not present" if secret else "rw",
        kind=FrameKind.SECRET if secret else FrameKind.FREE,
        owner="secretmem" if secret else "",
        owner_start=frame,
        owner_frames=16,
        split_by="memfd_secret keys" if secret else "",
        split_event=SPLIT_EVENT if secret else 0,
        split_ns=8 * SECOND if secret else 0,
    )


def struct_pages_view(frame: int, pool: int, available: int) -> StructPagesView:
    """A huge page of the pool, optimised, or free memory with struct pages of its own."""
    start = frame - frame % FRAMES_2M
    optimised = POOL_FRAME <= start < POOL_FRAME + pool * FRAMES_2M
    section = frame // FRAMES_SECTION
    boot = 0xC5C70
    return StructPagesView(
        section=section,
        section_start=section * FRAMES_SECTION,
        node=int(frame >= 32 * FRAMES_1G),
        table_frames=int(optimised),
        blocks=bytes([VmemmapCell.SHARED if optimised else VmemmapCell.OWN]) * 64,
        start=start,
        frames=FRAMES_2M,
        optimised=optimised,
        kind=FrameKind.HUGETLB if optimised else FrameKind.FREE,
        owner="hugetlb" if optimised else "",
        pages=tuple(
            StructPageFrame(
                page,
                0x3F7A0 if optimised else boot + page,
                optimised and page > 0,
                boot + page,
                "" if optimised else "memmap",
                page % 3 if optimised else -1,
            )
            for page in range(8)
        ),
        restore_frames=7 * optimised,
        restore_possible=True,
        available_frames=available,
        node_available_frames=available // 2,
        zone="Normal",
        policy="reserve-1",
    )


def vmemmap_costs(pool: int, available: int, nodes: int) -> VmemmapCosts:
    """The pool shared by the nodes."""
    needed = [pool * 7 * (node + 1) // nodes - pool * 7 * node // nodes for node in range(nodes)]
    return VmemmapCosts(
        sizes=(PageSizeCost(FRAMES_2M, 0, pool, 8, 1), PageSizeCost(FRAMES_1G, 0, 0, 4096, 1)),
        nodes=tuple(NodeRestore(node, each, available // nodes) for node, each in enumerate(needed)),
        available_frames=available,
    )
