"""`fork_storm`: a big process forks, and its children live for a while."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from memtui.units import DURATION_HINT
from memtui.workloads.anon import Thp, check_vmas
from memtui.workloads.params import MAX_TIME_NS, WRITTEN, Count, Duration, Params, PositiveSize, Share, read_duration

FOREVER: Final = "forever"
"""What `hold` says when the children live until the entry's `end`."""


def _hold(value: Any, info: ValidationInfo) -> int | None:
    if value == FOREVER or (value is None and info.context is not WRITTEN):
        return None
    try:
        return read_duration(value, info)
    except ValueError as error:
        raise ValueError(f"{error}, or forever") from None


Hold = Annotated[
    Annotated[int, Field(ge=0, le=MAX_TIME_NS)] | None,
    BeforeValidator(_hold),
    WithJsonSchema(
        {"type": ["string", "integer"], "format": "duration", "description": f"{DURATION_HINT}, or forever"}
    ),
]
"""Nanoseconds, or None for `forever`."""


class ForkStormParams(Params):
    """One parent's memory, and the children that come of it."""

    parent: PositiveSize = Field(description="bytes the first process has touched before it forks")
    children: Count = Field(description="how many forks in all")
    shape: Literal["fan", "chain", "relay"] = Field(
        default="fan",
        description="fan: one parent forks all; chain: each child forks the next and all live; "
        "relay: each parent exits after forking",
    )
    vmas: Count = Field(default=1, description="VMAs the parent's memory is split into, evenly")
    thp: Thp = Field(default="never", description="huge pages for the parent's memory, as in anon")
    writes: Share = Field(default=0, description="share of the memory each child writes, and so copies")
    spacing: Duration = Field(default=0, description="time between two forks, beyond what a fork takes")
    hold: Hold = Field(
        default=0, description="how long all live after the last fork, then all exit; forever: until end"
    )

    @model_validator(mode="after")
    def _whole_pages(self) -> Self:
        check_vmas(self.parent, self.vmas)
        return self
