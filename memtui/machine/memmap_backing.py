"""Where the struct pages of huge pages lie once they have left the boot memmap."""

from __future__ import annotations

from memtui.machine.geometry import STRUCT_PAGES_PER_FRAME
from memtui.machine.physical.extents import FrameList
from memtui.units import FRAMES_1G, FRAMES_2M


def memmap_frames(page_frames: int) -> int:
    """Frames that the struct pages of a page of so many base frames fill: 8 for 2 MiB, 4096 for 1 GiB."""
    return page_frames // STRUCT_PAGES_PER_FRAME


class Backing:
    """A run of huge pages whose struct pages have frames from the allocator, all of them or all but the first."""

    __slots__ = ("frames", "heads", "page_frames", "tails")

    def __init__(self, frames: int, page_frames: int, heads: FrameList, tails: FrameList) -> None:
        self.frames = frames
        """RAM the run covers, in base frames."""
        self.page_frames = page_frames
        """Base frames per page: what the run can be cut at."""
        self.heads = heads
        """The frame each page keeps; empty while that is still the boot frame it always was."""
        self.tails = tails
        """Its other frames, page after page; empty while the pages are optimised."""

    @property
    def optimised(self) -> bool:
        """Whether the tails are shared."""
        return self.tails.frames == 0

    @property
    def allocated(self) -> int:
        """Frames from the allocator."""
        return self.heads.frames + self.tails.frames

    @property
    def consistent(self) -> bool:
        """Whether it has as many frames as its pages need."""
        pages = self.frames // self.page_frames
        tails = 0 if self.optimised else pages * (memmap_frames(self.page_frames) - 1)
        return self.heads.frames in (0, pages) and self.tails.frames == tails

    def first_frames(self, page: int) -> list[int | None]:
        """The frame behind each of the first 8 vmemmap pages of the run's `page`-th page; None: its boot frame."""
        head = self.heads.at(page) if self.heads.frames else None
        count = memmap_frames(FRAMES_2M)
        if self.optimised:
            return [head] * count
        first = page * (memmap_frames(self.page_frames) - 1)
        return [head, *(self.tails.at(first + index) for index in range(count - 1))]

    def cut(self, frames: int) -> Backing:
        """Takes the first `frames` of RAM off this run and returns them as a run of their own."""
        pages = frames // self.page_frames
        tails = 0 if self.optimised else pages * (memmap_frames(self.page_frames) - 1)
        self.frames -= frames
        return Backing(frames, self.page_frames, self.heads.take(pages), self.tails.take(tails))


def in_2m_pages(backing: Backing) -> list[Backing]:
    """A restored run of 1 GiB pages, as runs that can be cut at 2 MiB: its frames are its own either way.

    With heads in boot frames only the first 2 MiB of each GiB have such a head.
    """
    if backing.page_frames == FRAMES_2M:
        return [backing]
    if backing.heads.frames:
        frames = FrameList([*backing.heads, *backing.tails])
        return [Backing(backing.frames, FRAMES_2M, frames.take(backing.frames // FRAMES_2M), frames)]
    parts: list[Backing] = []
    for _ in range(backing.frames // FRAMES_1G):
        others = FRAMES_1G - FRAMES_2M
        tails = backing.tails.take(memmap_frames(FRAMES_2M) - 1)
        parts.append(Backing(FRAMES_2M, FRAMES_2M, FrameList(), tails))
        heads = backing.tails.take(others // FRAMES_2M)
        rest = backing.tails.take(memmap_frames(others) - heads.frames)
        parts.append(Backing(others, FRAMES_2M, heads, rest))
    return parts
