"""The program every simulated process runs: a small static one, as the recordings' test program is.

It has eleven areas before it maps memory to work with. Five have been written and so have an
anon_vma: the relocated constants, data, bss, heap and stack. Their addresses lie so that
11 tables map them all (44 kB): the PGD; three PUD and three PMD tables, for the program, the
mappings and the stack; and four PTE tables, for the program, the heap, the mappings and the stack
with the vDSO above it (recordings, "Anonymous memory and fork").
"""

from __future__ import annotations

from typing import Final, NamedTuple

from memtui.machine.address_space import MMAP_BASE
from memtui.machine.vma import VmaKind


class Segment(NamedTuple):
    """One area of the program. Figures are in pages."""

    name: str
    start: int
    pages: int
    written: int = 0
    """Pages from its start that the program has written once it runs; 0: file pages only."""
    written_after_fork: int = 0
    """Pages of these that a child writes at once, and so copies."""

    @property
    def kind(self) -> VmaKind:
        """Anonymous if the program writes it."""
        return VmaKind.ANON if self.written else VmaKind.FILE


IMAGE: Final = (
    Segment("elf headers", 0x400, 1),
    Segment("text", 0x401, 0x9A),
    Segment("rodata", 0x49B, 0x29),
    Segment("relro", 0x4C4, 5, written=5),
    Segment("data", 0x4C9, 2, written=2, written_after_fork=1),
    Segment("bss", 0x4CB, 6, written=3, written_after_fork=2),
    Segment("[heap]", 0x1C3D, 0x22, written=3, written_after_fork=1),
    Segment("shared page", MMAP_BASE - 1, 1),
    Segment("[stack]", 0x7_FFFF_F9C0, 0x22, written=3, written_after_fork=2),
    Segment("[vvar]", 0x7_FFFF_F9F8, 4),
    Segment("[vdso]", 0x7_FFFF_F9FC, 2),
)
"""Ascending by address. The pages a child writes sum to the 24 kB recorded per child."""

TASK_OBJECTS: Final = {
    "task_struct": 1,
    "mm_struct": 1,
    "files_cache": 1,
    "signal_cache": 1,
    "sighand_cache": 1,
    "pid": 1,
    "cred": 1,
}
"""Kernel objects of every process, beside those of its areas."""
