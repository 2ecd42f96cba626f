"""Kernel objects: slab caches by name, their objects counted exactly and the frames that hold them.

A cache is a count of objects and the slabs that many objects need; there is nothing per object.
How many frames a slab has follows `calculate_order` of mm/slub.c; a slab of that order that
cannot be had without reclaim is replaced by one of the least order that holds an object, as
`allocate_slab` does. Objects are packed: a slab goes back as soon as the rest fits without it,
which is what `shrink` of a cache leaves (the recordings shrank the caches they counted).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.physical.allocator import Gfp
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.snapshot import FrameKind, SlabView
from memtui.units import PAGE_BYTES, PAGE_SHIFT

MAX_SLAB_ORDER: Final = 3
"""slub_max_order: PAGE_ALLOC_COSTLY_ORDER."""


class SlabSpec(NamedTuple):
    """One cache: the size of its objects, and whether pressure can make their users give them back."""

    name: str
    object_bytes: int
    reclaimable: bool = False
    """SLAB_RECLAIM_ACCOUNT: its frames count as SReclaimable."""


SPECS: Final = (
    SlabSpec("vm_area_struct", 192),
    SlabSpec("anon_vma", 104),
    SlabSpec("anon_vma_chain", 64),
    SlabSpec("mm_struct", 1600),
    SlabSpec("task_struct", 6016),
    SlabSpec("files_cache", 704),
    SlabSpec("signal_cache", 1152),
    SlabSpec("sighand_cache", 2112),
    SlabSpec("pid", 192),
    SlabSpec("cred", 192),
    SlabSpec("maple_node", 256),
    SlabSpec("filp", 192),
    SlabSpec("dentry", 192, reclaimable=True),
    SlabSpec("inode_cache", 600, reclaimable=True),
    SlabSpec("shmem_inode_cache", 752, reclaimable=True),
    SlabSpec("radix_tree_node", 576, reclaimable=True),
    SlabSpec("kmalloc-1k", 1024),
)
"""The caches there are. Sizes as recorded on Linux 6.18 (/proc/slabinfo)."""


def objects_in(order: int, object_bytes: int) -> int:
    """How many objects fit into a slab of 2^order frames."""
    return (PAGE_BYTES << order) // object_bytes


def order_of(size_bytes: int) -> int:
    """The least order whose block holds so many bytes (`get_order`)."""
    return max(0, (size_bytes - 1) >> PAGE_SHIFT).bit_length()


def slab_order(object_bytes: int, cpus: int) -> int:
    """The order of a cache's slabs (`calculate_order`): 4 × (fls(CPUs) + 1) objects, little waste, at most order 3."""
    least = min(4 * (cpus.bit_length() + 1), max(objects_in(MAX_SLAB_ORDER, object_bytes), 1))
    lowest = order_of(least * object_bytes)
    for fraction in (16, 8, 4, 2):
        for order in range(lowest, MAX_SLAB_ORDER + 1):
            slab_bytes = PAGE_BYTES << order
            if slab_bytes % object_bytes <= slab_bytes // fraction:
                return order
    return order_of(object_bytes)


class SlabCache:
    """The objects of one kind."""

    def __init__(self, core: Core, spec: SlabSpec) -> None:
        self.spec = spec
        self.active = 0
        """Objects in use: exactly those whose owners live."""
        self.order = slab_order(spec.object_bytes, core.cpus)
        self._least_order = order_of(spec.object_bytes)
        self._allocator = core.allocator
        self._owner = KernelOwner(spec.name, FrameKind.SLAB)
        kind = MigrateType.RECLAIMABLE if spec.reclaimable else MigrateType.UNMOVABLE
        self._gfp = Gfp(kind)
        self._light = Gfp(kind, reclaim=False, oom=False, kswapd=False)
        self._slabs = {order: FrameList() for order in sorted({self._least_order, self.order})}
        """Order → frames of the slabs of that order; the least order first."""
        self._per_slab = {order: objects_in(order, spec.object_bytes) for order in self._slabs}
        self._fewest = min(self._per_slab.values())
        """Objects in the smallest slab: with fewer to spare none goes back."""
        self.frames = 0
        """Frames of all slabs."""
        self.capacity = 0
        """Objects all slabs can hold."""

    def alloc(self, count: int, node: int) -> None:
        """Adds objects. Raises OutOfMemory with nothing changed.

        An OOM kill on the way may free objects of this very cache, so what is missing is counted anew.
        """
        try:
            while (missing := self.active + count - self.capacity) > 0:
                if self.order > self._least_order:
                    missing -= self._grow(missing, self.order, self._light, node, partial=True)
                if missing > 0:
                    self._grow(missing, self._least_order, self._gfp, node, partial=False)
            self.active += count
        finally:
            self._trim()

    def free(self, count: int) -> None:
        """Takes objects away; slabs that are no longer needed go back."""
        if count > self.active:
            raise FrameStateError(f"{count} objects of {self.spec.name} freed, {self.active} there")
        self.active -= count
        self._trim()

    def view(self) -> SlabView:
        """The cache as /proc/slabinfo shows it (`get_slabinfo` of mm/slub.c)."""
        slabs = sum(held.frames >> order for order, held in self._slabs.items())
        size, per_slab = self.spec.object_bytes, self._per_slab[self.order]
        return SlabView(self.spec.name, self.active, self.capacity, size, per_slab, 1 << self.order, slabs)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run this cache holds."""
        for slabs in self._slabs.values():
            for start, frames in slabs:
                yield self._owner, start, frames

    def check(self) -> None:
        """Raises FrameStateError unless the objects fit into the slabs and no slab is idle."""
        least = min(
            self._per_slab[order] for order, slabs in self._slabs.items() if slabs.frames or order == self.order
        )
        held = [(slabs.frames, order) for order, slabs in self._slabs.items()]
        capacity = sum((frames >> order) * self._per_slab[order] for frames, order in held)
        if (self.frames, self.capacity) != (sum(frames for frames, _ in held), capacity):
            raise FrameStateError(f"{self.spec.name}: {self.frames} frames for {self.capacity} objects; not so: {held}")
        if not self.active <= self.capacity < self.active + least:
            raise FrameStateError(f"{self.spec.name}: {self.active} objects in slabs for {self.capacity}")

    def _grow(self, objects: int, order: int, gfp: Gfp, node: int, *, partial: bool) -> int:
        """Adds slabs for so many objects; returns how many objects the new slabs hold."""
        slabs = -(-objects // self._per_slab[order])
        runs = self._allocator.allocate_many(self._owner, gfp, slabs, order, node, partial=partial)
        self._slabs[order].extend(runs)
        return self._count(order, runs.frames)

    def _trim(self) -> None:
        """Gives back every slab that the objects do not need, those of the least order first."""
        if self.capacity - self.active < self._fewest:
            return
        for order, slabs in self._slabs.items():
            spare = min((self.capacity - self.active) // self._per_slab[order], slabs.frames >> order)
            if spare:
                self._allocator.free_list(slabs.take(spare << order), self._owner, order)
                self._count(order, -(spare << order))

    def _count(self, order: int, frames: int) -> int:
        """Notes frames that came or, if less than zero, went; returns for how many objects."""
        objects = (frames >> order) * self._per_slab[order]
        self.frames += frames
        self.capacity += objects
        return objects


class SlabCaches:
    """All caches of the machine, by Linux's names."""

    def __init__(self, core: Core, object_bytes: Mapping[str, int] = MappingProxyType({})) -> None:
        """`object_bytes`: sizes that another Linux has, by cache."""
        specs = [spec._replace(object_bytes=object_bytes.get(spec.name, spec.object_bytes)) for spec in SPECS]
        self._caches = {spec.name: SlabCache(core, spec) for spec in specs}

    def __iter__(self) -> Iterator[SlabCache]:
        return iter(self._caches.values())

    def __getitem__(self, name: str) -> SlabCache:
        """The cache of that name. Raises KeyError if there is none."""
        return self._caches[name]

    def alloc(self, name: str, count: int = 1, node: int = 0) -> None:
        """Adds `count` objects to a cache. Raises OutOfMemory with nothing changed."""
        self._caches[name].alloc(count, node)

    def free(self, name: str, count: int = 1) -> None:
        """Takes `count` objects from a cache."""
        self._caches[name].free(count)

    def alloc_many(self, counts: Mapping[str, int], node: int = 0) -> None:
        """Adds objects to several caches. Raises OutOfMemory with nothing changed."""
        done: dict[str, int] = {}
        try:
            for name, count in counts.items():
                self._caches[name].alloc(count, node)
                done[name] = count
        except OutOfMemory:
            self.free_many(done)
            raise

    def free_many(self, counts: Mapping[str, int]) -> None:
        """Takes objects from several caches."""
        for name, count in counts.items():
            self._caches[name].free(count)

    def active(self, name: str) -> int:
        """Objects of a cache in use."""
        return self._caches[name].active

    @property
    def reclaimable_frames(self) -> int:
        """Frames of caches that pressure can shrink (nr_slab_reclaimable)."""
        return self.frames_by_use()[0]

    def frames_by_use(self) -> tuple[int, int]:
        """Frames of caches that pressure can shrink and of all others (nr_slab_reclaimable, nr_slab_unreclaimable)."""
        reclaimable = unreclaimable = 0
        for cache in self._caches.values():
            if cache.spec.reclaimable:
                reclaimable += cache.frames
            else:
                unreclaimable += cache.frames
        return reclaimable, unreclaimable

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run of slabs."""
        for cache in self:
            yield from cache.claims()

    def check_objects(self, *held: Mapping[str, int]) -> None:
        """Raises FrameStateError unless the objects in use are those that subsystems say they have, by cache."""
        counted: Counter[str] = Counter()
        for objects in held:
            counted.update(objects)
        for cache in self:
            if (told := counted.pop(cache.spec.name, 0)) != cache.active:
                raise FrameStateError(f"{cache.active} objects of {cache.spec.name} in use, subsystems have {told}")
        if +counted:
            raise FrameStateError(f"objects in slab caches that do not exist: {', '.join(counted)}")

    def check(self) -> None:
        """Raises FrameStateError if a cache breaks its laws."""
        for cache in self:
            cache.check()
