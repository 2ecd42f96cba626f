"""What a hugepage pool is: runs of pages per node, taken and given back in turn (struct hstate).

How pools grow and shrink is `hugetlb.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from memtui.machine.physical.extents import FrameList

STEPS: Final = 64
"""Into about how many steps a resize is cut."""
LEAST_STEP_PAGES: Final = 64
"""Pages handled in one step, at least."""


def slice_pages(pages: int) -> int:
    """Pages handled in one step of a resize by so many."""
    return max(LEAST_STEP_PAGES, -(-pages // STEPS))


class PoolRun(NamedTuple):
    """Neighbouring pages of a pool that entered it in the same state."""

    start: int
    frames: int
    optimised: bool


@dataclass(slots=True)
class NodePool:
    """Free huge pages of one size on one node, last in first out (hugepage_freelists)."""

    runs: list[PoolRun] = field(default_factory=list)
    frames: int = 0
    surplus_pages: int = 0

    def put(self, run: PoolRun) -> None:
        """Adds pages on top, joined to the run they continue."""
        if not run.frames:
            return
        self.frames += run.frames
        last = self.runs[-1] if self.runs else None
        if last and last.start + last.frames == run.start and last.optimised is run.optimised:
            self.runs[-1] = PoolRun(last.start, last.frames + run.frames, run.optimised)
        else:
            self.runs.append(run)

    def take(self, frames: int) -> list[PoolRun]:
        """Removes pages from the top; there must be as many."""
        taken: list[PoolRun] = []
        self.frames -= frames
        while frames:
            run = self.runs.pop()
            if run.frames > frames:
                self.runs.append(PoolRun(run.start, run.frames - frames, run.optimised))
                run = PoolRun(run.start + run.frames - frames, frames, run.optimised)
            taken.append(run)
            frames -= run.frames
        return taken


@dataclass(slots=True)
class Pool:
    """The pool of one page size (struct hstate)."""

    page_frames: int
    nodes: list[NodePool]
    next_to_alloc: int = 0
    next_to_free: int = 0

    @property
    def total_pages(self) -> int:
        """Pages in the pool, surplus included (nr_huge_pages)."""
        return sum(node.frames for node in self.nodes) // self.page_frames

    @property
    def surplus_pages(self) -> int:
        """Pages more than were asked for, that could not be freed (surplus_huge_pages)."""
        return sum(node.surplus_pages for node in self.nodes)


class Turns:
    """Whose turn it is to give pages: the nodes that still can, the next one first (`hstate_next_node_to_alloc`)."""

    def __init__(self, pool: Pool, nodes: list[int]) -> None:
        self._pool = pool
        self.total = len(nodes)
        turn = next((place for place, node in enumerate(nodes) if node >= pool.next_to_alloc), 0)
        self.nodes = nodes[turn:] + nodes[:turn]

    def pass_on(self, count: int, still_open: list[int]) -> None:
        """So many pages were asked for in turn, and some nodes have run out."""
        turn = count % len(self.nodes)
        after = self.nodes[turn:] + self.nodes[:turn]
        self._pool.next_to_alloc = after[0]
        self.nodes = [node for node in after if node in still_open]


def spread(count: int, limits: list[int]) -> list[int]:
    """`count` pages taken in turn from places that can give at most `limits`: the share of each."""
    shares = [0] * len(limits)
    able = [place for place, limit in enumerate(limits) if limit]
    while count and able:
        base, extra = divmod(count, len(able))
        for turn, place in enumerate(able):
            part = min(base + (turn < extra), limits[place] - shares[place])
            shares[place] += part
            count -= part
        able = [place for place in able if shares[place] < limits[place]]
    return shares


def merged(fresh: list[tuple[int, FrameList]]) -> list[tuple[int, FrameList]]:
    """(node, pages) with all pages of a node together, in the order they came."""
    nodes: dict[int, FrameList] = {}
    for number, pages in fresh:
        nodes.setdefault(number, FrameList()).extend(pages)
    return list(nodes.items())
