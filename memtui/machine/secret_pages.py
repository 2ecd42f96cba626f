"""Where the pages of memfd_secret files come from, and how they leave the direct map: three policies.

As merged in 5.14 each page is taken singly and its 4K leaf made not present, which splits the 2M
leaf it lies in, and its 1G leaf before that. The drafts of 2020 gave each file a pool of whole 2 MiB
pages, removed by one call, so that only 1G leaves split, and lent the file its pages from there.
The patches of 2023 take them from the cache of unmapped pages, which all files share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.direct_map import DirectMap, Perm
from memtui.machine.errors import OutOfMemory
from memtui.machine.flush import flush_kernel_range
from memtui.machine.physical.allocator import GFP_HIGHUSER
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, PAGEBLOCK_ORDER
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.unmapped_cache import UnmappedCache
from memtui.snapshot import FrameKind, PolicyRow, PolicyState
from memtui.units import PAGE_BYTES

if TYPE_CHECKING:
    from memtui.machine.secretmem import SecretFile

OWNER: Final = KernelOwner("secretmem", FrameKind.SECRET)
"""Has every page of secret files, and those of their pools."""


class SecretPages(Protocol):
    """What a policy for secret memory must do."""

    def take(self, file: SecretFile, pages: int) -> FrameList:
        """Pages for a file, out of the direct map: `pages`, or fewer if memory for page tables ran out on the way.

        Raises OutOfMemory with nothing changed but splits.
        """

    def give(self, file: SecretFile, frames: FrameList) -> None:
        """Takes back pages that could not be used after all."""

    def close(self, file: SecretFile) -> None:
        """Takes back all pages of a file: mapped again where the policy does so, cleared and freed."""

    def removed_frames(self, files: Iterable[SecretFile]) -> int:
        """Frames that it took out of the direct map itself and still has out, those of these files included."""

    def held(self, files: Iterable[SecretFile]) -> Iterator[Run]:
        """Runs of everything that files and pools have."""

    def policy_state(self, files: Iterable[SecretFile]) -> PolicyState:
        """What it has inside, for people to see."""


class PerPage:
    """Page by page out of the direct map, as merged in 5.14."""

    def __init__(self, core: Core, direct_map: DirectMap, cache: UnmappedCache) -> None:
        self._core = core
        self._direct_map = direct_map

    def take(self, file: SecretFile, pages: int) -> FrameList:
        """Single pages, wherever they lie."""
        allocator, meter = self._core.allocator, self._core.meter
        if file.spots is None:
            frames = allocator.allocate_many(OWNER, GFP_HIGHUSER, pages)
        else:
            frames = file.spots.take_many(OWNER, pages)
        taken = FrameList()
        while frames.frames:
            start, length = next(iter(frames))
            try:
                self._direct_map.set_noflush(start, length, Perm.NOT_PRESENT)
            except OutOfMemory:
                self.give(file, frames)
                if not taken.frames:
                    raise
                break
            taken.extend(frames.take(length))
        meter.charge(costs.ZERO_PAGE, taken.frames)
        flush_kernel_range(meter, 1, taken.frames)
        return taken

    def give(self, file: SecretFile, frames: FrameList) -> None:
        """Present again and freed; all leaves concerned are 4K by now, or never changed."""
        for start, length in frames:
            self._direct_map.set_noflush(start, length, Perm.READ_WRITE)
        self._core.allocator.free_list(frames, OWNER)

    def close(self, file: SecretFile) -> None:
        """Present again, cleared and freed. Nothing merges back."""
        self.give(file, file.frames)

    def removed_frames(self, files: Iterable[SecretFile]) -> int:
        """The pages of all files."""
        return sum(file.frames.frames for file in files)

    def held(self, files: Iterable[SecretFile]) -> Iterator[Run]:
        """The pages of all files."""
        return (run for file in files for run in file.frames)

    def policy_state(self, files: Iterable[SecretFile]) -> PolicyState:
        """It keeps nothing."""
        return PolicyState("secret_memory", "per_page")


@dataclass(slots=True)
class _Pool:
    """The 2 MiB pages of one file, and which of their pages it has not used."""

    blocks: list[int] = field(default_factory=list)
    free: FrameList = field(default_factory=FrameList)


class PmdPool:
    """A pool of 2 MiB pages for each file, as in versions 2 to 16 of the series that became memfd_secret.

    A pool grows by one 2 MiB page when it has nothing left, or the fault fails: the drafts fall back to
    nothing smaller. It goes back whole, mapped by one call, when its file is closed.
    """

    def __init__(self, core: Core, direct_map: DirectMap, cache: UnmappedCache) -> None:
        self._core = core
        self._direct_map = direct_map
        self._pools: dict[SecretFile, _Pool] = {}

    def take(self, file: SecretFile, pages: int) -> FrameList:
        """Pages of the file's pool, which grows as it must."""
        pool, taken = self._pools.get(file) or _Pool(), FrameList()
        while taken.frames < pages:
            if not pool.free.frames:
                try:
                    self._grow(file, pool)
                except OutOfMemory:
                    if not taken.frames:
                        raise
                    break
            taken.extend(pool.free.take(pages - taken.frames))
        self._pools[file] = pool
        return taken

    def give(self, file: SecretFile, frames: FrameList) -> None:
        """Back to the pool."""
        self._pools[file].free.extend(frames)

    def close(self, file: SecretFile) -> None:
        """The pool is mapped again, whole leaves at a time, cleared and freed."""
        pool = self._pools.pop(file, None) or _Pool()
        self._core.meter.charge(costs.ZERO_PAGE, pool.free.frames)
        for start in pool.blocks:
            self._direct_map.set_noflush(start, PAGEBLOCK_FRAMES, Perm.READ_WRITE, whole_leaves=True)
            self._core.allocator.free(start, PAGEBLOCK_FRAMES, OWNER)

    def removed_frames(self, files: Iterable[SecretFile]) -> int:
        """All frames of all pools."""
        return sum(len(pool.blocks) for pool in self._pools.values()) * PAGEBLOCK_FRAMES

    def held(self, files: Iterable[SecretFile]) -> Iterator[Run]:
        """The blocks of all pools."""
        return ((start, PAGEBLOCK_FRAMES) for pool in self._pools.values() for start in pool.blocks)

    def policy_state(self, files: Iterable[SecretFile]) -> PolicyState:
        """Pools, and what of them no file uses."""
        pools = self._pools.values()
        rows = (
            PolicyRow("pools", len(pools), "pools"),
            PolicyRow("2 MiB pages", sum(len(pool.blocks) for pool in pools), "pages"),
            PolicyRow("unused", sum(pool.free.frames for pool in pools) * PAGE_BYTES, "bytes"),
        )
        return PolicyState("secret_memory", "pmd_pool", rows)

    def _grow(self, file: SecretFile, pool: _Pool) -> None:
        """One 2 MiB page more (`secretmem_pool_increase`). Raises OutOfMemory with nothing changed but splits."""
        allocator = self._core.allocator
        if file.spots is None:
            start = allocator.allocate(OWNER, GFP_HIGHUSER, PAGEBLOCK_ORDER)
        else:
            start = file.spots.take(OWNER, PAGEBLOCK_ORDER)
        try:
            self._direct_map.set_memory(start, PAGEBLOCK_FRAMES, Perm.NOT_PRESENT)
        except OutOfMemory:
            allocator.free(start, PAGEBLOCK_FRAMES, OWNER)
            raise
        self._core.meter.charge(costs.ZERO_HUGE_PAGE)
        pool.blocks.append(start)
        pool.free.append(start, PAGEBLOCK_FRAMES)


class FromUnmappedCache:
    """Pages of the cache that module memory may use as well (`__GFP_UNMAPPED`)."""

    def __init__(self, core: Core, direct_map: DirectMap, cache: UnmappedCache) -> None:
        self._cache = cache

    def take(self, file: SecretFile, pages: int) -> FrameList:
        """All of them, from the cache."""
        return self._cache.allocate_many(OWNER, pages, gfp=GFP_HIGHUSER)

    def give(self, file: SecretFile, frames: FrameList) -> None:
        """Back to the cache."""
        self._cache.free_list(frames, OWNER)

    def close(self, file: SecretFile) -> None:
        """Back to the cache: they stay out of the direct map."""
        self._cache.free_list(file.frames, OWNER)

    def removed_frames(self, files: Iterable[SecretFile]) -> int:
        """None: the cache did that."""
        return 0

    def held(self, files: Iterable[SecretFile]) -> Iterator[Run]:
        """The pages of all files."""
        return (run for file in files for run in file.frames)

    def policy_state(self, files: Iterable[SecretFile]) -> PolicyState:
        """The cache's."""
        return self._cache.policy_state("secret_memory")
