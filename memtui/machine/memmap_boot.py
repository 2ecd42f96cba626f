"""The memmap as boot code laid it out, and which of its frames have become ordinary memory since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError
from memtui.machine.geometry import SECTION_FRAMES, STRUCT_PAGES_PER_FRAME
from memtui.machine.physical.extents import Run
from memtui.machine.physical.ranges import RangeSet

SECTION_MEMMAP_FRAMES: Final = SECTION_FRAMES // STRUCT_PAGES_PER_FRAME
"""Frames of memmap per section: 512, one 2 MiB leaf of vmemmap."""


@dataclass(slots=True)
class NodeMemmap:
    """A node's memmap as boot code laid it out: sections in order, backed by consecutive frames."""

    sections: tuple[Run, ...]
    """Runs of section numbers the node has."""
    base_frame: int

    @property
    def frames(self) -> int:
        """Frames it took at boot."""
        return sum(count for _, count in self.sections) * SECTION_MEMMAP_FRAMES

    def boot_frames_of(self, start: int, frames: int) -> Run | None:
        """The boot frames that hold the struct pages of [start, start + frames), which one run of sections holds."""
        offset = 0
        for first, count in self.sections:
            low, high = first * SECTION_FRAMES, (first + count) * SECTION_FRAMES
            if low <= start < high:
                inside = (start - low) // STRUCT_PAGES_PER_FRAME
                return self.base_frame + offset + inside, frames // STRUCT_PAGES_PER_FRAME
            offset += count * SECTION_MEMMAP_FRAMES
        return None

    def boot_runs_of(self, start: int, end: int) -> Iterator[Run]:
        """Runs of boot frames that hold the struct pages of [start, end), in order."""
        for first, count in self.sections:
            low, high = max(start, first * SECTION_FRAMES), min(end, (first + count) * SECTION_FRAMES)
            if low < high and (run := self.boot_frames_of(low, high - low)) is not None:
                yield run


class BootMemmap:
    """Boot's frames of struct pages on all nodes."""

    def __init__(self, core: Core, nodes: list[NodeMemmap], owner: KernelOwner) -> None:
        self._core = core
        self._nodes = nodes
        self._owner = owner
        self._given_over = RangeSet()
        """Boot frames that became ordinary memory."""
        self.full_frames = sum(node.frames for node in nodes)
        """Frames of boot: what all struct pages take when nothing is shared."""

    @property
    def frames(self) -> int:
        """Boot frames that still hold struct pages (nr_memmap_boot_pages)."""
        return self.full_frames - self._given_over.count

    def frames_of(self, start: int, frames: int, node: int) -> Run:
        """The boot frames for the struct pages of a run of RAM inside one section. Raises FrameStateError."""
        found = self._nodes[node].boot_frames_of(start, frames)
        if found is None:
            raise FrameStateError(f"no memmap for frame {start:#x} on node {node}")
        return found

    def hand_over(self, start: int, end: int, node: int, *, kept: int = 0) -> None:
        """Boot frames that still hold struct pages of [start, end), but the first `kept`, become ordinary memory."""
        found = False
        for first, frames in self._nodes[node].boot_runs_of(start, end):
            found = True
            for low, high in self._given_over.missing(first + min(kept, frames), first + frames):
                self._given_over.add(low, high)
                self._core.allocator.hand_over(low, high - low, self._owner)
            kept = max(0, kept - frames)
        if not found:
            raise FrameStateError(f"no memmap for frame {start:#x} on node {node}")

    def hand_over_tails(self, start: int, end: int, page_frames: int, node: int, *, kept: int) -> None:
        """The same for each huge page of a run, which keeps its first `kept` boot frames, one at least."""
        each = page_frames // STRUCT_PAGES_PER_FRAME
        boot = list(self._nodes[node].boot_runs_of(start, end))
        if len(boot) != 1 or self._given_over.missing(boot[0][0], sum(boot[0])) != [(boot[0][0], sum(boot[0]))]:
            for page in range(start, end, page_frames):
                self.hand_over(page, page + page_frames, node, kept=kept)
            return
        first, frames = boot[0]
        tails = [(low + kept, low + each) for low in range(first, first + frames, each)]
        self._given_over.add(*tails[-1])
        self._given_over.add_apart(tails[:-1])
        for low, high in tails:
            self._core.allocator.hand_over(low, high - low, self._owner)

    def runs(self) -> Iterator[Run]:
        """Frames that still hold struct pages."""
        for node in self._nodes:
            for low, high in self._given_over.missing(node.base_frame, node.base_frame + node.frames):
                yield low, high - low

    def check(self, gone: Iterable[tuple[int, int, int]]) -> None:
        """Raises FrameStateError unless exactly these frames were given over.

        `gone`: RAM [start, end) whose struct pages left their boot frames, and how many of the first
        frames they kept all the same.
        """
        expected = RangeSet()
        for start, end, kept in gone:
            for node in self._nodes:
                left = kept
                for first, frames in node.boot_runs_of(start, end):
                    if left < frames:
                        expected.add(first + left, first + frames)
                    left = max(0, left - frames)
        if list(expected) != list(self._given_over) or expected.count != self._given_over.count:
            raise FrameStateError("boot frames of the memmap were given over that still hold struct pages, or not")
