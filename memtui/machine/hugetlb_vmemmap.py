"""How much of its struct pages an optimised huge page keeps: the rivals (mm/hugetlb_vmemmap.c, "HVO").

What is done with the frames, sharing, restoring and accounting, is the memmap's (`memmap.py`).
"""

from __future__ import annotations

from typing import Protocol

from memtui.machine.memmap_backing import memmap_frames


class HugetlbVmemmap(Protocol):
    """One policy."""

    moves_heads: bool
    """What an optimised page keeps is copied to new frames, so that all the old ones go together."""

    def __init__(self, *, moves_heads: bool) -> None:
        """`moves_heads`: what the Linux at hand does (6.2 and later do), where the policy leaves it open."""

    def kept_frames(self, page_frames: int) -> int:
        """Of the frames that hold the struct pages of a huge page, how many stay when it is optimised."""


class ReserveOne:
    """`hugetlb_vmemmap: reserve-1`: all tails share the frame of the head (5.18 and later)."""

    def __init__(self, *, moves_heads: bool) -> None:
        """`moves_heads`: as Linux 6.2 and later have it."""
        self.moves_heads = moves_heads

    def kept_frames(self, page_frames: int) -> int:
        """The head's."""
        return 1


class ReserveTwo:
    """`hugetlb_vmemmap: reserve-2`: the head's frame, and one that all further tails share (5.14 to 5.17)."""

    def __init__(self, *, moves_heads: bool) -> None:
        """Both stay where they are, whatever later versions do (`free_huge_page_vmemmap`)."""
        self.moves_heads = False

    def kept_frames(self, page_frames: int) -> int:
        """RESERVE_VMEMMAP_NR."""
        return min(2, memmap_frames(page_frames))


class Full:
    """`hugetlb_vmemmap: full`: every struct page in a frame of its own (before 5.14)."""

    def __init__(self, *, moves_heads: bool) -> None:
        """Nothing moves."""
        self.moves_heads = False

    def kept_frames(self, page_frames: int) -> int:
        """All."""
        return memmap_frames(page_frames)
