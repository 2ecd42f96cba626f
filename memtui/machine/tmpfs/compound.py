"""Huge pages in tmpfs before folios of any order: compound pages of 2 MiB, or base pages (mm/shmem.c).

A split makes base pages of all of it, and where a 2 MiB page cannot be had its place in the file
gets base pages. How a mapping lies says nothing about what the file gets.
"""

from __future__ import annotations

from collections.abc import Iterator

from memtui.machine.file_index import FolioRun
from memtui.machine.tmpfs.design import FILE_END, Fill
from memtui.machine.tmpfs.files import Huge, Mount, TmpfsFile
from memtui.machine.tmpfs.multi_order import MultiOrder
from memtui.machine.tmpfs.store import Piece
from memtui.units import FRAMES_2M


class CompoundByWrite(MultiOrder):
    """`shmem_thp: compound_by_write`: huge=within_size knows how far a write will reach (6.6 to 6.13)."""

    @staticmethod
    def _cap(wanted: Fill, cap: int) -> int:
        return cap

    @staticmethod
    def _window(wanted: Fill) -> tuple[int, int]:
        return 0, FILE_END

    @staticmethod
    def _smaller(order: int) -> int:
        return 0

    @staticmethod
    def _around(folio: FolioRun, page: int) -> list[Piece]:
        return [(folio.index, folio.end, 0)]


class Compound(CompoundByWrite):
    """`shmem_thp: compound`: huge=within_size knows the size the file has (4.8 to 6.5).

    A file that grows by write(2) so gets base pages only. On a full mount a base page is tried
    before anything is split.
    """

    def _segments(self, file: TmpfsFile, wanted: Fill) -> Iterator[tuple[int, int]]:
        cap = self._largest_order(file.mount.huge, advised=wanted.advised)
        inside = file.size_pages & ~(FRAMES_2M - 1)
        if file.mount.huge is Huge.WITHIN_SIZE and inside < wanted.end and not wanted.advised:
            if inside > wanted.start:
                yield inside, cap
            cap = 0
        yield wanted.end, cap

    @staticmethod
    def _size_limit(file: TmpfsFile, wanted: Fill, end: int) -> int:
        return file.size_pages

    def _affordable(self, mount: Mount, order: int) -> int | None:
        if order and mount.free_pages >= 1 << order:
            return order
        while not mount.free_pages and self._shrink(mount, 1, enough=1)[0]:
            pass
        return 0 if mount.free_pages else None
