"""A plain buddy allocator to measure the machine's against: one set of free blocks per order, nothing else.

No migratetypes, zones or runs of top blocks: what a person would write first. It keeps the
count of free frames, because any allocator has to know that.
"""

from __future__ import annotations

from typing import Final

TOP_ORDER: Final = 10


class PlainBuddy:
    """Free memory [0, frames) in blocks of orders 0 to 10."""

    def __init__(self, frames: int) -> None:
        self.free_lists: list[set[int]] = [set() for _ in range(TOP_ORDER + 1)]
        self.free_lists[TOP_ORDER].update(range(0, frames, 1 << TOP_ORDER))
        self.orders: dict[int, int] = {}
        """First frame → order of what is allocated."""
        self.free_frames = frames

    def allocate(self, order: int) -> int | None:
        """First frame of a block, or None."""
        for current in range(order, TOP_ORDER + 1):
            if self.free_lists[current]:
                break
        else:
            return None
        frame = self.free_lists[current].pop()
        while current > order:
            current -= 1
            self.free_lists[current].add(frame + (1 << current))
        self.orders[frame] = order
        self.free_frames -= 1 << order
        return frame

    def free(self, frame: int) -> None:
        """Gives a block back; it merges with its buddy as far up as it can."""
        order = self.orders.pop(frame)
        self.free_frames += 1 << order
        while order < TOP_ORDER:
            buddy = frame ^ (1 << order)
            blocks = self.free_lists[order]
            if buddy not in blocks:
                break
            blocks.remove(buddy)
            frame &= ~(1 << order)
            order += 1
        self.free_lists[order].add(frame)
