"""`load_bpf`: BPF programs are loaded and JITed, and closed at the entry's `end`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from memtui.machine.bpf import Program
from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory
from memtui.units import format_bytes
from memtui.workloads.base import Activity, Steps
from memtui.workloads.modules import MODULES_BYTES
from memtui.workloads.params import Count, Params, Size, size_between
from memtui.workloads.wording import MAX_STEPS, merge_words, plural, split_words

MAX_INSTRUCTIONS: Final = 1_000_000
"""BPF_COMPLEXITY_LIMIT_INSNS: no longer program is verified."""


class LoadBpfParams(Params):
    """JITed programs, all of one size."""

    size: Annotated[Size, size_between(1, MODULES_BYTES)] = Field(description="JITed bytes of one program")
    count: Count = Field(default=1, description="how many programs")
    instructions: Annotated[int, Field(ge=1, le=MAX_INSTRUCTIONS)] | None = Field(
        default=None, description="BPF instructions of one program; without it one for every 5.2 JITed bytes"
    )


class LoadBpf(Activity[LoadBpfParams]):
    """Loads programs, a hundred steps at most."""

    action = "load_bpf"
    params_type = LoadBpfParams
    _loaded: list[Program]

    def start(self) -> Steps:
        """Loads them; one that finds no memory fails with ENOMEM and the rest are not tried."""
        self._loaded = []
        params, core = self.params, self.machine.core
        before = self.machine.direct_map.splits
        batch = max(1, params.count // MAX_STEPS)
        for number in range(1, params.count + 1):
            try:
                self._loaded.append(self.machine.bpf.load(params.size, params.instructions))
            except OutOfMemory as short:
                core.log(f"program {number} of {params.count} fails to load: ENOMEM, {short}", Severity.BAD)
                break
            self.progress = f"{number} of {params.count} programs"
            if number % batch == 0:
                yield self.machine.take_ns()
        yield self.machine.take_ns()
        split = split_words(self.machine.direct_map, before)
        count = len(self._loaded)
        size = format_bytes(params.size)
        core.log(f"{count} BPF {plural(count, 'program')} of {size} loaded; {split}")

    def finish(self) -> Steps:
        """Closes them."""
        before = self.machine.direct_map.collapses
        while self._loaded:
            self.machine.bpf.close(self._loaded.pop())
        self.machine.core.log(f"BPF programs closed; {merge_words(self.machine.direct_map, before)}")
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether programs are loaded."""
        return bool(self._loaded)
