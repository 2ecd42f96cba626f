"""memfd_secret: pages that leave the direct map while they exist (mm/secretmem.c).

Each page is taken singly and its 4K leaf made not present, so every 2M leaf a page lies in is
split if it is still whole, and its 1G leaf before that. Releasing makes the leaves present again
and clears the pages; nothing merges back (recordings, memfd_secret: on every kernel).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.direct_map import DirectMap, Perm
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.file_index import NODE_CACHE, nodes_of_span
from memtui.machine.latency import Timed
from memtui.machine.page_tables import PageTables
from memtui.machine.physical.allocator import GFP_HIGHUSER
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.machine.slab import SlabCaches
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_2M, frames_of

SLAB_OBJECTS: Final = ("inode_cache", "dentry", "filp", "vm_area_struct")
"""What a file costs beyond its pages (recordings: 0.8-1.2 kB of slab)."""
MMAP_BASE_PAGE: Final = (0x7F00_0000_0000 >> 12) + FRAMES_2M // 2
"""Where the mappings of secret files begin: in the middle of a page table's reach, as mappings mostly do."""


@dataclass(eq=False, slots=True)
class SecretFile:
    """One secret file, mapped whole."""

    first_page: int
    """Virtual page its mapping begins at."""
    pages: int
    frames: FrameList = field(default_factory=FrameList)
    """Pages touched so far, in order."""
    nodes: int = 0
    """XArray nodes they take."""


class SecretMemory(Protocol):
    """What a policy for secret memory must do."""

    frames: int
    """Secret pages there are: all of them mapped, locked and unevictable."""

    def create(self, size_bytes: int) -> SecretFile:
        """A file and its mapping, nothing touched. Raises OutOfMemory with nothing kept."""

    def touch(self, file: SecretFile, pages: int) -> None:
        """Faults the next `pages` pages in. Raises OutOfMemory; what was faulted in before stays."""

    def close(self, file: SecretFile) -> None:
        """Unmaps and closes: all pages go back."""


class PerPageSecretMemory:
    """Page by page out of the direct map, as merged in 5.14."""

    def __init__(self, core: Core, direct_map: DirectMap, slabs: SlabCaches) -> None:
        self._core = core
        self._direct_map = direct_map
        self._slabs = slabs
        self._owner = KernelOwner("secretmem", FrameKind.SECRET)
        self._tables: PageTables | None = None
        """Of the process that holds the files; made with the first file, gone with the last."""
        self.files: dict[SecretFile, None] = {}
        self.frames = 0
        self._next_page = MMAP_BASE_PAGE

    def create(self, size_bytes: int) -> SecretFile:
        """A file and its mapping, nothing touched. Raises OutOfMemory with nothing kept."""
        self._core.meter.charge(costs.SECRET_FILE)
        taken: list[str] = []
        try:
            if self._tables is None:
                self._tables = PageTables(self._core)
            for name in SLAB_OBJECTS:
                self._slabs.alloc(name)
                taken.append(name)
        except OutOfMemory:
            for name in taken:
                self._slabs.free(name)
            self._drop_idle_tables()
            raise
        file = SecretFile(self._next_page, frames_of(size_bytes))
        self._next_page += file.pages
        self.files[file] = None
        return file

    def touch(self, file: SecretFile, pages: int) -> None:
        """Faults the next `pages` pages in. Raises OutOfMemory; what was faulted in before stays."""
        with self._core.meter.timed(Timed.SECRET_FAULT, 0) as timed:
            before = file.frames.frames
            try:
                self._fault(file, min(pages, file.pages - before))
            finally:
                timed.count = file.frames.frames - before

    def _fault(self, file: SecretFile, pages: int) -> None:
        assert self._tables is not None
        self._tables.populate(file.first_page + file.frames.frames, pages)
        frames = self._core.allocator.allocate_many(self._owner, GFP_HIGHUSER, pages)
        try:
            self._hold_nodes(file, file.frames.frames + pages)
        except OutOfMemory:
            self._core.allocator.free_list(frames, self._owner)
            raise
        while frames.frames:
            start, length = next(iter(frames))
            try:
                self._direct_map.set_noflush(start, length, Perm.NOT_PRESENT)
            except OutOfMemory:
                self._undo(frames)
                self._hold_nodes(file, file.frames.frames)
                raise
            self._core.meter.charge(costs.SECRET_PAGE, length)
            self._core.meter.charge(costs.ZERO_PAGE, length)
            self._core.meter.charge(costs.FLUSH_RANGE, length)
            self._core.meter.charge(costs.FLUSH_RANGE_PAGE, length)
            file.frames.extend(frames.take(length))
            self.frames += length

    def close(self, file: SecretFile) -> None:
        """Unmaps and closes: the pages are mapped again, cleared and freed."""
        self._core.meter.charge(costs.SECRET_RELEASE_FILE)
        self._core.meter.charge(costs.SECRET_RELEASE_PAGE, file.frames.frames)
        del self.files[file]
        self.frames -= file.frames.frames
        self._undo(file.frames)
        self._hold_nodes(file, 0)
        for name in SLAB_OBJECTS:
            self._slabs.free(name)
        self._drop_idle_tables()

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every secret page and of the holder's page tables."""
        for file in self.files:
            for start, frames in file.frames:
                yield self._owner, start, frames
        if self._tables is not None:
            yield from self._tables.claims()

    def counted_tables(self, levels: int) -> int:
        """Page tables of the process that holds the files, of the lowest `levels` levels."""
        return self._tables.counted(levels) if self._tables is not None else 0

    @property
    def nodes(self) -> int:
        """XArray nodes of all files."""
        return sum(file.nodes for file in self.files)

    def objects(self) -> Counter[str]:
        """Slab objects of all files, by cache."""
        return Counter(dict.fromkeys(SLAB_OBJECTS, len(self.files)))

    @property
    def removed_frames(self) -> int:
        """Frames that secret memory itself took out of the direct map."""
        return self.frames

    def check(self) -> None:
        """Raises FrameStateError unless all secret pages are missing from the direct map, and all are counted."""
        held = sum(file.frames.frames for file in self.files)
        runs = [run for file in self.files for run in file.frames]
        absent = sum(self._direct_map.not_present_in(start, frames) for start, frames in runs)
        nodes = sum(nodes_of_span(0, file.frames.frames) for file in self.files)
        if nodes != self.nodes:
            raise FrameStateError(f"secret files take {nodes} XArray nodes, {self.nodes} are held")
        if held != self.frames or absent != held:
            raise FrameStateError(f"{held} secret pages, {self.frames} counted, {absent} leaves not present")

    def _hold_nodes(self, file: SecretFile, pages: int) -> None:
        """Brings the file's XArray nodes to what so many pages take. Raises OutOfMemory with nothing changed."""
        change = nodes_of_span(0, pages) - file.nodes
        if change > 0:
            self._slabs.alloc(NODE_CACHE, change)
        elif change:
            self._slabs.free(NODE_CACHE, -change)
        file.nodes += change

    def _undo(self, frames: FrameList) -> None:
        """Back into the direct map and to the allocator; all leaves concerned are 4K by now, or never changed."""
        for start, length in frames:
            self._direct_map.set_noflush(start, length, Perm.READ_WRITE)
        self._core.allocator.free_list(frames, self._owner)

    def _drop_idle_tables(self) -> None:
        if not self.files and self._tables is not None:
            self._tables.release()
            self._tables = None
            self._next_page = MMAP_BASE_PAGE
