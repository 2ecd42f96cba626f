"""The direct map: the kernel's own mapping of all RAM, in leaves of 1 GiB, 2 MiB and 4 KiB.

Built as arch/x86/mm/init.c does it and changed as `set_memory_*` does (arch/x86/mm/pat/
set_memory.c): a request that covers a whole aligned leaf rewrites the leaf; one that covers
part of it splits it, 1G → 2M → 4K, with a page table per split; nothing merges back except
where `set_memory_rox` asks for a collapse. A leaf that is not present still counts.

Only what was split is stored: an untouched GiB is part of a span of the boot mapping.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from enum import IntEnum
from heapq import nsmallest
from typing import Final

from memtui.machine import costs
from memtui.machine.boot_mapping import Level, Span, boot_recount_frames, boot_spans
from memtui.machine.core import Core, KernelOwner, Severity
from memtui.machine.errors import FrameStateError
from memtui.machine.flush import flush_kernel_range
from memtui.machine.geometry import Layout
from memtui.machine.physical.allocator import GFP_KERNEL
from memtui.snapshot import FrameKind, SplitCause
from memtui.units import FRAMES_1G, FRAMES_2M

BLOCKS_PER_GIB: Final = FRAMES_1G // FRAMES_2M
ALL_4K: Final = (1 << FRAMES_2M) - 1

NAMED_CAUSES: Final = 16
"""Causes of splits that are shown by name."""


class Perm(IntEnum):
    """What a leaf allows; all are not executable."""

    READ_WRITE = 0
    READ_ONLY = 1
    NOT_PRESENT = 2


class _Table4k:
    """A page table of 512 4K leaves: its frame, and which leaves are not plain read-write."""

    __slots__ = ("frame", "not_present", "read_only")

    def __init__(self, frame: int, perm: Perm) -> None:
        self.frame = frame
        self.not_present = ALL_4K if perm is Perm.NOT_PRESENT else 0
        self.read_only = ALL_4K if perm is Perm.READ_ONLY else 0

    def set(self, bits: int, perm: Perm) -> None:
        """Gives the leaves in `bits` a permission."""
        self.not_present = self.not_present | bits if perm is Perm.NOT_PRESENT else self.not_present & ~bits
        self.read_only = self.read_only | bits if perm is Perm.READ_ONLY else self.read_only & ~bits

    def uniform(self) -> Perm | None:
        """The permission all 512 leaves have, or None if they differ."""
        for mask, perm in ((self.not_present, Perm.NOT_PRESENT), (self.read_only, Perm.READ_ONLY)):
            if mask == ALL_4K:
                return perm
        return Perm.READ_WRITE if not self.not_present and not self.read_only else None


class _Gib:
    """A GiB that is not one plain leaf: its table's frame (0: from boot), its 2M leaves, its 4K tables."""

    __slots__ = ("frame", "perm", "perms_2m", "tables")

    def __init__(self) -> None:
        self.frame = 0
        self.perm = Perm.READ_WRITE
        """Of the 1G leaf, while the GiB is still one."""
        self.perms_2m: dict[int, Perm] = {}
        self.tables: dict[int, _Table4k] = {}


class DirectMap:
    """Leaves, permissions, page tables and counters of the direct map."""

    def __init__(self, core: Core, layout: Layout, *, gbpages: bool) -> None:
        self._core = core
        self._tables = KernelOwner("direct map page tables", FrameKind.PAGE_TABLE)
        self.spans = boot_spans(layout, gbpages=gbpages)
        self._starts = [span.start for span in self.spans]
        self._gibs: dict[int, _Gib] = {}
        self.leaf_frames = [0, 0, 0]
        """Frames mapped by leaves of each level, as they are."""
        for span in self.spans:
            self.leaf_frames[span.level] += span.end - span.start
        self.boot_recount_frames = boot_recount_frames(self.spans)
        self.table_frames = 0
        """Page tables made by splits that are still there."""
        self._level2_causes: Counter[str] = Counter()
        self._level3_causes: Counter[str] = Counter()

    def set_memory(self, start: int, frames: int, perm: Perm, *, whole_leaves: bool = True) -> None:
        """Changes permissions of a run, as one `set_memory_*` call with its flush at the end.

        With `whole_leaves` off the pages come one by one (the array variants, or the alias of a
        vmalloc mapping by 4K pages), so that no large leaf can be rewritten whole. Raises
        OutOfMemory when a split gets no page table; what was changed before stays changed.
        """
        self._core.meter.charge(costs.SET_MEMORY_PAGE, 1 if whole_leaves else frames)
        self.set_noflush(start, frames, perm, whole_leaves=whole_leaves)
        self.flush(frames)

    def set_noflush(self, start: int, frames: int, perm: Perm, *, whole_leaves: bool = False) -> None:
        """As `set_memory`, without the flush (`set_direct_map_*_noflush`)."""
        end = start + frames
        while start < end:
            start = self._change(start, end, perm, whole_leaves=whole_leaves)

    def flush(self, pages: int) -> None:
        """Flushes so many pages from every CPU's TLB."""
        flush_kernel_range(self._core.meter, pages)

    def collapse(self, start: int, frames: int) -> int:
        """Merges tables of 512 equal leaves inside a run (`cpa_collapse_large_pages`); returns how many."""
        merged = 0
        for block in range(-(-start // FRAMES_2M), (start + frames) // FRAMES_2M):
            merged += self._collapse_2m(block)
        for gib in range(start // FRAMES_1G, -(-(start + frames) // FRAMES_1G)):
            merged += self._collapse_1g(gib)
        if merged:
            self._core.meter.charge(costs.FLUSH_ALL)
        return merged

    def level_at(self, frame: int) -> Level | None:
        """Size of the leaf that maps this frame; None where there is no RAM."""
        boot = self._boot_level(frame)
        gib = self._gibs.get(frame // FRAMES_1G)
        if gib is None or boot is None:
            return boot
        if frame // FRAMES_2M % BLOCKS_PER_GIB in gib.tables:
            return Level.LEAF_4K
        return Level.LEAF_2M if boot is Level.LEAF_1G and gib.frame else boot

    def perm_at(self, frame: int) -> Perm:
        """What the leaf that maps this frame allows."""
        gib = self._gibs.get(frame // FRAMES_1G)
        if gib is None:
            return Perm.READ_WRITE
        block = frame // FRAMES_2M % BLOCKS_PER_GIB
        table = gib.tables.get(block)
        if table is None:
            return gib.perms_2m.get(block, gib.perm)
        bit = 1 << (frame % FRAMES_2M)
        if table.not_present & bit:
            return Perm.NOT_PRESENT
        return Perm.READ_ONLY if table.read_only & bit else Perm.READ_WRITE

    def changed_gibs(self) -> Iterable[int]:
        """Numbers of the GiB that are no longer as at boot."""
        return self._gibs.keys()

    def finest(self, start: int, end: int, changed: Iterable[int]) -> tuple[Level | None, bool]:
        """The finest leaf that overlaps [start, end) and whether any leaf there is not present.

        `changed`: those of `changed_gibs` that overlap the range.
        """
        finest = min((span.level for span in self._spans_in(start, end)), default=None)
        absent = False
        for number in changed:
            low = max(start - number * FRAMES_1G, 0) // FRAMES_2M
            high = -(-min(end - number * FRAMES_1G, FRAMES_1G) // FRAMES_2M)
            level, missing = _finest_in(self._gibs[number], low, high)
            finest = level if finest is None or (level is not None and level < finest) else finest
            absent = absent or (missing and _absent_between(self._gibs[number], start, end, number * FRAMES_1G))
        return finest, absent

    def not_present_frames(self) -> int:
        """Frames whose leaf is not present, counted from the leaves."""
        total = 0
        for gib in self._gibs.values():
            if not gib.frame and gib.perm is Perm.NOT_PRESENT:
                total += FRAMES_1G
            total += FRAMES_2M * sum(1 for perm in gib.perms_2m.values() if perm is Perm.NOT_PRESENT)
            total += sum(table.not_present.bit_count() for table in gib.tables.values())
        return total

    def not_present_in(self, start: int, frames: int) -> int:
        """How many frames of a run have a leaf that is not present."""
        total, end = 0, start + frames
        while start < end:
            stop = min(end, (start // FRAMES_2M + 1) * FRAMES_2M)
            gib = self._gibs.get(start // FRAMES_1G)
            table = gib.tables.get(start // FRAMES_2M % BLOCKS_PER_GIB) if gib else None
            if table is not None:
                bits = ((1 << (stop - start)) - 1) << (start % FRAMES_2M)
                total += (table.not_present & bits).bit_count()
            elif self.perm_at(start) is Perm.NOT_PRESENT:
                total += stop - start
            start = stop
        return total

    @property
    def split_count(self) -> int:
        """Splits of either level since boot."""
        events = self._core.vm_events
        return events["direct_map_level2_splits"] + events["direct_map_level3_splits"]

    def split_causes(self) -> tuple[SplitCause, ...]:
        """Who split leaves since boot: those with most splits, then all others in one."""
        level2, level3 = self._level2_causes, self._level3_causes
        named = nsmallest(NAMED_CAUSES, level2 | level3, key=lambda cause: (-level2[cause] - level3[cause], cause))
        causes = [SplitCause(cause, level2[cause], level3[cause]) for cause in named]
        others = len(level2 | level3) - len(named)
        if others:
            rest2 = level2.total() - sum(cause.level2_splits for cause in causes)
            rest3 = level3.total() - sum(cause.level3_splits for cause in causes)
            causes.append(SplitCause(f"{others} others", rest2, rest3))
        return tuple(causes)

    def claims(self) -> Iterable[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of every page table allocated since boot."""
        for gib in self._gibs.values():
            if gib.frame:
                yield self._tables, gib.frame, 1
            for table in gib.tables.values():
                if table.frame:
                    yield self._tables, table.frame, 1

    def check(self) -> None:
        """Recounts the leaves from the structures. Raises FrameStateError where the counters disagree."""
        frames = [0, 0, 0]
        for span in self.spans:
            frames[span.level] += span.end - span.start
        tables = 0
        for number, gib in self._gibs.items():
            if gib.frame:
                frames[Level.LEAF_1G] -= FRAMES_1G
                frames[Level.LEAF_2M] += FRAMES_1G
                tables += 1
            for block, table in gib.tables.items():
                if table.frame:
                    if self._boot_level(number * FRAMES_1G + block * FRAMES_2M) is Level.LEAF_4K:
                        raise FrameStateError(f"a 4K-mapped block was split: GiB {number}, block {block}")
                    frames[Level.LEAF_2M] -= FRAMES_2M
                    frames[Level.LEAF_4K] += FRAMES_2M
                    tables += 1
        if frames != self.leaf_frames or tables != self.table_frames:
            raise FrameStateError(f"direct map leaves {frames} tables {tables} against {self.leaf_frames}")

    def _change(self, start: int, end: int, perm: Perm, *, whole_leaves: bool) -> int:
        """One step of `__change_page_attr`: handles the leaf at `start`; returns where to go on."""
        level = self.level_at(start)
        if level is None:
            raise FrameStateError(f"frame {start:#x} is not in the direct map")
        number, block = start // FRAMES_1G, start // FRAMES_2M % BLOCKS_PER_GIB
        gib = self._gibs.get(number)
        if level is Level.LEAF_1G:
            last = (number + 1) * FRAMES_1G
            if (gib.perm if gib else Perm.READ_WRITE) is perm:
                return min(end, last)
            if whole_leaves and start % FRAMES_1G == 0 and end >= last:
                self._gib(number).perm = perm
                return last
            self._split_1g(number)
            return start
        last = (start // FRAMES_2M + 1) * FRAMES_2M
        gib = gib or self._gib(number)
        if level is Level.LEAF_2M:
            if gib.perms_2m.get(block, Perm.READ_WRITE) is perm:
                return min(end, last)
            if whole_leaves and start % FRAMES_2M == 0 and end >= last:
                _set_perm(gib.perms_2m, block, perm)
                return last
            self._split_2m(number, gib, block)
            return start
        stop = min(end, last)
        bits = ((1 << (stop - start)) - 1) << (start % FRAMES_2M)
        gib.tables.setdefault(block, _Table4k(0, Perm.READ_WRITE)).set(bits, perm)
        return stop

    def _split_1g(self, number: int) -> None:
        """1G → 512 × 2M, with a page table (`split_large_page`). Raises OutOfMemory."""
        frame = self._core.allocator.allocate(self._tables, GFP_KERNEL)
        gib = self._gib(number)
        gib.frame = frame
        if gib.perm is not Perm.READ_WRITE:
            gib.perms_2m = dict.fromkeys(range(BLOCKS_PER_GIB), gib.perm)
            gib.perm = Perm.READ_WRITE
        self._moved(Level.LEAF_1G, Level.LEAF_2M, FRAMES_1G)
        self._count_split("direct_map_level3_splits", self._level3_causes)
        where = number << 30
        self._core.log(f"first split of the GiB at {where:#x}: 1G → 512 leaves of 2M", Severity.NOTICE)

    def _split_2m(self, number: int, gib: _Gib, block: int) -> None:
        """2M → 512 × 4K, with a page table. Raises OutOfMemory."""
        frame = self._core.allocator.allocate(self._tables, GFP_KERNEL)
        gib.tables[block] = _Table4k(frame, gib.perms_2m.pop(block, Perm.READ_WRITE))
        self._moved(Level.LEAF_2M, Level.LEAF_4K, FRAMES_2M)
        self._count_split("direct_map_level2_splits", self._level2_causes)

    def _count_split(self, event: str, causes: Counter[str]) -> None:
        """Counts a split; /proc/vmstat begins to once the system runs (`split_page_count`)."""
        self.table_frames += 1
        self._core.vm_events[event] += self._core.running
        causes[self._core.who] += self._core.running
        self._core.meter.charge(costs.SPLIT_LEAF)
        self._core.meter.charge(costs.FLUSH_ALL)

    def _collapse_2m(self, block: int) -> int:
        gib = self._gibs.get(block // BLOCKS_PER_GIB)
        table = gib.tables.get(block % BLOCKS_PER_GIB) if gib else None
        if gib is None or table is None or not table.frame:
            return 0
        perm = table.uniform()
        if perm is None or perm is Perm.NOT_PRESENT:
            return 0
        del gib.tables[block % BLOCKS_PER_GIB]
        _set_perm(gib.perms_2m, block % BLOCKS_PER_GIB, perm)
        self._moved(Level.LEAF_4K, Level.LEAF_2M, FRAMES_2M)
        self._core.vm_events["direct_map_level2_collapses"] += 1
        self.table_frames -= 1
        self._core.allocator.free(table.frame, 1, self._tables)
        self._core.meter.charge(costs.COLLAPSE_LEAF)
        return 1

    def _collapse_1g(self, number: int) -> int:
        gib = self._gibs.get(number)
        if gib is None or not gib.frame or gib.tables:
            return 0
        perms = set(gib.perms_2m.values()) if len(gib.perms_2m) == BLOCKS_PER_GIB else {Perm.READ_WRITE}
        if len(perms) > 1 or Perm.NOT_PRESENT in perms or 0 < len(gib.perms_2m) < BLOCKS_PER_GIB:
            return 0
        frame, gib.frame = gib.frame, 0
        gib.perm, gib.perms_2m = perms.pop(), {}
        self._moved(Level.LEAF_2M, Level.LEAF_1G, FRAMES_1G)
        self._core.vm_events["direct_map_level3_collapses"] += 1
        self.table_frames -= 1
        self._core.allocator.free(frame, 1, self._tables)
        self._core.meter.charge(costs.COLLAPSE_LEAF)
        return 1

    def _moved(self, old: Level, new: Level, frames: int) -> None:
        self.leaf_frames[old] -= frames
        self.leaf_frames[new] += frames

    def _gib(self, number: int) -> _Gib:
        gib = self._gibs.get(number)
        if gib is None:
            gib = self._gibs[number] = _Gib()
        return gib

    def _boot_level(self, frame: int) -> Level | None:
        index = bisect_right(self._starts, frame) - 1
        if index < 0 or frame >= self.spans[index].end:
            return None
        return self.spans[index].level

    def _spans_in(self, start: int, end: int) -> Iterable[Span]:
        index = max(bisect_right(self._starts, start) - 1, 0)
        for span in self.spans[index:]:
            if span.start >= end:
                return
            if span.end > start:
                yield span


def _set_perm(perms: dict[int, Perm], block: int, perm: Perm) -> None:
    if perm is Perm.READ_WRITE:
        perms.pop(block, None)
    else:
        perms[block] = perm


def _finest_in(gib: _Gib, low: int, high: int) -> tuple[Level | None, bool]:
    """The finest leaf among the 2M blocks [low, high) of a changed GiB, and whether one is not present."""
    whole = low == 0 and high == BLOCKS_PER_GIB
    tables = [t for block, t in gib.tables.items() if whole or low <= block < high]
    absent = gib.perm is Perm.NOT_PRESENT
    absent = absent or any(p is Perm.NOT_PRESENT for b, p in gib.perms_2m.items() if low <= b < high)
    absent = absent or any(table.not_present for table in tables)
    if tables:
        return Level.LEAF_4K, absent
    return (Level.LEAF_2M if gib.frame else None), absent


def _absent_between(gib: _Gib, start: int, end: int, base: int) -> bool:
    """Whether a leaf of a changed GiB, which begins at frame `base`, is not present in [start, end)."""
    if gib.perm is Perm.NOT_PRESENT:
        return True
    low, high = (start - base) // FRAMES_2M, -(-(end - base) // FRAMES_2M)
    if any(perm is Perm.NOT_PRESENT for block, perm in gib.perms_2m.items() if low <= block < high):
        return True
    for block, table in gib.tables.items():
        if table.not_present and low <= block < high:
            first = base + block * FRAMES_2M
            bits = table.not_present >> max(0, start - first)
            if bits & ((1 << max(0, end - max(start, first))) - 1):
                return True
    return False
