"""Many single frames of a 4 MiB block at once: freeing all but a few, and freeing those few again.

What a long-running machine does page by page is done here per block, with the same result: the
frames, their owner and the free lists end as if each had been freed singly. Only the cost is that
of the free blocks made.
"""

from __future__ import annotations

from functools import lru_cache

from memtui.machine.physical.allocator import PageAllocator
from memtui.machine.physical.frame_map import BLOCK_FRAMES, BLOCK_SHIFT, FULL, Owner, mask_runs
from memtui.machine.physical.top_runs import TOP_ORDER

Pieces = tuple[tuple[int, ...], ...]
"""By order below the top one: where in the block free blocks of that order begin."""


def every(group: int, offset: int) -> int:
    """A mask of a 4 MiB block with one frame in every `group` frames (a power of two), `offset` into each."""
    return FULL // ((1 << group) - 1) << offset


@lru_cache(maxsize=4096)
def free_pieces(kept: int) -> Pieces:
    """The blocks that the frames outside a mask (which is not empty) make when all of them are free."""
    whole = FULL & ~kept
    pieces: list[tuple[int, ...]] = []
    for order in range(TOP_ORDER):
        size = 1 << order
        joined = whole & whole >> size & every(2 * size, 0)
        alone = whole & ~(joined | joined << size)
        pieces.append(tuple(first + step for first, length in mask_runs(alone, 0) for step in range(length)))
        whole = joined
    return tuple(pieces)


def free_all_but(allocator: PageAllocator, first: int, kept: int, owner: Owner) -> None:
    """Frees the frames outside a mask (not empty) of a block of 4 MiB that `owner` holds whole."""
    allocator.frame_map.release_bits(first >> BLOCK_SHIFT, FULL & ~kept, owner)
    allocator.zone_of(first).buddy.add_pieces(first, free_pieces(kept))


def free_mask(allocator: PageAllocator, first: int, held: int, owner: Owner) -> None:
    """Frees the frames of a mask, all that `owner` holds in a block of 4 MiB."""
    block, zone = first >> BLOCK_SHIFT, allocator.zone_of(first)
    alone = held != FULL and allocator.frame_map.holds_alone(block, held, owner)
    if alone and zone.buddy.take_pieces(first, free_pieces(held)):
        allocator.frame_map.release_bits(block, held, owner)
        zone.buddy.free_run(first, BLOCK_FRAMES)
        return
    for start, frames in mask_runs(held, first):
        allocator.free(start, frames, owner)
