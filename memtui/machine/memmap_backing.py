"""Where the struct pages of huge pages lie once some of them have left the boot memmap."""

from __future__ import annotations

from memtui.machine.geometry import STRUCT_PAGES_PER_FRAME
from memtui.machine.physical.extents import FrameList
from memtui.units import FRAMES_1G, FRAMES_2M


def memmap_frames(page_frames: int) -> int:
    """Frames that the struct pages of a page of so many base frames fill: 8 for 2 MiB, 4096 for 1 GiB."""
    return page_frames // STRUCT_PAGES_PER_FRAME


class Backing:
    """A run of huge pages whose struct pages have frames from the allocator: all, or all but those they keep."""

    __slots__ = ("frames", "heads", "kept", "page_frames", "tails")

    def __init__(self, frames: int, page_frames: int, kept: int, heads: FrameList, tails: FrameList) -> None:
        self.frames = frames
        """RAM the run covers, in base frames."""
        self.page_frames = page_frames
        """Base frames per page: what the run can be cut at."""
        self.kept = kept
        """Frames each page keeps when it is optimised; the last of them is what its other tails share."""
        self.heads = heads
        """The frames that pages keep, page after page; empty while they are still the boot frames they always were."""
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
    def tails_per_page(self) -> int:
        """Frames of each page beside those it keeps: none while it is optimised."""
        return 0 if self.optimised else memmap_frames(self.page_frames) - self.kept

    @property
    def boot_kept(self) -> int:
        """Boot frames that each page still has."""
        return 0 if self.heads.frames else self.kept

    @property
    def consistent(self) -> bool:
        """Whether it has as many frames as its pages need."""
        pages = self.frames // self.page_frames
        return self.heads.frames in (0, pages * self.kept) and self.tails.frames == pages * self.tails_per_page

    def first_frames(self, page: int) -> list[int | None]:
        """The frame behind each of the first 8 vmemmap pages of the run's `page`-th page; None: its boot frame."""
        first, count = page * self.kept, memmap_frames(FRAMES_2M)
        heads = [self.heads.at(first + index) if self.heads.frames else None for index in range(self.kept)]
        if self.optimised:
            return heads + [heads[-1]] * (count - self.kept)
        tail = page * self.tails_per_page
        return heads + [self.tails.at(tail + index) for index in range(count - self.kept)]

    def cut(self, frames: int) -> Backing:
        """Takes the first `frames` of RAM off this run and returns them as a run of their own."""
        pages = frames // self.page_frames
        tails = pages * self.tails_per_page
        self.frames -= frames
        heads = self.heads.take(pages * self.kept) if self.heads.frames else FrameList()
        return Backing(frames, self.page_frames, self.kept, heads, self.tails.take(tails))


def in_2m_pages(backing: Backing) -> list[Backing]:
    """A restored run of 1 GiB pages, as runs that can be cut at 2 MiB: its frames are its own either way.

    With heads in boot frames only the first 2 MiB of each GiB have such a head.
    """
    if backing.page_frames == FRAMES_2M:
        return [backing]
    kept = backing.kept
    if backing.heads.frames:
        frames = FrameList([*backing.heads, *backing.tails])
        return [Backing(backing.frames, FRAMES_2M, kept, frames.take(backing.frames // FRAMES_2M * kept), frames)]
    parts: list[Backing] = []
    for _ in range(backing.frames // FRAMES_1G):
        others = FRAMES_1G - FRAMES_2M
        tails = backing.tails.take(memmap_frames(FRAMES_2M) - kept)
        parts.append(Backing(FRAMES_2M, FRAMES_2M, kept, FrameList(), tails))
        heads = backing.tails.take(others // FRAMES_2M * kept)
        rest = backing.tails.take(memmap_frames(others) - heads.frames)
        parts.append(Backing(others, FRAMES_2M, kept, heads, rest))
    return parts
