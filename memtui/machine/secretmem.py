"""memfd_secret: files whose pages leave the direct map while they exist (mm/secretmem.c).

Pages are mapped, locked and unevictable from their first touch on. Where they come from and how they
leave the direct map is a policy (`secret_pages.py`). Whatever it is, nothing merges back when a
file is closed (recordings, memfd_secret: on every kernel).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError, MemlockExceeded, OutOfMemory
from memtui.machine.file_index import NODE_CACHE, nodes_of_span
from memtui.machine.latency import Timed
from memtui.machine.oom import OomKiller, Program
from memtui.machine.page_tables import PageTables
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.machine.secret_pages import OWNER, SecretPages
from memtui.machine.slab import SlabCaches
from memtui.machine.spray import Spots
from memtui.snapshot import PolicyState
from memtui.units import FRAMES_2M, PAGE_BYTES, format_frames, frames_of

SLAB_OBJECTS: Final = ("inode_cache", "dentry", "filp", "vm_area_struct")
"""What a file costs beyond its pages (recordings: 0.8-1.2 kB of slab)."""
MMAP_BASE_PAGE: Final = (0x7F00_0000_0000 >> 12) + FRAMES_2M // 2
"""Where the mappings of secret files begin: in the middle of a page table's reach, as mappings mostly do."""


@dataclass(eq=False, slots=True)
class SecretFile:
    """One secret file, mapped whole."""

    program: SecretProgram
    """Whose it is."""
    first_page: int
    """Virtual page its mapping begins at."""
    pages: int
    spots: Spots | None = None
    """Where its memory is to be taken, if that matters."""
    frames: FrameList = field(default_factory=FrameList)
    """Pages touched so far, in order."""
    nodes: int = 0
    """XArray nodes they take."""


class SecretProgram(Program):
    """A program that holds secret files: their page tables, its limit, and what the OOM killer makes of it."""

    def __init__(self, name: str, secretmem: SecretMemory, memlock_bytes: int | None = None) -> None:
        super().__init__(name)
        self._secretmem = secretmem
        self.memlock_pages = None if memlock_bytes is None else memlock_bytes // PAGE_BYTES
        """RLIMIT_MEMLOCK; None is no limit."""
        self.files: dict[SecretFile, None] = {}
        self.tables: PageTables | None = None
        """Made with the first file, gone with the last."""
        self.next_page = MMAP_BASE_PAGE

    @property
    def locked_pages(self) -> int:
        """Pages it has mapped locked (VmLck), touched or not."""
        return sum(file.pages for file in self.files)

    @property
    def memory_pages(self) -> int:
        """Secret pages it has touched."""
        return sum(file.frames.frames for file in self.files)

    @property
    def table_pages(self) -> int:
        """Its page tables."""
        return self.tables.frames if self.tables is not None else 0

    def held(self) -> str:
        """What it has, in words."""
        return f"{format_frames(self.memory_pages)} of secret memory"

    def exit(self) -> None:
        """Closes all its files."""
        for file in list(self.files):
            self._secretmem.close(file)
        super().exit()


class SecretMemory:
    """All secret files and the programs that hold them."""

    def __init__(self, core: Core, slabs: SlabCaches, pages: SecretPages, oom: OomKiller) -> None:
        self._core = core
        self._slabs = slabs
        self._pages = pages
        self._oom = oom
        self._programs: dict[SecretProgram, None] = {}
        """Those that have files open."""
        self._anyone: SecretProgram | None = None
        self.files: dict[SecretFile, None] = {}
        self.frames = 0
        """Secret pages there are: all of them mapped, locked and unevictable."""

    def program(self, name: str, memlock_bytes: int | None = None) -> SecretProgram:
        """A program that may create secret files, limited to so many bytes of them (RLIMIT_MEMLOCK)."""
        return SecretProgram(name, self, memlock_bytes)

    def create(self, size_bytes: int, program: SecretProgram | None = None, spots: Spots | None = None) -> SecretFile:
        """A file and its mapping, nothing touched; of a program of no name if none is given.

        Raises MemlockExceeded if the mapping would go beyond the program's limit, OutOfMemory (as Killed
        if the program was the OOM killer's victim), both with nothing kept.
        """
        program = program or self._unnamed()
        pages = frames_of(size_bytes)
        limit = program.memlock_pages
        if limit is not None and program.locked_pages + pages > limit:
            raise MemlockExceeded(f"{format_frames(pages)} more than {format_frames(program.locked_pages)} locked")
        self._core.meter.wake_up()
        self._core.meter.charge(costs.SECRET_FILE)
        with self._oom.running(program):
            self._make_objects(program)
        file = SecretFile(program, program.next_page, pages, spots)
        program.next_page += pages
        self.files[file] = program.files[file] = self._programs[program] = None
        self._oom.enter(program)
        return file

    def touch(self, file: SecretFile, pages: int) -> None:
        """Faults the next `pages` pages in.

        Raises OutOfMemory (as Killed if its program was the OOM killer's victim); what was faulted in
        before stays.
        """
        before = file.frames.frames
        end = min(before + pages, file.pages)
        with self._oom.running(file.program), self._core.meter.timed(Timed.SECRET_FAULT, 0) as timed:
            try:
                self._oom.faulting(lambda: self._fault(file, end - file.frames.frames))
            finally:
                timed.count = file.frames.frames - before

    def close(self, file: SecretFile) -> None:
        """Unmaps and closes: the pages go back. Nothing happens if its program has ended."""
        if file not in self.files:
            return
        program = file.program
        self._core.meter.wake_up()
        self._core.meter.charge(costs.SECRET_RELEASE_FILE)
        self._core.meter.charge(costs.SECRET_RELEASE_PAGE, file.frames.frames)
        del self.files[file], program.files[file]
        self.frames -= file.frames.frames
        self._pages.close(file)
        self._hold_nodes(file, 0)
        for name in SLAB_OBJECTS:
            self._slabs.free(name)
        self._drop_idle(program)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of every secret page and of the programs' page tables."""
        for start, frames in self._pages.held(self.files):
            yield OWNER, start, frames
        for program in self._programs:
            if program.tables is not None:
                yield from program.tables.claims()

    def counted_tables(self, levels: int) -> int:
        """Page tables of the programs that hold the files, of the lowest `levels` levels."""
        return sum(program.tables.counted(levels) for program in self._programs if program.tables is not None)

    @property
    def removed_frames(self) -> int:
        """Frames that secret memory itself took out of the direct map."""
        return self._pages.removed_frames(self.files)

    @property
    def nodes(self) -> int:
        """XArray nodes of all files."""
        return sum(file.nodes for file in self.files)

    def objects(self) -> Counter[str]:
        """Slab objects of all files, by cache."""
        return Counter({**dict.fromkeys(SLAB_OBJECTS, len(self.files)), NODE_CACHE: self.nodes})

    def policy_state(self) -> PolicyState:
        """What its policy has inside."""
        return self._pages.policy_state(self.files)

    def check(self) -> None:
        """Raises FrameStateError unless all that is secret is missing from the direct map, and all is counted."""
        if (held := sum(file.frames.frames for file in self.files)) != self.frames:
            raise FrameStateError(f"{held} secret pages, {self.frames} counted")
        nodes = sum(nodes_of_span(0, file.frames.frames) for file in self.files)
        if nodes != self.nodes:
            raise FrameStateError(f"secret files take {nodes} XArray nodes, {self.nodes} are held")
        if {file for program in self._programs for file in program.files} != self.files.keys():
            raise FrameStateError("secret files are not those of the programs that hold some")
        for program in self._programs:
            if not program.alive or program.tables is None:
                raise FrameStateError(f"{program} has ended, or has no page tables, and holds secret files")
            program.tables.check()

    def _unnamed(self) -> SecretProgram:
        """The program of files that nobody in particular has."""
        if self._anyone is None or not self._anyone.alive:
            self._anyone = self.program("memfd_secret")
        return self._anyone

    def _make_objects(self, program: SecretProgram) -> None:
        """Slab objects of one file, and page tables if there are none. Raises OutOfMemory with nothing kept."""
        taken: list[str] = []
        try:
            if program.tables is None:
                program.tables = PageTables(self._core)
            for name in SLAB_OBJECTS:
                self._slabs.alloc(name)
                taken.append(name)
        except OutOfMemory:
            for name in taken:
                self._slabs.free(name)
            self._drop_idle(program)
            raise

    def _fault(self, file: SecretFile, pages: int) -> None:
        """`secretmem_fault` for a number of pages. Raises OutOfMemory; what was faulted in before stays."""
        tables = file.program.tables
        assert tables is not None
        tables.populate(file.first_page + file.frames.frames, pages)
        frames = self._pages.take(file, pages)
        try:
            self._hold_nodes(file, file.frames.frames + frames.frames)
        except OutOfMemory:
            self._pages.give(file, frames)
            raise
        self._core.meter.charge(costs.SECRET_PAGE, frames.frames)
        self.frames += frames.frames
        short = pages - frames.frames
        file.frames.extend(frames)
        if short:
            raise OutOfMemory(f"no page table to take {short} of {pages} secret pages out of the direct map")

    def _hold_nodes(self, file: SecretFile, pages: int) -> None:
        """Brings the file's XArray nodes to what so many pages take. Raises OutOfMemory with nothing changed."""
        change = nodes_of_span(0, pages) - file.nodes
        if change > 0:
            self._slabs.alloc(NODE_CACHE, change)
        elif change:
            self._slabs.free(NODE_CACHE, -change)
        file.nodes += change

    def _drop_idle(self, program: SecretProgram) -> None:
        """A program without files has no page tables for them."""
        if program.files:
            return
        if program.tables is not None:
            program.tables.release()
            program.tables = None
        program.next_page = MMAP_BASE_PAGE
        self._programs.pop(program, None)
        self._oom.leave(program)
