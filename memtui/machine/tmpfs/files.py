"""A tmpfs mount and its files: plain state, changed by the store alone."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from memtui.machine.file_index import FolioIndex
from memtui.machine.physical.frame_map import Owner
from memtui.machine.tmpfs.coverage import Coverage
from memtui.snapshot import FrameKind
from memtui.units import frames_of

if TYPE_CHECKING:
    from memtui.machine.physical.migration import Folio, Moves
    from memtui.machine.tmpfs.mapping import FileMapping


class Huge(StrEnum):
    """Mount option huge=: when files get huge pages."""

    NEVER = "never"
    ALWAYS = "always"
    WITHIN_SIZE = "within_size"
    """Only where the whole huge page lies inside the file."""
    ADVISE = "advise"
    """Only in mappings with MADV_HUGEPAGE."""


@dataclass(slots=True, eq=False)
class Mount:
    """One mounted tmpfs (struct shmem_sb_info)."""

    name: str
    huge: Huge
    limit_pages: int
    """Mount option size=, in base pages."""
    limit_inodes: int
    """Mount option nr_inodes=."""
    used_pages: int = 0
    """Pages charged to the mount: those of all its files."""
    files: dict[str, TmpfsFile] = field(default_factory=dict)
    """Files that have a name."""
    inodes: dict[TmpfsFile, None] = field(default_factory=dict)
    """Every file there is, those that are only mapped any more included."""
    ragged: OrderedDict[TmpfsFile, None] = field(default_factory=OrderedDict)
    """Files that had a huge page reach past their end (shrinklist), oldest first."""
    mounted: bool = True

    @property
    def free_pages(self) -> int:
        """Pages files may still take."""
        return self.limit_pages - self.used_pages


@dataclass(slots=True, eq=False)
class LargeFolios:
    """Owns the frames of a file's folios of more than one page: they move whole, compaction leaves them."""

    kind: ClassVar[FrameKind] = FrameKind.SHMEM
    movable: ClassVar[bool] = False

    index: FolioIndex
    """Of the file, its base pages included."""

    def __repr__(self) -> str:
        return "large folios of a tmpfs file"

    @property
    def records(self) -> int:
        """What a move goes through."""
        return len(self.index)

    def relocate(self, moves: Moves) -> None:
        """Folios were moved elsewhere."""
        self.index.relocate(moves)

    def large_folios(self, start: int, end: int) -> list[Folio]:
        """(first frame, order) of those that begin in frames [start, end), ascending."""
        return sorted(folio for run in self.index if run.order for folio in run.folios_in(start, end))


@dataclass(slots=True, eq=False)
class TmpfsFile:
    """One file. It owns the frames of its base pages; `large` owns those of larger folios."""

    kind: ClassVar[FrameKind] = FrameKind.SHMEM
    movable: ClassVar[bool] = True

    mount: Mount
    name: str
    size_bytes: int = 0
    """i_size."""
    index: FolioIndex = field(default_factory=FolioIndex)
    large: LargeFolios = field(init=False)
    mapped: Coverage = field(default_factory=Coverage)
    """Pages by the number of processes that map them."""
    pmd_mapped: Coverage = field(default_factory=Coverage)
    """The same for those mapped as part of 2 MiB entries."""
    mappings: dict[FileMapping, None] = field(default_factory=dict)
    linked: bool = True
    """It has a name; a file without one lives while it is open or mapped."""
    opens: int = 0
    """Programs that have it open."""
    cutting: bool = False
    """A truncation or a punch is on its way: until it is done writers and others like it wait (`inode_lock`)."""
    locked: bool = False
    """A folio of it is being split or mapped: reclaim leaves the file alone."""

    def __post_init__(self) -> None:
        self.large = LargeFolios(self.index)

    @property
    def size_pages(self) -> int:
        """Base pages up to its end, the last perhaps in part."""
        return frames_of(self.size_bytes)

    def owner(self, order: int) -> Owner:
        """Who holds the frames of the file's folios of this order."""
        return self.large if order else self

    @property
    def records(self) -> int:
        """What a move goes through."""
        return len(self.index)

    def relocate(self, moves: Moves) -> None:
        """Compaction has moved base pages of the file."""
        self.index.relocate(moves)

    def __repr__(self) -> str:
        return f"{self.mount.name}/{self.name}"
