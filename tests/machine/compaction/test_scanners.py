"""Compaction on a zone whose every other page is free."""

from __future__ import annotations

import random

import pytest

from memtui.machine.boot import boot_memory
from memtui.machine.compaction.scanners import Compaction
from memtui.machine.config import CpuConfig, MachineConfig
from memtui.machine.core import Core, KernelOwner
from memtui.machine.meter import Meter
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE, GFP_KERNEL
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.migration import Moves
from memtui.snapshot import FrameKind
from memtui.units import GIB, MIB, PAGE_BYTES
from tests.machine.bench import check_frames, small_core

SLAB = KernelOwner("slab", FrameKind.SLAB)


class Pages:
    """A movable owner that knows its frames by page."""

    kind = FrameKind.FILE
    movable = True

    def __init__(self, runs: FrameList) -> None:
        self.frames = [frame for start, n in runs for frame in range(start, start + n)]

    records = 0

    def relocate(self, moves: Moves) -> None:
        self.frames = [start for frame in self.frames for start, _ in moves.translate(frame, 1)]


@pytest.mark.parametrize("unmovable_every", [0, 1500])
def test_scattered_pages_gather_at_the_end(unmovable_every: int) -> None:
    memory = boot_memory(MachineConfig("guest", 2 * GIB, 1, CpuConfig(1)))
    allocator = memory.allocator
    core = Core(allocator, Meter(1), 1)
    pages = Pages(FrameList())
    taken = allocator.allocate_many(pages, GFP_HIGHUSER_MOVABLE, 200 * MIB // PAGE_BYTES)
    pages.frames = Pages(taken).frames
    for frame in pages.frames[::2]:
        allocator.free(frame, 1, pages)
    pages.frames = pages.frames[1::2]
    stuck = [allocator.allocate(SLAB, GFP_KERNEL) for _ in range(5)] if unmovable_every else []
    before, contents = allocator.free_frames, len(pages.frames)
    zone = allocator.zone_of(pages.frames[0])
    blocks = zone.buddy.free_blocks()
    moved = Compaction(core, zone).run()
    assert moved > 0
    assert core.vm_events["pgmigrate_success"] == moved
    assert allocator.free_frames == before
    assert len(set(pages.frames)) == contents
    claims: list[tuple[Owner, int, int]] = [(pages, frame, 1) for frame in sorted(pages.frames)] + [
        (SLAB, frame, 1) for frame in stuck
    ]
    boot = [(memory.memmap_owner, memory.memmap_nodes[0].base_frame, 2 * GIB // 64 // PAGE_BYTES)]
    rebuilt = FrameMap()
    for owner, start, frames in (*claims, *memory.reservations, *boot):
        rebuilt.assign(start, frames, owner)
    assert allocator.frame_map.difference(rebuilt) is None
    after = zone.buddy.free_blocks()
    assert after[9] + after[10] > blocks[9] + blocks[10]
    assert after[0] < blocks[0] // 100 + 10, "hardly a single free page is left alone"
    assert Compaction(core, zone).run() <= 512, "a second pass finds almost nothing to do"


def test_moves_translate_any_run() -> None:
    chance = random.Random(5)
    moves, where = Moves(), {frame: frame for frame in range(2000)}
    position = 0
    while position < 1900:
        position += chance.randrange(1, 40)
        frames = chance.randrange(1, 30)
        target = 10_000 + chance.randrange(100_000)
        moves.add(position, frames, target)
        where.update({position + step: target + step for step in range(frames)})
        position += frames
    for start, frames in ((0, 2000), (13, 700), (999, 1), (1990, 10)):
        got = [frame for low, n in moves.translate(start, frames) for frame in range(low, low + n)]
        assert got == [where[frame] for frame in range(start, start + frames)]


def test_the_free_scanner_does_not_pass_the_migrate_scanner() -> None:
    """Above all that was emptied lie only unmovable pageblocks, with a movable page in one of them."""
    core = small_core(GIB)
    allocator = core.allocator
    low, lost, high = Pages(FrameList()), Pages(FrameList()), Pages(FrameList())
    strays = sum(count << order for order, count in enumerate(core.allocator.zones[-1].buddy.free_blocks()[:10]))
    taken = allocator.allocate_many(SLAB, GFP_HIGHUSER_MOVABLE, strays)
    low.frames = Pages(allocator.allocate_many(low, GFP_HIGHUSER_MOVABLE, 2, 10)).frames
    stuck = allocator.allocate_many(SLAB, GFP_KERNEL, 2, 10)
    high.frames = Pages(allocator.allocate_many(high, GFP_HIGHUSER_MOVABLE, 1, 10)).frames
    allocator.free_list(stuck.take(100), SLAB)
    lost.frames = Pages(allocator.allocate_many(lost, GFP_KERNEL, 1)).frames
    assert max(low.frames) < min(lost.frames) < min(high.frames)
    for frame in high.frames[:200]:
        allocator.free(frame, 1, high)
    for frame in low.frames[200:]:
        allocator.free(frame, 1, low)
    high.frames, low.frames = high.frames[200:], low.frames[:200]
    assert Compaction(core, allocator.zone_of(low.frames[0])).run() == 200
    assert min(low.frames) > max(lost.frames)
    claims = ((owner, frame, 1) for owner in (low, lost, high) for frame in sorted(owner.frames))
    check_frames(core, claims, ((SLAB, start, frames) for start, frames in (*taken, *stuck)))
