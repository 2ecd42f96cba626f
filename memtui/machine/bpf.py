"""BPF programs: JITed code packed into read-only executable packs (bpf_prog_pack, kernel/bpf/core.c).

A pack is 2 MiB per node, made of single pages (or, on some kernels, of whole 2 MiB pages); sealing
it write-protects their aliases in the direct map page by page, which splits every 2M leaf they lie
in. Programs take chunks of 64 bytes, first fit; one larger than a pack gets pages of its own. An
empty pack is given back, the first one, made at boot, excepted. The program itself (instructions,
maps, statistics) lies in vmalloc pages and slab.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.execmem import GFP_HUGE_VMALLOC
from memtui.machine.latency import Timed
from memtui.machine.physical.allocator import GFP_KERNEL
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, PAGEBLOCK_ORDER
from memtui.machine.physical.extents import FrameList, Run
from memtui.machine.physical.ranges import RangeSet
from memtui.machine.slab import SlabCaches
from memtui.machine.traits import Traits
from memtui.machine.vmalloc import Area, Vmalloc
from memtui.snapshot import FrameKind
from memtui.units import MIB, PAGE_BYTES

CHUNK_BYTES: Final = 64
"""BPF_PROG_CHUNK_SIZE."""
PACK_BYTES_PER_NODE: Final = 2 * MIB
HEADER_BYTES: Final = 344
"""struct bpf_prog and what is allocated with it (recordings, BPF: 512 instructions take 8 kB, 4096 take 36)."""
SLAB_OBJECTS: Final = (("kmalloc-1k", 2), ("filp", 1), ("dentry", 1))
"""Slab objects per program: bpf_prog_aux, JIT data, the file (recordings: about 2.4 kB)."""


def instruction_bytes(jited_bytes: int, instructions: int | None = None) -> int:
    """Bytes of BPF instructions, 8 each; behind JITed code one for every 5.2 (recordings: 512, 2.6 kB)."""
    return jited_bytes * 80 // 52 if instructions is None else 8 * instructions


class Pack:
    """One pack: its area and its free chunks."""

    __slots__ = ("area", "free")

    def __init__(self, area: Area, chunks: int) -> None:
        self.area = area
        self.free = RangeSet()
        self.free.add(0, chunks)


@dataclass(eq=False, slots=True)
class Program:
    """A loaded program: where its code is and what it is made of."""

    data: Area
    pack: Pack | None
    first_chunk: int
    chunks: int
    own: Area | None
    """Its pages, if it is larger than a pack."""


class BpfPrograms:
    """All programs and packs (policy prog_pack, as Linux since 5.18 has it)."""

    def __init__(self, core: Core, vmalloc: Vmalloc, slabs: SlabCaches, traits: Traits) -> None:
        self._core = core
        self._huge_packs = traits.packs_of_huge_pages
        self._vmalloc = vmalloc
        self._slabs = slabs
        self._owner = KernelOwner("BPF packs", FrameKind.MODULE)
        self.pack_bytes = PACK_BYTES_PER_NODE * core.allocator.nodes
        self._packs: dict[Pack, None] = {}
        self.loaded: dict[Program, None] = {}
        """Programs there are, in order of loading."""
        self._boot_pack = self._new_pack(self._boot_area(both_ends=traits.boot_pack_at_both_ends))

    @property
    def packs(self) -> int:
        """Packs there are."""
        return len(self._packs)

    @property
    def used_chunks(self) -> int:
        """64-byte chunks that hold code."""
        return sum(self._chunks_per_pack - pack.free.count for pack in self._packs)

    def load(self, size_bytes: int, instructions: int | None = None) -> Program:
        """Loads one program of so many JITed bytes. Raises OutOfMemory with nothing kept but splits."""
        with self._core.meter.timed(Timed.BPF_LOAD):
            return self._load(size_bytes, instructions)

    def close(self, program: Program) -> None:
        """Closes a program; its memory, an emptied pack too, goes back without the closer waiting for it."""
        self._core.meter.charge(costs.BPF_RELEASE)
        with self._core.meter.background():
            self._free(program)

    def check(self) -> None:
        """Raises FrameStateError unless the chunks in use are those of the programs."""
        used = sum(program.chunks for program in self.loaded)
        if used != self.used_chunks:
            raise FrameStateError(f"BPF programs use {used} chunks, packs say {self.used_chunks}")

    @property
    def _chunks_per_pack(self) -> int:
        return self.pack_bytes // CHUNK_BYTES

    def _load(self, size_bytes: int, instructions: int | None) -> Program:
        self._core.meter.wake_up()
        self._core.meter.charge(costs.BPF_PROGRAM)
        self._core.meter.charge(costs.BPF_BYTE, size_bytes)
        data = self._vmalloc.allocate(instruction_bytes(size_bytes, instructions) + HEADER_BYTES)
        taken: list[tuple[str, int]] = []
        try:
            for name, count in SLAB_OBJECTS:
                self._slabs.alloc(name, count)
                taken.append((name, count))
            program = self._place(size_bytes, data)
        except OutOfMemory:
            for name, count in taken:
                self._slabs.free(name, count)
            self._vmalloc.free(data, reset_perms=False)
            raise
        self.loaded[program] = None
        return program

    def _free(self, program: Program) -> None:
        """What `bpf_prog_free_deferred` does, in a worker, after a grace period."""
        del self.loaded[program]
        self._vmalloc.free(program.data, reset_perms=False)
        for name, count in SLAB_OBJECTS:
            self._slabs.free(name, count)
        if program.own is not None:
            self._vmalloc.free(program.own, reset_perms=True)
        if program.pack is not None:
            self._release(program.pack, program.first_chunk, program.chunks)

    def objects(self) -> dict[str, int]:
        """Slab objects of all programs, by cache."""
        return {name: count * len(self.loaded) for name, count in SLAB_OBJECTS}

    def _place(self, size_bytes: int, data: Area) -> Program:
        if size_bytes > self.pack_bytes:
            own = self._sealed(self._vmalloc.allocate(-(-size_bytes // PAGE_BYTES) * PAGE_BYTES, self._owner))
            return Program(data, None, 0, 0, own)
        chunks = -(-size_bytes // CHUNK_BYTES)
        for pack in self._packs:
            first = next((low for low, high in pack.free if high - low >= chunks), None)
            if first is not None:
                break
        else:
            pack, first = self._new_pack(self._pack_area()), 0
        pack.free.remove(first, first + chunks)
        return Program(data, pack, first, chunks, None)

    def _new_pack(self, area: Area) -> Pack:
        pack = Pack(self._sealed(area), self._chunks_per_pack)
        self._packs[pack] = None
        self._core.log(f"BPF takes a new pack of {self.pack_bytes // MIB} MiB")
        return pack

    def _pack_area(self) -> Area:
        if self._huge_packs:
            try:
                return self._vmalloc.allocate(self.pack_bytes, self._owner, GFP_HUGE_VMALLOC, order=PAGEBLOCK_ORDER)
            except OutOfMemory:
                pass
        return self._vmalloc.allocate(self.pack_bytes, self._owner, GFP_KERNEL)

    def _boot_area(self, *, both_ends: bool) -> Area:
        """The first pack's pages: from the top of the highest zone, or half of each 2 MiB from its bottom.

        Boot code takes its memory from the top, and that is where scraps are left.
        """
        half = PAGEBLOCK_FRAMES // 2
        area = self._vmalloc.adopt(FrameList(), self._owner)
        for _ in range(self.pack_bytes // PACK_BYTES_PER_NODE):
            blocks = self._whole_blocks()
            if not blocks:
                self._vmalloc.free(area, reset_perms=False)
                return self._pack_area()
            part = half if both_ends else PAGEBLOCK_FRAMES
            self._vmalloc.extend(area, max(start + frames for start, frames in blocks) - part, part)
            if both_ends:
                self._vmalloc.extend(area, min(start for start, _ in blocks), part)
        return area

    def _whole_blocks(self) -> list[Run]:
        """Free runs of 2 MiB at least in the highest zone of node 0 that has some."""
        for zone in self._core.allocator.zones_of(0):
            found = [(start, frames) for start, frames, _ in zone.buddy.free_runs() if frames >= PAGEBLOCK_FRAMES]
            if found:
                return found
        return []

    def _sealed(self, area: Area) -> Area:
        """An area made read-only and executable, page by page."""
        try:
            self._vmalloc.set_read_only(area)
        except OutOfMemory:
            self._vmalloc.free(area, reset_perms=True)
            raise
        return area

    def _release(self, pack: Pack, first: int, chunks: int) -> None:
        pack.free.add(first, first + chunks)
        if pack.free.count == self._chunks_per_pack and pack is not self._boot_pack:
            del self._packs[pack]
            self._vmalloc.free(pack.area, reset_perms=True)
