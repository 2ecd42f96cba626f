"""Which pages of a file are in memory: the file's XArray (i_pages), as runs, and the nodes it takes.

An entry is a folio of 2^order pages that lies on that many pages of its own; a run is folios of
one order that follow each other in the file and in memory. A terabyte written in one go is one
run; only what is scattered costs an element each.

XArray nodes are counted, not stored: lib/xarray.c gives every node 64 slots, a folio of order 6
or more one or more slots of the level above the lowest, and the tree no more levels than its
last page needs. So 64 base pages share a node and eight 2 MiB pages do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from sortedcontainers import SortedDict

from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.physical.allocator import PageAllocator
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import Owner
from memtui.machine.slab import SlabCaches

if TYPE_CHECKING:
    from memtui.machine.physical.migration import Folio, Moves

CHUNK_SHIFT: Final = 6
"""XA_CHUNK_SHIFT: a node has 64 slots."""
LEVELS: Final = 6
"""Levels the largest file needs: 64^6 pages."""
NODE_CACHE: Final = "radix_tree_node"
"""The slab cache of the nodes."""


@dataclass(frozen=True, slots=True)
class FolioRun:
    """Folios of one order, following each other in the file and in memory."""

    index: int
    """First page of the file."""
    pages: int
    frame: int
    order: int

    @property
    def end(self) -> int:
        """One past its last page of the file."""
        return self.index + self.pages

    @property
    def folios(self) -> int:
        """How many folios it is."""
        return self.pages >> self.order

    def folios_in(self, start: int, end: int) -> Iterator[Folio]:
        """(first frame, order) of the folios that begin in frames [start, end), ascending."""
        size = 1 << self.order
        low, high = max(self.frame, -(-start // size) * size), min(self.frame + self.pages, end)
        return ((first, self.order) for first in range(low, high, size))

    def part(self, start: int, end: int) -> FolioRun:
        """The folios of pages [start, end), which must not cut one."""
        if (start - self.index | end - start) & ((1 << self.order) - 1):
            raise FrameStateError(f"pages {start}..{end} cut a folio of order {self.order}")
        return FolioRun(start, end - start, self.frame + start - self.index, self.order)


def nodes_of_span(start: int, end: int) -> int:
    """Nodes of a file whose base pages [start, end), and no others, are in memory."""
    return nodes_of_spans([(start, end)] if start < end else [])


def nodes_of_spans(spans: Sequence[tuple[int, int]]) -> int:
    """The same for several spans, none of them empty, ascending and apart."""
    if not spans or spans[-1][1] <= 1:
        return 0
    nodes = 0
    for level in range(_levels(spans[-1][1], large=False)):
        shift, last = CHUNK_SHIFT * (level + 1), -1
        for start, end in spans:
            first, last = max(start >> shift, last + 1), (end - 1) >> shift
            nodes += last - first + 1
    return nodes


class FolioIndex:
    """The folios of one file by page number."""

    __slots__ = ("_blocks", "_large_pages", "_runs", "pages")

    def __init__(self) -> None:
        self._runs: SortedDict[int, FolioRun] = SortedDict()
        self._blocks = [0] * LEVELS
        """Level → nodes that would be there if the tree had that level."""
        self._large_pages = 0
        """Pages in folios whose entries lie above the lowest level."""
        self.pages = 0
        """Pages in memory."""

    def __iter__(self) -> Iterator[FolioRun]:
        return iter(self._runs.values())

    def __len__(self) -> int:
        """Number of runs."""
        return len(self._runs)

    @property
    def end(self) -> int:
        """One past the last page in memory."""
        return self._runs.peekitem(-1)[1].end if self._runs else 0

    @property
    def nodes(self) -> int:
        """XArray nodes the file's pages need."""
        return self._nodes(self._blocks, self.end, self._large_pages > 0)

    def run_at(self, page: int) -> FolioRun | None:
        """The run that holds a page."""
        run = self._before(page + 1)
        return run if run is not None and page < run.end else None

    def folio_at(self, page: int) -> FolioRun | None:
        """The one folio that holds a page."""
        run = self.run_at(page)
        if run is None:
            return None
        start = page >> run.order << run.order
        return run.part(start, start + (1 << run.order))

    def overlapping(self, start: int, end: int, most: int | None = None) -> list[FolioRun]:
        """The runs that touch pages [start, end), ascending and whole; no more than the first `most` of them."""
        first = max(self._runs.bisect_right(start) - 1, 0)
        touching: list[FolioRun] = []
        for key in self._runs.islice(first):
            if key >= end or len(touching) == most:
                break
            run = self._runs[key]
            if run.end > start:
                touching.append(run)
        return touching

    def hole_at(self, page: int) -> tuple[int, int | None]:
        """The hole around a page that is not in memory: its first page, and one past its last if it has an end."""
        place = self._runs.bisect_right(page)
        start = self._runs.peekitem(place - 1)[1].end if place else 0
        return start, self._runs.peekitem(place)[0] if place < len(self._runs) else None

    def growth(self, run: FolioRun) -> int:
        """Nodes that adding these folios, where there is a hole now, would take."""
        blocks = [count + gain for count, gain in zip(self._blocks, self._gains((run,)), strict=True)]
        large = self._large_pages > 0 or run.order >= CHUNK_SHIFT
        return self._nodes(blocks, max(self.end, run.end), large) - self.nodes

    def add(self, run: FolioRun) -> None:
        """Puts folios where there is a hole."""
        self.add_all(run.index, run.order, ((run.frame, run.pages),))

    def add_all(self, start: int, order: int, frames: Iterable[Run]) -> None:
        """Puts folios of one order, in frames from several places, into the hole that begins at page `start`."""
        fresh: list[FolioRun] = []
        page = start
        for frame, pages in frames:
            if (page | frame | pages) & ((1 << order) - 1):
                raise FrameStateError(f"frames {frame:#x} do not fit into page {page} as folios of order {order}")
            _append(fresh, FolioRun(page, pages, frame, order))
            page += pages
        if not fresh:
            return
        if self.overlapping(start, page):
            raise FrameStateError(f"pages {start}..{page} are not a hole")
        self._count((FolioRun(start, page - start, 0, order),), 1)
        before, after = self._before(start), self._runs.get(page)
        if before is not None and _joins(before, fresh[0]):
            fresh[0] = _joined(self._runs.pop(before.index), fresh[0])
        if after is not None and _joins(fresh[-1], after):
            fresh[-1] = _joined(fresh[-1], self._runs.pop(after.index))
        self._runs.update((run.index, run) for run in fresh)

    def take(self, start: int, end: int) -> list[FolioRun]:
        """Removes the folios of pages [start, end), which must not cut one, and returns them ascending."""
        taken: list[FolioRun] = []
        spans: list[FolioRun] = []
        for run in self.overlapping(start, end):
            part = run if start <= run.index and run.end <= end else run.part(max(run.index, start), min(run.end, end))
            del self._runs[run.index]
            for left in (run.part(run.index, part.index), run.part(part.end, run.end)) if part is not run else ():
                if left.pages:
                    self._runs[left.index] = left
            _extend(spans, part)
            taken.append(part)
        if spans:
            self._count(spans, -1)
        return taken

    def relocate(self, moves: Moves) -> None:
        """Folios have moved in memory; their places in the file are the same."""
        moved: list[FolioRun] = []
        for run in self:
            page = run.index
            for frame, pages in moves.translate(run.frame, run.pages):
                _append(moved, FolioRun(page, pages, frame, run.order))
                page += pages
        self._runs = SortedDict((run.index, run) for run in moved)

    def check(self) -> None:
        """Raises FrameStateError unless runs are aligned, disjoint, and counted with their nodes."""
        fresh = FolioIndex()
        for run in self:
            fresh.add(run)
        if (fresh.pages, fresh.nodes, fresh._blocks) != (self.pages, self.nodes, self._blocks):
            raise FrameStateError(f"file index counts {self.pages} pages, {self.nodes} nodes; has {fresh.pages}")

    def _before(self, page: int) -> FolioRun | None:
        """The last run that begins before a page."""
        place = self._runs.bisect_left(page)
        return self._runs.peekitem(place - 1)[1] if place else None

    def _count(self, spans: Sequence[FolioRun], sign: int) -> None:
        """Adds (before they are stored) or subtracts (after they are removed) folios in all counts.

        Of their spans, ascending and with nothing else between them, only pages of the file and order matter.
        """
        for level, gain in enumerate(self._gains(spans)):
            self._blocks[level] += sign * gain
        for span in spans:
            self.pages += sign * span.pages
            if span.order >= CHUNK_SHIFT:
                self._large_pages += sign * span.pages

    def _gains(self, spans: Sequence[FolioRun]) -> list[int]:
        """Level → nodes that only these folios, which are not stored, would occupy."""
        before, place = self._before(spans[0].index), self._runs.bisect_left(spans[-1].end)
        after = self._runs.peekitem(place)[0] if place < len(self._runs) else None
        gains: list[int] = []
        for level in range(LEVELS):
            shift = CHUNK_SHIFT * (level + 1)
            there = (before.end - 1) >> shift if before is not None else -1
            gain, last = 0, there
            for span in spans:
                if span.order < shift:
                    first, last = max(span.index >> shift, last + 1), (span.end - 1) >> shift
                    gain += last - first + 1
            if after is not None and there < last == after >> shift:
                gain -= 1
            gains.append(gain)
            if not gain and all(span.order < shift for span in spans):
                break
        return gains + [0] * (LEVELS - len(gains))

    @staticmethod
    def _nodes(blocks: list[int], end: int, large: bool) -> int:
        return sum(blocks[: _levels(end, large=large)]) if end > 1 else 0


def hold_nodes(slabs: SlabCaches, need: Callable[[], int]) -> int:
    """Allocates the nodes that `need` asks for; returns how many are held now, never fewer.

    What is needed is asked again after every allocation, because reclaim may have changed the
    file meanwhile. Raises OutOfMemory with nothing kept.
    """
    held = 0
    try:
        while (wanted := need()) > held:
            slabs.alloc(NODE_CACHE, wanted - held)
            held = wanted
    except OutOfMemory:
        slabs.free(NODE_CACHE, held)
        raise
    return held


def hold_nodes_for(
    allocator: PageAllocator, slabs: SlabCaches, owner: Owner, taken: FrameList, order: int, need: Callable[[int], int]
) -> tuple[FrameList, int]:
    """Nodes for frames that `owner` is about to put into a file, as folios of `order`.

    `need` says how many nodes so many frames take. When they cannot be had for all, the later half
    of the frames goes back, and so on. Returns the frames that are left and the nodes held.
    """
    while taken.frames:
        try:
            return taken, hold_nodes(slabs, partial(need, taken.frames))
        except OutOfMemory:
            kept = taken.take((taken.frames >> order) // 2 << order)
            allocator.free_list(taken, owner, order)
            taken = kept
    return taken, 0


def _levels(end: int, *, large: bool) -> int:
    """Levels of a tree that ends there; one page at the very start needs none (the entry is the head)."""
    levels = 2 if large else 1
    while (end - 1) >> (CHUNK_SHIFT * levels):
        levels += 1
    return levels


def _blocks(start: int, end: int, level: int) -> int:
    shift = CHUNK_SHIFT * (level + 1)
    return ((end - 1) >> shift) - (start >> shift) + 1


def _append(runs: list[FolioRun], run: FolioRun) -> None:
    """Adds a run behind all others, joined to the last where it continues it."""
    if runs and _joins(runs[-1], run):
        run = _joined(runs.pop(), run)
    runs.append(run)


def _extend(spans: list[FolioRun], run: FolioRun) -> None:
    """Adds the pages of a run to spans of the file, wherever it lies in memory."""
    if spans and spans[-1].end == run.index and spans[-1].order == run.order:
        run = FolioRun(spans[-1].index, spans.pop().pages + run.pages, 0, run.order)
    spans.append(run)


def _joins(left: FolioRun, right: FolioRun) -> bool:
    return left.order == right.order and left.end == right.index and left.frame + left.pages == right.frame


def _joined(left: FolioRun, right: FolioRun) -> FolioRun:
    return FolioRun(left.index, left.pages + right.pages, left.frame, left.order)
