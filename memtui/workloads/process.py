"""`process` and `process_*`: one program, driven step by step by the entries that name it.

`anon` and `fork_storm` run a whole life in one entry; these actions take it apart, so that a
scenario can look at the machine between mapping, touching, forking and writing.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from memtui.machine.vma import ThpAdvice
from memtui.units import PPM
from memtui.workloads.anon import check_vmas
from memtui.workloads.params import AnySize, Count, Params, PositiveSize, Share

Name = Annotated[str, Field(min_length=1, max_length=255)]
"""What a process is called, any text."""

AREA: Final = "memory"
"""What an area is called that is given no name."""


class ProcessParams(Params):
    """A program that is started, with nothing mapped beyond itself; its `end` makes it exit."""

    short_field: ClassVar[str | None] = "name"

    name: Name = Field(description="name of the process, for the entries that use it")


class ProcessMapParams(Params):
    """Private anonymous memory mapped by a process; the entry's `end` unmaps it."""

    process: Name = Field(description="name of the process; of several, each maps its own")
    size: PositiveSize = Field(description="bytes it maps, over all VMAs")
    vmas: Count = Field(default=1, description="VMAs; they share the size evenly and cannot merge")
    thp: ThpAdvice = Field(default="never", description="huge pages, as in anon")
    touch: Share = Field(default=PPM, description="share of each VMA that is written at once, from its start")
    area: Name = Field(default=AREA, description="name of the VMAs, for the entries that use them")

    @model_validator(mode="after")
    def _whole_pages(self) -> Self:
        check_vmas(self.size, self.vmas)
        return self


class ProcessForkParams(Params):
    """Forks of a process; the entry's `end` makes those children exit that still live."""

    process: Name = Field(description="name of the process that forks, or whose child does")
    children: Count = Field(default=1, description="how many forks in all")
    child: Name = Field(default="child", description="name of the children, for the entries that use them")
    shape: Literal["fan", "chain", "relay"] = Field(
        default="fan",
        description="fan: the process forks all; chain: each child forks the next and all live; "
        "relay: each child exits after forking the next",
    )
    writes: AnySize = Field(
        default=0,
        description="bytes of the area each child writes before the next fork, each those after the one before",
    )
    area: Name = Field(default=AREA, description="the area it writes to")


class ProcessWriteParams(Params):
    """Writes to memory that processes have mapped: the first touch of pages, or a copy of shared ones."""

    process: Name = Field(description="name of the process; of several, each writes")
    share: Share = Field(default=PPM, description="share of the pages that is written, spread over all of them")
    size: PositiveSize | None = Field(
        default=None, description="bytes from the area's start that the share is of; without it the whole area"
    )
    area: Name = Field(default=AREA, description="the area that is written to; of several, all")


class ProcessDiscardParams(Params):
    """madvise(2) with MADV_DONTNEED on single pages: they go back, and the area stays mapped."""

    process: Name = Field(description="name of the process; of several, each gives pages back")
    one_in: int = Field(default=2, ge=1, le=1 << 20, description="one page in so many goes")
    random: bool = Field(default=False, description="true: at random places; false: the first of every so many")
    area: Name = Field(default=AREA, description="the area that gives pages back; of several, all")
