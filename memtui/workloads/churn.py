"""`module_churn`, `bpf_churn`: modules and programs that come and go for a long time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from memtui.machine.bpf import Program
from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory
from memtui.machine.modules import Module
from memtui.units import HOUR, KIB, PPM, format_count
from memtui.workloads.base import Activity, Steps
from memtui.workloads.module_sets import MIX_MEANING, Mix, drawn_set, reload
from memtui.workloads.module_sizes import MIXES, upgraded
from memtui.workloads.params import Count, Duration, Params, Share
from memtui.workloads.wording import split_words

SMALL: Final = ((60, 32, 512), (30, 513, 2 * KIB), (10, 2 * KIB + 1, 8 * KIB))
"""(programs in a hundred, least, most JITed bytes): filters, probes, schedulers; sizes between are alike."""
LARGE: Final = (16 * KIB, 256 * KIB)
"""JITed bytes of large programs."""
MONTH: Final = 720 * HOUR


class ModuleChurnParams(Params):
    """A set of modules, and how often one of them is unloaded and loaded again."""

    count: Count = Field(default=300, description="how many modules")
    sizes: Mix = Field(default="fleet", description=MIX_MEANING)
    loads: Count = Field(description="how many times a module is unloaded and loaded again")
    over: Duration = Field(default=MONTH, description="the time all that takes")
    upgrade: Share = Field(default=PPM // 10, description="how many of them come back in another version")


class BpfChurnParams(Params):
    """A number of BPF programs, and how often one of them is replaced."""

    programs: Count = Field(default=2000, description="how many programs")
    loads: Count = Field(description="how many times a program is closed and another loaded")
    over: Duration = Field(default=MONTH, description="the time all that takes")
    large: Share = Field(default=PPM // 100, description="how many of them are large, of 16 to 256 KiB")


def gaps(duration_ns: int, count: int) -> Iterator[int]:
    """A time, in so many parts that differ by one nanosecond at most."""
    for number in range(1, count + 1):
        yield duration_ns * number // count - duration_ns * (number - 1) // count


class ModuleChurn(Activity[ModuleChurnParams]):
    """Loads a set of modules and then reloads one at random again and again."""

    action = "module_churn"
    params_type = ModuleChurnParams
    _loaded: list[Module]

    def start(self) -> Steps:
        """The set, then reload after reload; a module that finds no memory is missing from then on."""
        self._loaded = []
        params, machine, rng = self.params, self.machine, self.context.rng
        before = machine.direct_map.splits
        for name, sizes in drawn_set(rng, params.sizes, params.count):
            try:
                self._loaded.append(machine.modules.load(sizes, name, self.context.name))
            except OutOfMemory as short:
                machine.core.log(f"module {name} fails to load: ENOMEM, {short}", Severity.BAD)
            yield machine.take_ns()
        for number, gap_ns in enumerate(gaps(params.over, params.loads), 1):
            if self._loaded:
                self._reload(rng.randrange(len(self._loaded)))
            self.progress = f"{format_count(number)} of {format_count(params.loads)} loads"
            yield max(gap_ns, machine.take_ns())
        splits = split_words(machine.direct_map, before)
        machine.core.log(f"{format_count(params.count + params.loads)} modules loaded; {splits}")

    def finish(self) -> Steps:
        """Unloads what is loaded, the last first."""
        while self._loaded:
            self.machine.modules.unload(self._loaded.pop())
            yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether modules are loaded."""
        return bool(self._loaded)

    def _reload(self, place: int) -> None:
        module, rng = self._loaded[place], self.context.rng
        upgrade = rng.randrange(PPM) < self.params.upgrade
        sizes = upgraded(module.sizes, rng, MIXES[self.params.sizes]) if upgrade else module.sizes
        again = reload(self.machine, module, sizes)
        if again is None:
            del self._loaded[place]
        else:
            self._loaded[place] = again


class BpfChurn(Activity[BpfChurnParams]):
    """Loads programs and then replaces one at random again and again."""

    action = "bpf_churn"
    params_type = BpfChurnParams
    _loaded: list[Program]

    def start(self) -> Steps:
        """The programs, then one for another; one that finds no memory leaves the others as they are."""
        self._loaded = []
        params, machine, rng = self.params, self.machine, self.context.rng
        before = machine.direct_map.splits
        for _ in range(params.programs):
            self._load()
        yield machine.take_ns()
        for number, gap_ns in enumerate(gaps(params.over, params.loads), 1):
            if self._loaded:
                place = rng.randrange(len(self._loaded))
                self._loaded[place], last = self._loaded[-1], self._loaded[place]
                self._loaded.pop()
                machine.bpf.close(last)
            self._load()
            self.progress = f"{format_count(number)} of {format_count(params.loads)} loads"
            yield max(gap_ns, machine.take_ns())
        splits = split_words(machine.direct_map, before)
        machine.core.log(f"{format_count(params.programs + params.loads)} BPF programs loaded; {splits}")

    def finish(self) -> Steps:
        """Closes what is loaded."""
        while self._loaded:
            self.machine.bpf.close(self._loaded.pop())
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether programs are loaded."""
        return bool(self._loaded)

    def _load(self) -> None:
        try:
            self._loaded.append(self.machine.bpf.load(self._size()))
        except OutOfMemory as short:
            self.machine.core.log(f"a BPF program fails to load: ENOMEM, {short}", Severity.BAD)

    def _size(self) -> int:
        """JITed bytes of the next program."""
        rng = self.context.rng
        if rng.randrange(PPM) < self.params.large:
            return rng.randint(*LARGE)
        place = rng.randrange(100)
        for share, low, high in SMALL:
            if place < share:
                return rng.randint(low, high)
            place -= share
        raise AssertionError("shares of a hundred")
