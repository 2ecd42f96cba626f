"""BPF programs in packs (`bpf_prog_pack`, kernel/bpf/core.c, Linux 5.18 and later).

A pack is 2 MiB for every node there may be, read-only and executable as a whole; programs are
poked into chunks of 64 bytes of it, first fit, first pack first. The chunks of a program that goes
are filled with traps and used again; a pack that is empty is given back, the first one, which
boot made, excepted. A program larger than a pack has pages of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from memtui.machine.core import Core
from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.exec_memory.base import CODE, ExecRange, Image, MemType, ModuleMemory
from memtui.machine.exec_memory.program_pages import ProgramPages
from memtui.machine.free_ranges import FreeRanges
from memtui.machine.physical.extents import Run
from memtui.snapshot import PolicyRow
from memtui.units import MIB, PAGE_BYTES, frames_of

CHUNK_BYTES: Final = 64
"""BPF_PROG_CHUNK_SIZE."""
PACK_BYTES_PER_NODE: Final = 2 * MIB


@dataclass(slots=True)
class Pack:
    """One pack: its memory and how many of its chunks hold code."""

    memory: ExecRange
    used: int = 0


class Packs:
    """All packs (`ProgramMemory`)."""

    def __init__(self, core: Core, memory: ModuleMemory, boot: ExecRange | None) -> None:
        """`boot`: the pages of boot's pack, where boot code chose them. Raises OutOfMemory with nothing kept."""
        self._core = core
        self._memory = memory
        self._own = ProgramPages(memory)
        self.pack_bytes = PACK_BYTES_PER_NODE * core.allocator.nodes
        self.chunks_per_pack = self.pack_bytes // CHUNK_BYTES
        self._free = FreeRanges()
        """Free chunks of all packs, each pack's behind those of the packs before it, with a gap of one between."""
        self._packs: dict[int, Pack] = {}
        self._numbers = 0
        self._boot_pack = self._new_pack(boot)

    @property
    def count(self) -> int:
        """Packs there are."""
        return len(self._packs)

    @property
    def used_chunks(self) -> int:
        """64-byte chunks that hold code."""
        return self.count * self.chunks_per_pack - self._free.count

    def allocate(self, size_bytes: int) -> Image:
        """Chunks of the first pack with room. Raises OutOfMemory with nothing kept but splits."""
        if size_bytes > self.pack_bytes:
            with self._core.acting("BPF program"):
                return self._own.allocate(size_bytes)
        chunks = -(-size_bytes // CHUNK_BYTES)
        place = self._free.first_fit(chunks)
        if place is None:
            place = self._new_pack(None) * self._stride
        self._free.remove(place, place + chunks)
        number, first = divmod(place, self._stride)
        self._packs[number].used += chunks
        return Image(size_bytes, None, number, first, chunks)

    def free(self, image: Image) -> None:
        """Gives chunks back, and the pack if it was the last program in it."""
        if image.own is not None:
            with self._core.acting("BPF program"):
                self._own.free(image)
            return
        place, pack = image.pack * self._stride + image.first_chunk, self._packs[image.pack]
        self._free.add(place, place + image.chunks)
        pack.used -= image.chunks
        if not pack.used and image.pack != self._boot_pack:
            first = image.pack * self._stride
            self._free.remove(first, first + self.chunks_per_pack)
            del self._packs[image.pack]
            with self._core.acting("BPF pack"):
                self._memory.free(pack.memory)

    def rows(self) -> tuple[PolicyRow, ...]:
        """Packs, and their chunks, for people to see."""
        return (
            PolicyRow("BPF packs", self.count, "packs"),
            PolicyRow("used chunks", self.used_chunks, "chunks"),
            PolicyRow("free chunks", self._free.count, "chunks"),
        )

    def runs(self) -> Iterator[Run]:
        """Frames of all packs."""
        for pack in self._packs.values():
            yield from pack.memory.runs(CODE)

    def check(self, programs: list[Image]) -> None:
        """Raises FrameStateError unless the chunks in use are exactly those of the programs."""
        taken = FreeRanges()
        for image in programs:
            if image.own is None:
                place = image.pack * self._stride + image.first_chunk
                taken.add(place, place + image.chunks)
        for number, pack in self._packs.items():
            first = number * self._stride
            if pack.used != sum(image.chunks for image in programs if image.own is None and image.pack == number):
                raise FrameStateError(f"BPF pack {number} counts {pack.used} chunks in use")
            taken.add(first + self.chunks_per_pack, first + self._stride)
        for low, high in self._free:
            taken.add(low, high)
        if taken.count != self.count * self._stride:
            raise FrameStateError(f"{taken.count} chunks of {self.count} BPF packs are free or in use")

    @property
    def _stride(self) -> int:
        return self.chunks_per_pack + 1

    def _new_pack(self, memory: ExecRange | None) -> int:
        """A new pack, all free and read-only; returns its number. Raises OutOfMemory."""
        with self._core.acting("BPF pack"):
            memory = memory or self._memory.allocate(((MemType.BPF, frames_of(self.pack_bytes)),))
            try:
                self._memory.protect(memory, CODE)
            except OutOfMemory:
                self._memory.free(memory)
                raise
        number, self._numbers = self._numbers, self._numbers + 1
        self._packs[number] = Pack(memory)
        first = number * self._stride
        self._free.add(first, first + self.chunks_per_pack)
        where = next(iter(memory.runs(CODE)))[0] * PAGE_BYTES
        why = "the others have no room for it" if len(self._packs) > 1 else "the first"
        self._core.log(f"BPF takes a new pack of {self.pack_bytes // MIB} MiB at {where:#x}: {why}")
        return number
