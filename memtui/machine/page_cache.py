"""The page cache: pages of ordinary files, kept until memory runs short.

One list, oldest first (a file is as old as its first page). Clean pages go first, oldest before
youngest; a dirty page has to be written back before it can go: by the flusher in time, by reclaim
when nothing clean is left. Writers are held back once a fifth of what could be cache is dirty
(`vm.dirty_ratio`). Shadow entries of evicted pages are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.file_index import NODE_CACHE, hold_nodes_for, nodes_of_spans
from memtui.machine.parts import PART_PIECES, Parts, whole
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE, PageAllocator
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.portion import portion
from memtui.machine.physical.zone import total_reserve_frames
from memtui.machine.slab import SlabCaches
from memtui.machine.writeback import Flusher
from memtui.snapshot import FrameKind

if TYPE_CHECKING:
    from memtui.machine.physical.migration import Moves

LEAST_BATCH_FRAMES: Final = 16384
"""Pages read in one go, at least; more on larger machines, so that filling any of them is as many steps."""
BATCHES_PER_RAM: Final = 64


Counts = tuple[int, int, int]
"""Pages, dirty pages and XArray nodes of a file."""


@dataclass(slots=True)
class _Part:
    """Pages of a file that follow each other and lie on one node."""

    node: int
    first: int
    """Page of the file."""
    pages: FrameList = field(default_factory=FrameList)

    @property
    def span(self) -> tuple[int, int]:
        """First page of the file, and the one after the last."""
        return self.first, self.first + self.pages.frames


class CachedFile:
    """Pages read in order, the oldest dropped first; what is dirty is always the youngest part."""

    kind: ClassVar[FrameKind] = FrameKind.FILE
    movable: ClassVar[bool] = True

    def __init__(self, allocator: PageAllocator) -> None:
        self._allocator = allocator
        self._parts: list[_Part] = []
        """What is in memory, in the order of the file."""
        self._end = 0
        """The page to be read next."""
        self.frames = 0
        """Pages in memory."""
        self.dirty_frames = 0

    @property
    def pages(self) -> Iterator[Run]:
        """Its pages in memory, in order."""
        for part in self._parts:
            yield from part.pages

    @property
    def parts(self) -> Sequence[_Part]:
        """What is in memory, in the order of the file, by node."""
        return self._parts

    @property
    def pieces(self) -> int:
        """Runs of frames they lie in."""
        return sum(len(part.pages) for part in self._parts)

    @property
    def nodes(self) -> int:
        """XArray nodes they need."""
        return nodes_of_spans([part.span for part in self._parts])

    def growth(self, frames: int) -> int:
        """Nodes that so many further pages take."""
        spans = [part.span for part in self._parts]
        return nodes_of_spans([*spans, (self._end, self._end + frames)]) - nodes_of_spans(spans)

    def extend(self, taken: FrameList) -> None:
        """The next pages of the file have been read into these frames."""
        for start, frames in taken:
            end = start + frames
            while start < end:
                zone = self._allocator.zone_of(start).layout
                part = min(end, zone.end) - start
                if not self._parts or self._parts[-1].node != zone.node:
                    self._parts.append(_Part(zone.node, self._end))
                self._parts[-1].pages.append(start, part)
                self._end += part
                start += part
        self.frames += taken.frames

    def drop_clean(self, frames: int, node: int | None = None, pieces: int | None = None) -> int:
        """Frees up to `frames` clean pages (of one node) in so many pieces at most, oldest first; returns how many."""
        dropped, later = 0, self.frames
        for part in self._parts:
            later -= part.pages.frames
            if node is None or part.node == node:
                clean = part.pages.frames - max(0, min(part.pages.frames, self.dirty_frames - later))
                wanted = min(frames - dropped, clean)
                taken = part.pages.take(wanted if pieces is None else min(wanted, part.pages.first(pieces)))
                part.first += taken.frames
                dropped += taken.frames
                pieces = None if pieces is None else pieces - len(taken)
                self._allocator.free_list(taken, self)
        self._parts = [part for part in self._parts if part.pages.frames]
        self.frames -= dropped
        return dropped

    def clean(self, frames: int) -> int:
        """Up to `frames` dirty pages have been written back; returns how many there were."""
        cleaned = min(frames, self.dirty_frames)
        self.dirty_frames -= cleaned
        return cleaned

    @property
    def records(self) -> int:
        """What a move goes through."""
        return self.pieces

    def relocate(self, moves: Moves) -> None:
        """Pages have moved; a part counts as of the node it was read to."""
        for part in self._parts:
            part.pages = FrameList(piece for start, frames in part.pages for piece in moves.translate(start, frames))

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run."""
        for start, frames in self.pages:
            yield self, start, frames


class PageCache:
    """All cached files. A shrinker: what reclaim takes first."""

    def __init__(self, core: Core, slabs: SlabCaches, *, node: int = 0) -> None:
        self._core = core
        self._slabs = slabs
        self._node = node
        self._files: dict[CachedFile, None] = {}
        """Files with pages in memory, oldest first."""
        self.frames = 0
        """Pages of all files (Cached, without tmpfs)."""
        self.dirty_frames = 0
        """Those to be written back (Dirty)."""
        self.nodes = 0
        """XArray nodes (radix_tree_node) of all files."""
        self.flusher: Flusher[CachedFile] = Flusher(core, self)

    @property
    def batch_frames(self) -> int:
        """Pages worth reading in one go on this machine."""
        return max(LEAST_BATCH_FRAMES, self._core.allocator.managed_frames // BATCHES_PER_RAM)

    @property
    def dirtyable_frames(self) -> int:
        """Pages that could be dirty: free ones above the reserves, and the cache (`global_dirtyable_memory`)."""
        allocator = self._core.allocator
        return max(0, allocator.free_frames - total_reserve_frames(allocator.zones) + self.frames)

    def create(self) -> CachedFile:
        """A file with nothing of it in memory."""
        return CachedFile(self._core.allocator)

    def read(self, file: CachedFile, frames: int) -> None:
        """Reads the next pages of a file from its device. Raises OutOfMemory with some of them read."""
        allocator, meter = self._core.allocator, self._core.meter
        while frames:
            wanted = min(frames, self.batch_frames)
            taken = allocator.allocate_many(file, GFP_HIGHUSER_MOVABLE, wanted, 0, self._node, partial=True)
            taken, held = hold_nodes_for(allocator, self._slabs, file, taken, 0, file.growth)
            if not taken.frames:
                raise OutOfMemory("no memory for a page of the page cache")
            before = counts(file)
            file.extend(taken)
            self.settle(file, before, held)
            meter.charge(costs.FILE_PAGE_READ, taken.frames)
            meter.charge(costs.ALLOC_PAGE, taken.frames)
            frames -= taken.frames

    def portion(self, frames: int) -> int:
        """How many of so many pages to read in one go: fewer where free memory is scattered."""
        return portion(self._core.allocator, GFP_HIGHUSER_MOVABLE, self._node, frames)

    def overwrite(self, file: CachedFile, frames: int) -> None:
        """Writes to `frames` pages of a file that are in memory, the last ones: they become dirty.

        The writer is held back while too much is dirty (`balance_dirty_pages`).
        """
        while frames:
            part = min(frames, self.batch_frames)
            before = counts(file)
            file.dirty_frames = min(file.frames, file.dirty_frames + part)
            self.settle(file, before)
            self._core.meter.charge(costs.COPY_PAGE, part)
            self._core.vm_events["nr_dirtied"] += file.dirty_frames - before[1]
            self.write_back(self.dirty_frames - self.flusher.limit_frames)
            self.flusher.wake()
            frames -= part

    def delete(self, file: CachedFile) -> None:
        """Deletes a file: all of its pages go, dirty or not."""
        whole(self.delete_in_parts(file))

    def delete_in_parts(self, file: CachedFile) -> Parts[None]:
        """The same in parts (`truncate_inode_pages_final`)."""
        while file.frames:
            before = counts(file)
            file.dirty_frames = 0
            self._core.meter.charge(costs.FREE_PAGE, file.drop_clean(file.frames, pieces=PART_PIECES))
            self.settle(file, before)
            if file.frames:
                yield

    def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
        """Frees up to `frames` pages (of one node), clean ones first, then dirty ones after writing them back."""
        freed = self._reclaim(frames, direct, node)
        while freed < frames and self.write_back(frames - freed):
            freed += self._reclaim(frames - freed, direct, node)
        return freed

    def shrink_clean(self, frames: int, node: int) -> int:
        """Frees up to `frames` clean pages of a node for its kswapd; returns how many."""
        return self._reclaim(frames, False, node)

    def drop(self) -> int:
        """What `echo 1 > drop_caches` does: every clean page goes. Returns how many."""
        return whole(self.drop_in_parts())

    def drop_in_parts(self) -> Parts[int]:
        """The same in parts, file by file; what is read meanwhile stays (`drop_pagecache_sb`)."""
        dropped, room = 0, PART_PIECES
        for file in list(self._files):
            left = file.frames
            while left:
                if room <= 0:
                    yield
                    room = PART_PIECES
                before, pieces = counts(file), file.pieces
                freed = file.drop_clean(left, pieces=room)
                self.settle(file, before)
                self._core.meter.charge(costs.FREE_PAGE, freed)
                room -= max(1, pieces - file.pieces)
                left = left - freed if freed else 0
                dropped += freed
        return dropped

    def reach(self, pieces: int) -> tuple[int, int]:
        """(frames, runs) of the oldest pages, so many runs at most."""
        frames, left = 0, pieces
        for file in self._files:
            for part in file.parts:
                frames, left = frames + part.pages.first(left), left - min(left, len(part.pages))
            if left <= 0:
                break
        return frames, pieces - left

    def write_back(self, frames: int) -> int:
        """Writes up to `frames` dirty pages to their devices, those of the file that became dirty first; how many."""
        written = self._in_turn(self.flusher.dirty_files, frames, lambda file, wanted: file.clean(wanted))
        self._core.meter.charge(costs.FILE_PAGE_WRITE, written)
        self._core.vm_events["nr_written"] += written
        return written

    def settle(self, file: CachedFile, before: Counts, held: int = 0) -> None:
        """Brings the sums in step with a file that has changed; nodes held beyond its need go back."""
        frames, dirty, nodes = counts(file)
        self.frames += frames - before[0]
        self.dirty_frames += dirty - before[1]
        if dirty != before[1]:
            self.flusher.note(file)
        change = nodes - before[2]
        self.nodes += change
        if held > change:
            self._slabs.free(NODE_CACHE, held - change)
        if frames:
            self._files.setdefault(file)
        else:
            self._files.pop(file, None)

    def objects(self) -> dict[str, int]:
        """Slab objects of all files, by cache, counted from the files."""
        return {NODE_CACHE: sum(file.nodes for file in self._files)}

    def check(self) -> None:
        """Raises FrameStateError unless the counts are those of the files."""
        truth = tuple(sum(column) for column in zip((0, 0, 0), *map(counts, self._files), strict=True))
        if truth != (self.frames, self.dirty_frames, self.nodes):
            counted = (self.frames, self.dirty_frames, self.nodes)
            raise FrameStateError(f"page cache counts (frames, dirty, nodes) {counted}; files have {truth}")
        if any(not 0 <= file.dirty_frames <= file.frames for file in self._files):
            raise FrameStateError("a file has more dirty pages than pages")
        self.flusher.check()

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run of every file."""
        for file in self._files:
            yield from file.claims()

    def _reclaim(self, frames: int, direct: bool, node: int | None) -> int:
        """Frees clean pages for kswapd or a direct reclaimer, and counts them."""
        freed = self._in_turn(self._files, frames, lambda file, wanted: file.drop_clean(wanted, node))
        self._core.meter.charge(costs.RECLAIM_PAGE, freed)
        self._core.meter.charge(costs.FREE_PAGE, freed)
        who = "direct" if direct else "kswapd"
        for name in (f"pgscan_{who}", f"pgsteal_{who}", "pgscan_file", "pgsteal_file"):
            self._core.vm_events[name] += freed
        return freed

    def _in_turn(self, files: Iterable[CachedFile], frames: int, take: Callable[[CachedFile, int], int]) -> int:
        """Applies `take` (file, pages still wanted → pages done) to the files in order until enough is done."""
        done = 0
        for file in list(files):
            if done >= frames:
                break
            before = counts(file)
            done += take(file, frames - done)
            self.settle(file, before)
        return done


def counts(file: CachedFile) -> Counts:
    """Pages, dirty pages and nodes of a file now."""
    return file.frames, file.dirty_frames, file.nodes
