"""`fragment`: free memory is scattered, as on a machine that has run for months."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from memtui.machine.fragment import Fragmentation
from memtui.units import PAGE_BYTES, format_bytes, format_count, format_frames
from memtui.workloads.base import Activity, Context, Steps, in_parts
from memtui.workloads.params import Params, Share
from memtui.workloads.program_memory import step_pages


class FragmentParams(Params):
    """How much of memory, and how finely."""

    free: Annotated[Share, Field(gt=0)] = Field(
        description="share of memory in which no free block above the order is left"
    )
    order: int = Field(ge=0, le=9, description="largest free block left there, 2^order base pages")


class Fragment(Activity[FragmentParams]):
    """Keeps one page, at random, in every 2^(order + 1) free ones."""

    action = "fragment"
    params_type = FragmentParams

    def __init__(self, params: FragmentParams, context: Context) -> None:
        super().__init__(params, context)
        self._fragmentation: Fragmentation | None = None

    def start(self) -> Steps:
        """Works through every node, the largest free blocks first."""
        fragmenter, params = self.machine.fragmenter, self.params
        work = self._fragmentation = fragmenter.begin(params.order, self.context.rng)
        shares = [fragmenter.share_of(node, params.free) for node in range(self.machine.core.allocator.nodes)]
        step, done = step_pages(sum(shares)), 0
        for node, share in enumerate(shares):
            while share > 0 and (part := work.scatter(node, min(step, share))):
                share -= part
                done += part
                self.progress = f"{format_frames(done)} of {format_frames(sum(shares))}"
                yield self.machine.take_ns()
        block = format_bytes(PAGE_BYTES << params.order)
        kept = f"{format_count(work.anon.frames)} movable and {format_count(work.pinned.frames)} unmovable pages"
        self.machine.core.log(f"no free block above {block} is left in {format_frames(done)}: {kept} are in the way")

    def finish(self) -> Steps:
        """Frees every page kept."""
        if self._fragmentation is not None:
            work, self._fragmentation = self._fragmentation, None
            yield from in_parts(self.machine, self.machine.fragmenter.end_in_parts(work))
            self.machine.core.log("the pages in the way are freed, and free blocks join again")
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether pages are in the way."""
        return self._fragmentation is not None
