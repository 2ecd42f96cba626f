"""How fragmented free memory is, by order (mm/vmstat.c): the indices of /sys/kernel/debug/extfrag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NOT_FAILING: Final = -1000
"""The fragmentation index where a block is free."""


def fragmentation_index(free_blocks: Sequence[int], order: int) -> int:
    """Why a request for `order` fails: towards 0 lack of memory, towards 1000 fragmentation; -1000 if it does not.

    `free_blocks` counts free blocks by order (`__fragmentation_index`).
    """
    blocks = sum(free_blocks)
    if not blocks:
        return 0
    if any(free_blocks[order:]):
        return NOT_FAILING
    frames = sum(count << place for place, count in enumerate(free_blocks))
    return 1000 - (1000 + frames * 1000 // (1 << order)) // blocks


def unusable_index(free_blocks: Sequence[int], order: int) -> int:
    """Free memory that no request for `order` can have, in thousandths (`unusable_free_index`); 1000 if none is free.

    `free_blocks` counts free blocks by order.
    """
    frames = sum(count << place for place, count in enumerate(free_blocks))
    if not frames:
        return 1000
    usable = sum(count << place for place, count in enumerate(free_blocks) if place >= order)
    return (frames - usable) * 1000 // frames
