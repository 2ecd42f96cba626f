"""The memmap: one 64-byte struct page per frame, and how optimised huge pages share theirs.

Sparse-vmemmap as in mm/sparse-vmemmap.c: the struct pages of every 128 MiB section fill one
2 MiB leaf of the vmemmap. A huge page's struct pages fill 8 frames (2 MiB) or 4096 (1 GiB);
optimised (mm/hugetlb_vmemmap.c, "HVO") it keeps one frame that all of its tail struct pages
share, and the others go back to the page allocator. The first optimisation in a section splits
the section's vmemmap leaf and keeps that page table for ever. Giving the struct pages back their
own frames (restoring) is needed before the huge page can be freed, and can fail.

Frames that boot code set aside become ordinary memory when they are first given back, so
MemTotal grows (recordings, HVO: +32 kB per 2 MiB page on 6.18) and never shrinks again.

Stored is what was changed: runs of pages whose struct pages no longer lie in the boot memmap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sortedcontainers import SortedDict

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError
from memtui.machine.geometry import SECTION_FRAMES, STRUCT_PAGES_PER_FRAME
from memtui.machine.physical.allocator import GFP_KERNEL, GFP_VMEMMAP
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.ranges import RangeSet
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_2M

SECTION_MEMMAP_FRAMES: Final = SECTION_FRAMES // STRUCT_PAGES_PER_FRAME
"""Frames of memmap per section: 512, one 2 MiB leaf of vmemmap."""


def memmap_frames(page_frames: int) -> int:
    """Frames that the struct pages of a page of so many base frames fill: 8 for 2 MiB, 4096 for 1 GiB."""
    return page_frames // STRUCT_PAGES_PER_FRAME


@dataclass(slots=True)
class NodeMemmap:
    """A node's memmap as boot code laid it out: sections in order, backed by consecutive frames."""

    sections: tuple[Run, ...]
    """Runs of section numbers the node has."""
    base_frame: int

    def boot_frames_of(self, start: int, frames: int) -> Run | None:
        """The boot frames that hold the struct pages of [start, start + frames), which one run of sections holds."""
        offset = 0
        for first, count in self.sections:
            low, high = first * SECTION_FRAMES, (first + count) * SECTION_FRAMES
            if low <= start < high:
                inside = (start - low) // STRUCT_PAGES_PER_FRAME
                return self.base_frame + offset + inside, frames // STRUCT_PAGES_PER_FRAME
            offset += count * SECTION_MEMMAP_FRAMES
        return None


class _Backing:
    """A run of huge pages whose struct pages have frames from the allocator instead of boot frames."""

    __slots__ = ("frames", "heads", "page_frames", "tails")

    def __init__(self, frames: int, page_frames: int, heads: FrameList, tails: FrameList) -> None:
        self.frames = frames
        """RAM the run covers, in base frames."""
        self.page_frames = page_frames
        """Base frames per page: what the run can be cut at."""
        self.heads = heads
        """The frame each page keeps."""
        self.tails = tails
        """Its other frames, page after page; empty while the pages are optimised."""

    @property
    def optimised(self) -> bool:
        """Whether the tails are shared."""
        return self.tails.frames == 0

    def cut(self, frames: int) -> _Backing:
        """Takes the first `frames` of RAM off this run and returns them as a run of their own."""
        pages = frames // self.page_frames
        tails = 0 if self.optimised else pages * (memmap_frames(self.page_frames) - 1)
        self.frames -= frames
        return _Backing(frames, self.page_frames, self.heads.take(pages), self.tails.take(tails))


class Memmap:
    """All struct pages of the machine and the frames behind them (memory model sparse_vmemmap)."""

    def __init__(self, core: Core, nodes: list[NodeMemmap], owner: KernelOwner) -> None:
        self._core = core
        self._nodes = nodes
        self._owner = owner
        self._table_owner = KernelOwner("vmemmap page tables", FrameKind.PAGE_TABLE)
        self._tables = FrameList()
        self._split_sections = RangeSet()
        self._backings: SortedDict[int, _Backing] = SortedDict()
        """First frame of RAM → run; runs do not overlap."""
        self._given_over = RangeSet()
        """Boot frames that became ordinary memory."""
        self.optimised_frames: dict[int, int] = {}
        """RAM in optimised huge pages, by base frames per page."""
        self.allocated_frames = 0
        """Frames from the page allocator that hold struct pages (nr_memmap_pages)."""
        self.full_frames = sum(count for node in nodes for _, count in node.sections) * SECTION_MEMMAP_FRAMES
        """Frames it all takes when nothing is shared."""

    @property
    def boot_frames(self) -> int:
        """Boot frames that still hold struct pages (nr_memmap_boot_pages)."""
        return self.full_frames - self._given_over.count

    @property
    def table_frames(self) -> int:
        """Page tables of vmemmap leaves that were split."""
        return self._tables.frames

    @property
    def restore_frames(self) -> int:
        """Frames that restoring every optimised page would take."""
        return sum(
            frames // size * (memmap_frames(size) - 1) for size, frames in self.optimised_frames.items() if frames
        )

    def optimise(self, runs: FrameList, page_frames: int, node: int) -> tuple[FrameList, FrameList]:
        """Shares the tail struct pages of huge pages; returns (runs now optimised, runs left as they were).

        Never fails as a whole: pages that get no page table, or no frame for their head, stay as
        they are (`hugetlb_vmemmap_optimize_folios`). What one batch gives back can serve the next.
        """
        ready, plain = self._split_leaves(runs, page_frames, node)
        done = FrameList()
        while ready.frames:
            pages = ready.frames // page_frames
            heads = self._core.allocator.allocate_many(self._owner, GFP_VMEMMAP, pages, node=node, partial=True)
            if not heads.frames:
                break
            batch = ready.take(heads.frames * page_frames)
            self._share_tails(batch, page_frames, heads, node)
            done.extend(batch)
        plain.extend(ready)
        return done, plain

    def restore(self, start: int, frames: int, node: int) -> int:
        """Gives optimised pages their own struct-page frames back; returns how much RAM was done, from the start.

        Less than all when the pages were optimised in several batches (call again for the next), or
        when the node has no frames left for it (`hugetlb_vmemmap_restore_folios`); then perhaps 0.
        """
        low, found = self._backings.peekitem(self._backings.bisect_right(start) - 1)
        frames = min(frames, low + found.frames - start)
        backing = self._isolate(start, frames)
        size = backing.page_frames
        per_page = memmap_frames(size) - 1
        pages = frames // size
        tails = self._core.allocator.allocate_many(self._owner, GFP_VMEMMAP, pages * per_page, node=node, partial=True)
        whole = tails.frames // per_page
        kept = tails.take(whole * per_page)
        self._core.allocator.free_list(tails, self._owner)
        if not whole:
            return 0
        self.allocated_frames += kept.frames
        self._count_optimised(size, -whole * size)
        self._core.meter.charge(costs.HVO_RESTORE_PAGE, whole)
        self._core.meter.charge(costs.HVO_RESTORE_FRAME, kept.frames)
        done = backing if whole == pages else self._split_off(start, whole * size)
        done.tails = kept
        _in_2m_pages(done)
        return whole * size

    def is_split(self, section: int) -> bool:
        """Whether this section's 2 MiB leaf of vmemmap has been split."""
        return section in self._split_sections

    def optimised_runs(self, start: int, end: int) -> Iterator[Run]:
        """(first frame, frames) of optimised pages that touch [start, end), ascending."""
        for low, backing in self._overlapping(start, end):
            if backing.optimised:
                yield low, backing.frames

    def split_runs(self, start: int, end: int) -> Iterator[Run]:
        """(first frame, frames) of RAM whose vmemmap leaf was split, within [start, end), ascending."""
        for low, high in self._split_sections.overlapping(start // SECTION_FRAMES, -(-end // SECTION_FRAMES)):
            yield low * SECTION_FRAMES, (high - low) * SECTION_FRAMES

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of everything the memmap holds."""
        for node in self._nodes:
            end = node.base_frame + sum(count for _, count in node.sections) * SECTION_MEMMAP_FRAMES
            for low, high in self._given_over.missing(node.base_frame, end):
                yield self._owner, low, high - low
        for backing in self._backings.values():
            for runs in (backing.heads, backing.tails):
                for start, frames in runs:
                    yield self._owner, start, frames
        for start, frames in self._tables:
            yield self._table_owner, start, frames

    def check(self) -> None:
        """Recounts frames and optimised pages from the runs. Raises FrameStateError where counters disagree."""
        held = 0
        optimised: dict[int, int] = {}
        for backing in self._backings.values():
            pages = backing.frames // backing.page_frames
            tails = 0 if backing.optimised else pages * (memmap_frames(backing.page_frames) - 1)
            if backing.heads.frames != pages or backing.tails.frames != tails:
                raise FrameStateError("a run of huge pages has the wrong number of struct-page frames")
            held += backing.heads.frames + backing.tails.frames
            if backing.optimised:
                optimised[backing.page_frames] = optimised.get(backing.page_frames, 0) + backing.frames
        counted = {size: frames for size, frames in self.optimised_frames.items() if frames}
        if held != self.allocated_frames or optimised != counted or self._tables.frames != self._split_sections.count:
            raise FrameStateError("memmap counters disagree with its runs")

    def _share_tails(self, runs: FrameList, page_frames: int, heads: FrameList, node: int) -> None:
        """Maps every vmemmap page of each huge page to its head and gives the old frames back."""
        pages = heads.frames
        self.allocated_frames += pages
        for start, frames in runs:
            self._drop_backing(start, frames, node)
            self._backings[start] = _Backing(frames, page_frames, heads.take(frames // page_frames), FrameList())
        self._count_optimised(page_frames, runs.frames)
        self._core.meter.charge(costs.HVO_OPTIMIZE_PAGE, pages)
        self._core.meter.charge(costs.HVO_FRAME, pages * (memmap_frames(page_frames) - 1))

    def _split_leaves(self, runs: FrameList, page_frames: int, node: int) -> tuple[FrameList, FrameList]:
        """Splits the vmemmap leaves under `runs`, a page table each; pages left without one are returned second."""
        ready, plain = FrameList(), FrameList()
        for start, frames in runs:
            first, last = start // SECTION_FRAMES, -(-(start + frames) // SECTION_FRAMES)
            gaps = self._split_sections.missing(first, last)
            wanted = sum(high - low for low, high in gaps)
            tables = self._core.allocator.allocate_many(self._table_owner, GFP_KERNEL, wanted, node=node, partial=True)
            reach = self._note_split(gaps, tables.frames, last) * SECTION_FRAMES
            self._core.meter.charge(costs.SPLIT_LEAF, tables.frames)
            self._tables.extend(tables)
            good = max(0, min(frames, (reach - start) // page_frames * page_frames))
            ready.append(start, good)
            plain.append(start + good, frames - good)
        return ready, plain

    def _note_split(self, gaps: list[tuple[int, int]], tables: int, last: int) -> int:
        """Marks as many sections of the gaps as there are tables; returns the section up to which all are split."""
        for low, high in gaps:
            done = min(high - low, tables)
            if done:
                self._split_sections.add(low, low + done)
            tables -= done
            if done < high - low:
                return low + done
        return last

    def _drop_backing(self, start: int, frames: int, node: int) -> None:
        """Gives back every frame that holds the struct pages of a run, wherever they come from."""
        position, end = start, start + frames
        for low, backing in list(self._overlapping(start, end)):
            self._hand_over(position, max(low, position), node)
            piece = self._isolate(max(low, start), min(low + backing.frames, end) - max(low, start))
            position = max(low, start) + piece.frames
            for runs in (piece.heads, piece.tails):
                self.allocated_frames -= runs.frames
                self._core.allocator.free_list(runs, self._owner)
            del self._backings[position - piece.frames]
        self._hand_over(position, end, node)

    def _hand_over(self, start: int, end: int, node: int) -> None:
        """Boot frames of the struct pages of [start, end) become ordinary memory."""
        for run_start, run_frames in _by_section_run(self._nodes[node].sections, start, end):
            boot = self._nodes[node].boot_frames_of(run_start, run_frames)
            if boot is None:
                raise FrameStateError(f"no memmap for frame {run_start:#x} on node {node}")
            self._given_over.add(boot[0], boot[0] + boot[1])
            self._core.allocator.hand_over(boot[0], boot[1], self._owner)

    def _isolate(self, start: int, frames: int) -> _Backing:
        """Makes exactly [start, start + frames) a run of its own and returns it."""
        index = self._backings.bisect_right(start) - 1
        low, backing = self._backings.peekitem(index)
        if low < start:
            self._split_off(low, start - low)
            backing = self._backings[start]
        if backing.frames > frames:
            return self._split_off(start, frames)
        found: _Backing = backing
        return found

    def _split_off(self, start: int, frames: int) -> _Backing:
        """Cuts the run at `start` after `frames`; returns the first part."""
        rest: _Backing = self._backings[start]
        first = rest.cut(frames)
        self._backings[start] = first
        self._backings[start + frames] = rest
        return first

    def _overlapping(self, start: int, end: int) -> Iterator[tuple[int, _Backing]]:
        index = max(self._backings.bisect_right(start) - 1, 0)
        for low in self._backings.islice(index):
            if low >= end:
                return
            backing = self._backings[low]
            if low + backing.frames > start:
                yield low, backing

    def _count_optimised(self, page_frames: int, frames: int) -> None:
        self.optimised_frames[page_frames] = self.optimised_frames.get(page_frames, 0) + frames


def _in_2m_pages(backing: _Backing) -> None:
    """Lets a restored run of 1 GiB pages be cut at 2 MiB: its frames are its own either way."""
    if backing.page_frames == FRAMES_2M:
        return
    frames = FrameList([*backing.heads, *backing.tails])
    backing.page_frames = FRAMES_2M
    backing.heads = frames.take(backing.frames // FRAMES_2M)
    backing.tails = frames


def _by_section_run(sections: tuple[Run, ...], start: int, end: int) -> Iterator[Run]:
    """[start, end) cut where one run of sections ends and the next begins."""
    for first, count in sections:
        low, high = max(start, first * SECTION_FRAMES), min(end, (first + count) * SECTION_FRAMES)
        if low < high:
            yield low, high - low
