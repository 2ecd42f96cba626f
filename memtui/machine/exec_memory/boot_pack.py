"""Where boot's own BPF pack lies: boot code takes its memory from the top of a zone, where scraps are left."""

from __future__ import annotations

from memtui.machine.core import Core, KernelOwner
from memtui.machine.exec_memory.base import ExecRange, Ground, MemType
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES
from memtui.machine.physical.extents import FrameList, Run
from memtui.units import frames_of


def boot_pack(ground: Ground, owner: KernelOwner, pack_bytes: int) -> ExecRange | None:
    """The first pack's pages: from the top of the highest zone, or half of each 2 MiB from its bottom.

    None where no zone has whole blocks for it.
    """
    allocator = ground.core.allocator
    half = PAGEBLOCK_FRAMES // 2
    frames = FrameList()
    for _ in range(frames_of(pack_bytes) // PAGEBLOCK_FRAMES):
        blocks = _whole_blocks(ground.core)
        if not blocks:
            allocator.free_list(frames, owner)
            return None
        part = half if ground.traits.boot_pack_at_both_ends else PAGEBLOCK_FRAMES
        starts = [max(start + count for start, count in blocks) - part]
        if ground.traits.boot_pack_at_both_ends:
            starts.append(min(start for start, _ in blocks))
        for start in starts:
            allocator.allocate_at(owner, start, part)
            frames.append(start, part)
    area = ground.vmalloc.adopt_module(frames, owner)
    return ExecRange(area, 0, ((MemType.BPF, frames.frames),))


def _whole_blocks(core: Core) -> list[Run]:
    """Free runs of 2 MiB at least in the highest zone of node 0 that has some."""
    for zone in core.allocator.zones_of(0):
        found = [(start, frames) for start, frames, _ in zone.buddy.free_runs() if frames >= PAGEBLOCK_FRAMES]
        if found:
            return found
    return []
