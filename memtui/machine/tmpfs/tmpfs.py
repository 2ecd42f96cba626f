"""tmpfs: mounts, files and what system calls do to them.

What kind of pages files get is the design's business (`design.py`); everything else is here.
Sizes are bytes, offsets too; pages of a file are counted in base pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.machine.file_index import NODE_CACHE
from memtui.machine.latency import Timed
from memtui.machine.page_tables import PageTables
from memtui.machine.parts import Parts, whole
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.portion import portion
from memtui.machine.slab import SlabCaches
from memtui.machine.tmpfs import laws
from memtui.machine.tmpfs.design import FILE_END, Fill, ShmemThp
from memtui.machine.tmpfs.files import Huge, Mount, TmpfsFile
from memtui.machine.tmpfs.mapping import FileMapping, map_pages, unmap_from
from memtui.machine.tmpfs.store import ShmemStore
from memtui.units import FRAMES_2M, PAGE_BYTES, frames_of

INODE_CACHES: Final = ("shmem_inode_cache", "dentry")
"""What a file costs beside its pages."""
BATCHES_PER_RAM: Final = 64
"""Into so many batches faults on a whole RAM's worth of pages are cut: the OOM killer sees what is mapped so far."""
FILES_PER_PART: Final = 128
"""Files that go in one part of unmounting."""
SHRINK_BATCH: Final = 1024
"""Candidates of one mount looked at by one call for memory (the batch of a superblock's shrinker, `alloc_super`)."""


class Tmpfs:
    """All tmpfs mounts of the machine. Also the shrinker of what reaches past the ends of files."""

    def __init__(
        self, core: Core, slabs: SlabCaches, design: Callable[[Core, ShmemStore], ShmemThp], *, node: int = 0
    ) -> None:
        self._core = core
        self._slabs = slabs
        self._store = ShmemStore(core, slabs)
        self._design = design(core, self._store)
        self._node = node
        self.mounts: dict[str, Mount] = {}
        """Mounts by name."""
        self._detached: dict[Mount, None] = {}
        """Unmounted, but with files that are still mapped."""
        self._leaving = 0
        """Mounts that are being unmounted: each still has its root inode."""

    @property
    def frames(self) -> int:
        """Shmem, in frames."""
        return self._store.frames

    @property
    def huge_frames(self) -> int:
        """ShmemHugePages, in frames."""
        return self._store.huge_frames

    @property
    def mapped_frames(self) -> int:
        """Frames of files that processes map: part of Mapped."""
        return self._store.mapped_frames

    @property
    def pmd_mapped_frames(self) -> int:
        """ShmemPmdMapped, in frames."""
        return self._store.pmd_mapped_frames

    @property
    def nodes(self) -> int:
        """XArray nodes (radix_tree_node) of all files."""
        return self._store.nodes

    def mount(self, name: str, huge: str = "never", size_bytes: int | None = None) -> Mount:
        """mount -t tmpfs. Without a size it is half of RAM. Raises ValueError for a name in use, OutOfMemory."""
        if name in self.mounts:
            raise ValueError(f"a tmpfs is mounted as {name} already")
        half = self._core.allocator.managed_frames // 2
        self._core.meter.charge(costs.MOUNT)
        self._new_inode()
        limit = half if size_bytes is None else frames_of(size_bytes)
        mount = self.mounts[name] = Mount(name, Huge(huge), limit, half)
        return mount

    def unmount(self, mount: Mount) -> None:
        """umount: every file goes, those still mapped when the last mapping does (as with MNT_DETACH)."""
        whole(self.unmount_in_parts(mount))

    def unmount_in_parts(self, mount: Mount) -> Parts[None]:
        """The same in parts; from the first on nobody finds the mount any more."""
        self._core.meter.charge(costs.MOUNT)
        del self.mounts[mount.name]
        mount.mounted = False
        self._detached[mount] = None
        self._leaving += 1
        gone = 0
        while mount.files:
            yield from self.unlink_in_parts(next(iter(mount.files.values())))
            gone += 1
            if mount.files and gone % FILES_PER_PART == 0:
                yield
        self._leaving -= 1
        self._free_inode()
        self._forget_if_gone(mount)

    def create(self, mount: Mount, name: str) -> TmpfsFile:
        """The file of that name, made if there is none.

        Raises NoSpace (no inodes left, or the mount is gone) or OutOfMemory.
        """
        if not mount.mounted:
            raise NoSpace(f"{mount.name} is not mounted any more")
        if name in mount.files:
            return mount.files[name]
        if len(mount.inodes) + 1 >= mount.limit_inodes:
            raise NoSpace(f"no inodes left on {mount.name}")
        self._core.meter.charge(costs.TMPFS_FILE)
        self._new_inode()
        file = mount.files[name] = TmpfsFile(mount, name)
        mount.inodes[file] = None
        return file

    def write(self, file: TmpfsFile, offset: int, size_bytes: int, chunk_bytes: int | None = None) -> int:
        """write(2) of a range, in one call or in consecutive ones of `chunk_bytes`; returns the bytes written.

        Fewer than asked when space or memory runs out on the way; NoSpace or OutOfMemory when not one
        byte could be written.
        """
        if chunk_bytes is None or chunk_bytes >= size_bytes:
            return self._write(file, offset, offset + size_bytes, None)
        pages = chunk_bytes // PAGE_BYTES
        if chunk_bytes % PAGE_BYTES == offset % PAGE_BYTES == 0:
            if pages % FRAMES_2M == 0 and offset // PAGE_BYTES % FRAMES_2M == 0:
                return self._write(file, offset, offset + size_bytes, None)
            if pages <= FRAMES_2M and not pages & (pages - 1) and offset // PAGE_BYTES % pages == 0:
                return self._write(file, offset, offset + size_bytes, pages)
        done = 0
        while done < size_bytes:
            part = min(chunk_bytes, size_bytes - done)
            try:
                written = self._write(file, offset + done, offset + done + part, None)
            except (NoSpace, OutOfMemory):
                if not done:
                    raise
                break
            done += written
        return done

    def portion(self, size_bytes: int) -> int:
        """How many of so many bytes to write in one go: fewer where free memory is scattered."""
        few = portion(self._core.allocator, GFP_HIGHUSER_MOVABLE, self._node, frames_of(size_bytes))
        return min(size_bytes, few * PAGE_BYTES)

    @property
    def handled(self) -> int:
        """Runs of memory that the machine has allocated or freed so far."""
        return self._core.allocator.handled

    def truncate(self, file: TmpfsFile, size_bytes: int) -> None:
        """ftruncate(2): what lies past the new end goes; growing makes a hole."""
        whole(self.truncate_in_parts(file, size_bytes))

    def truncate_in_parts(self, file: TmpfsFile, size_bytes: int) -> Parts[None]:
        """The same in parts: the new size holds at once, and pages go from the new end on."""
        self._core.meter.charge(costs.TMPFS_TRUNCATE)
        shrinks = size_bytes < file.size_bytes
        file.size_bytes = size_bytes
        if shrinks:
            yield from self._cut(file, size_bytes, FILE_END)

    def punch(self, file: TmpfsFile, offset: int, size_bytes: int) -> None:
        """fallocate(2) with FALLOC_FL_PUNCH_HOLE; the file keeps its size."""
        whole(self.punch_in_parts(file, offset, size_bytes))

    def punch_in_parts(self, file: TmpfsFile, offset: int, size_bytes: int) -> Parts[None]:
        """The same in parts, from the front."""
        self._core.meter.charge(costs.TMPFS_PUNCH)
        yield from self._cut(file, offset, offset + size_bytes)

    def unlink(self, file: TmpfsFile) -> None:
        """unlink(2): the name goes, and the pages with the last mapping or descriptor."""
        whole(self.unlink_in_parts(file))

    def unlink_in_parts(self, file: TmpfsFile) -> Parts[None]:
        """The same in parts; whatever ends it early, the file goes."""
        del file.mount.files[file.name]
        file.linked = False
        if not (file.mappings or file.opens):
            with self.opened(file):
                yield from self.close_in_parts(file)

    def close_in_parts(self, file: TmpfsFile) -> Parts[None]:
        """Frees, in parts, the pages of a file that goes once the one who has it open closes it."""
        if not (file.linked or file.mappings) and file.opens == 1:
            yield from self._store.remove_in_parts(file, 0, FILE_END)

    @contextmanager
    def opened(self, file: TmpfsFile) -> Iterator[TmpfsFile]:
        """The file, open as long as the context lasts: unlinked or unmounted meanwhile, it goes at its end."""
        file.opens += 1
        try:
            yield file
        finally:
            file.opens -= 1
            self._evict_if_gone(file)

    def map(
        self, file: TmpfsFile, tables: PageTables, virtual_page: int, first: int, pages: int, *, advised: bool = False
    ) -> FileMapping:
        """mmap(2), MAP_SHARED, of pages [first, first + pages); `advised`: MADV_HUGEPAGE. The VMA is the caller's."""
        mapping = FileMapping(file, first, pages, virtual_page, tables, advised)
        file.mappings[mapping] = None
        return mapping

    def touch(self, mapping: FileMapping, start: int, end: int) -> int:
        """Writes to pages [start, end) of the file through a mapping, as far as the file goes.

        Returns one past the last page it could touch: the end of the file, if that comes first (the
        access behind it is a SIGBUS). Raises NoSpace (SIGBUS too) or OutOfMemory; what was touched
        before stays mapped.
        """
        end = min(end, mapping.end, mapping.file.size_pages)
        batch = max(FRAMES_2M, self._core.allocator.managed_frames // BATCHES_PER_RAM)
        page = start
        while page < end:
            page = self._fault(mapping, page, min(end, page + batch))
        return max(start, end)

    def unmap(self, mapping: FileMapping) -> None:
        """munmap(2), or the end of the process. Page tables are the caller's to free."""
        unmap_from(self._store, mapping, mapping.first, mapping.end)
        file = mapping.file
        del file.mappings[mapping]
        self._evict_if_gone(file)

    def shrink(self, frames: int, *, direct: bool, node: int | None = None) -> int:
        """Splits huge pages that reach past the ends of files; frees more or less than asked, as batches go."""
        freed = 0
        for mount in self._all_mounts():
            freed += self._shrink_mount(mount, SHRINK_BATCH)
        return freed

    def drop_slab(self) -> int:
        """What `echo 2 > drop_caches` makes tmpfs give back; returns the frames."""
        return whole(self.drop_slab_in_parts())

    def drop_slab_in_parts(self) -> Parts[int]:
        """The same in parts of a batch each."""
        freed = 0
        for mount in self._all_mounts():
            while part := self._shrink_mount(mount, SHRINK_BATCH):
                freed += part
                if mount.ragged:
                    yield
        return freed

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every run of every file."""
        for mount in self._all_mounts():
            for file in mount.inodes:
                for run in file.index:
                    yield file.owner(run.order), run.frame, run.pages
        yield from self._design.claims()

    def objects(self) -> dict[str, int]:
        """Slab objects of all mounts and files, by cache, counted from the files."""
        files = [file for mount in self._all_mounts() for file in mount.inodes]
        inodes = len(files) + len(self.mounts) + self._leaving
        return {**dict.fromkeys(INODE_CACHES, inodes), NODE_CACHE: sum(file.index.nodes for file in files)}

    def check(self) -> None:
        """Raises FrameStateError unless all counts follow from the files and their mappings."""
        for mount in self._all_mounts():
            laws.check_mount(mount)
        files = [file for mount in self._all_mounts() for file in mount.inodes]
        laws.check_store(self._store, files)
        self._design.check()

    def _cut(self, file: TmpfsFile, start_byte: int, end_byte: int) -> Parts[None]:
        """Removes a range of a file in parts; it counts as being cut until that is done or given up."""
        file.cutting = True
        try:
            yield from self._design.drop(file, start_byte, end_byte)
        finally:
            file.cutting = False

    def _write(self, file: TmpfsFile, offset: int, end_bytes: int, chunk_pages: int | None) -> int:
        start, end = offset // PAGE_BYTES, frames_of(end_bytes)
        with self._core.meter.timed(Timed.TMPFS_WRITE, 0) as timed:
            filled = self._design.fill(file, Fill(start, end, end_bytes, chunk_pages, node=self._node))
            timed.count = max(0, filled.page - start)
            self._core.meter.charge(costs.COPY_PAGE, timed.count)
        written = min(filled.page * PAGE_BYTES, end_bytes) - offset
        if written <= 0:
            if filled.error is not None:
                raise filled.error
            return 0
        return written

    def _fault(self, mapping: FileMapping, start: int, end: int) -> int:
        """Faults pages in and maps them. Raises NoSpace or OutOfMemory with some of them mapped."""
        window = (mapping.first, mapping.end)
        wanted = Fill(start, end, None, None, window, mapping.congruent_order, advised=mapping.advised, node=self._node)
        with self._core.meter.timed(Timed.TMPFS_FAULT, 0) as timed:
            filled = self._design.fill(mapping.file, wanted)
            timed.count = max(0, filled.page - start)
            if timed.count:
                map_pages(self._store, mapping, start, filled.page)
        self._core.meter.charge(costs.ACCESS_PAGE, timed.count)
        if filled.error is not None:
            raise filled.error
        return end

    def _shrink_mount(self, mount: Mount, batch: int) -> int:
        """One batch that gives something, or all there is."""
        while True:
            freed, done = self._design.shrink(mount, batch)
            if freed or not done:
                return freed

    def _all_mounts(self) -> list[Mount]:
        return [*self.mounts.values(), *self._detached]

    def _evict_if_gone(self, file: TmpfsFile) -> None:
        if not (file.linked or file.mappings or file.opens) and file in file.mount.inodes:
            self._evict(file)

    def _evict(self, file: TmpfsFile) -> None:
        """Nothing refers to the file any more: its pages and its inode go (`shmem_evict_inode`)."""
        self._core.meter.charge(costs.TMPFS_FILE)
        file.mount.ragged.pop(file, None)
        self._store.remove(file, 0, FILE_END)
        del file.mount.inodes[file]
        self._free_inode()
        self._forget_if_gone(file.mount)

    def _forget_if_gone(self, mount: Mount) -> None:
        if not mount.mounted and not mount.inodes:
            self._detached.pop(mount, None)

    def _new_inode(self) -> None:
        done: list[str] = []
        try:
            for cache in INODE_CACHES:
                self._slabs.alloc(cache)
                done.append(cache)
        except OutOfMemory:
            for cache in done:
                self._slabs.free(cache)
            raise

    def _free_inode(self) -> None:
        for cache in INODE_CACHES:
            self._slabs.free(cache)
