"""The end of an address space in parts: its pages go slot by slot, then its page tables (`exit_mmap`, mm/mmap.c).

Linux gives the CPU up between page tables while it unmaps (`zap_pmd_range` calls cond_resched()).
"""

from __future__ import annotations

from collections.abc import Iterator

from memtui.machine.anon_memory import AnonMemory
from memtui.machine.parts import PART_PIECES
from memtui.machine.process import Process
from memtui.machine.vma import Vma
from memtui.units import FRAMES_2M


def exit_mmap(process: Process, memory: AnonMemory) -> Iterator[None]:
    """Unmaps the anonymous pages of a process that does nothing any more; yields after every part but the last.

    Less than a part of its page tables stays, and everything that is not pages.
    """
    room = PART_PIECES
    for vma in list(process.space):
        while len(vma.mapped):
            if room <= 0:
                yield
                room = PART_PIECES
            start, end, pieces = _front(vma, room)
            pages, leaves = memory.zap(vma, start, end)
            process.rss_pages -= pages
            process.huge_pages -= leaves
            room -= pieces
    while process.tables.frames > PART_PIECES:
        yield
        process.tables.release_some(PART_PIECES)


def _front(vma: Vma, most: int) -> tuple[int, int, int]:
    """(first page, one past the last, pieces of memory) of about the first `most` pieces that a VMA maps.

    They end with a 2 MiB slot, so that no huge page is cut.
    """
    start, pieces = next(iter(vma.mapped))[0], 0
    end = start
    for low, high, mapping in vma.mapped:
        end, found = mapping.store.frames.reach(low, high, most - pieces)
        pieces += max(1, found)
        if pieces >= most:
            end = max(end // FRAMES_2M, start // FRAMES_2M + 1) * FRAMES_2M
            break
    return start, min(end, vma.end), pieces
