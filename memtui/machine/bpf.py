"""BPF programs (kernel/bpf/core.c): instructions and data in vmalloc pages and slab, JITed code in executable memory.

Where the code lies, in packs with that of others or in pages of its own, is the policy `exec_memory`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.errors import OutOfMemory
from memtui.machine.exec_memory.base import Image, ProgramMemory
from memtui.machine.latency import Timed
from memtui.machine.slab import SlabCaches
from memtui.machine.vmalloc import Area, Vmalloc

HEADER_BYTES: Final = 344
"""struct bpf_prog and what is allocated with it (recordings, BPF: 512 instructions take 8 kB, 4096 take 36)."""
SLAB_OBJECTS: Final = {"kmalloc-1k": 2, "filp": 1, "dentry": 1}
"""Slab objects per program: bpf_prog_aux, JIT data, the file (recordings: about 2.4 kB)."""


def instruction_bytes(jited_bytes: int, instructions: int | None = None) -> int:
    """Bytes of BPF instructions, 8 each; behind JITed code one for every 5.2 (recordings: 512, 2.6 kB)."""
    return jited_bytes * 80 // 52 if instructions is None else 8 * instructions


@dataclass(eq=False, slots=True)
class Program:
    """A loaded program: its instructions and its code."""

    data: Area
    image: Image


class BpfPrograms:
    """Loads and closes programs."""

    def __init__(self, core: Core, memory: ProgramMemory, vmalloc: Vmalloc, slabs: SlabCaches) -> None:
        self._core = core
        self._memory = memory
        self._vmalloc = vmalloc
        self._slabs = slabs
        self.loaded: dict[Program, None] = {}
        """Programs there are, in order of loading."""

    def load(self, size_bytes: int, instructions: int | None = None) -> Program:
        """Loads one program of so many JITed bytes. Raises OutOfMemory with nothing kept but splits."""
        with self._core.meter.timed(Timed.BPF_LOAD):
            return self._load(size_bytes, instructions)

    def close(self, program: Program) -> None:
        """Closes a program; its memory, an emptied pack too, goes back without the closer waiting for it."""
        self._core.meter.charge(costs.BPF_RELEASE)
        with self._core.meter.background():
            self._free(program)

    def images(self) -> list[Image]:
        """The code of all programs."""
        return [program.image for program in self.loaded]

    def objects(self) -> dict[str, int]:
        """Slab objects of all programs, by cache."""
        return {name: count * len(self.loaded) for name, count in SLAB_OBJECTS.items()}

    def _load(self, size_bytes: int, instructions: int | None) -> Program:
        self._core.meter.wake_up()
        self._core.meter.charge(costs.BPF_PROGRAM)
        self._core.meter.charge(costs.BPF_BYTE, size_bytes)
        data = self._vmalloc.allocate(instruction_bytes(size_bytes, instructions) + HEADER_BYTES)
        try:
            self._slabs.alloc_many(SLAB_OBJECTS)
            try:
                program = Program(data, self._memory.allocate(size_bytes))
            except OutOfMemory:
                self._slabs.free_many(SLAB_OBJECTS)
                raise
        except OutOfMemory:
            self._vmalloc.free(data, reset_perms=False)
            raise
        self.loaded[program] = None
        return program

    def _free(self, program: Program) -> None:
        """What `bpf_prog_free_deferred` does, in a worker, after a grace period."""
        del self.loaded[program]
        self._vmalloc.free(program.data, reset_perms=False)
        self._slabs.free_many(SLAB_OBJECTS)
        self._memory.free(program.image)
