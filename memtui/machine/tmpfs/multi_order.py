"""Huge pages in tmpfs as Linux 6.18 has them: folios of any order up to 2 MiB (mm/shmem.c).

A hole gets the largest folio that its mount option allows, that lies on its own alignment and
meets no page already there (`shmem_allowable_huge_orders`, `shmem_suitable_orders`); when no such
block is free the next smaller order is tried, without reclaim, and base pages at last, with it.
A folio that a punch or a truncation cuts is split around the cut (`truncate_inode_partial_folio`).
Files whose last folio reaches past their end are remembered; such folios are split into base
pages, and those past the end freed, when memory or the mount runs short
(`shmem_unused_huge_shrink`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError, NoSpace, OutOfMemory
from memtui.machine.file_index import FolioRun
from memtui.machine.parts import Parts
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE, GFP_TRANSHUGE_LIGHT, Gfp
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.frame_map import Owner
from memtui.machine.tmpfs.design import FILE_END, PMD_ORDER, Fill, Filled
from memtui.machine.tmpfs.files import Huge, Mount, TmpfsFile
from memtui.machine.tmpfs.store import Piece, ShmemStore
from memtui.units import FRAMES_2M, PAGE_BYTES

GFP_TRANSHUGE_ADVISED: Final = Gfp(MigrateType.MOVABLE, oom=False, kswapd=False)
"""A huge page in a mapping with MADV_HUGEPAGE: may reclaim for itself (defrag=madvise)."""
FALLBACK_BLOCKS: Final = 64
"""After so many blocks of the next smaller order the larger one is tried again."""
ROOM_BATCH: Final = 128
"""Candidates looked at when a mount is full."""


class MultiOrder:
    """`shmem_thp: multi_order`."""

    def __init__(self, core: Core, store: ShmemStore) -> None:
        self._core = core
        self._store = store

    def fill(self, file: TmpfsFile, wanted: Fill) -> Filled:
        """Gives every hole in the range pages; never raises for want of memory or space."""
        page = wanted.start
        for end, cap in self._segments(file, wanted):
            filled = self._fill(file, wanted, page, end, self._cap(wanted, cap))
            if filled.error is not None:
                return filled
            page = filled.page
        return Filled(min(page, wanted.end))

    def drop(self, file: TmpfsFile, start_byte: int, end_byte: int) -> Parts[None]:
        """Removes what lies in a range of bytes, in parts; pages it covers in part stay, zeroed there."""
        last_page = (end_byte - 1) // PAGE_BYTES
        if self._cut(file, start_byte // PAGE_BYTES, start_byte, end_byte) <= last_page:
            self._cut(file, last_page, start_byte, end_byte)
        yield from self._store.remove_in_parts(file, -(-start_byte // PAGE_BYTES), end_byte // PAGE_BYTES)

    def shrink(self, mount: Mount, inodes: int) -> tuple[int, int]:
        """Takes back what reaches past the ends of the `inodes` oldest candidates."""
        self._core.vm_events["slabs_scanned"] += min(inodes, len(mount.ragged))
        return self._shrink(mount, inodes, enough=FILE_END)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """Nothing beyond the files' own folios."""
        return iter(())

    def check(self) -> None:
        """Raises FrameStateError if a law of the design is broken: there is none beyond the store's."""

    def _segments(self, file: TmpfsFile, wanted: Fill) -> Iterator[tuple[int, int]]:
        """(end, largest order) of the parts of a range that may each be filled as one.

        Consecutive writes matter only to huge=within_size where they make the file grow: there each
        call gets folios no larger than itself.
        """
        cap = self._largest_order(file.mount.huge, advised=wanted.advised)
        chunk = wanted.chunk_pages
        if file.mount.huge is not Huge.WITHIN_SIZE or chunk is None:
            yield wanted.end, cap
            return
        inside = min(wanted.end, file.size_pages & ~(FRAMES_2M - 1))
        page = max(wanted.start, inside)
        if inside > wanted.start:
            yield inside, cap
        while page < wanted.end and (page & (FRAMES_2M - 1) or page < file.size_pages):
            page = min(page + chunk, wanted.end)
            yield page, cap
        if page < wanted.end:
            yield wanted.end, chunk.bit_length() - 1

    def _fill(self, file: TmpfsFile, wanted: Fill, page: int, end: int, cap: int) -> Filled:
        """Fills pages [page, end) with folios of order `cap` at most."""
        while page < end:
            run = file.index.run_at(page)
            if run is not None:
                _grow(file, wanted, run.end)
                page = run.end
                continue
            filled = self._fill_hole(file, wanted, page, end, cap)
            if filled.error is not None:
                return filled
            page = filled.page
        return Filled(page)

    def _fill_hole(self, file: TmpfsFile, wanted: Fill, page: int, end: int, cap: int) -> Filled:
        """Fills the beginning of the hole at `page`: folios of one order, and smaller ones where those fail."""
        suitable, bound = self._suitable(file, wanted, page, end, cap)
        order = self._affordable(file.mount, suitable)
        if order is None:
            return Filled(page, NoSpace(f"no space left on {file.mount.name}"))
        size = 1 << order
        start = page & -size
        folios = -(-(min(end, bound) - start) // size) if order == cap else 1
        folios = min(folios, (bound - start) >> order, file.mount.free_pages >> order)
        gfp = self._gfp(order, advised=wanted.advised)
        owner = file.owner(order)
        taken = self._core.allocator.allocate_many(owner, gfp, folios, order, wanted.node, partial=True)
        got = taken.frames >> order
        added = self._store.insert(file, start, order, taken)
        self._note(file, wanted, start, added, order)
        reached = start + added * size if added else page
        if added == folios or (added and (order == 0 or added < got)):
            return Filled(reached)
        if order == 0 or added < got:
            return Filled(reached, OutOfMemory("no memory for a page of tmpfs"))
        return self._fall_back(file, wanted, reached, min(end, start + folios * size), order)

    def _fall_back(self, file: TmpfsFile, wanted: Fill, page: int, end: int, order: int) -> Filled:
        """No block of `order` is free: the next blocks of the file get smaller folios."""
        size = 1 << order
        stop = min(end, (page & -size) + FALLBACK_BLOCKS * size)
        if order == PMD_ORDER:
            self._core.vm_events["thp_file_fallback"] += -(-(stop - (page & -size)) // size)
        return self._fill(file, wanted, page, stop, self._smaller(order))

    def _suitable(self, file: TmpfsFile, wanted: Fill, page: int, end: int, cap: int) -> tuple[int, int]:
        """The largest order a folio around `page` may have, and where folios like it must end."""
        low, high = file.index.hole_at(page)
        window = self._window(wanted)
        low, high = max(low, window[0]), min(high or FILE_END, window[1])
        if not cap:
            return 0, high
        if file.mount.huge is Huge.WITHIN_SIZE:
            limit = self._size_limit(file, wanted, end)
            if not (wanted.advised and (page | 1) >= limit):
                high = min(high, max(limit, page + 1))
        order = cap
        while order and not (page >> order << order >= low and (page >> order) + 1 << order <= high):
            order = self._smaller(order)
        return order, high

    @staticmethod
    def _cap(wanted: Fill, cap: int) -> int:
        """The largest order that suits a mapping at fault."""
        return min(cap, wanted.congruent_order)

    @staticmethod
    def _window(wanted: Fill) -> tuple[int, int]:
        """Pages of the file that a folio must stay inside of."""
        return wanted.window

    @staticmethod
    def _size_limit(file: TmpfsFile, wanted: Fill, end: int) -> int:
        """Where the file ends as far as huge=within_size knows, in pages: a write says how far it will reach."""
        return max(file.size_pages, min(wanted.write_end_pages, end))

    @staticmethod
    def _smaller(order: int) -> int:
        """The next order to try."""
        return order - 1

    def _affordable(self, mount: Mount, order: int) -> int | None:
        """The order itself, a base page, or nothing: what the mount has space for (`shmem_inode_acct_blocks`)."""
        for attempt in (order, 0) if order else (0,):
            if mount.free_pages < 1 << attempt:
                self._shrink(mount, ROOM_BATCH, enough=1 << attempt)
            if mount.free_pages >= 1 << attempt:
                return attempt
        return None

    def _note(self, file: TmpfsFile, wanted: Fill, start: int, folios: int, order: int) -> None:
        """Counts and charges what came into the file; a write makes it grow that far."""
        end = start + (folios << order)
        if order and folios and file.size_pages < end:
            file.mount.ragged.setdefault(file)
        if order == PMD_ORDER:
            self._core.vm_events["thp_file_alloc"] += folios
        self._charge_zeroing(wanted, start, folios, order)
        if folios:
            _grow(file, wanted, end)

    def _charge_zeroing(self, wanted: Fill, start: int, folios: int, order: int) -> None:
        """Clearing the pages that no write fills: all of them in a fault, the rest of the folio in a write."""
        pages = folios << order
        meter = self._core.meter
        if wanted.write_end_bytes is None:
            if order == PMD_ORDER:
                meter.charge(costs.ZERO_HUGE_PAGE, folios)
            else:
                meter.charge(costs.ZERO_PAGE, pages)
            return
        written = max(0, min(wanted.end, start + pages) - max(wanted.start, start))
        if wanted.chunk_pages is not None:
            written = min(written, folios * wanted.chunk_pages)
        meter.charge(costs.ZERO_PAGE, pages - written)
        if order:
            meter.charge(costs.COPY_COLD, written)

    def _cut(self, file: TmpfsFile, page: int, start_byte: int, end_byte: int) -> int:
        """Splits the folio around a page if a range of bytes covers it only in part.

        Returns the first page behind that folio.
        """
        folio = file.index.folio_at(page)
        if folio is None:
            return page + 1
        low, high = max(start_byte, folio.index * PAGE_BYTES), min(end_byte, folio.end * PAGE_BYTES)
        if high - low == folio.pages * PAGE_BYTES:
            return folio.end
        self._core.meter.charge(costs.ZERO_PAGE, -(-high // PAGE_BYTES) - low // PAGE_BYTES)
        if folio.order and self._store.split(file, folio, self._around(folio, low // PAGE_BYTES)) is not None:
            second = file.index.folio_at(high // PAGE_BYTES) if high < folio.end * PAGE_BYTES else None
            if second is not None and second.order:
                self._store.split(file, second, self._around(second, high // PAGE_BYTES))
        return folio.end

    def _shrink(self, mount: Mount, inodes: int, enough: int) -> tuple[int, int]:
        """Splits folios past the end of files until `enough` frames are free; the newest of the batch first."""
        batch = list(islice(mount.ragged, inodes))
        freed = done = 0
        for file in reversed(batch):
            if freed >= enough:
                break
            dropped = 0 if file.locked else self._split_ragged(file)
            if file.locked or dropped is None:
                continue
            mount.ragged.pop(file, None)
            freed += dropped
            done += 1
        return freed, done

    def _split_ragged(self, file: TmpfsFile) -> int | None:
        """Splits the folio that holds the end of a file; returns the frames freed, None if it could not be split."""
        folio = file.index.folio_at(file.size_bytes // PAGE_BYTES)
        end = file.size_pages
        if folio is None or not folio.order or not folio.index < end < folio.end:
            return 0
        return self._store.split(file, folio, ((folio.index, end, 0), (end, folio.end, 0)))

    @staticmethod
    def _around(folio: FolioRun, page: int) -> list[Piece]:
        """The folios a split around one page leaves: ever smaller halves down to the page itself (`folio_split`)."""
        if not folio.index <= page < folio.end:
            raise FrameStateError(f"page {page} is not in {folio}")
        pieces: list[Piece] = []
        low, high, order = folio.index, folio.end, folio.order
        while order:
            order -= 1
            middle = low + (1 << order)
            if page < middle:
                pieces.append((middle, high, order))
                high = middle
            else:
                pieces.append((low, middle, order))
                low = middle
        return [*pieces, (low, high, 0)]

    @staticmethod
    def _largest_order(huge: Huge, *, advised: bool) -> int:
        if huge is Huge.NEVER or (huge is Huge.ADVISE and not advised):
            return 0
        return PMD_ORDER

    @staticmethod
    def _gfp(order: int, *, advised: bool) -> Gfp:
        if not order:
            return GFP_HIGHUSER_MOVABLE
        return GFP_TRANSHUGE_ADVISED if advised else GFP_TRANSHUGE_LIGHT


def _grow(file: TmpfsFile, wanted: Fill, page: int) -> None:
    """A write has filled the file up to this page."""
    if wanted.write_end_bytes is not None:
        file.size_bytes = max(file.size_bytes, min(wanted.write_end_bytes, page * PAGE_BYTES))
