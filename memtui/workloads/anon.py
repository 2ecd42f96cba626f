"""`anon`: processes with private anonymous memory, which exit at the entry's `end`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from memtui.units import PPM, frames_of
from memtui.workloads.params import Count, Params, PositiveSize, Share

Thp = Literal["never", "madvise", "always"]
"""Which VMAs may have huge pages: none; those advised with MADV_HUGEPAGE; all, if the kernel says `always`."""


def check_vmas(size_bytes: int, vmas: int) -> None:
    """Raises ValueError unless every VMA gets a page at least."""
    pages = frames_of(size_bytes)
    if vmas > pages:
        raise ValueError(f"{vmas} VMAs need a page each and there are {pages}; expected fewer vmas or more memory")


class AnonParams(Params):
    """Processes that map and touch anonymous memory, all alike."""

    size: PositiveSize = Field(description="bytes each process maps, over all of its VMAs")
    processes: Count = Field(default=1, description="how many processes")
    vmas: Count = Field(default=1, description="VMAs of each process; they share the size evenly")
    thp: Thp = Field(
        default="never",
        description="never: no huge pages; madvise: MADV_HUGEPAGE, eligible unless the kernel says never; "
        "always: as the kernel's thp setting decides",
    )
    touch: Share = Field(default=PPM, description="share of each VMA that is written once, from its start")
    rewrite: int = Field(
        default=0, ge=0, le=1000, description="how many times what was touched is written over once more"
    )

    @model_validator(mode="after")
    def _whole_pages(self) -> Self:
        check_vmas(self.size, self.vmas)
        return self
