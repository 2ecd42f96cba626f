"""`fail_page_alloc`: allocations fail on purpose, as with the kernel's fault injection."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from memtui.machine.core import Severity
from memtui.machine.physical.fail_page_alloc import RANDOM_BITS, FailPageAlloc, FaultAttributes
from memtui.units import PPM, format_count
from memtui.workloads.base import Activity, Context, Steps
from memtui.workloads.params import AnySize, Count, Params, Share
from memtui.workloads.wording import plural


class FailPageAllocParams(Params):
    """Which allocations fail: the attributes of /sys/kernel/debug/fail_page_alloc."""

    probability: Annotated[Share, Field(gt=0)] = Field(default=PPM, description="how likely each candidate fails")
    interval: Count = Field(default=1, description="only every so many-th allocation is a candidate")
    times: Count | None = Field(default=None, description="how many fail at most; left out: no limit")
    space: AnySize = Field(default=0, description="memory that is allocated before the first candidate")
    min_order: int = Field(default=0, ge=0, le=10, description="smaller blocks than 2^order base pages are left alone")


class FailAllocations(Activity[FailPageAllocParams]):
    """Failures from now on, until it is ended or another takes its place."""

    action = "fail_page_alloc"
    params_type = FailPageAllocParams

    def __init__(self, params: FailPageAllocParams, context: Context) -> None:
        super().__init__(params, context)
        self._faults: FailPageAlloc | None = None

    def start(self) -> Steps:
        """Sets the attributes."""
        params, rng = self.params, self.context.rng
        attributes = FaultAttributes(params.probability, params.interval, params.times, params.space, params.min_order)
        faults = FailPageAlloc(attributes, lambda: rng.getrandbits(RANDOM_BITS), self._report)
        self._faults = self.machine.core.allocator.fail_page_alloc = faults
        self.progress = "no failure so far"
        yield self.machine.take_ns()

    def finish(self) -> Steps:
        """Lets allocations be again."""
        allocator, faults = self.machine.core.allocator, self._faults
        if faults is not None:
            if allocator.fail_page_alloc is faults:
                allocator.fail_page_alloc = None
            self._faults = None
            failed = f"{format_count(faults.failures)} {plural(faults.failures, 'allocation')}"
            self.machine.core.log(f"{failed} made to fail")
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether it is in force."""
        return self._faults is not None

    def _report(self, order: int) -> None:
        """Says so, as the kernel does with verbose=1."""
        self.machine.core.log(f"an allocation of order {order} is made to fail", Severity.NOTICE, "fail_page_alloc")
        if self._faults is not None:
            count = self._faults.failures
            self.progress = f"{format_count(count)} {plural(count, 'allocation')} made to fail"
