"""`kernel_access`: states what the kernel uses through the direct map, and how often."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from memtui.machine.tlb.cost import END_OF_ADDRESSES
from memtui.machine.tlb.working_set import WorkingSet
from memtui.units import GIB, PAGE_BYTES, format_bytes, format_count, frames_of
from memtui.workloads.base import Activity, Steps
from memtui.workloads.params import AnySize, Params, PositiveSize, Size, size_between

ZIPF_EXPONENT: Final = 0.99
"""The skew of the Yahoo cloud serving benchmark, which most published skewed accesses have."""
MOST_PER_S: Final = 10**12
"""More accesses a second than any machine makes."""


class KernelAccessParams(Params):
    """The kernel's accesses over the direct map: memory scattered over a region of physical memory, page by page."""

    size: PositiveSize | None = Field(default=None, description="memory in use, together; left out: all of the region")
    pattern: Literal["uniform", "zipf"] = Field(
        default="uniform", description="all pages alike, or the k-th most popular in proportion to 1 / k^exponent"
    )
    exponent: Annotated[float, Field(gt=0, le=4)] | None = Field(
        default=None, description="of zipf, larger is more skewed; left out: 0.99"
    )
    chunk: Annotated[Size, size_between(PAGE_BYTES, GIB)] = Field(
        default=PAGE_BYTES, description="how much of it lies in a row"
    )
    region_start: AnySize = Field(default=0, description="physical address where the region begins")
    region_size: PositiveSize | None = Field(default=None, description="how far it goes; left out: to the end of RAM")
    per_second: Annotated[int, Field(ge=1, le=MOST_PER_S)] = Field(
        default=100_000_000, description="accesses per second, over all CPUs"
    )

    @model_validator(mode="after")
    def _exponent_of_something(self) -> Self:
        if self.exponent is not None and self.pattern != "zipf":
            raise PydanticCustomError("exponent", "an exponent belongs to zipf; expected pattern: zipf beside it")
        return self


class KernelAccess(Activity[KernelAccessParams]):
    """The accesses of the kernel from now on, until it is ended or another takes its place."""

    action = "kernel_access"
    params_type = KernelAccessParams
    _set: WorkingSet | None = None

    def start(self) -> Steps:
        """States the set; a region without that much RAM gives all it has."""
        params, cost = self.params, self.machine.direct_map_cost
        start = params.region_start // PAGE_BYTES
        end = END_OF_ADDRESSES if params.region_size is None else start + frames_of(params.region_size)
        ram_bytes = cost.ram_bytes(start, end)
        if not ram_bytes:
            self.machine.core.log(f"there is no RAM at {params.region_start:#x}: nothing is accessed there")
            return
        size = ram_bytes if params.size is None else min(ram_bytes, frames_of(params.size) * PAGE_BYTES)
        zipf = (params.exponent or ZIPF_EXPONENT) if params.pattern == "zipf" else 0.0
        self._set = WorkingSet(size, start, end, zipf, params.chunk, params.per_second)
        cost.state(self._set)
        self.progress = f"{format_count(params.per_second)} accesses per second"
        where = f"{format_bytes(size)} of {format_bytes(ram_bytes)} of RAM"
        self.machine.core.log(f"{self.progress} to {where}, {params.pattern}")
        yield self.machine.take_ns()

    def finish(self) -> Steps:
        """Nothing is stated any more, unless something else has been."""
        cost = self.machine.direct_map_cost
        if self._set is not None and cost.stated is self._set:
            cost.state(None)
        self._set = None
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether it is in force."""
        return self._set is not None
