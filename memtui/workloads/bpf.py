"""`load_bpf`: BPF programs are loaded and JITed, and closed at the entry's `end`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from memtui.workloads.modules import MODULES_BYTES
from memtui.workloads.params import Count, Params, Size, size_between


class LoadBpfParams(Params):
    """JITed programs, all of one size."""

    size: Annotated[Size, size_between(1, MODULES_BYTES)] = Field(description="JITed bytes of one program")
    count: Count = Field(default=1, description="how many programs")
