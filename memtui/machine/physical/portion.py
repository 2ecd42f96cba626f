"""How much of a long filling is one part of it: what lies in some pieces of memory, many pages or few."""

from __future__ import annotations

from memtui.machine.parts import PART_PIECES
from memtui.machine.physical.allocator import Gfp, PageAllocator
from memtui.machine.physical.buddy import FALLBACKS, Buddy, MigrateType


def portion(allocator: PageAllocator, gfp: Gfp, node: int, wanted: int) -> int:
    """How many of `wanted` single pages to ask for in one part of a long operation.

    All of them unless memory is so scattered that they would come out of more than PART_PIECES free
    blocks or, when nothing is free, runs of page cache.
    """
    frames, pieces = 0, PART_PIECES
    for zone in allocator.zones_for(gfp, node):
        spare = zone.spare_frames(zone.marks.low, gfp.highest_zone)
        if spare > 0:
            held, runs = zone.lists.reach(gfp.migratetype, pieces)
            found, used = _reach(zone.buddy, gfp.migratetype, pieces - runs)
            frames, pieces = frames + min(held + found, spare), pieces - runs - used
        if frames >= wanted:
            return wanted
        if pieces <= 0:
            return max(PART_PIECES, frames)
    if allocator.cache_reach is not None:
        found, used = allocator.cache_reach(pieces)
        if used >= pieces and frames + found < wanted:
            return max(PART_PIECES, frames + found)
    return wanted


def _reach(buddy: Buddy, wanted: MigrateType, pieces: int) -> tuple[int, int]:
    """(frames, free blocks) that requests for single pages take first, so many blocks at most.

    Runs of top blocks count once. Of other types the largest blocks go first (`__rmqueue_claim`).
    """
    left, frames = pieces, 0
    for kind in (wanted, *FALLBACKS[wanted]):
        *blocks, _ = buddy.free_blocks((kind,))
        top = buddy.top_runs[kind]
        sizes = [(order, count) for order, count in enumerate(blocks)]
        steps = [*sizes, (-1, len(top))] if kind is wanted else [(-1, len(top)), *reversed(sizes)]
        for order, count in steps:
            used = min(left, count)
            frames += top.reach(used) if order < 0 else used << order
            left -= used
    return frames, pieces - left
