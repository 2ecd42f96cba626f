"""The flusher: writes dirty pages of files back to their devices, a kernel thread of its own.

mm/page-writeback.c and fs/fs-writeback.c: it is woken at once when more than
`vm.dirty_background_ratio` of dirtyable memory is dirty and writes until no more than that is.
While anything is dirty it also wakes every `vm.dirty_writeback_centisecs` and writes the files that
became dirty `vm.dirty_expire_centisecs` ago, all of each. The file that became dirty first goes
first. It works in chunks, each of which takes the device its time; nobody else waits for it.
"""

from __future__ import annotations

from typing import Final, Generic, Protocol, TypeVar

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError
from memtui.units import SECOND

DIRTY_RATIO: Final = 20
"""vm.dirty_ratio: percent of dirtyable memory at which writers are held back."""
DIRTY_BACKGROUND_RATIO: Final = 10
"""vm.dirty_background_ratio: percent of dirtyable memory above which the flusher writes."""
DIRTY_WRITEBACK_NS: Final = 5 * SECOND
"""vm.dirty_writeback_centisecs: from one look for old files to the next."""
DIRTY_EXPIRE_NS: Final = 30 * SECOND
"""vm.dirty_expire_centisecs: how long a file may stay dirty."""


class DirtyFile(Protocol):
    """A file some of whose pages may have to be written back."""

    @property
    def dirty_frames(self) -> int:
        """Pages that differ from what is on disk."""


FileT = TypeVar("FileT", bound=DirtyFile)


class DirtyCache(Protocol):
    """The page cache as the flusher sees it."""

    dirty_frames: int

    @property
    def batch_frames(self) -> int:
        """Pages worth writing in one go."""

    @property
    def dirtyable_frames(self) -> int:
        """Pages that could be dirty (`global_dirtyable_memory`)."""

    def write_back(self, frames: int) -> int:
        """Writes up to `frames` dirty pages, those of the file that became dirty first; returns how many."""


class Flusher(Generic[FileT]):
    """Which files are dirty since when, and the timers that get them written."""

    def __init__(self, core: Core, cache: DirtyCache) -> None:
        self._core = core
        self._cache = cache
        self._dirty: dict[FileT, int] = {}
        """Dirty files, the one that became dirty first in front, each with the serial number of its becoming dirty."""
        self._expired: dict[FileT, None] = {}
        """Those that have been dirty for too long."""
        self._serial = 0
        self._ticking = False
        """The next look for old files is set."""
        self._writing = False
        """A chunk is on its way to the device."""
        self._old = False
        """What it writes includes old files."""

    @property
    def dirty_files(self) -> list[FileT]:
        """Files with dirty pages, the one that became dirty first in front."""
        return list(self._dirty)

    @property
    def limit_frames(self) -> int:
        """Dirty pages at which writers are held back (nr_dirty_threshold)."""
        return self._cache.dirtyable_frames * DIRTY_RATIO // 100

    @property
    def background_frames(self) -> int:
        """Dirty pages above which the flusher writes (nr_dirty_background_threshold)."""
        return self._cache.dirtyable_frames * DIRTY_BACKGROUND_RATIO // 100

    def note(self, file: FileT) -> None:
        """A file has other dirty pages than before (`__mark_inode_dirty`)."""
        if not file.dirty_frames:
            self._dirty.pop(file, None)
            self._expired.pop(file, None)
        elif file not in self._dirty:
            self._serial += 1
            serial = self._dirty[file] = self._serial
            self._core.timers.append((DIRTY_EXPIRE_NS, lambda: self._expire(file, serial)))
            self._tick_later()

    def wake(self) -> None:
        """Begins to write if there is cause to, and it does not already."""
        if not self._writing and self._due_frames():
            self._writing = True
            self._core.timers.append((0, self._write))

    def check(self) -> None:
        """Raises FrameStateError unless it knows exactly the dirty pages, and will look at them again."""
        known = sum(file.dirty_frames for file in self._dirty)
        if known != self._cache.dirty_frames:
            raise FrameStateError(f"the flusher knows {known} dirty pages, the page cache {self._cache.dirty_frames}")
        if self._dirty and not self._ticking:
            raise FrameStateError("files are dirty and the flusher sleeps")

    def _due_frames(self) -> int:
        """Pages to write now: what is above the background threshold, or all of the old files."""
        old = sum(file.dirty_frames for file in self._expired) if self._old else 0
        return max(old, self._cache.dirty_frames - self.background_frames, 0)

    def _write(self) -> None:
        """Writes one chunk, and the next when the device is done with it (`wb_writeback`)."""
        written = self._cache.write_back(min(self._due_frames(), self._cache.batch_frames))
        self._writing = written > 0
        if written:
            self._core.timers.append((written * costs.FILE_PAGE_WRITE.ns, self._write))
        else:
            self._old = False

    def _expire(self, file: FileT, serial: int) -> None:
        if self._dirty.get(file) == serial:
            self._expired[file] = None

    def _tick(self) -> None:
        """Looks for old files (`wb_workfn`)."""
        self._ticking = False
        self._old = bool(self._expired)
        self.wake()
        if self._dirty:
            self._tick_later()

    def _tick_later(self) -> None:
        if not self._ticking:
            self._ticking = True
            self._core.timers.append((DIRTY_WRITEBACK_NS, self._tick))
