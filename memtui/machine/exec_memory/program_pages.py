"""Pages of its own for every BPF program, as before Linux 5.18 (`bpf_jit_binary_alloc`)."""

from __future__ import annotations

from memtui.machine.errors import OutOfMemory
from memtui.machine.exec_memory.base import CODE, Image, MemType, ModuleMemory
from memtui.units import frames_of


class ProgramPages:
    """One allocation of whole pages per program (`ProgramMemory`)."""

    def __init__(self, memory: ModuleMemory) -> None:
        self._memory = memory

    def allocate(self, size_bytes: int) -> Image:
        """Whole pages, read-only. Raises OutOfMemory with nothing kept but splits."""
        own = self._memory.allocate(((MemType.BPF, frames_of(size_bytes)),))
        try:
            self._memory.protect(own, CODE)
        except OutOfMemory:
            self._memory.free(own)
            raise
        return Image(size_bytes, own)

    def free(self, image: Image) -> None:
        """Frees the pages."""
        assert image.own is not None
        self._memory.free(image.own)
