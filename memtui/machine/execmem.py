"""Memory for module text: the ROX cache of Linux 6.18 (mm/execmem.c).

Text comes from blocks of 2 MiB that are read-only and executable as a whole. Making such a block
rewrites the direct map's 2M leaf, so only an enclosing 1G leaf splits. To load code, a window of
the block is made writable and then sealed again: on the vmalloc side that splits its 2M mapping
and `set_memory_rox` collapses it again; on the direct-map side the alias changes page by page,
so its leaf splits at the first window and stays split. That is what was recorded on 7.2
(`guest-7.2-modules`: +2 MiB of vmalloc, one split at the block's first module, none at later
ones, `direct_map_level2_collapses` 0 throughout).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.direct_map import DirectMap, Perm
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.physical.allocator import GFP_KERNEL, Gfp
from memtui.machine.physical.buddy import PAGEBLOCK_ORDER, MigrateType
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.ranges import RangeSet
from memtui.snapshot import FrameKind, PolicyRow, PolicyState
from memtui.units import FRAMES_2M, PAGE_BYTES, format_count, frames_of

GFP_HUGE_VMALLOC = Gfp(MigrateType.UNMOVABLE, reclaim=False, oom=False)
"""Huge vmalloc tries without effort (__GFP_NORETRY | __GFP_NOWARN) and falls back to single pages."""


class Block:
    """A piece of the cache: its frames in virtual order, and which of its pages are free."""

    __slots__ = ("frames", "free", "huge", "pages")

    def __init__(self, frames: FrameList, *, huge: bool) -> None:
        self.frames = frames
        self.pages = frames.frames
        self.huge = huge
        """Made of whole 2 MiB pages, so that leaves can be rewritten whole."""
        self.free = RangeSet()
        self.free.add(0, self.pages)

    def first_fit(self, pages: int) -> int | None:
        """The lowest offset with so many free pages in a row."""
        return next((low for low, high in self.free if high - low >= pages), None)

    def runs(self, offset: int, pages: int) -> list[Run]:
        """Frames of a range of pages, in order."""
        rest = self.frames.copy()
        rest.take(offset)
        return list(rest.take(pages))


@dataclass(frozen=True, slots=True)
class Text:
    """A range of a block that holds one module's code."""

    block: Block
    offset: int
    pages: int


class ExecMemory(Protocol):
    """Where executable memory comes from: what each policy must answer."""

    frames: int
    """Frames it holds, used or cached (their part of VmallocUsed)."""

    def allocate(self, size_bytes: int) -> Text:
        """Memory for code, written and sealed. Raises OutOfMemory with nothing kept."""

    def free(self, text: Text) -> None:
        """Takes code back."""

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of all it holds."""

    def policy_state(self) -> PolicyState:
        """What it has inside, for people to see."""

    def check(self) -> None:
        """Raises FrameStateError where its own counts disagree."""


class RoxCache:
    """The ROX cache: 2 MiB blocks, first fit in order of address."""

    def __init__(self, core: Core, direct_map: DirectMap) -> None:
        self._core = core
        self._direct_map = direct_map
        self._owner = KernelOwner("ROX cache", FrameKind.MODULE)
        self._blocks: dict[Block, None] = {}
        self.frames = 0
        self.used_pages = 0
        """Pages that hold code; the rest of `frames` is ready for the next module."""

    @property
    def blocks(self) -> int:
        """Blocks in the cache."""
        return len(self._blocks)

    def allocate(self, size_bytes: int) -> Text:
        """First fit; a new block of 2 MiB when nothing fits. Raises OutOfMemory with nothing kept."""
        pages = frames_of(size_bytes)
        block, offset = self._find(pages)
        block.free.remove(offset, offset + pages)
        self.used_pages += pages
        text = Text(block, offset, pages)
        try:
            self._write(text)
        except OutOfMemory:
            self._take_back(text)
            raise
        return text

    def free(self, text: Text) -> None:
        """Fills the range with traps and returns it; a block that is all free goes back to the allocator."""
        try:
            self._write(text)
        finally:
            self._take_back(text)

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of every block."""
        for block in self._blocks:
            for start, frames in block.frames:
                yield self._owner, start, frames

    def policy_state(self) -> PolicyState:
        """Blocks, and how much of them holds code."""
        rows = (
            PolicyRow("ROX blocks", self.blocks, "blocks"),
            PolicyRow("used", self.used_pages * PAGE_BYTES, "bytes"),
            PolicyRow("free", (self.frames - self.used_pages) * PAGE_BYTES, "bytes"),
        )
        return PolicyState("exec_memory", "rox_cache", rows)

    def check(self) -> None:
        """Raises FrameStateError where the counts disagree with the blocks."""
        frames = sum(block.pages for block in self._blocks)
        used = frames - sum(block.free.count for block in self._blocks)
        if frames != self.frames or used != self.used_pages:
            raise FrameStateError(f"ROX cache holds {frames} frames, {used} used; counted {self.frames}")

    def _find(self, pages: int) -> tuple[Block, int]:
        for block in self._blocks:
            if block.free.count >= pages and (offset := block.first_fit(pages)) is not None:
                return block, offset
        return self._populate(pages), 0

    def _populate(self, pages: int) -> Block:
        """A new block of whole 2 MiB pages, or exactly `pages` single ones (`execmem_cache_populate`)."""
        huge_pages = -(-pages // FRAMES_2M)
        allocator = self._core.allocator
        try:
            frames = allocator.allocate_many(self._owner, GFP_HUGE_VMALLOC, huge_pages, PAGEBLOCK_ORDER)
            block = Block(frames, huge=True)
        except OutOfMemory:
            block = Block(allocator.allocate_many(self._owner, GFP_KERNEL, pages), huge=False)
        self._core.meter.charge(costs.ALLOC_PAGE, block.pages)
        try:
            self._set(block, 0, block.pages, Perm.READ_ONLY)
        except OutOfMemory:
            self._reset(block)
            allocator.free_list(block.frames, self._owner)
            raise
        self._direct_map.flush(block.pages)
        self._blocks[block] = None
        self.frames += block.pages
        self._core.log(f"ROX cache takes a new block of {format_count(block.pages * 4)} KiB")
        return block

    def _write(self, text: Text) -> None:
        """Opens a writable window and seals it again (`execmem_force_rw`, `execmem_restore_rox`)."""
        self._set(text.block, text.offset, text.pages, Perm.READ_WRITE)
        self._direct_map.flush(text.pages)
        self._set(text.block, text.offset, text.pages, Perm.READ_ONLY)
        self._direct_map.flush(text.pages)
        if text.block.huge and text.pages < text.block.pages:
            self._core.meter.charge(costs.SPLIT_LEAF)
            self._core.meter.charge(costs.COLLAPSE_LEAF)
            self._core.meter.charge(costs.FLUSH_ALL, 2)

    def _take_back(self, text: Text) -> None:
        block = text.block
        block.free.add(text.offset, text.offset + text.pages)
        self.used_pages -= text.pages
        if block.free.count < block.pages:
            return
        self._reset(block)
        del self._blocks[block]
        self.frames -= block.pages
        self._core.allocator.free_list(block.frames, self._owner)

    def _set(self, block: Block, offset: int, pages: int, perm: Perm) -> None:
        self._core.meter.charge(costs.SET_MEMORY_PAGE, pages)
        for start, frames in block.runs(offset, pages):
            self._direct_map.set_noflush(start, frames, perm, whole_leaves=block.huge)

    def _reset(self, block: Block) -> None:
        """Makes the block's alias plain memory again; leaves that were never split are rewritten whole."""
        for start, frames in block.frames:
            self._direct_map.set_noflush(start, frames, Perm.READ_WRITE, whole_leaves=True)
        self._direct_map.flush(block.pages)
