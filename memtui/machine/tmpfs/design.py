"""What a design of huge pages in tmpfs must do: the rivals of Linux's history behind one Protocol.

Mounts, files, accounts and mappings are the same for all designs (`store.py`, `tmpfs.py`); a
design decides what kind of pages a hole gets, what becomes of them when a part goes, and what can
be taken back when memory is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.machine.parts import Parts
from memtui.machine.physical.frame_map import Owner
from memtui.machine.tmpfs.files import Mount, TmpfsFile
from memtui.units import PAGE_BYTES

PMD_ORDER: Final = 9
"""A 2 MiB page."""
FILE_END: Final = 1 << 52
"""Past the last page or byte of any file."""


class Fill(NamedTuple):
    """Pages [start, end) of a file are about to be written or have been touched."""

    start: int
    end: int
    write_end_bytes: int | None = None
    """write(2): where the write ends; the file grows to it as its pages come. None: a fault in a mapping."""
    chunk_pages: int | None = None
    """The range is written by consecutive calls of so many pages each (a power of two, at most 512), not by one."""
    window: tuple[int, int] = (0, FILE_END)
    """Pages of the file that the mapping at fault covers."""
    congruent_order: int = PMD_ORDER
    """Largest order at which the mapping's addresses and the file's pages are aligned alike."""
    advised: bool = False
    """The mapping has MADV_HUGEPAGE."""
    node: int = 0

    @property
    def write_end_pages(self) -> int:
        """Pages up to the end of the write; 0 for a fault."""
        return -(-(self.write_end_bytes or 0) // PAGE_BYTES)


class Filled(NamedTuple):
    """How far a Fill came."""

    page: int
    """One past the last page, from the start on, that is in memory now."""
    error: NoSpace | OutOfMemory | None = None
    """Why it came no further."""


class ShmemThp(Protocol):
    """One design of huge pages in tmpfs."""

    def fill(self, file: TmpfsFile, wanted: Fill) -> Filled:
        """Gives every hole in the range pages; never raises for want of memory or space."""

    def drop(self, file: TmpfsFile, start_byte: int, end_byte: int) -> Parts[None]:
        """Removes what lies in a range of bytes, in parts; pages it covers in part stay, zeroed there."""

    def shrink(self, mount: Mount, inodes: int) -> tuple[int, int]:
        """Takes back what reaches past the ends of the `inodes` oldest candidates.

        Returns the frames freed and how many candidates are done with.
        """

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """Frames the design holds beyond those in the files' indexes."""

    def check(self) -> None:
        """Raises FrameStateError if a law of the design is broken."""
