"""A process: its address space, page tables and memory, and what its program can do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from memtui.machine import anon_fault, costs
from memtui.machine.address_space import MAX_MAP_COUNT, AddressSpace, guard_pages
from memtui.machine.anon_fault import PageRange, Written
from memtui.machine.anon_memory import AnonMemory
from memtui.machine.anon_store import slots_around
from memtui.machine.errors import OutOfMemory, SegmentationFault
from memtui.machine.kernel_stacks import STACK_OWNER
from memtui.machine.oom import OomKiller
from memtui.machine.page_tables import PageTables
from memtui.machine.physical.allocator import GFP_HIGHUSER_MOVABLE
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.portion import portion
from memtui.machine.slab import SlabCaches
from memtui.machine.vma import SharedPages, ThpAdvice, Vma, VmaKind
from memtui.units import FRAMES_2M, PAGE_BYTES, frames_of

VMA_CACHE: Final = "vm_area_struct"
NODE_CACHE: Final = "maple_node"


@dataclass(slots=True)
class ProcessKernel:
    """The parts of the kernel that processes call."""

    memory: AnonMemory
    slabs: SlabCaches
    oom: OomKiller
    max_map_count: int = MAX_MAP_COUNT
    """vm.max_map_count: areas a process may have. It may change at any time; areas there are stay."""


class ProcessParts(NamedTuple):
    """What a process is made of, apart from its pages and kernel objects."""

    space: AddressSpace
    tables: PageTables
    stack: FrameList
    """Frames of its kernel stack."""


class Process:
    """One process. Made by `Processes`; its memory calls may raise OutOfMemory, as Killed if it was the victim."""

    def __init__(self, pid: int, name: str, node: int, parts: ProcessParts, kernel: ProcessKernel) -> None:
        self.pid = pid
        self.name = name
        self.node = node
        """Where it runs: its memory comes from there first."""
        self.space = parts.space
        self.tables = parts.tables
        self.stack = parts.stack
        self.rss_pages = 0
        """Anonymous pages it maps."""
        self.huge_pages = 0
        """2 MiB leaves among its mappings."""
        self.shared: dict[Vma, SharedPages] = {}
        """What it maps of files, shared, by area."""
        self.alive = True
        self.killed = False
        """The OOM killer chose it."""
        self._kernel = kernel
        self._memory = kernel.memory
        self._slabs = kernel.slabs
        self._oom = kernel.oom

    def __str__(self) -> str:
        return f"{self.pid} ({self.name})"

    def mmap(self, size_bytes: int, thp: ThpAdvice = "never", *, guard: bool = False, name: str = "anon") -> Vma:
        """Maps private anonymous memory; nothing of it is there until it is written.

        With `guard` it lies between, or before, inaccessible areas that keep it a VMA of its own
        (`guard_pages`). Raises OutOfMemory with nothing changed, also where it has too many areas.
        """
        pages = frames_of(size_bytes)
        before, after = guard_pages(pages) if guard else (0, 0)
        self._check_map_count(splits=(before > 0) + (after > 0))
        start = self.space.find_gap(pages, before, after)
        if start is None:
            raise OutOfMemory(f"no gap of {pages} pages in the address space of {self}")
        vma = Vma(name, start, start + pages, thp=thp, guarded=guard)
        bounds = [(start - before, start), (vma.end, vma.end + after)]
        vmas = [vma, *(Vma("guard", low, high, VmaKind.GUARD) for low, high in bounds if low < high)]
        with self._oom.running(self):
            self._insert(vmas)
        self._memory.core.meter.charge(costs.MMAP, len(vmas))
        return vma

    def mmap_shared(self, pages: int, offset: int, attach: Callable[[int], SharedPages]) -> Vma:
        """Maps pages of a file shared, at an address `offset` pages past a multiple of 2 MiB.

        `attach` is told the first virtual page. Raises OutOfMemory with nothing changed.
        """
        self._check_map_count()
        base = self.space.find_gap(-(-(offset + pages) // FRAMES_2M) * FRAMES_2M)
        if base is None:
            raise OutOfMemory(f"no gap of {pages} pages in the address space of {self}")
        vma = Vma("shared", base + offset, base + offset + pages, VmaKind.FILE)
        with self._oom.running(self):
            self._insert([vma])
        self.attach(vma, attach(vma.start))
        self._memory.core.meter.charge(costs.MMAP)
        return vma

    def attach(self, vma: Vma, shared: SharedPages) -> None:
        """Puts file pages, mapped shared, into an area."""
        vma.shared = self.shared[vma] = shared

    def touch_shared(self, vma: Vma, first: int, end: int) -> int:
        """Writes to pages [first, end) of a shared area, counted from its start.

        Returns one past the last that the file has. Raises OutOfMemory (as Killed if it was the OOM
        killer's victim) or NoSpace with part of it done.
        """
        with self._oom.running(self):
            return self._oom.faulting(lambda: self.shared[vma].touch(first, end))

    @property
    def shared_pages(self) -> int:
        """File pages it maps shared: with `rss_pages` its resident memory."""
        return sum(shared.resident_pages for shared in self.shared.values())

    def touch(self, vma: Vma, first_page: int = 0, pages: int | None = None) -> Written:
        """Writes to every page of a part of a VMA (all of it by default), counted from its start."""
        end = vma.pages if pages is None else first_page + pages
        return self.write(vma, [(first_page, end)])

    def write(self, vma: Vma, ranges: Iterable[PageRange]) -> Written:
        """Writes to every page of some ranges of a VMA: ascending, as pages [start, end) counted from its start.

        Raises OutOfMemory with part of it done, if memory runs out.
        """
        with self._oom.running(self):
            there, done = [(vma.start + low, vma.start + high) for low, high in ranges], Written()
            return self._oom.faulting(lambda: anon_fault.write(self._memory, self, vma, there, done))

    def portion(self, vma: Vma, pages: int) -> int:
        """How many of so many pages to write in one go: fewer where free memory is scattered.

        Not where huge pages are tried for: which of them can be had depends on what was asked for together.
        """
        if self._memory.may_have_huge_pages(vma):
            return pages
        few = portion(self._memory.core.allocator, GFP_HIGHUSER_MOVABLE, self.node, pages)
        return pages if few >= pages else max(FRAMES_2M, few // FRAMES_2M * FRAMES_2M)

    @property
    def handled(self) -> int:
        """Runs of memory that the machine has allocated or freed so far."""
        return self._memory.core.allocator.handled

    def discard(self, vma: Vma, ranges: Iterable[PageRange]) -> int:
        """madvise(2) with MADV_DONTNEED on ranges of an anonymous VMA, ascending, counted from its start.

        2 MiB leaves that a range cuts are split first. Returns the pages that were there.
        """
        there = [(vma.start + low, vma.start + high) for low, high in ranges]
        for low, high in there:
            for first, last, mapping in vma.mapped.overlapping(low, high):
                if mapping.huge:
                    slots = slots_around(first, last)
                    self._memory.split_leaves(vma, *slots, mapping.store)
                    self.huge_pages -= slots[1] - slots[0]
        pages = self._memory.discard(vma, there)
        self.rss_pages -= pages
        return pages

    def vma_at(self, page: int) -> Vma:
        """The area that holds a virtual page. Raises SegmentationFault if none does."""
        vma = self.space.at(page)
        if vma is None:
            raise SegmentationFault(f"process {self} maps nothing at page {page:#x}")
        return vma

    def munmap(self, vma: Vma) -> None:
        """Unmaps a VMA with its guards: pages, tables and objects that only it needed go back."""
        vmas = sorted((vma, *self.space.guards_of(vma)), key=lambda area: area.start)
        self.rss_pages -= vma.resident_pages()
        self.huge_pages -= vma.huge_leaves()
        self._memory.unmap_vma(vma)
        self._memory.rmap.unlink([vma])
        if vma.shared is not None:
            self.shared.pop(vma).release()
        floor, ceiling = self.space.neighbours(vmas[0])[0], self.space.neighbours(vmas[-1])[1]
        self.tables.depopulate(vma.start, vma.pages, floor, ceiling)
        nodes = self.space.tree_nodes
        for area in vmas:
            self.space.remove(area)
        self._slabs.free_many({VMA_CACHE: len(vmas), NODE_CACHE: nodes - self.space.tree_nodes})
        self._memory.core.meter.charge(costs.MMAP, len(vmas))

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of its kernel stack and page tables; `AnonMemory` claims its pages."""
        for start, frames in self.stack:
            yield STACK_OWNER, start, frames
        yield from self.tables.claims()

    def tlb_mix(self) -> tuple[int, int, int]:
        """Bytes it maps now by leaves of 4 KiB, 2 MiB and 1 GiB."""
        leaves = self.huge_pages + sum(shared.huge_leaves for shared in self.shared.values())
        huge_pages = leaves * FRAMES_2M
        return (self.rss_pages + self.shared_pages - huge_pages) * PAGE_BYTES, huge_pages * PAGE_BYTES, 0

    def _check_map_count(self, splits: int = 0) -> None:
        """Whether it may map one area more, and then split it so often (`do_mmap`, `split_vma`).

        A new area is refused where there are more than vm.max_map_count, a split where there are as
        many. Raises OutOfMemory.
        """
        areas, most = len(self.space), self._kernel.max_map_count
        if areas > most or (splits and areas + splits >= most):
            raise OutOfMemory(f"mmap: ENOMEM, {areas} areas are there and vm.max_map_count is {most}")

    def _insert(self, vmas: list[Vma]) -> None:
        """Adds areas with their objects. Raises OutOfMemory with nothing changed."""
        nodes = self.space.tree_nodes
        for vma in vmas:
            self.space.insert(vma)
        try:
            self._slabs.alloc_many({VMA_CACHE: len(vmas), NODE_CACHE: self.space.tree_nodes - nodes}, self.node)
        except OutOfMemory:
            for vma in vmas:
                self.space.remove(vma)
            raise
