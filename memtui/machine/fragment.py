"""Memory as months of use leave it: free, but in small blocks between pages that stay.

In every 2^(order + 1) frames one page is kept, at random, and the rest is free, so that no free
block above the order is left there. Three of four 4 MiB blocks keep movable pages: clean page
cache, which reclaim drops and compaction moves. One of four keeps unmovable pages, as drivers
take them with alloc_page; /proc/meminfo counts those nowhere, as in Linux, and nothing but their
owner gives them back. The proportion is an assumption.

What requests may not have stays whole: the lowmem_reserve of lower zones.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.file_index import NODE_CACHE, hold_nodes, nodes_of_span
from memtui.machine.page_cache import PageCache, counts
from memtui.machine.physical.allocator import Gfp, PageAllocator
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.frame_map import BLOCK_FRAMES, BLOCK_SHIFT, Owner, mask_runs
from memtui.machine.physical.scatter import every, free_all_but, free_mask
from memtui.machine.physical.top_runs import TOP_ORDER
from memtui.machine.slab import SlabCaches
from memtui.snapshot import FrameKind
from memtui.units import PPM

if TYPE_CHECKING:
    from memtui.machine.physical.migration import Moves

UNMOVABLE_IN: Final = 4
"""One block in so many keeps unmovable pages."""


class KeptPages:
    """Scattered pages, as a mask per 4 MiB block; the oldest block first."""

    def __init__(self, allocator: PageAllocator, kind: FrameKind, *, movable: bool) -> None:
        self.kind = kind
        self.movable = movable
        self.frames = 0
        self._allocator = allocator
        self._masks: OrderedDict[int, int] = OrderedDict()

    def keep(self, start: int, frames: int, kept: int) -> None:
        """Takes a block over that this holds whole, and frees all of it but the frames of a mask over its 4 MiB."""
        block = start >> BLOCK_SHIFT
        if frames == BLOCK_FRAMES:
            free_all_but(self._allocator, start, kept, self)
        else:
            base = block << BLOCK_SHIFT
            window = ((1 << frames) - 1) << (start - base)
            for first, length in mask_runs(window & ~kept, base):
                self._allocator.free(first, length, self)
            kept = window & kept
        self._masks[block] = self._masks.get(block, 0) | kept
        self.frames += kept.bit_count()

    def free_block(self) -> int:
        """Frees the pages of the oldest block; returns how many."""
        block, mask = self._masks.popitem(last=False)
        free_mask(self._allocator, block << BLOCK_SHIFT, mask, self)
        self.frames -= mask.bit_count()
        return mask.bit_count()

    def free_all(self) -> None:
        """Frees everything."""
        while self._masks:
            self.free_block()

    def relocate(self, moves: Moves) -> None:
        """Compaction has moved pages."""
        for old, frames, new in moves:
            for frame in range(old, old + frames):
                self._set(frame, present=False)
            for frame in range(new, new + frames):
                self._set(frame, present=True)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run."""
        for block, mask in self._masks.items():
            for start, frames in mask_runs(mask, block << BLOCK_SHIFT):
                yield self, start, frames

    def check(self) -> None:
        """Raises FrameStateError unless the count is that of the masks."""
        if sum(mask.bit_count() for mask in self._masks.values()) != self.frames or 0 in self._masks.values():
            raise FrameStateError(f"{self.frames} scattered pages counted")

    def _set(self, frame: int, *, present: bool) -> None:
        block, bit = frame >> BLOCK_SHIFT, 1 << (frame & (BLOCK_FRAMES - 1))
        mask = self._masks.get(block, 0) ^ bit
        if bool(mask & bit) is not present:
            raise FrameStateError(f"frame {frame:#x} moved and was not there")
        if mask:
            self._masks[block] = mask
        else:
            del self._masks[block]


class ScatteredFile(KeptPages):
    """Movable pages: clean page cache of one file, which lie all over memory."""

    def __init__(self, allocator: PageAllocator) -> None:
        super().__init__(allocator, FrameKind.FILE, movable=True)
        self._first = 0
        """First page of the file that is in memory."""

    @property
    def dirty_frames(self) -> int:
        """None: they came from a device long ago."""
        return 0

    @property
    def nodes(self) -> int:
        """XArray nodes they need."""
        return nodes_of_span(self._first, self._first + self.frames)

    def growth(self, frames: int) -> int:
        """Nodes that so many further pages take."""
        return nodes_of_span(self._first, self._first + self.frames + frames) - self.nodes

    def drop_clean(self, frames: int) -> int:
        """Frees about `frames` pages, in whole blocks; returns how many."""
        freed = 0
        while freed < frames and self.frames:
            freed += self.free_block()
        self._first += freed
        return freed

    def clean(self, frames: int) -> int:
        """Nothing is dirty."""
        return 0


class Fragmentation:
    """One round of scattering, until it is undone."""

    def __init__(self, core: Core, slabs: SlabCaches, page_cache: PageCache, order: int, rng: random.Random) -> None:
        self._core = core
        self._slabs = slabs
        self._cache = page_cache
        self._order = order
        self._rng = rng
        self.file = ScatteredFile(core.allocator)
        self.pinned = KeptPages(core.allocator, FrameKind.KERNEL, movable=False)

    def scatter(self, node: int, frames: int) -> int:
        """Breaks up free memory of a node, largest blocks first; returns the frames looked after.

        Fewer than asked when no free block above the order is left that a request may have.
        """
        done, size = 0, TOP_ORDER
        while done < frames and size > self._order:
            if self._break_block(node, size):
                done += 1 << size
            else:
                size -= 1
        return done

    def undo(self) -> None:
        """Frees every page kept."""
        self._cache.delete(self.file)
        self._core.meter.charge(costs.FREE_PAGE, self.pinned.frames)
        self.pinned.free_all()

    def _break_block(self, node: int, size: int) -> bool:
        """Keeps one page in every group of one block of order `size`; False if there is none to be had."""
        movable = self._rng.randrange(UNMOVABLE_IN) > 0
        group = 2 << self._order
        kept = every(group, self._rng.randrange(group))
        pages: KeptPages = self.file if movable else self.pinned
        pages_kept = (1 << size) // group
        try:
            held = hold_nodes(self._slabs, lambda: self.file.growth(pages_kept)) if movable else 0
        except OutOfMemory:
            return False
        gfp = _MOVABLE if movable else _UNMOVABLE
        try:
            start = self._core.allocator.allocate(pages, gfp, size, node)
        except OutOfMemory:
            self._slabs.free(NODE_CACHE, held)
            return False
        before = counts(self.file)
        pages.keep(start, 1 << size, kept)
        self._cache.settle(self.file, before, held)
        self._charge(1 << size, pages_kept, movable=movable)
        return True

    def _charge(self, frames: int, kept: int, *, movable: bool) -> None:
        self._core.meter.charge(costs.ALLOC_PAGE, frames)
        self._core.meter.charge(costs.FREE_PAGE, frames - kept)
        if movable:
            self._core.meter.charge(costs.FILE_PAGE_READ, kept)


class Fragmenter:
    """All fragmentation there is. Its movable pages are the page cache's, and claimed there."""

    def __init__(self, core: Core, slabs: SlabCaches, page_cache: PageCache) -> None:
        self._core = core
        self._slabs = slabs
        self._cache = page_cache
        self._rounds: dict[Fragmentation, None] = {}

    def begin(self, order: int, rng: random.Random) -> Fragmentation:
        """A round that is to leave no free block above `order` where it scatters."""
        fragmentation = Fragmentation(self._core, self._slabs, self._cache, order, rng)
        self._rounds[fragmentation] = None
        return fragmentation

    def end(self, fragmentation: Fragmentation) -> None:
        """Undoes a round."""
        del self._rounds[fragmentation]
        fragmentation.undo()

    def share_of(self, node: int, share_ppm: int) -> int:
        """Frames that a share of a node's memory is."""
        zones = [zone for zone in self._core.allocator.zones if zone.layout.node == node]
        return sum(zone.managed_frames for zone in zones) * share_ppm // PPM

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of all unmovable pages."""
        for fragmentation in self._rounds:
            yield from fragmentation.pinned.claims()

    def check(self) -> None:
        """Raises FrameStateError unless the counts are those of the pages."""
        for fragmentation in self._rounds:
            fragmentation.pinned.check()
            fragmentation.file.check()


_MOVABLE: Final = Gfp(MigrateType.MOVABLE, reclaim=False, oom=False, this_node=True, kswapd=False)
_UNMOVABLE: Final = Gfp(MigrateType.UNMOVABLE, reclaim=False, oom=False, this_node=True, kswapd=False)
