"""The plain data that leaves the machine.

Sources produce Snapshots, views consume them, and nothing else crosses. Everything here is
immutable and holds only numbers, text and tuples of them: a Snapshot can be kept, compared,
written to a file and drawn again years later without the machine it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from memtui.snapshot.frames import FrameKind
from memtui.snapshot.maps import (
    NOWHERE,
    CellMap,
    DirectMapCell,
    FrameView,
    MapRequest,
    MapWindow,
    NodeRestore,
    PageSizeCost,
    Places,
    StripRequest,
    StructPageFrame,
    StructPagesView,
    VmemmapCell,
    VmemmapCosts,
)
from memtui.snapshot.tlb import FlushTally, TlbAccess, TlbCost, TlbLevel, TlbView, WalkLevel
from memtui.snapshot.zones import PageSet, TypeView, ZoneDetail

__all__ = [
    "NOWHERE",
    "CellMap",
    "DirectMapCell",
    "Event",
    "FlushTally",
    "FrameKind",
    "FrameView",
    "LatencyView",
    "MapRequest",
    "MapWindow",
    "NodeRestore",
    "PageSet",
    "PageSizeCost",
    "Places",
    "PolicyRow",
    "PolicyState",
    "RunInfo",
    "SlabView",
    "Snapshot",
    "SplitCause",
    "StripRequest",
    "StructPageFrame",
    "StructPagesView",
    "TlbAccess",
    "TlbCost",
    "TlbLevel",
    "TlbView",
    "TypeView",
    "VmemmapCell",
    "VmemmapCosts",
    "VmemmapView",
    "WalkLevel",
    "WorkloadView",
    "ZoneDetail",
    "ZoneView",
]


class ZoneView(NamedTuple):
    """One zone as /proc/zoneinfo and /proc/buddyinfo show it; all figures in base frames."""

    node: int
    name: str
    managed_frames: int
    free_frames: int
    min_frames: int
    low_frames: int
    high_frames: int
    least_free_frames: int
    """The lowest `free_frames` has been since boot: the high-water mark of use."""
    free_blocks: tuple[int, ...]
    """Free blocks by order, 0 to 10."""


class SlabView(NamedTuple):
    """One cache of kernel objects as /proc/slabinfo shows it."""

    name: str
    active_objects: int
    total_objects: int
    """Objects that its slabs have room for."""
    object_bytes: int
    objects_per_slab: int
    frames_per_slab: int
    slabs: int


class VmemmapView(NamedTuple):
    """What struct pages cost now; frames are base frames, savings against one frame per 64 pages."""

    full_frames: int
    """Frames the memmap of all RAM needs when nothing is shared."""
    used_frames: int
    """Frames it holds now."""
    optimised_2m: int
    """Optimised 2 MiB huge pages (7 of 8 frames given back each)."""
    optimised_1g: int
    table_frames: int
    """Page tables of vmemmap leaves that were split, kept for ever."""
    restore_frames: int
    """Frames that freeing every optimised page would need first."""
    restore_possible: bool
    """Whether the allocator could hand them over now."""
    available_frames: int
    """What it could hand over for that now, without reclaim."""

    @property
    def given_back_frames(self) -> int:
        """Frames of struct pages that went back to the allocator."""
        return self.full_frames - self.used_frames


class PolicyRow(NamedTuple):
    """One figure of a policy's own state: `free chunks`, 32701, `chunks`."""

    label: str
    value: int
    unit: str
    """`bytes` or `ppm`, which a view may write for people, or the plural of what is counted: `chunks`, `packs`."""


class PolicyState(NamedTuple):
    """What a policy holds inside itself, under the names of its axis and class in `kernel:`."""

    axis: str
    """`exec_memory`, `secret_memory`, `direct_map`."""
    policy: str
    """`prog_pack`."""
    rows: tuple[PolicyRow, ...] = ()
    by_order: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Lines of a table by order, 0 to 10, as debugfs prints them: (`Free`, blocks of each order)."""


class SplitCause(NamedTuple):
    """Who split the direct map, and how often: splits since boot, of 2M and of 1G leaves."""

    cause: str
    """`module xfs text`, `BPF pack`, `memfd_secret`."""
    level2_splits: int
    level3_splits: int


class LatencyView(NamedTuple):
    """How long operations of one kind took since boot."""

    name: str
    operations: int
    total_ns: int
    """Time of all of them."""
    buckets: tuple[tuple[int, int], ...]
    """(power of two, operations that took that many ns and less than twice as many), ascending; they sum to
    `operations`."""

    @property
    def mean_ns(self) -> int:
        """Time of one on average; 0 if there was none."""
        return self.total_ns // self.operations if self.operations else 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line: when, which entry of the timeline caused it, and a plain sentence."""

    time_ns: int
    source: str
    """The action or kernel thread that caused it: `nr_hugepages`, `memfd_secret`, `oom`."""
    text: str
    severity: str = "info"
    """`info`, `notice` (a shortfall, a first split) or `bad` (OOM kill, a failure)."""
    serial: int = 0
    """Counts up through a run, so that an event can be named and moved to."""


class WorkloadView(NamedTuple):
    """One activity of the timeline, for the list of what runs."""

    name: str
    """Action, with its label where it has one."""
    state: str
    """`waiting`, `running`, `holding` (its memory lives on) or `done`."""
    progress: str
    """Plain words: `61 of 100 children`."""
    next_ns: int = -1
    """When it goes on, or -1."""


NOTHING_ASKED: Final = MapRequest()
"""No maps, no frames."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole of what a view may know about one moment of one machine."""

    time_ns: int
    counters: Mapping[str, int]
    """Linux's names and Linux's units: kB for /proc/meminfo, pages or events for /proc/vmstat."""
    derived: Mapping[str, int | float]
    """Our own figures, each with its unit in its name."""
    zones: tuple[ZoneView, ...]
    owners: tuple[tuple[FrameKind, int], ...]
    """Base frames by kind of owner, largest first; they sum to the RAM."""
    vmemmap: VmemmapView
    tlb: TlbView
    workloads: tuple[WorkloadView, ...] = ()
    events: tuple[Event, ...] = ()
    """Events since the snapshot before."""
    latencies: tuple[LatencyView, ...] = ()
    """How long each kind of operation took since boot, in a fixed order; none that there was none of."""
    direct_map_cells: CellMap | None = None
    vmemmap_cells: CellMap | None = None
    policy_state: tuple[PolicyState, ...] = ()
    """What the policies that hold something of their own have inside, in the order of `kernel:`."""
    split_causes: tuple[SplitCause, ...] = ()
    """Who split the direct map, most splits first; many small causes are one line at the end (`N others`)."""
    slabs: tuple[SlabView, ...] = ()
    """Caches of kernel objects."""
    zone_details: tuple[ZoneDetail, ...] = ()
    """More of each of `zones`; empty unless `MapRequest.zone_details` asked for it."""
    frame: FrameView | None = None
    struct_pages: StructPagesView | None = None
    direct_map_strips: tuple[CellMap, ...] = ()
    """A map for each window that strips were asked of."""
    vmemmap_strips: tuple[CellMap, ...] = ()
    places: Places = NOWHERE
    vmemmap_costs: VmemmapCosts | None = None
    finished: bool = False
    """The scenario has nothing more to do."""
    failed_expectations: int = 0
    """Expectations of the scenario that were not met so far."""
    expectations: int = 0
    """All expectations of the scenario, decided or not."""
    request: MapRequest = NOTHING_ASKED
    """What it was looked at with."""
    position: int = 0
    """Events played so far: with its scenario and seed it names the moment exactly."""

    def differs_in_time_only(self, other: Snapshot) -> bool:
        """Whether all it tells but the time is what `other` tells, and nothing happened in between."""
        return not self.events and self == replace(other, time_ns=self.time_ns, events=())


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What does not change during a run: the words of the dashboard's header."""

    scenario: str
    about: str
    machine: str
    """`server-64g`, or `custom`."""
    kernel: str
    """`6.18`."""
    nodes: int
    cpus: int
    ram_bytes: int
    seed: int
    end_ns: int
    """When the run ended or, before that, when it is planned to; -1 for a source that does not know."""
    event_times_ns: tuple[int, ...] = field(default=())
    """When the timeline's entries begin, for marks on a time line."""

    @property
    def without_end(self) -> RunInfo:
        """The same but for its end, which moves with the clock once a run is past what was planned."""
        return replace(self, end_ns=-1)
