"""Memory as months of use leave it: free, but in small blocks between pages that stay.

In every 2^(order + 1) frames one page is kept, at random, and the rest is free, so that no free
block above the order is left there. Three of four 4 MiB blocks keep movable pages: anonymous memory
of programs that have run for as long, which compaction moves and, without swap, nothing reclaims.
They count as AnonPages, with their page tables; the programs themselves are not processes here and
the OOM killer passes them over (oom_score_adj -1000). One of four keeps unmovable pages, as drivers
take them with alloc_page; /proc/meminfo counts those nowhere, as in Linux, and nothing but their
owner gives them back. The proportion is an assumption.

What requests may not have stays whole: the lowmem_reserve of lower zones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.page_tables import PageTables
from memtui.machine.parts import PART_PIECES, Parts, whole
from memtui.machine.physical.allocator import Gfp, PageAllocator
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.frame_map import BLOCK_FRAMES, BLOCK_SHIFT, Owner, mask_runs
from memtui.machine.physical.scatter import every, free_all_but, free_mask
from memtui.machine.physical.top_runs import TOP_ORDER
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_2M, PPM

if TYPE_CHECKING:
    from memtui.machine.physical.migration import Moves

UNMOVABLE_IN: Final = 4
"""One block in so many keeps unmovable pages."""
PART_PAGES: Final = 4 * PART_PIECES
"""Pages freed in one part: most of them by the block of 4 MiB, which costs less than one by one."""


class KeptPages:
    """Scattered pages, as a mask per 4 MiB block."""

    def __init__(self, allocator: PageAllocator, kind: FrameKind, *, movable: bool) -> None:
        self.kind = kind
        self.movable = movable
        self.frames = 0
        self._allocator = allocator
        self._masks: dict[int, int] = {}

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

    @property
    def holds(self) -> bool:
        """Whether there is anything to free."""
        return self.frames > 0

    def free_some(self, pages: int) -> int:
        """Frees what is in some 4 MiB blocks, those it came into first, until so many pages are freed; how many."""
        freed = 0
        while freed < pages and self._masks:
            block = next(iter(self._masks))
            mask = self._masks.pop(block)
            free_mask(self._allocator, block << BLOCK_SHIFT, mask, self)
            freed += mask.bit_count()
        self.frames -= freed
        return freed

    @property
    def records(self) -> int:
        """None: pages are kept by where they lie."""
        return 0

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


class ScatteredAnon(KeptPages):
    """Movable pages: anonymous memory of programs, mapped one after the other, which lies all over memory."""

    def __init__(self, core: Core) -> None:
        super().__init__(core.allocator, FrameKind.ANON, movable=True)
        self._core = core
        self._tables: PageTables | None = None
        """None while nothing is mapped."""

    @property
    def holds(self) -> bool:
        """Whether there is anything to free, page tables included."""
        return self.frames > 0 or self._tables is not None

    def map(self, pages: int, node: int) -> None:
        """Makes the page tables that so many further pages need. Raises OutOfMemory with nothing mapped."""
        if self._tables is None:
            self._tables = PageTables(self._core, node)
        self._tables.populate(self.frames, pages)

    def counted_tables(self, levels: int) -> int:
        """Their page tables of the lowest `levels` levels: what nr_page_table_pages counts of them."""
        return self._tables.counted(levels) if self._tables is not None else 0

    def free_some(self, pages: int) -> int:
        """The same, and with the last of them the page tables (`free_pgtables` comes after `unmap_vmas`)."""
        freed = super().free_some(pages)
        if not self.frames and self._tables is not None:
            self._tables.release()
            self._tables = None
        return freed

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run, and of the page tables."""
        yield from super().claims()
        if self._tables is not None:
            yield from self._tables.claims()

    def check(self) -> None:
        """Raises FrameStateError unless the count is that of the masks and every page has a table."""
        super().check()
        if self._tables is not None:
            self._tables.check()
            if self.frames and self._tables.slots_without_table(0, -(-self.frames // FRAMES_2M)):
                raise FrameStateError("scattered anonymous pages lack page tables")
        elif self.frames:
            raise FrameStateError(f"{self.frames} scattered anonymous pages without page tables")


class Fragmentation:
    """One round of scattering, until it is undone."""

    def __init__(self, core: Core, order: int, rng: random.Random) -> None:
        self._core = core
        self._order = order
        self._rng = rng
        self.anon = ScatteredAnon(core)
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

    def undo(self) -> Parts[None]:
        """Frees every page kept, in parts."""
        meter, room = self._core.meter, PART_PAGES
        for pages, mapped in ((self.anon, True), (self.pinned, False)):
            while pages.holds:
                if room <= 0:
                    yield
                    room = PART_PAGES
                freed = pages.free_some(room)
                meter.charge(costs.UNMAP_PAGE, freed if mapped else 0)
                meter.charge(costs.FREE_PAGE, freed)
                room -= freed

    def _break_block(self, node: int, size: int) -> bool:
        """Keeps one page in every group of one block of order `size`; False if there is none to be had."""
        movable = self._rng.randrange(UNMOVABLE_IN) > 0
        group = 2 << self._order
        kept = every(group, self._rng.randrange(group))
        pages = self.anon if movable else self.pinned
        pages_kept = (1 << size) // group
        try:
            if movable:
                self.anon.map(pages_kept, node)
            start = self._core.allocator.allocate(pages, _MOVABLE if movable else _UNMOVABLE, size, node)
        except OutOfMemory:
            return False
        pages.keep(start, 1 << size, kept)
        self._charge(1 << size, pages_kept, movable=movable)
        return True

    def _charge(self, frames: int, kept: int, *, movable: bool) -> None:
        self._core.meter.charge(costs.ALLOC_PAGE, frames)
        self._core.meter.charge(costs.FREE_PAGE, frames - kept)
        if movable:
            for operation in (costs.FAULT, costs.ZERO_PAGE, costs.MAP_PAGE):
                self._core.meter.charge(operation, kept)


class Fragmenter:
    """All fragmentation there is."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rounds: dict[Fragmentation, None] = {}

    def begin(self, order: int, rng: random.Random) -> Fragmentation:
        """A round that is to leave no free block above `order` where it scatters."""
        fragmentation = Fragmentation(self._core, order, rng)
        self._rounds[fragmentation] = None
        return fragmentation

    def end(self, fragmentation: Fragmentation) -> None:
        """Undoes a round."""
        whole(self.end_in_parts(fragmentation))

    def end_in_parts(self, fragmentation: Fragmentation) -> Parts[None]:
        """The same in parts."""
        yield from fragmentation.undo()
        del self._rounds[fragmentation]

    def share_of(self, node: int, share_ppm: int) -> int:
        """Frames that a share of a node's memory is."""
        zones = [zone for zone in self._core.allocator.zones if zone.layout.node == node]
        return sum(zone.managed_frames for zone in zones) * share_ppm // PPM

    @property
    def anon_frames(self) -> int:
        """Anonymous pages among what is kept (AnonPages)."""
        return sum(fragmentation.anon.frames for fragmentation in self._rounds)

    def counted_tables(self, levels: int) -> int:
        """Page tables of the lowest `levels` levels that map them (PageTables)."""
        return sum(fragmentation.anon.counted_tables(levels) for fragmentation in self._rounds)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of all pages kept and their page tables."""
        for fragmentation in self._rounds:
            yield from fragmentation.anon.claims()
            yield from fragmentation.pinned.claims()

    def check(self) -> None:
        """Raises FrameStateError unless the counts are those of the pages."""
        for fragmentation in self._rounds:
            fragmentation.pinned.check()
            fragmentation.anon.check()


_MOVABLE: Final = Gfp(MigrateType.MOVABLE, reclaim=False, oom=False, this_node=True, kswapd=False)
_UNMOVABLE: Final = Gfp(MigrateType.UNMOVABLE, reclaim=False, oom=False, this_node=True, kswapd=False)
