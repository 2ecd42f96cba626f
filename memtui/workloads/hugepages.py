"""`nr_hugepages`: an administrator resizes a pool of huge pages."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from memtui.machine.core import Severity
from memtui.machine.hugetlb import PAGE_NAMES, Resize
from memtui.units import GIB, MIB, PAGE_BYTES, format_count
from memtui.workloads.base import WAIT_NS, Activity, Steps
from memtui.workloads.params import Params, Size, exact_size

PAGE_SIZES: Final = (2 * MIB, GIB)
"""The huge pages x86-64 has: one PMD entry, one PUD entry."""

MAX_PAGES: Final = 1 << 40
"""More than any machine could hold; the kernel stops where memory ends, this stops before nonsense."""


def _page_size(size_bytes: int) -> int:
    if size_bytes not in PAGE_SIZES:
        raise ValueError(f"{exact_size(size_bytes)} is no huge page size; expected 2MiB or 1GiB")
    return size_bytes


class NrHugepagesParams(Params):
    """How many huge pages the pool is asked to hold; short form: the count alone."""

    short_field: ClassVar[str | None] = "count"

    count: int = Field(ge=0, le=MAX_PAGES, description="pages the pool should hold; 0 empties it")
    size: Annotated[Size, AfterValidator(_page_size)] = Field(
        default=2 * MIB, description="size of one page: 2MiB or 1GiB"
    )
    node: int | None = Field(
        default=None, ge=0, description="the NUMA node that gains or loses pages; without it all nodes in turn"
    )


class NrHugepages(Activity[NrHugepagesParams]):
    """One write to nr_hugepages."""

    action = "nr_hugepages"
    params_type = NrHugepagesParams

    def start(self) -> Steps:
        """Resizes the pool; takes as long as the kernel needs for it."""
        params = self.params
        if params.node is not None and params.node >= self.machine.config.nodes:
            self.machine.core.log(f"there is no node {params.node}; nothing done", Severity.BAD)
            return
        size_frames = params.size // PAGE_BYTES
        hugetlb = self.machine.hugetlb
        yield from wait_for_resize(self)
        before = hugetlb.pages(size_frames)
        steps = hugetlb.resize(params.count, size_frames, params.node)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                result: Resize = done.value
                break
            self.progress = self._progress(hugetlb.pages(size_frames), before)
            yield self.machine.take_ns()
        self.progress = f"{format_count(result.after)} of {format_count(result.asked)} {self._unit}"
        yield self.machine.take_ns()

    @property
    def _unit(self) -> str:
        return f"pages of {PAGE_NAMES[self.params.size // PAGE_BYTES]}"

    def _progress(self, pages: int, before: int) -> str:
        """How far a resize is. A pool that shrinks loses its pages first, and then they are freed."""
        if pages < before:
            return f"{format_count(before - pages)} {self._unit} being freed, {format_count(pages)} kept"
        return f"{format_count(pages)} of {format_count(self.params.count)} {self._unit}"


def wait_for_resize(activity: Activity[Any]) -> Steps:
    """Only one write to nr_hugepages at a time: the others wait for it (resize_lock)."""
    while activity.machine.hugetlb.resizing:
        activity.progress = "waits for another resize"
        yield WAIT_NS
