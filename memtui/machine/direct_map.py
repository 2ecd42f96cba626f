"""The direct map: the kernel's own mapping of all RAM, in leaves of 1 GiB, 2 MiB and 4 KiB.

Built as arch/x86/mm/init.c does it and changed as `set_memory_*` does (arch/x86/mm/pat/
set_memory.c): a request that covers a whole aligned leaf rewrites the leaf; one that covers
part of it splits it, 1G → 2M → 4K, with a page table per split. What merges back is a policy:
nothing (before 6.15), what `set_memory_rox` asks for, or, as a thought, whatever could. A leaf
that is not present still counts.

Only what was split is stored: an untouched GiB is part of a span of the boot mapping.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from memtui.machine import costs
from memtui.machine.boot_mapping import Level, Span, boot_recount_frames, boot_spans
from memtui.machine.core import Core, KernelOwner, Origin, Severity
from memtui.machine.direct_map_leaves import BLOCKS_PER_GIB, Gib, Perm
from memtui.machine.errors import FrameStateError
from memtui.machine.flush import flush_kernel_range
from memtui.machine.geometry import Layout
from memtui.machine.physical.allocator import GFP_KERNEL
from memtui.machine.split_account import SplitAccount, Splits
from memtui.snapshot import FrameKind, PolicyRow, PolicyState, SplitCause
from memtui.units import FRAMES_1G, FRAMES_2M

__all__ = ["ALWAYS", "NEVER", "ROX_ONLY", "Collapse", "DirectMap", "Perm"]


class Collapse(NamedTuple):
    """Which tables of equal leaves become large leaves again."""

    on_request: bool
    """Those that a call asks for: `set_memory_rox` (CPA_COLLAPSE, 6.15 and later)."""
    on_change: bool
    """Any that a change of permissions leaves equal and present; no Linux does this."""


NEVER: Final = Collapse(on_request=False, on_change=False)
ROX_ONLY: Final = Collapse(on_request=True, on_change=False)
ALWAYS: Final = Collapse(on_request=True, on_change=True)

_LEVEL_NUMBERS: Final = {Level.LEAF_2M: 2, Level.LEAF_1G: 3}
"""How /proc/vmstat numbers the levels whose leaves are split."""


class DirectMap:
    """Leaves, permissions, page tables and counters of the direct map."""

    def __init__(
        self,
        core: Core,
        layout: Layout,
        *,
        largest: Level = Level.LEAF_1G,
        collapse: Collapse = ROX_ONLY,
    ) -> None:
        self._core = core
        self._collapse = collapse
        self._tables = KernelOwner("direct map page tables", FrameKind.PAGE_TABLE)
        self.spans = boot_spans(layout, largest)
        self._starts = [span.start for span in self.spans]
        self._gibs: dict[int, Gib] = {}
        self.leaf_frames = [0, 0, 0]
        """Frames mapped by leaves of each level, as they are."""
        for span in self.spans:
            self.leaf_frames[span.level] += span.end - span.start
        self.boot_recount_frames = boot_recount_frames(self.spans)
        self.absent_frames = 0
        """Frames whose leaf is not present now."""
        self.table_frames = 0
        """Page tables made by splits that are still there."""
        self._account = SplitAccount()
        self._early = {Level.LEAF_2M: 0, Level.LEAF_1G: 0}
        """Leaves split, less those merged, before the system ran: /proc/vmstat does not count them."""

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
        place, end = start, start + frames
        while place < end:
            place = self._change(place, end, perm, whole_leaves=whole_leaves)
        if self._collapse.on_change and frames:
            self._merge(start // FRAMES_2M, (end - 1) // FRAMES_2M + 1)

    def flush(self, pages: int) -> None:
        """Flushes so many pages from every CPU's TLB."""
        flush_kernel_range(self._core.meter, pages)

    def collapse(self, start: int, frames: int) -> int:
        """Merges tables of 512 equal leaves inside a run, as `set_memory_rox` asks for; returns how many.

        None where the kernel cannot (`cpa_collapse_large_pages` came with 6.15).
        """
        if not self._collapse.on_request:
            return 0
        return self._merge(-(-start // FRAMES_2M), (start + frames) // FRAMES_2M)

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
        return Perm.READ_WRITE if gib is None else gib.perm_at(frame % FRAMES_1G)

    def origin_at(self, frame: int) -> Origin | None:
        """Who split the leaf this frame's leaf was part of, and when; None while it is as boot made it."""
        gib = self._gibs.get(frame // FRAMES_1G)
        table = gib.tables.get(frame // FRAMES_2M % BLOCKS_PER_GIB) if gib else None
        if table is not None:
            return table.origin
        return gib.origin if gib else None

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
            gib, base = self._gibs[number], number * FRAMES_1G
            low, high = max(start - base, 0), min(end - base, FRAMES_1G)
            absent = absent or gib.any_absent(low, high)
            level = Level.LEAF_4K if gib.any_split(low, high) else Level.LEAF_2M if gib.frame else None
            if level is not None:
                finest = level if finest is None else min(finest, level)
        return finest, absent

    def next_split(self, after: int | None) -> int | None:
        """First frame of the next 2M block above a frame that was split, or GiB that was and has none; else the first.

        None where no leaf was split since boot, or only changed whole.
        """
        places = (place for number, gib in self._gibs.items() for place in gib.split_places(number, after))
        following = min(places, default=None)
        return self.next_split(None) if following is None and after is not None else following

    def split_frames(self, start: int, end: int) -> tuple[int, int]:
        """Frames of [start, end) whose 1G leaf was split since boot, and those whose 2M leaf was."""
        from_1g = from_2m = 0
        for number, gib in self._gibs.items():
            base = number * FRAMES_1G
            if start >= base + FRAMES_1G or end <= base:
                continue
            from_1g += bool(gib.frame) * (min(end, base + FRAMES_1G) - max(start, base))
            lows = (base + block * FRAMES_2M for block, table in gib.tables.items() if table.frame)
            from_2m += sum(max(0, min(end, low + FRAMES_2M) - max(start, low)) for low in lows)
        return from_1g, from_2m

    def not_present_frames(self) -> int:
        """Frames whose leaf is not present, counted from the leaves."""
        return sum(gib.absent_frames() for gib in self._gibs.values())

    def not_present_in(self, start: int, frames: int) -> int:
        """How many frames of a run have a leaf that is not present."""
        total, end = 0, start + frames
        while start < end:
            stop = min(end, (start // FRAMES_2M + 1) * FRAMES_2M)
            gib = self._gibs.get(start // FRAMES_1G)
            if gib is not None:
                low = start % FRAMES_1G
                total += gib.absent_in(low // FRAMES_2M, low, low + stop - start)
            start = stop
        return total

    def changed_runs(self) -> Iterator[tuple[int, int, Perm]]:
        """(first frame, frames, permission) of every leaf that is not read-write, as few runs as each table allows."""
        for number, gib in self._gibs.items():
            for start, frames, perm in gib.changed_runs():
                yield number * FRAMES_1G + start, frames, perm

    @property
    def splits(self) -> Splits:
        """Leaves split since boot, and the last of them."""
        events = self._core.vm_events
        return Splits(events["direct_map_level2_splits"], events["direct_map_level3_splits"], *self._account.last)

    def split_causes(self) -> tuple[SplitCause, ...]:
        """Who split leaves since the system runs: those with most splits, then all others in one."""
        return self._account.causes()

    @property
    def leaf_changes(self) -> int:
        """Splits and collapses of either level since boot: the same number twice means the same leaves."""
        return self.splits.total + self.collapses

    @property
    def collapses(self) -> int:
        """Tables of equal leaves that became one large leaf again since boot, of either level."""
        events = self._core.vm_events
        return events["direct_map_level2_collapses"] + events["direct_map_level3_collapses"]

    @property
    def merges_back(self) -> bool:
        """Whether leaves merge by themselves once they are equal, as in no Linux."""
        return self._collapse.on_change

    def policy_state(self) -> PolicyState:
        """What merging back has done where it is the policy no Linux has; otherwise nothing beyond its counters."""
        if not self._collapse.on_change:
            return PolicyState("direct_map_collapse", "rox_only" if self._collapse.on_request else "never")
        merged = self.collapses
        return PolicyState("direct_map_collapse", "always (hypothetical)", (PolicyRow("merged", merged, "leaves"),))

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
        tables = {Level.LEAF_2M: 0, Level.LEAF_1G: 0}
        for number, gib in self._gibs.items():
            gib.check(number)
            if gib.frame:
                frames[Level.LEAF_1G] -= FRAMES_1G
                frames[Level.LEAF_2M] += FRAMES_1G
                tables[Level.LEAF_1G] += 1
            made = [block for block, table in gib.tables.items() if table.frame]
            for block in made:
                if self._boot_level(number * FRAMES_1G + block * FRAMES_2M) is Level.LEAF_4K:
                    raise FrameStateError(f"a 4K-mapped block was split: GiB {number}, block {block}")
            frames[Level.LEAF_2M] -= FRAMES_2M * len(made)
            frames[Level.LEAF_4K] += FRAMES_2M * len(made)
            tables[Level.LEAF_2M] += len(made)
        if frames != self.leaf_frames or sum(tables.values()) != self.table_frames:
            raise FrameStateError(f"direct map leaves {frames} tables {tables} against {self.leaf_frames}")
        if self.absent_frames != self.not_present_frames():
            raise FrameStateError(f"{self.not_present_frames()} frames are not present, {self.absent_frames} counted")
        self._check_events(tables)

    def _check_events(self, tables: dict[Level, int]) -> None:
        """Tables are splits less collapses, of each level, and every split has its cause."""
        events = self._core.vm_events
        for level, number in _LEVEL_NUMBERS.items():
            splits, merged = events[f"direct_map_level{number}_splits"], events[f"direct_map_level{number}_collapses"]
            if splits + self._early[level] - merged != tables[level]:
                raise FrameStateError(f"{splits} splits and {merged} collapses of level {number}, {tables} tables")
            if self._account.total(level) != splits:
                raise FrameStateError(f"{splits} splits of level {number}, {self._account.total(level)} with a cause")

    def _change(self, start: int, end: int, perm: Perm, *, whole_leaves: bool) -> int:
        """One step of `__change_page_attr`: handles the leaf at `start`; returns where to go on."""
        level = self.level_at(start)
        if level is None:
            raise FrameStateError(f"frame {start:#x} is not in the direct map")
        number, block = start // FRAMES_1G, start // FRAMES_2M % BLOCKS_PER_GIB
        size = FRAMES_1G if level is Level.LEAF_1G else FRAMES_2M
        last = (start // size + 1) * size
        if level is Level.LEAF_4K:
            stop = min(end, last)
            self.absent_frames += self._gib(number).set_4k(
                block, ((1 << (stop - start)) - 1) << (start % FRAMES_2M), perm
            )
            return stop
        if self.perm_at(start) is perm:
            return min(end, last)
        if not whole_leaves or start % size or end < last:
            self._split(level, start)
            return start
        if level is Level.LEAF_1G:
            self.absent_frames += self._gib(number).set_1g(perm)
        else:
            self.absent_frames += self._gib(number).set_2m(block, perm)
        return last

    def _split(self, level: Level, place: int) -> None:
        """1G → 512 × 2M or 2M → 512 × 4K, with a page table (`split_large_page`). Raises OutOfMemory.

        Getting the table may take reclaim or a kill, and those may change this leaf: then nothing is split here.
        """
        core, gib = self._core, self._gib(place // FRAMES_1G)
        frame = core.allocator.allocate(self._tables, GFP_KERNEL)
        if self.level_at(place) is not level:
            core.allocator.free(frame, 1, self._tables)
            return
        if level is Level.LEAF_1G:
            gib.split_1g(frame, core.origin())
            where = place // FRAMES_1G << 30
            core.log(f"first split of the GiB at {where:#x}: 1G → 512 leaves of 2M", Severity.NOTICE)
        else:
            gib.split_2m(place // FRAMES_2M % BLOCKS_PER_GIB, frame, core.origin())
        self._moved(level, Level(level - 1), 1)
        if core.running:
            core.vm_events[f"direct_map_level{_LEVEL_NUMBERS[level]}_splits"] += 1
            self._account.add(core.who, level, place - place % (FRAMES_1G if level is Level.LEAF_1G else FRAMES_2M))
        core.meter.charge(costs.SPLIT_LEAF)
        core.meter.charge(costs.FLUSH_ALL)

    def _merge(self, first: int, end: int) -> int:
        """Makes large leaves of the tables of equal, present ones in 2M blocks [first, end) and of the GiB around."""
        merged = sum(self._merge_2m(block) for block in range(first, end))
        merged += sum(self._merge_1g(gib) for gib in range(first // BLOCKS_PER_GIB, -(-end // BLOCKS_PER_GIB)))
        if merged:
            self._core.meter.charge(costs.FLUSH_ALL)
        return merged

    def _merge_2m(self, number: int) -> bool:
        gib, block = self._gibs.get(number // BLOCKS_PER_GIB), number % BLOCKS_PER_GIB
        table = gib.tables.get(block) if gib else None
        if gib is None or table is None or not table.frame or table.uniform() in (None, Perm.NOT_PRESENT):
            return False
        self._merged(Level.LEAF_2M, gib.merge_2m(block))
        return True

    def _merge_1g(self, number: int) -> bool:
        gib = self._gibs.get(number)
        if gib is None or not gib.frame or gib.uniform() in (None, Perm.NOT_PRESENT):
            return False
        self._merged(Level.LEAF_1G, gib.merge_1g())
        return True

    def _merged(self, level: Level, table: int) -> None:
        self._moved(Level(level - 1), level, -1)
        if self._core.running:
            self._core.vm_events[f"direct_map_level{_LEVEL_NUMBERS[level]}_collapses"] += 1
        self._core.allocator.free(table, 1, self._tables)
        self._core.meter.charge(costs.COLLAPSE_LEAF)

    def _moved(self, old: Level, new: Level, tables: int) -> None:
        """Leaves of one size became leaves of another, by making (1) or freeing (-1) a table."""
        large = max(old, new)
        frames = FRAMES_1G if large is Level.LEAF_1G else FRAMES_2M
        self.leaf_frames[old] -= frames
        self.leaf_frames[new] += frames
        self.table_frames += tables
        if not self._core.running:
            self._early[large] += tables

    def _gib(self, number: int) -> Gib:
        gib = self._gibs.get(number)
        if gib is None:
            gib = self._gibs[number] = Gib()
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
