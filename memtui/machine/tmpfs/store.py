"""The primitives every tmpfs design is made of: pages into a file, out of it, and folios split.

Each keeps the frame map, the file's index and its XArray nodes, the mount's account and the
counts of /proc/meminfo in step, and charges the meter.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import OutOfMemory
from memtui.machine.file_index import CHUNK_SHIFT, NODE_CACHE, FolioRun, hold_nodes, hold_nodes_for
from memtui.machine.parts import PART_PIECES, Parts
from memtui.machine.physical.extents import FrameList
from memtui.machine.slab import SlabCaches
from memtui.machine.tmpfs.design import PMD_ORDER
from memtui.machine.tmpfs.files import TmpfsFile
from memtui.machine.tmpfs.mapping import unmap_pages

Piece = tuple[int, int, int]
"""(first page, one past the last, order) of folios that a split makes."""


class ShmemStore:
    """All pages of all tmpfs files, and their counts."""

    def __init__(self, core: Core, slabs: SlabCaches) -> None:
        self.core = core
        self.slabs = slabs
        self.frames = 0
        """Shmem."""
        self.huge_frames = 0
        """ShmemHugePages."""
        self.mapped_frames = 0
        """Frames of tmpfs that a process maps: part of Mapped."""
        self.pmd_mapped_frames = 0
        """ShmemPmdMapped."""
        self.nodes = 0
        """XArray nodes of all files."""

    def insert(self, file: TmpfsFile, start: int, order: int, taken: FrameList) -> int:
        """Puts folios, whose frames `file.owner(order)` holds already, into the hole that begins at page `start`.

        As many as the index gets nodes for; the frames of the others go back. Returns how many.
        """

        def need(frames: int) -> int:
            return file.index.growth(FolioRun(start, frames, 0, order))

        taken, held = hold_nodes_for(self.core.allocator, self.slabs, file.owner(order), taken, order, need)
        before = file.index.nodes
        file.index.add_all(start, order, taken)
        self._settle_nodes(file, before, held)
        self._account(file, order, taken.frames)
        self._charge_insert(order, taken.frames >> order)
        return taken.frames >> order

    def remove(self, file: TmpfsFile, start: int, end: int) -> int:
        """Takes the folios of pages [start, end), which must not cut one, out and frees them; returns the pages."""
        before = file.index.nodes
        removed = 0
        unmap_pages(self, file, start, end)
        for order, runs in groupby(file.index.take(start, end), key=_order_of):
            frames = [(run.frame, run.pages) for run in runs]
            pages = sum(length for _, length in frames)
            self.core.allocator.free_list(frames, file.owner(order), order)
            self._account(file, order, -pages)
            self._charge_free(order, pages >> order)
            removed += pages
        self._settle_nodes(file, before, 0)
        return removed

    def remove_in_parts(self, file: TmpfsFile, start: int, end: int) -> Parts[None]:
        """Takes the folios that lie whole in pages [start, end) out and frees them, from the front."""
        while runs := file.index.overlapping(start, end, PART_PIECES):
            first, last = runs[0], runs[-1]
            low = max(first.index, -(-start >> first.order) << first.order)
            high = min(last.end, end >> last.order << last.order)
            if low < high:
                self.remove(file, low, high)
            if len(runs) < PART_PIECES:
                return
            start = last.end
            yield

    def split(self, file: TmpfsFile, folio: FolioRun, pieces: Sequence[Piece]) -> int | None:
        """Turns a folio into smaller ones, dropping those past the end of the file (`__folio_split`).

        Unmaps it first. Returns the pages dropped, or None (with nothing changed) when the index got no nodes.
        """
        kept = [piece for piece in pieces if piece[0] < file.size_pages]
        file.locked = True
        try:
            held = hold_nodes(self.slabs, lambda: _low_nodes(folio, kept))
        except OutOfMemory:
            return None
        finally:
            file.locked = False
        before = file.index.nodes
        unmap_pages(self, file, folio.index, folio.end, splitting=True)
        file.index.take(folio.index, folio.end)
        for start, end, order in kept:
            self._keep(file, FolioRun(start, end - start, folio.frame + start - folio.index, order))
        self._settle_nodes(file, before, held)
        self.core.meter.charge(costs.SPLIT_HUGE_PAGE)
        if folio.order == PMD_ORDER:
            self.huge_frames -= folio.pages
            self.core.vm_events["thp_split_page"] += 1
        return self._drop(file, folio, [piece for piece in pieces if piece[0] >= file.size_pages])

    def _keep(self, file: TmpfsFile, piece: FolioRun) -> None:
        """Puts a part of a split folio back; base pages become movable ones."""
        file.index.add(piece)
        if piece.order == 0:
            self.core.allocator.frame_map.release(piece.frame, piece.pages, file.large)
            self.core.allocator.frame_map.assign(piece.frame, piece.pages, file)

    def _drop(self, file: TmpfsFile, folio: FolioRun, pieces: Sequence[Piece]) -> int:
        """Frees parts of a split folio; returns the pages."""
        for start, end, order in pieces:
            self.core.allocator.free(folio.frame + start - folio.index, end - start, file.large, order)
            self._charge_free(order, (end - start) >> order)
        pages = sum(end - start for start, end, _ in pieces)
        self._account(file, 0, -pages)
        return pages

    def _settle_nodes(self, file: TmpfsFile, before: int, held: int) -> None:
        """Keeps as many of the nodes held as the file has more than before; the others go back."""
        change = file.index.nodes - before
        self.nodes += change
        if held > change:
            self.slabs.free(NODE_CACHE, held - change)

    def _account(self, file: TmpfsFile, order: int, pages: int) -> None:
        file.mount.used_pages += pages
        self.frames += pages
        if order == PMD_ORDER:
            self.huge_frames += pages

    def _charge_insert(self, order: int, folios: int) -> None:
        meter = self.core.meter
        if order == PMD_ORDER:
            meter.charge(costs.ALLOC_HUGE_PAGE, folios)
            meter.charge(costs.TMPFS_HUGE_PAGE, folios)
        else:
            meter.charge(costs.ALLOC_PAGE, folios)
            meter.charge(costs.TAIL_PAGE, folios * ((1 << order) - 1))
            meter.charge(costs.TMPFS_PAGE, folios)

    def _charge_free(self, order: int, folios: int) -> None:
        meter = self.core.meter
        if order == PMD_ORDER:
            meter.charge(costs.FREE_HUGE_PAGE, folios)
        else:
            meter.charge(costs.FREE_PAGE, folios)
            meter.charge(costs.TAIL_PAGE, folios * ((1 << order) - 1))


def _order_of(run: FolioRun) -> int:
    return run.order


def _low_nodes(folio: FolioRun, pieces: Sequence[Piece]) -> int:
    """Nodes of the lowest level that the pieces need and the folio did not."""
    if folio.order < CHUNK_SHIFT:
        return 0
    low: set[int] = set()
    for start, end, order in pieces:
        if order < CHUNK_SHIFT:
            low.update(range(start >> CHUNK_SHIFT, ((end - 1) >> CHUNK_SHIFT) + 1))
    return len(low)
