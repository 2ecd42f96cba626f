"""The ROX cache for module text (mm/execmem.c, Linux 6.13 and later; on x86 since 6.15).

Text comes from blocks of 2 MiB that are read-only and executable as a whole and filled with
traps. Making one rewrites the direct map's 2M leaf, so only an enclosing 1G leaf splits. To write
code, a window of the block is made writable and then sealed again. On the vmalloc side that splits
its 2M mapping and `set_memory_rox` collapses it again; on the direct-map side the alias changes
page by page, so its leaf splits at the first window and stays split. That is what was recorded on
7.2 (`guest-7.2-modules`: +2 MiB of vmalloc, one split at the block's first module, none at later
ones, `direct_map_level2_collapses` 0 throughout).

Where no 2 MiB pages can be had a block is made of single ones, or of exactly as many as are
wanted. Freed text is filled with traps; if the window for that cannot be opened for want of memory
it stays where it is and is tried again 10 ms later. A whole block that is free goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sortedcontainers import SortedDict

from memtui.machine import costs
from memtui.machine.core import KernelOwner
from memtui.machine.direct_map import Perm
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.exec_memory.base import CODE, ExecRange, Ground, MemType, Parts
from memtui.machine.free_ranges import FreeRanges
from memtui.machine.physical.allocator import GFP_KERNEL
from memtui.machine.physical.extents import Run
from memtui.machine.vmalloc import Area
from memtui.snapshot import FrameKind, PolicyRow
from memtui.units import FRAMES_2M, MS, PAGE_BYTES, format_frames

FREE_DELAY_NS: Final = 10 * MS
"""FREE_DELAY: when a free that found no memory is tried again."""


class Block:
    """A piece of the cache."""

    __slots__ = ("address", "area", "huge", "tables")

    def __init__(self, area: Area, address: int, *, huge: bool) -> None:
        self.area = area
        self.address = address
        self.huge = huge
        """Made of whole 2 MiB pages, so that leaves can be rewritten whole."""
        self.tables: dict[int, tuple[int, int]] = {}
        """2 MiB of it that are split for a window, by number → (frame of the page table, windows open)."""

    @property
    def pages(self) -> int:
        """Its size."""
        return self.area.frames.frames


class RoxBlocks:
    """Blocks, first fit in order of address (`ModuleMemory`)."""

    def __init__(self, ground: Ground) -> None:
        self._core, self._direct_map, self._vmalloc = ground.core, ground.direct_map, ground.vmalloc
        self._owner = KernelOwner("ROX cache", FrameKind.MODULE)
        self._tables = KernelOwner("vmalloc page tables", FrameKind.PAGE_TABLE)
        self._blocks: SortedDict[int, Block] = SortedDict()
        self._free = FreeRanges()
        """Free pages by address."""
        self._idle: dict[Block, None] = {}
        """Blocks that are all free, for the cleaner."""
        self._pending: dict[ExecRange, None] = {}
        """Text whose free is to be tried again."""
        self.pages = 0
        """Pages of all blocks."""

    def allocate(self, parts: Parts) -> ExecRange:
        """The first free range that is long enough, opened for writing. Raises OutOfMemory with nothing kept."""
        pages = sum(count for _, count in parts)
        address = self._free.first_fit(pages)
        if address is None:
            address = self._populate(pages)
        self._free.remove(address, address + pages)
        block = self._block_at(address)
        self._idle.pop(block, None)
        memory = ExecRange(block.area, address - block.address, parts, CODE)
        try:
            self._open(block, memory)
        except OutOfMemory:
            self.free(memory)
            raise
        return memory

    def protect(self, memory: ExecRange, types: frozenset[MemType]) -> None:
        """Seals a window (`execmem_restore_rox`), which takes no memory."""
        if memory.read_only or not types & CODE:
            return
        self._seal(self._block_at(memory.address), memory)

    def free(self, memory: ExecRange) -> None:
        """Fills the range with traps and returns it to the cache; without memory for the window, later."""
        block = self._block_at(memory.address)
        try:
            if memory.read_only:
                self._open(block, memory)
        except OutOfMemory:
            if not self._pending:
                self._core.timers.append((FREE_DELAY_NS, self._retry))
            self._pending[memory] = None
            return
        self._seal(block, memory)
        address = memory.address
        if self._free.add(address, address + memory.pages) == (block.address, block.address + block.pages):
            if not self._idle:
                self._core.timers.append((0, self._clean))
            self._idle[block] = None

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of page tables of windows."""
        for block in self._blocks.values():
            for frame, _ in block.tables.values():
                yield self._tables, frame, 1

    def rows(self) -> tuple[PolicyRow, ...]:
        """Blocks, and how much of them holds code."""
        used = self.pages - self._free.count
        return (
            PolicyRow("ROX blocks", len(self._blocks), "blocks"),
            PolicyRow("used", used * PAGE_BYTES, "bytes"),
            PolicyRow("free", self._free.count * PAGE_BYTES, "bytes"),
            PolicyRow("pending frees", len(self._pending), "frees"),
        )

    def runs(self) -> Iterator[Run]:
        """Frames that are sealed and hold no module's text."""
        for low, high in self._free:
            block = self._block_at(low)
            yield from block.area.pages(low - block.address, high - low)
        for memory in self._pending:
            yield from memory.runs(CODE)

    def check(self, ranges: list[ExecRange]) -> None:
        """Raises FrameStateError unless each page of each block is free, pending, or one module's."""
        pages = sum(block.pages for block in self._blocks.values())
        truth = FreeRanges()
        for low, high in self._free:
            truth.add(low, high)
        for memory in [*self._pending, *ranges]:
            truth.add(memory.address, memory.address + memory.pages)
        if pages != self.pages or truth.count != pages:
            raise FrameStateError(f"ROX blocks have {pages} pages, {self.pages} counted, {truth.count} accounted for")
        for low, high in truth:
            if high > low + self._block_at(low).pages:
                raise FrameStateError(f"text at {low:#x} lies in no ROX block")

    def _block_at(self, address: int) -> Block:
        found: Block = self._blocks.peekitem(self._blocks.bisect_right(address) - 1)[1]
        return found

    def _populate(self, pages: int) -> int:
        """A new block, sealed and free (`execmem_cache_populate`); returns its address. Raises OutOfMemory."""
        area, huge = self._area(pages)
        assert area.address is not None
        block = Block(area, area.address, huge=huge)
        try:
            self._set(block, area.frames, Perm.READ_ONLY)
        except OutOfMemory:
            self._drop(block)
            raise
        self._direct_map.flush(block.pages)
        self._blocks[block.address] = block
        self._free.add(block.address, block.address + block.pages)
        self.pages += block.pages
        self._core.log(_taken(block, first=len(self._blocks) == 1))
        return block.address

    def _area(self, pages: int) -> tuple[Area, bool]:
        """Whole 2 MiB pages; else as many single ones; else exactly `pages`. Raises OutOfMemory."""
        whole = -(-pages // FRAMES_2M) * FRAMES_2M
        for huge in (True, False):
            try:
                return self._vmalloc.allocate_module(whole, self._owner, align=FRAMES_2M, huge=huge), huge
            except OutOfMemory:
                continue
        return self._vmalloc.allocate_module(pages, self._owner), False

    def _open(self, block: Block, memory: ExecRange) -> None:
        """Makes a range writable (`execmem_force_rw`). Raises OutOfMemory with nothing changed but splits."""
        opened: list[int] = []
        try:
            for piece in _partly_covered(block, memory):
                self._split(block, piece)
                opened.append(piece)
            self._set(block, memory.runs(CODE), Perm.READ_WRITE)
        except OutOfMemory:
            self._set(block, memory.runs(CODE), Perm.READ_ONLY)
            for piece in opened:
                self._collapse(block, piece)
            raise
        self._direct_map.flush(memory.pages)
        memory.read_only = frozenset()

    def _seal(self, block: Block, memory: ExecRange) -> None:
        """Makes a range read-only and executable again, and its 2 MiB whole on the vmalloc side."""
        self._set(block, memory.runs(CODE), Perm.READ_ONLY)
        self._direct_map.flush(memory.pages)
        for piece in _partly_covered(block, memory):
            self._collapse(block, piece)
        memory.read_only = CODE

    def _split(self, block: Block, piece: int) -> None:
        """Splits 2 MiB of the vmalloc mapping, unless they are. Raises OutOfMemory."""
        if piece in block.tables:
            frame, windows = block.tables[piece]
        else:
            frame, windows = self._core.allocator.allocate(self._tables, GFP_KERNEL), 0
            self._core.meter.charge(costs.SPLIT_LEAF)
            self._core.meter.charge(costs.FLUSH_ALL)
        block.tables[piece] = (frame, windows + 1)

    def _collapse(self, block: Block, piece: int) -> None:
        """Closes a window on 2 MiB of the vmalloc mapping; the last one makes them one leaf again."""
        frame, windows = block.tables.pop(piece)
        if windows > 1:
            block.tables[piece] = (frame, windows - 1)
            return
        self._core.allocator.free(frame, 1, self._tables)
        self._core.meter.charge(costs.COLLAPSE_LEAF)
        self._core.meter.charge(costs.FLUSH_ALL)

    def _set(self, block: Block, runs: Iterable[Run], perm: Perm) -> None:
        """Changes the alias in the direct map."""
        for start, frames in runs:
            self._core.meter.charge(costs.SET_MEMORY_PAGE, frames)
            self._direct_map.set_noflush(start, frames, perm, whole_leaves=block.huge)

    def _drop(self, block: Block) -> None:
        """Makes a block's alias plain memory again and frees it; leaves never split are rewritten whole."""
        for start, frames in block.area.frames:
            self._direct_map.set_noflush(start, frames, Perm.READ_WRITE, whole_leaves=True)
        self._direct_map.flush(block.pages)
        self._vmalloc.free(block.area, reset_perms=False)

    def _retry(self) -> None:
        """Frees what could not be freed (`execmem_cache_free_slow`)."""
        waiting, self._pending = self._pending, {}
        for memory in waiting:
            self.free(memory)

    def _clean(self) -> None:
        """Gives back blocks that are free as a whole, if they are whole 2 MiB (`execmem_cache_clean`)."""
        idle, self._idle = self._idle, {}
        for block in idle:
            if block.pages % FRAMES_2M or block.address % FRAMES_2M:
                continue
            self._free.remove(block.address, block.address + block.pages)
            del self._blocks[block.address]
            self.pages -= block.pages
            self._drop(block)


def _taken(block: Block, *, first: bool) -> str:
    """What the log says of a new block: where it lies and why it was wanted, or why it is not of one piece."""
    size = format_frames(block.pages)
    if not block.huge:
        return f"ROX cache takes {size} page by page: no free block of 2 MiB for module text"
    where = f"{next(iter(block.area.frames))[0] * PAGE_BYTES:#x}"
    why = "the first" if first else "the others have no room for it"
    return f"ROX cache takes a new block of {size} at {where}: {why}"


def _partly_covered(block: Block, memory: ExecRange) -> Iterator[int]:
    """Numbers of the 2 MiB of a huge block that a range covers in part."""
    if not block.huge:
        return
    low, high = memory.first_page, memory.first_page + memory.pages
    for piece in range(low // FRAMES_2M, -(-high // FRAMES_2M)):
        if low > piece * FRAMES_2M or high < (piece + 1) * FRAMES_2M:
            yield piece
