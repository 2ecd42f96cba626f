"""What the direct map keeps of a GiB that is no longer one plain leaf: tables, permissions, who split it.

One object per GiB that was changed and one per 2 MiB that was split. Two summaries of 512 bits per GiB,
which blocks are split and which have a leaf that is not present, answer for any range without
looking at every table.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from memtui.machine.core import Origin
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.frame_map import mask_runs
from memtui.units import FRAMES_1G, FRAMES_2M

BLOCKS_PER_GIB: Final = FRAMES_1G // FRAMES_2M
ALL_4K: Final = (1 << FRAMES_2M) - 1


class Perm(IntEnum):
    """What a leaf allows; all are not executable."""

    READ_WRITE = 0
    READ_ONLY = 1
    NOT_PRESENT = 2


class Table4k:
    """A page table of 512 4K leaves: its frame (0: from boot), and which leaves are not plain read-write."""

    __slots__ = ("frame", "not_present", "origin", "read_only")

    def __init__(self, frame: int, perm: Perm, origin: Origin | None = None) -> None:
        self.frame = frame
        self.origin = origin
        """Who split the 2M leaf, and when."""
        self.not_present = ALL_4K if perm is Perm.NOT_PRESENT else 0
        self.read_only = ALL_4K if perm is Perm.READ_ONLY else 0

    def set(self, bits: int, perm: Perm) -> None:
        """Gives the leaves in `bits` a permission."""
        self.not_present = self.not_present | bits if perm is Perm.NOT_PRESENT else self.not_present & ~bits
        self.read_only = self.read_only | bits if perm is Perm.READ_ONLY else self.read_only & ~bits

    def perm(self, bit: int) -> Perm:
        """What the leaf of one bit allows."""
        if self.not_present & bit:
            return Perm.NOT_PRESENT
        return Perm.READ_ONLY if self.read_only & bit else Perm.READ_WRITE

    def uniform(self) -> Perm | None:
        """The permission all 512 leaves have, or None if they differ."""
        for mask, perm in ((self.not_present, Perm.NOT_PRESENT), (self.read_only, Perm.READ_ONLY)):
            if mask == ALL_4K:
                return perm
        return Perm.READ_WRITE if not self.not_present and not self.read_only else None


class Gib:
    """A GiB that is not one plain leaf: its table's frame (0: none since boot), its 2M leaves, its 4K tables."""

    __slots__ = ("absent", "frame", "origin", "perm", "perms_2m", "split", "tables")

    def __init__(self) -> None:
        self.frame = 0
        self.origin: Origin | None = None
        """Who split the 1G leaf, and when."""
        self.perm = Perm.READ_WRITE
        """Of the 1G leaf, while the GiB is still one."""
        self.perms_2m: dict[int, Perm] = {}
        """Of 2M leaves, where it is not read-write."""
        self.tables: dict[int, Table4k] = {}
        self.split = 0
        """A bit for each 2M block that has a table here."""
        self.absent = 0
        """A bit for each 2M block with a leaf of 2M or 4K that is not present."""

    def split_1g(self, frame: int, origin: Origin) -> None:
        """The 1G leaf becomes 512 leaves of 2M that allow the same."""
        self.frame, self.origin = frame, origin
        if self.perm is not Perm.READ_WRITE:
            self.perms_2m = dict.fromkeys(range(BLOCKS_PER_GIB), self.perm)
            self.absent = (1 << BLOCKS_PER_GIB) - 1 if self.perm is Perm.NOT_PRESENT else 0
            self.perm = Perm.READ_WRITE

    def split_2m(self, block: int, frame: int, origin: Origin | None) -> None:
        """A 2M leaf becomes 512 leaves of 4K that allow the same."""
        self.tables[block] = Table4k(frame, self.perms_2m.pop(block, Perm.READ_WRITE), origin)
        self.split |= 1 << block

    def set_1g(self, perm: Perm) -> int:
        """Rewrites the 1G leaf; returns how many frames more are not present than before."""
        old, self.perm = self.perm, perm
        return FRAMES_1G * _more_absent(old, perm)

    def set_2m(self, block: int, perm: Perm) -> int:
        """Rewrites a 2M leaf; returns how many frames more are not present than before."""
        old = self.perms_2m.get(block, self.perm)
        if perm is Perm.READ_WRITE:
            self.perms_2m.pop(block, None)
        else:
            self.perms_2m[block] = perm
        self._note_absent(block, perm is Perm.NOT_PRESENT)
        return FRAMES_2M * _more_absent(old, perm)

    def set_4k(self, block: int, bits: int, perm: Perm) -> int:
        """Rewrites 4K leaves of one table, a table of boot if none was made since.

        Returns how many frames more are not present than before.
        """
        if block not in self.tables:
            if perm is Perm.READ_WRITE:
                return 0
            self.split_2m(block, 0, None)
        table = self.tables[block]
        absent = table.not_present.bit_count()
        table.set(bits, perm)
        self._note_absent(block, bool(table.not_present))
        return table.not_present.bit_count() - absent

    def merge_2m(self, block: int) -> int:
        """Puts a 2M leaf in the place of a table of equal ones; returns the table's frame."""
        table = self.tables.pop(block)
        self.split &= ~(1 << block)
        self.set_2m(block, table.perm(1))
        return table.frame

    def uniform(self) -> Perm | None:
        """The permission all its 2M leaves have; None if they differ or one of them is split."""
        if self.tables:
            return None
        if not self.perms_2m:
            return Perm.READ_WRITE
        perms = set(self.perms_2m.values())
        return perms.pop() if len(self.perms_2m) == BLOCKS_PER_GIB and len(perms) == 1 else None

    def merge_1g(self) -> int:
        """Puts a 1G leaf in the place of its table of equal ones; returns the table's frame."""
        frame, self.frame, self.origin = self.frame, 0, None
        self.perm, self.perms_2m = self.perms_2m.get(0, Perm.READ_WRITE), {}
        return frame

    def perm_at(self, place: int) -> Perm:
        """What the leaf allows that maps a frame, counted from the start of the GiB."""
        block = place // FRAMES_2M
        table = self.tables.get(block)
        return self.perms_2m.get(block, self.perm) if table is None else table.perm(1 << place % FRAMES_2M)

    def any_split(self, low: int, high: int) -> bool:
        """Whether a table of 4K leaves overlaps the frames [low, high), counted from the start of the GiB."""
        return bool(self.split & _blocks(low, high))

    def split_places(self, number: int, after: int | None) -> Iterator[int]:
        """The first place in this GiB, the one of that number, above `after` that was split, if there is one."""
        base = number * FRAMES_1G
        first = 0 if after is None or after < base else (after - base) // FRAMES_2M + 1
        above = self.split >> first << first if first < BLOCKS_PER_GIB else 0
        if above:
            yield base + ((above & -above).bit_length() - 1) * FRAMES_2M
        elif self.frame and not self.split and (after is None or after < base):
            yield base

    def any_absent(self, low: int, high: int) -> bool:
        """Whether a leaf in [low, high), frames counted from the start of the GiB, is not present."""
        if self.perm is Perm.NOT_PRESENT:
            return True
        absent = self.absent & _blocks(low, high)
        first, last = low // FRAMES_2M, (high - 1) // FRAMES_2M
        ends = (1 << first) | (1 << last)
        if absent & ~ends:
            return True
        return any(absent >> block & 1 and self.absent_in(block, low, high) for block in (first, last))

    def absent_in(self, block: int, low: int, high: int) -> int:
        """Frames of a 2M block inside [low, high), counted from the start of the GiB, that are not present."""
        first = block * FRAMES_2M
        start, stop = max(low - first, 0), min(high - first, FRAMES_2M)
        table = self.tables.get(block)
        if table is None:
            return stop - start if self.perms_2m.get(block, self.perm) is Perm.NOT_PRESENT else 0
        return (table.not_present >> start & ((1 << (stop - start)) - 1)).bit_count()

    def absent_frames(self) -> int:
        """All frames whose leaf is not present."""
        if self.perm is Perm.NOT_PRESENT:
            return FRAMES_1G
        leaves = sum(1 for perm in self.perms_2m.values() if perm is Perm.NOT_PRESENT)
        return leaves * FRAMES_2M + sum(table.not_present.bit_count() for table in self.tables.values())

    def changed_runs(self) -> Iterator[tuple[int, int, Perm]]:
        """(first frame from the start of the GiB, frames, permission) of all leaves that are not read-write."""
        if self.perm is not Perm.READ_WRITE:
            yield 0, FRAMES_1G, self.perm
        for block, perm in self.perms_2m.items():
            yield block * FRAMES_2M, FRAMES_2M, perm
        for block, table in self.tables.items():
            for mask, perm in ((table.not_present, Perm.NOT_PRESENT), (table.read_only, Perm.READ_ONLY)):
                for start, frames in mask_runs(mask, block * FRAMES_2M):
                    yield start, frames, perm

    def check(self, number: int) -> None:
        """Raises FrameStateError unless the summaries are those of its tables and leaves."""
        split = sum(1 << block for block in self.tables)
        absent = sum(1 << block for block, perm in self.perms_2m.items() if perm is Perm.NOT_PRESENT)
        absent += sum(1 << block for block, table in self.tables.items() if table.not_present)
        both = self.tables.keys() & self.perms_2m.keys()
        if (split, absent) != (self.split, self.absent) or both:
            raise FrameStateError(f"GiB {number} of the direct map has summaries that are not those of its leaves")

    def _note_absent(self, block: int, absent: bool) -> None:
        self.absent = self.absent | 1 << block if absent else self.absent & ~(1 << block)


def _blocks(low: int, high: int) -> int:
    """A bit for each 2M block that overlaps the frames [low, high)."""
    first = low // FRAMES_2M
    return ((1 << (-(-high // FRAMES_2M) - first)) - 1) << first


def _more_absent(old: Perm, new: Perm) -> int:
    """1 where a leaf goes, -1 where it comes back."""
    return (new is Perm.NOT_PRESENT) - (old is Perm.NOT_PRESENT)
