"""A machine of one counter and activities that use it: the simulation without any memory to manage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from memtui.machine.config import MachineConfig
from memtui.machine.core import MachineEvent, Severity
from memtui.machine.errors import MachineStopped, OutOfMemory
from memtui.machine.meter import Meter
from memtui.scenario.model import Bound, Entry, Expectation, Scenario
from memtui.snapshot import (
    NOWHERE,
    CellMap,
    FrameKind,
    FrameView,
    LatencyView,
    MapRequest,
    Places,
    PolicyState,
    SlabView,
    SplitCause,
    StructPagesView,
    TlbView,
    VmemmapCosts,
    VmemmapView,
    ZoneDetail,
    ZoneView,
)
from memtui.units import MS
from memtui.workloads.base import Activity, Context
from memtui.workloads.end import EndParams
from memtui.workloads.params import Params


class FakeParams(Params):
    """What a fake activity does: takes pages in some steps, waits, then holds them or not."""

    pages: int = 1
    steps: int = 1
    step_ms: int = 10
    holds: bool = True
    how: str = "take"


@dataclass
class FakeCore:
    cause: str = "boot"
    now_ns: int = 0
    last_serial: int = 0

    def act(self, cause: str, entry: str = "") -> None:
        self.cause = cause

    def __post_init__(self) -> None:
        self.events: list[MachineEvent] = []
        self.meter = Meter(1)

    def log(self, text: str, severity: Severity = Severity.INFO, source: str | None = None) -> None:
        self.events.append(MachineEvent(source or self.cause, text, severity))


ZONES = (ZoneView(0, "Normal", 100, 9, 1, 2, 3, 5, (1, 4, 0)),)
NO_VMEMMAP = VmemmapView(0, 0, 0, 0, 0, 0, True, 0)
NO_TLB = TlbView("none")


@dataclass(frozen=True)
class FakeObservation:
    counters: dict[str, int]
    derived: dict[str, int | float]
    zones: tuple[ZoneView, ...] = ZONES
    owners: tuple[tuple[FrameKind, int], ...] = ()
    vmemmap: VmemmapView = NO_VMEMMAP
    tlb: TlbView = NO_TLB
    direct_map_cells: CellMap | None = None
    vmemmap_cells: CellMap | None = None
    policy_state: tuple[PolicyState, ...] = ()
    split_causes: tuple[SplitCause, ...] = ()
    frame: FrameView | None = None
    struct_pages: StructPagesView | None = None
    direct_map_strips: tuple[CellMap, ...] = ()
    vmemmap_strips: tuple[CellMap, ...] = ()
    places: Places = NOWHERE
    vmemmap_costs: VmemmapCosts | None = None
    slabs: tuple[SlabView, ...] = ()
    zone_details: tuple[ZoneDetail, ...] = ()
    latencies: tuple[LatencyView, ...] = (LatencyView("take", 3, 27_000, ((12, 1), (13, 2))),)


class FakeMachine:
    """Counts pages; `MemFree` is what is left of a thousand."""

    def __init__(self, config: MachineConfig) -> None:
        self.core = FakeCore()
        self.free = 1000
        self.checks = 0
        self.timers: list[tuple[int, Callable[[], None]]] = []

    def take(self, pages: int) -> None:
        if pages > self.free:
            raise OutOfMemory(f"{pages} pages")
        self.free -= pages

    def counters(self) -> dict[str, int]:
        return {"MemFree": self.free}

    def gauges(self) -> dict[str, int]:
        return self.counters()

    def observe(self, request: MapRequest) -> FakeObservation:
        return FakeObservation(self.counters(), {"tlb_miss_ppm": 1000 - self.free})

    def drain_events(self) -> list[MachineEvent]:
        events, self.core.events = self.core.events, []
        return events

    def take_ns(self) -> int:
        return 0

    def check(self) -> None:
        self.checks += 1

    def pop_timers(self) -> list[tuple[int, Callable[[], None]]]:
        timers, self.timers = self.timers, []
        return timers


class FakeActivity(Activity[FakeParams]):
    """Takes `pages` in each of `steps`, and says so."""

    action = "take"
    params_type = FakeParams

    def __init__(self, params: FakeParams, context: Context) -> None:
        super().__init__(params, context)
        self.taken = 0
        self.fake = cast(FakeMachine, context.machine)

    def start(self) -> Iterator[int]:
        for number in range(1, self.params.steps + 1):
            if self.params.how == "stop":
                raise MachineStopped("nothing is left to kill")
            if self.params.how == "break":
                raise RuntimeError("a fault of ours")
            if self.params.how == "timer":
                self.fake.timers.append((5 * MS, lambda: self.fake.core.log("late work")))
            self.fake.take(self.params.pages)
            self.taken += self.params.pages
            self.progress = f"{number} of {self.params.steps} steps"
            self.fake.core.log(f"took {self.params.pages}, drew {self.context.rng.randrange(1000)}")
            yield self.params.step_ms * MS

    def finish(self) -> Iterator[int]:
        self.fake.free += self.taken
        self.fake.core.log(f"gave back {self.taken}")
        yield MS

    @property
    def holds(self) -> bool:
        return self.params.holds


def use_fake_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs simulations on the fake machine and its one activity."""

    def fake_activity(action: str) -> type[Activity[Any]]:
        return FakeActivity

    monkeypatch.setattr("memtui.sources.run.Machine", FakeMachine)
    monkeypatch.setattr("memtui.sources.entries.activity_type", fake_activity)


def take(
    at_ms: int, pages: int = 1, *, label: str | None = None, every_ms: int = 0, times: int = 1, **how: Any
) -> Entry:
    """An entry that takes pages."""
    return Entry(at_ms * MS, "take", FakeParams(pages=pages, **how), label, every_ms * MS, times)


def end(at_ms: int, label: str, *, every_ms: int = 0, times: int = 1) -> Entry:
    """An entry that ends a label."""
    return Entry(at_ms * MS, "end", EndParams(label=label), None, every_ms * MS, times)


def expected(at_ms: int | None, counter: str, lowest: float | None, highest: float | None) -> Expectation:
    """An expectation with a text made from its bounds."""
    return Expectation(None if at_ms is None else at_ms * MS, counter, Bound(lowest, highest, f"{lowest} .. {highest}"))


def scenario(*entries: Entry, expect: tuple[Expectation, ...] = (), until_ms: int | None = None) -> Scenario:
    """A scenario on the fake machine."""
    until_ns = None if until_ms is None else until_ms * MS
    return Scenario("fake", "about", 7, MachineConfig(), entries, expect, until_ns)
