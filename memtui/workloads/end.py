"""`end`: what a labelled entry made is given back."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from memtui.workloads.params import Params


class EndParams(Params):
    """The label of an earlier entry; always written short: `end: keys`."""

    short_field: ClassVar[str | None] = "label"

    label: str = Field(min_length=1, description="label of the entry to end")
