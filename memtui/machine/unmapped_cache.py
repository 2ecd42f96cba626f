"""The cache of unmapped pages: `__GFP_UNMAPPED` as proposed in March 2023 (mm/unmapped-alloc.c of that series).

Pages asked for with `__GFP_UNMAPPED` come from a buddy allocator of its own whose pages have no entry
in the direct map. When it has nothing that fits it takes a block of 2 MiB from the page allocator,
or the largest smaller one there is, and removes it from the direct map with one call: of a 1G leaf
that splits only the leaf, since a whole 2M leaf is rewritten in place. Freed pages return to the
cache and coalesce there. Under memory pressure a shrinker gives blocks back, small ones first, and
makes their pages present again one by one, which does split the 2M leaves, for good.

The series marks a pageblock when the cache takes memory of it, and whatever is freed in a marked
pageblock goes to the cache. The mark goes only with a block of exactly 2 MiB: pages that were
given back, and neighbours that never were the cache's, end up in it though they are mapped, and are
handed out so. That is a switch here (`rfc_quirks`); without it the cache knows its own pages.

As posted the series removes page by page only as many pages as were asked for; its text, and the
discussion of it, say that whole huge pages go, and so it is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.direct_map import DirectMap, Perm
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.physical.allocator import GFP_KERNEL, Gfp
from memtui.machine.physical.buddy import ORDERS, PAGEBLOCK_FRAMES, PAGEBLOCK_ORDER, Buddy, MigrateType
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.ranges import RangeSet
from memtui.machine.physical.top_runs import TOP_ORDER
from memtui.snapshot import FrameKind, PolicyRow, PolicyState
from memtui.units import FRAMES_2M, PAGE_BYTES

SHRINK_BATCH: Final = 128
"""Pages a shrinker is asked for at least, if it has as many (SHRINK_BATCH)."""
SHRINKER: Final = "mm-unmapped-alloc"
"""The shrinker's name, as the series registers it."""


class UnmappedCache:
    """Pages without an entry in the direct map: free ones in lists by order, the others lent to their users."""

    def __init__(self, core: Core, direct_map: DirectMap, *, rfc_quirks: bool = False) -> None:
        """An empty cache, which takes its first memory when it is first asked; a shrinker of the page allocator."""
        self._core = core
        self._direct_map = direct_map
        self._quirks = rfc_quirks
        self._owner = KernelOwner("unmapped cache", FrameKind.UNMAPPED)
        self._buddy = Buddy(lambda first, frames: (0, 0))
        self._held = RangeSet()
        """Frames that are the cache's, lent ones included."""
        self._mapped = RangeSet()
        """Those of them that are present in the direct map all the same (`rfc_quirks` only)."""
        self._marked: dict[int, None] = {}
        """Pageblocks that are marked as unmapped (`rfc_quirks` only)."""
        self._giving_back = False
        self.cached = [0] * ORDERS
        """Blocks taken from the page allocator since boot, by order."""
        self.released = [0] * ORDERS
        """Blocks given back to it since boot, by order."""
        core.allocator.shrinkers.append(self)
        if rfc_quirks:
            core.allocator.keep_freed = self._keep_freed

    @property
    def free_frames(self) -> int:
        """Frames ready for the next request."""
        return self._buddy.free_frames

    @property
    def held_frames(self) -> int:
        """Frames it has, free or lent."""
        return self._held.count

    @property
    def mapped_frames(self) -> int:
        """Frames it has that are in the direct map nevertheless: none but with `rfc_quirks`."""
        return self._mapped.count

    def allocate_many(self, owner: Owner, count: int, order: int = 0, gfp: Gfp = GFP_KERNEL) -> FrameList:
        """`count` blocks of `order` for `owner`, smallest fit (`unmapped_pages_alloc`).

        Raises OutOfMemory with nothing lent; what the cache took meanwhile it keeps.
        """
        taken = FrameList()
        while taken.frames < count << order:
            missing = count - (taken.frames >> order)
            taken.extend(self._buddy.allocate_many(order, missing, MigrateType.MOVABLE))
            if taken.frames == count << order:
                break
            try:
                self._refill(order, gfp)
            except OutOfMemory:
                for start, frames in taken:
                    self._buddy.free_run(start, frames)
                raise
        self._core.allocator.frame_map.transfer(taken, self._owner, owner)
        return taken

    def free_list(self, frames: FrameList, owner: Owner) -> None:
        """Takes pages back from a user; they stay in the cache (`unmapped_pages_free`)."""
        self._core.allocator.frame_map.transfer(frames, owner, self._owner)
        for start, length in frames:
            self._buddy.free_run(start, length)

    def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
        """Gives back blocks, small ones first and each whole, until `frames` are free again; returns how many are.

        A block whose leaf cannot be split for want of a page table stays, and ends the scan.
        """
        goal, freed = max(frames, SHRINK_BATCH), 0
        with self._core.acting(SHRINKER):
            for order in range(ORDERS):
                while freed < goal and self._buddy.free_blocks()[order]:
                    if not self._give_back(order):
                        return freed
                    freed += 1 << order
        self._core.vm_events["slabs_scanned"] += freed
        return freed

    def drop(self) -> int:
        """Gives back all that is free (vm.drop_caches 2); returns how many frames."""
        return self.shrink(self.free_frames, direct=True) if self.free_frames else 0

    def policy_state(self, axis: str) -> PolicyState:
        """The rows of debugfs' `unmapped_alloc`, and what they amount to."""
        rows = (
            PolicyRow("cached", self.free_frames * PAGE_BYTES, "bytes"),
            PolicyRow("in use", (self.held_frames - self.free_frames) * PAGE_BYTES, "bytes"),
            *([PolicyRow("mapped all the same", self.mapped_frames * PAGE_BYTES, "bytes")] if self._quirks else []),
        )
        return PolicyState(axis, "unmapped_cache", rows, tuple(self.rows().items()))

    def rows(self) -> dict[str, tuple[int, ...]]:
        """Blocks by order, as debugfs prints them: free now, taken and given back since boot."""
        return {
            "Free": self._buddy.free_blocks(),
            "Cached": tuple(self.cached),
            "Released": tuple(self.released),
        }

    def claims(self) -> Iterator[tuple[KernelOwner, int, int]]:
        """(owner, first frame, frames) of all that is free in the cache; its users claim what they have."""
        for start, frames, _ in self._buddy.free_runs():
            yield self._owner, start, frames

    def check(self) -> None:
        """Raises FrameStateError unless lists, leaves and the cache's own account agree."""
        free = [(start, frames) for start, frames, _ in self._buddy.free_runs()]
        if sum(frames for _, frames in free) != self._buddy.free_frames:
            raise FrameStateError(f"unmapped cache counts {self._buddy.free_frames} free frames, lists others")
        for start, frames in free:
            if self._held.missing(start, start + frames):
                raise FrameStateError(f"unmapped cache lists frames at {start:#x} that it does not have")
        self._check_merged(set(free))
        for low, high in self._held:
            absent = self._direct_map.not_present_in(low, high - low)
            if absent + self._mapped_in(low, high) != high - low:
                raise FrameStateError(f"{absent} frames of {low:#x}..{high:#x} in the unmapped cache are not present")
        taken = sum(count << order for order, count in enumerate(self.cached))
        given = sum(count << order for order, count in enumerate(self.released))
        if not self._quirks and taken - given != self.held_frames:
            raise FrameStateError(f"unmapped cache took {taken} frames, gave back {given}, has {self.held_frames}")

    def _refill(self, order: int, gfp: Gfp) -> None:
        """Takes one block, of 2 MiB if there is one, out of the direct map. Raises OutOfMemory with nothing changed."""
        start, size = self._largest(order, gfp)
        frames = 1 << size
        try:
            self._direct_map.set_memory(start, frames, Perm.NOT_PRESENT)
        except OutOfMemory:
            self._return(start, size)
            raise
        if size == PAGEBLOCK_ORDER:
            self._core.meter.charge(costs.ZERO_HUGE_PAGE)
        else:
            self._core.meter.charge(costs.ZERO_PAGE, frames)
        self._held.add(start, start + frames)
        self.cached[size] += 1
        if self._quirks:
            self._marked[start >> PAGEBLOCK_ORDER] = None
        self._buddy.free_run(start, frames)

    def _largest(self, order: int, gfp: Gfp) -> Run:
        """(first frame, order) of a block of 2 MiB or, failing that, of the next smaller order down to `order`."""
        for size in range(PAGEBLOCK_ORDER, order - 1, -1):
            try:
                return self._core.allocator.allocate(self._owner, gfp, size), size
            except OutOfMemory:
                continue
        raise OutOfMemory(f"order-{order} allocation of unmapped memory failed")

    def _give_back(self, order: int) -> bool:
        """Makes a free block present again, page by page, and frees it; False if a leaf could not be split."""
        start = self._buddy.allocate(order, MigrateType.MOVABLE)
        if start is None:
            return False
        end = start + (1 << order)
        for first in range(start, end, FRAMES_2M):
            try:
                self._direct_map.set_noflush(first, min(FRAMES_2M, end - first), Perm.READ_WRITE)
            except OutOfMemory:
                self._direct_map.set_noflush(start, first - start, Perm.NOT_PRESENT, whole_leaves=True)
                self._buddy.free_run(start, 1 << order)
                return False
        self._core.meter.charge(costs.SET_MEMORY_PAGE, 1 << order)
        self._held.remove(start, end)
        self._mapped.remove(start, end)
        self.released[order] += 1
        if order == PAGEBLOCK_ORDER:
            self._marked.pop(start >> PAGEBLOCK_ORDER, None)
        self._return(start, order)
        return True

    def _return(self, start: int, order: int) -> None:
        """Frees a block to the page allocator, whatever its pageblock is marked as.

        Past the per-CPU lists, as `__free_pages_ok` does: they hold nothing of the order that is named here.
        """
        self._giving_back = True
        self._core.allocator.free(start, 1 << order, self._owner, TOP_ORDER)
        self._giving_back = False

    def _keep_freed(self, start: int, frames: int, owner: Owner) -> list[Run]:
        """Keeps what is freed in marked pageblocks, mapped or not; returns the rest, to be freed (`rfc_quirks`)."""
        if self._giving_back or not self._marked:
            return [(start, frames)]
        rest, end = FrameList(), start + frames
        while start < end:
            stop = min(end, (start | (PAGEBLOCK_FRAMES - 1)) + 1)
            if start >> PAGEBLOCK_ORDER in self._marked:
                self._core.allocator.frame_map.transfer([(start, stop - start)], owner, self._owner)
                for low, high in self._held.missing(start, stop):
                    self._mapped.add(low, high)
                self._held.add(start, stop)
                self._buddy.free_run(start, stop - start)
            else:
                rest.append(start, stop - start)
            start = stop
        return list(rest)

    def _mapped_in(self, low: int, high: int) -> int:
        parts = self._mapped.overlapping(low, high)
        return sum(min(end, high) - max(start, low) for start, end in parts)

    def _check_merged(self, free: set[Run]) -> None:
        """No free block has a free buddy of its own size."""
        for start, frames in free:
            if frames < 1 << TOP_ORDER and (start ^ frames, frames) in free:
                raise FrameStateError(f"unmapped cache has free buddies of {frames} frames at {start:#x}")
