"""`fragment`: free memory is scattered, as on a machine that has run for months."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from memtui.workloads.params import Params, Share


class FragmentParams(Params):
    """How much of memory, and how finely."""

    free: Annotated[Share, Field(gt=0)] = Field(
        description="share of memory in which no free block above the order is left"
    )
    order: int = Field(ge=0, le=9, description="largest free block left there, 2^order base pages")
