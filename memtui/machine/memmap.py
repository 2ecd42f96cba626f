"""The memmap: one 64-byte struct page per frame, and how optimised huge pages share theirs.

Sparse-vmemmap as in mm/sparse-vmemmap.c: the struct pages of every 128 MiB section fill one
2 MiB leaf of the vmemmap. A huge page's struct pages fill 8 frames (2 MiB) or 4096 (1 GiB);
optimised (mm/hugetlb_vmemmap.c, "HVO") it keeps one frame that all of its tail struct pages
share, and the others go back to the page allocator. The first optimisation in a section splits
the section's vmemmap leaf and keeps that page table for ever. Giving the struct pages back their
own frames (restoring) is needed before the huge page can be freed, and can fail.

Frames that boot code set aside become ordinary memory when they are first given back, so
MemTotal grows (recordings, HVO: +32 kB per 2 MiB page on 6.18) and never shrinks again. The frame
a page keeps is a new one since 6.2; before, it is the boot frame it always was (+28 kB on 6.1).

Stored is what was changed: runs of pages whose struct pages no longer lie in the boot memmap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sortedcontainers import SortedDict

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError
from memtui.machine.flush import flush_kernel_range
from memtui.machine.geometry import SECTION_FRAMES
from memtui.machine.hugetlb_vmemmap import HugetlbVmemmap
from memtui.machine.memmap_backing import Backing, in_2m_pages, memmap_frames
from memtui.machine.memmap_boot import SECTION_MEMMAP_FRAMES, BootMemmap, NodeMemmap
from memtui.machine.physical.allocator import GFP_KERNEL, GFP_VMEMMAP, GFP_VMEMMAP_HEAD
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.ranges import RangeSet
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_1G, FRAMES_2M, PAGE_BYTES


class StructPages(NamedTuple):
    """Where the struct pages of one huge page lie: of its first 8 vmemmap pages, which are all of a 2 MiB page."""

    start: int
    page_frames: int
    optimised: bool
    kept: int
    """Of its vmemmap pages, how many have a frame that is not shared, or is the shared one's own place."""
    frames: tuple[int, ...]
    """The frame behind each vmemmap page; from the last that is kept on one and the same while they are shared."""
    boot_frames: tuple[int, ...]
    """The frames boot laid there."""


class Memmap:
    """All struct pages of the machine and the frames behind them (memory model sparse_vmemmap)."""

    def __init__(
        self, core: Core, nodes: list[NodeMemmap], owner: KernelOwner, policy: HugetlbVmemmap, *, batched: bool = True
    ) -> None:
        """`policy`: what optimised huge pages keep.

        Unless `batched`, every page and every split leaf is flushed from the TLBs for itself; a batch's
        flushes are for the caller to charge.
        """
        self._core = core
        self._policy = policy
        self._batched = batched
        self._boot = BootMemmap(core, nodes, owner)
        self._owner = owner
        self._table_owner = KernelOwner("vmemmap page tables", FrameKind.PAGE_TABLE)
        self._tables = FrameList()
        self._early_tables = FrameList()
        """Those that boot code took; nothing counts them."""
        self._split_sections = RangeSet()
        self._backings: SortedDict[int, Backing] = SortedDict()
        """First frame of RAM → run; runs do not overlap."""
        self.optimised_on: dict[tuple[int, int], int] = {}
        """RAM in optimised huge pages, by node and base frames per page."""
        self.allocated_frames = 0
        """Frames from the page allocator that hold struct pages (nr_memmap_pages)."""
        self.full_frames = self._boot.full_frames
        """Frames it all takes when nothing is shared."""

    @property
    def boot_frames(self) -> int:
        """Boot frames that still hold struct pages (nr_memmap_boot_pages)."""
        return self._boot.frames

    @property
    def table_frames(self) -> int:
        """Page tables of vmemmap leaves that were split since boot."""
        return self._tables.frames

    @property
    def mapped_bytes(self) -> tuple[int, int]:
        """How the vmemmap is mapped: bytes by 4 KiB and by 2 MiB leaves. Pages that share a frame count each."""
        whole = self.full_frames * PAGE_BYTES
        split = min(self._split_sections.count * SECTION_MEMMAP_FRAMES * PAGE_BYTES, whole)
        return split, whole - split

    @property
    def optimised_frames(self) -> dict[int, int]:
        """RAM in optimised huge pages, by base frames per page."""
        by_size: dict[int, int] = {}
        for (_, size), frames in self.optimised_on.items():
            by_size[size] = by_size.get(size, 0) + frames
        return by_size

    @property
    def restore_frames(self) -> int:
        """Frames that restoring every optimised page would take."""
        return sum(frames // size * self.shared_frames(size) for (_, size), frames in self.optimised_on.items())

    def restore_frames_of(self, node: int) -> int:
        """Frames that restoring every optimised page of a node would take."""
        on_node = ((size, frames) for (number, size), frames in self.optimised_on.items() if number == node)
        return sum(frames // size * self.shared_frames(size) for size, frames in on_node)

    def shared_frames(self, page_frames: int) -> int:
        """Frames of struct pages that a huge page gives back when it is optimised, and takes to be freed."""
        return memmap_frames(page_frames) - self._policy.kept_frames(page_frames)

    def optimise(self, runs: FrameList, page_frames: int, node: int) -> tuple[FrameList, FrameList]:
        """Shares the tail struct pages of huge pages; returns (runs now optimised, runs left as they were).

        Never fails as a whole: pages that get no page table stay as they are, unless what the others
        give back pays for one (`hugetlb_vmemmap_optimize_folios`). One that gets no new frame for its
        head struct pages keeps the one it has (`vmemmap_remap_free`).
        """
        done, plain = FrameList(), runs
        while plain.frames and self.shared_frames(page_frames):
            ready, plain = self._split_leaves(plain, page_frames, node)
            if not ready.frames:
                break
            done.extend(ready)
            self._share(ready, page_frames, node)
        return done, plain

    def optimise_early(self, start: int, node: int, tables: FrameList) -> None:
        """A 1 GiB page's memmap is made optimised at boot: its tails never had frames, its tables came from boot."""
        first = start // SECTION_FRAMES
        self._split_sections.add(first, first + FRAMES_1G // SECTION_FRAMES)
        self._early_tables.extend(tables)
        for low, frames in tables:
            self._core.allocator.frame_map.assign(low, frames, self._table_owner)
        self._share_in_place(FrameList([(start, FRAMES_1G)]), FRAMES_1G, node)

    def restore(self, start: int, frames: int, node: int) -> int:
        """Gives optimised pages their own struct-page frames back; returns how much RAM was done, from the start.

        Less than all when the pages were optimised in several batches (call again for the next), or
        when the node has no frames left for it (`hugetlb_vmemmap_restore_folios`); then perhaps 0.
        """
        low, found = self._backings.peekitem(self._backings.bisect_right(start) - 1)
        frames = min(frames, low + found.frames - start)
        backing = self._isolate(start, frames)
        size = backing.page_frames
        per_page = memmap_frames(size) - backing.kept
        pages = frames // size
        tails = self._core.allocator.allocate_many(self._owner, GFP_VMEMMAP, pages * per_page, node=node, partial=True)
        whole = tails.frames // per_page
        kept = tails.take(whole * per_page)
        self._core.allocator.free_list(tails, self._owner)
        if not whole:
            return 0
        self.allocated_frames += kept.frames
        self._count_optimised(size, -whole * size, node)
        self._core.meter.charge(costs.HVO_RESTORE_PAGE, whole)
        self._core.meter.charge(costs.HVO_RESTORE_FRAME, kept.frames)
        self._flush(whole, size)
        done = backing if whole == pages else self._split_off(start, whole * size)
        done.tails = kept
        for part in in_2m_pages(done):
            self._backings[start] = part
            start += part.frames
        return whole * size

    def is_split(self, section: int) -> bool:
        """Whether this section's 2 MiB leaf of vmemmap has been split."""
        return section in self._split_sections

    def backing_at(self, frame: int, node: int) -> StructPages:
        """Where the struct pages of the huge page around a frame lie, or of its aligned 2 MiB if it is in none."""
        found = next(self._overlapping(frame, frame + 1), None)
        size = found[1].page_frames if found is not None else FRAMES_2M
        page = frame - frame % size
        boot, count = self._boot.frames_of(page, FRAMES_2M, node)
        boot_frames = tuple(range(boot, boot + count))
        if found is None:
            return StructPages(page, size, False, count, boot_frames, boot_frames)
        low, backing = found
        held = backing.first_frames((page - low) // size)
        frames = tuple(boot_frames[index] if frame is None else frame for index, frame in enumerate(held))
        return StructPages(page, size, backing.optimised, backing.kept, frames, boot_frames)

    def optimised_runs(self, start: int, end: int) -> Iterator[Run]:
        """(first frame, frames) of optimised pages that touch [start, end), ascending."""
        for low, backing in self._overlapping(start, end):
            if backing.optimised:
                yield low, backing.frames

    def split_runs(self, start: int, end: int) -> Iterator[Run]:
        """(first frame, frames) of RAM whose vmemmap leaf was split, within [start, end), ascending."""
        for low, high in self._split_sections.overlapping(start // SECTION_FRAMES, -(-end // SECTION_FRAMES)):
            yield low * SECTION_FRAMES, (high - low) * SECTION_FRAMES

    def optimised_pages(self) -> Iterator[tuple[int, int, int]]:
        """(first frame, frames, frames per page) of every run of optimised pages, ascending."""
        for low, backing in self._backings.items():
            if backing.optimised:
                yield low, backing.frames, backing.page_frames

    def boot_runs(self) -> Iterator[Run]:
        """Frames that boot code took and that the page allocator was never given: struct pages and page tables."""
        yield from self._boot.runs()
        yield from self._early_tables

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of everything the memmap holds."""
        for start, frames in self._boot.runs():
            yield self._owner, start, frames
        for backing in self._backings.values():
            for runs in (backing.heads, backing.tails):
                for start, frames in runs:
                    yield self._owner, start, frames
        for start, frames in (*self._tables, *self._early_tables):
            yield self._table_owner, start, frames

    def check(self) -> None:
        """Recounts frames and optimised pages from the runs. Raises FrameStateError where counters disagree."""
        held = 0
        optimised: dict[int, int] = {}
        for backing in self._backings.values():
            if not backing.consistent:
                raise FrameStateError("a run of huge pages has the wrong number of struct-page frames")
            held += backing.allocated
            if backing.optimised:
                optimised[backing.page_frames] = optimised.get(backing.page_frames, 0) + backing.frames
        counted = {size: frames for size, frames in self.optimised_frames.items() if frames}
        tables = self._tables.frames + self._early_tables.frames
        if held != self.allocated_frames or optimised != counted or tables != self._split_sections.count:
            raise FrameStateError("memmap counters disagree with its runs")
        self._boot.check(
            (page, page + size, backing.boot_kept)
            for low, backing in self._backings.items()
            for page, size in _pages_apart(low, backing)
        )

    def _share(self, runs: FrameList, page_frames: int, node: int) -> None:
        """Shares the tails of huge pages whose vmemmap leaves are split: with new heads as far as there are any."""
        if self._policy.moves_heads:
            pages = runs.frames // page_frames
            heads = self._core.allocator.allocate_many(self._owner, GFP_VMEMMAP_HEAD, pages, node=node, partial=True)
            self._share_tails(runs.take(heads.frames * page_frames), page_frames, heads, node)
        self._share_in_place(runs, page_frames, node)

    def _share_tails(self, runs: FrameList, page_frames: int, heads: FrameList, node: int) -> None:
        """Maps every vmemmap page of each huge page to its new head and gives the old frames back."""
        self.allocated_frames += heads.frames
        for start, frames in runs:
            self._drop_backing(start, frames, node)
            self._backings[start] = Backing(frames, page_frames, 1, heads.take(frames // page_frames), FrameList())
        self._note_optimised(runs.frames, page_frames, node)

    def _share_in_place(self, runs: FrameList, page_frames: int, node: int) -> None:
        """Maps every vmemmap page of each huge page to those it keeps, and gives the frames of the others back."""
        kept = self._policy.kept_frames(page_frames)
        for start, frames in runs:
            if page_frames == FRAMES_2M:
                self._share_2m_in_place(start, start + frames, node)
                continue
            for page in range(start, start + frames, page_frames):
                heads = self._take_heads(page, kept)
                self._drop_backing(page, page_frames, node, kept=kept - heads.frames)
                self._backings[page] = Backing(page_frames, page_frames, kept, heads, FrameList())
        self._note_optimised(runs.frames, page_frames, node)

    def _share_2m_in_place(self, start: int, end: int, node: int) -> None:
        """The same for 2 MiB pages, run by run: pages that had frames of their own before keep their heads."""
        covered, kept = RangeSet(), self._policy.kept_frames(FRAMES_2M)
        for low, backing in list(self._overlapping(start, end)):
            piece = self._isolate(max(low, start), min(low + backing.frames, end) - max(low, start))
            covered.add(max(low, start), max(low, start) + piece.frames)
            self.allocated_frames -= piece.tails.frames
            self._core.allocator.free_list(piece.tails, self._owner)
            piece.tails = FrameList()
        for low, high in covered.missing(start, end):
            self._boot.hand_over_tails(low, high, FRAMES_2M, node, kept=kept)
            self._backings[low] = Backing(high - low, FRAMES_2M, kept, FrameList(), FrameList())

    def _take_heads(self, page: int, kept: int) -> FrameList:
        """The frames of a page's first struct pages, taken out of its run; none if those are boot frames still."""
        there = any(True for _ in self._overlapping(page, page + FRAMES_2M))
        return self._isolate(page, FRAMES_2M).heads.take(kept) if there else FrameList()

    def _note_optimised(self, frames: int, page_frames: int, node: int) -> None:
        """Counts and charges what was optimised."""
        pages = frames // page_frames
        self._count_optimised(page_frames, frames, node)
        self._core.meter.charge(costs.HVO_OPTIMIZE_PAGE, pages)
        self._core.meter.charge(costs.HVO_FRAME, pages * self.shared_frames(page_frames))
        self._flush(pages, page_frames)

    def _flush(self, pages: int, page_frames: int) -> None:
        """Without batching each page's vmemmap is flushed once it is remapped (`flush_tlb_kernel_range`)."""
        if not self._batched:
            flush_kernel_range(self._core.meter, memmap_frames(page_frames), pages)

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
            if not self._batched:
                self._core.meter.charge(costs.FLUSH_ALL, tables.frames)
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

    def _drop_backing(self, start: int, frames: int, node: int, *, kept: int = 0) -> None:
        """Gives back every frame that holds the struct pages of a run, its first `kept` boot frames excepted."""
        end = start + frames
        for low, backing in list(self._overlapping(start, end)):
            first = max(low, start)
            piece = self._isolate(first, min(low + backing.frames, end) - first)
            self.allocated_frames -= piece.allocated
            for runs in (piece.heads, piece.tails):
                self._core.allocator.free_list(runs, self._owner)
            del self._backings[first]
        self._boot.hand_over(start, end, node, kept=kept)

    def _isolate(self, start: int, frames: int) -> Backing:
        """Makes exactly [start, start + frames) a run of its own and returns it."""
        index = self._backings.bisect_right(start) - 1
        low, backing = self._backings.peekitem(index)
        if low < start:
            self._split_off(low, start - low)
            backing = self._backings[start]
        if backing.frames > frames:
            return self._split_off(start, frames)
        found: Backing = backing
        return found

    def _split_off(self, start: int, frames: int) -> Backing:
        """Cuts the run at `start` after `frames`; returns the first part."""
        rest: Backing = self._backings[start]
        first = rest.cut(frames)
        self._backings[start] = first
        self._backings[start + frames] = rest
        return first

    def _overlapping(self, start: int, end: int) -> Iterator[tuple[int, Backing]]:
        index = max(self._backings.bisect_right(start) - 1, 0)
        for low in self._backings.islice(index):
            if low >= end:
                return
            backing = self._backings[low]
            if low + backing.frames > start:
                yield low, backing

    def _count_optimised(self, page_frames: int, frames: int, node: int) -> None:
        self.optimised_on[node, page_frames] = self.optimised_on.get((node, page_frames), 0) + frames


def _pages_apart(low: int, backing: Backing) -> Iterator[Run]:
    """A run of pages in one piece where they keep no boot frames, else page by page."""
    step = backing.page_frames if backing.boot_kept else backing.frames
    return ((page, step) for page in range(low, low + backing.frames, step))
