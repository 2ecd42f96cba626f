"""`memfd_secret`: memory that leaves the direct map, until the entry's `end` closes it."""

from __future__ import annotations

from pydantic import Field

from memtui.workloads.params import Count, Params, PositiveSize


class MemfdSecretParams(Params):
    """Secret files, each mapped and touched whole."""

    size: PositiveSize = Field(description="bytes of one secret file; the last page may be used in part")
    count: Count = Field(default=1, description="how many files")
