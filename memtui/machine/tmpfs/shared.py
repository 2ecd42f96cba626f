"""A tmpfs file in the address space of a process: what stands behind a VMA with MAP_SHARED."""

from __future__ import annotations

from dataclasses import dataclass

from memtui.machine.page_tables import PageTables
from memtui.machine.process import Process
from memtui.machine.tmpfs.files import TmpfsFile
from memtui.machine.tmpfs.mapping import FileMapping
from memtui.machine.tmpfs.tmpfs import Tmpfs
from memtui.machine.vma import Vma
from memtui.units import FRAMES_2M


@dataclass(frozen=True, slots=True)
class SharedFile:
    """One mapping of a file (`memtui.machine.vma.SharedPages`)."""

    tmpfs: Tmpfs
    mapping: FileMapping

    @property
    def resident_pages(self) -> int:
        """Base pages of the file that are mapped."""
        return self.mapping.resident_frames

    @property
    def huge_leaves(self) -> int:
        """2 MiB leaves among its mappings."""
        return self.mapping.huge.count // FRAMES_2M

    def touch(self, first: int, end: int) -> int:
        """Writes to pages of the mapping; returns one past the last that the file has."""
        start = self.mapping.first
        return self.tmpfs.touch(self.mapping, start + first, start + end) - start

    def fork(self, tables: PageTables) -> SharedFile:
        """The same for a child: neither its page tables nor its pages are there before they are faulted in."""
        old = self.mapping
        twin = self.tmpfs.map(old.file, tables, old.virtual_page, old.first, old.pages, advised=old.advised)
        return SharedFile(self.tmpfs, twin)

    def release(self) -> None:
        """Unmaps everything; the page tables stay."""
        self.tmpfs.unmap(self.mapping)


def map_file(
    tmpfs: Tmpfs, process: Process, file: TmpfsFile, first: int, pages: int, *, advised: bool, misaligned: bool
) -> Vma:
    """A process maps pages of a file shared. Raises OutOfMemory with nothing changed.

    The address is chosen so that huge pages of the file can be mapped by one entry each
    (`shmem_get_unmapped_area`), or, `misaligned`, one page off, so that none can.
    """

    def attach(virtual_page: int) -> SharedFile:
        return SharedFile(tmpfs, tmpfs.map(file, process.tables, virtual_page, first, pages, advised=advised))

    return process.mmap_shared(pages, (first + misaligned) % FRAMES_2M, attach)
