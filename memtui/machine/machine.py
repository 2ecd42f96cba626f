"""The machine: boots the subsystems in kernel order, shows what it is now, and proves its laws.

>>> from memtui.machine import Machine, MachineConfig
>>> machine = Machine(MachineConfig())
>>> machine.hugetlb.set_nr_hugepages(1024).after
1024
>>> machine.counters()["HugePages_Total"]
1024
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from memtui.machine import counters, kernels, laws, looks, maps
from memtui.machine.boot import BootMemory, boot_memory, largest_leaf
from memtui.machine.bpf import BpfPrograms
from memtui.machine.compaction.direct_compaction import DirectCompaction
from memtui.machine.compaction.kcompactd import Kcompactd
from memtui.machine.compaction.scanners import Compaction
from memtui.machine.config import MachineConfig
from memtui.machine.core import Core, MachineEvent, Timer
from memtui.machine.direct_map import DirectMap
from memtui.machine.errors import MachineStopped, OutOfMemory
from memtui.machine.exec_memory.base import Ground
from memtui.machine.fragment import Fragmenter
from memtui.machine.hugetlb import Hugetlb
from memtui.machine.memmap import Memmap
from memtui.machine.meter import Meter
from memtui.machine.modules import Modules
from memtui.machine.page_cache import PageCache
from memtui.machine.parts import Parts, whole
from memtui.machine.physical.allocator import GFP_VMEMMAP
from memtui.machine.physical.zone_detail import zone_detail
from memtui.machine.processes import Processes
from memtui.machine.reclaim import Reclaim
from memtui.machine.secretmem import SecretMemory
from memtui.machine.slab import SlabCaches
from memtui.machine.sysctl import Sysctl
from memtui.machine.tlb import tlb_model
from memtui.machine.tlb.accesses import tlb_view
from memtui.machine.tlb.cost import DirectMapCost
from memtui.machine.tmpfs.tmpfs import Tmpfs
from memtui.machine.unmapped_cache import UnmappedCache
from memtui.machine.vmalloc import Vmalloc
from memtui.machine.vmstat_update import VmstatUpdate
from memtui.machine.watermarks import final_watermarks, init_watermarks
from memtui.snapshot import (
    NOWHERE,
    CellMap,
    FrameKind,
    FrameView,
    LatencyView,
    MapRequest,
    MapWindow,
    Places,
    PolicyState,
    SlabView,
    SplitCause,
    StripRequest,
    StructPagesView,
    TlbView,
    VmemmapCosts,
    VmemmapView,
    ZoneDetail,
    ZoneView,
)
from memtui.units import FRAMES_1G, FRAMES_2M


class Observation(NamedTuple):
    """All that can be seen of the machine at one moment, in the terms of a Snapshot."""

    counters: dict[str, int]
    derived: dict[str, int | float]
    zones: tuple[ZoneView, ...]
    owners: tuple[tuple[FrameKind, int], ...]
    vmemmap: VmemmapView
    tlb: TlbView
    direct_map_cells: CellMap | None
    vmemmap_cells: CellMap | None
    policy_state: tuple[PolicyState, ...]
    split_causes: tuple[SplitCause, ...]
    frame: FrameView | None
    struct_pages: StructPagesView | None
    direct_map_strips: tuple[CellMap, ...]
    vmemmap_strips: tuple[CellMap, ...]
    places: Places
    vmemmap_costs: VmemmapCosts | None
    latencies: tuple[LatencyView, ...]
    slabs: tuple[SlabView, ...]
    zone_details: tuple[ZoneDetail, ...]


class Machine:
    """A whole simulated machine, booted. Synchronous; it has no clock of its own."""

    def __init__(self, config: MachineConfig) -> None:
        """Boots. Raises MachineStopped if the machine cannot, ValueError for a policy nobody knows."""
        self.config = config
        kernels.check_kernel(config.kernel)
        memory = boot_memory(config)
        init_watermarks(memory.allocator)
        self.traits = kernels.traits(config.kernel.version)
        self.reservations = memory.reservations
        """(owner, first frame, frames) of all that boot keeps, the memmap excepted."""
        self.layout = memory.layout
        kernel = config.kernel
        self.core = Core(memory.allocator, _meter(config), config.cpu.count, config.cpu.table_levels, running=False)
        memory.allocator.compactor = DirectCompaction(self.core)
        memory.allocator.kcompactd = Kcompactd(self.core)
        self.tlb = tlb_model(config.cpu.tlb, config.cpu.table_levels)
        try:
            self._boot_kernel_memory(memory)
            self._boot_users(memory)
        except OutOfMemory as short:
            raise MachineStopped(f"cannot boot: {short}") from None
        self.min_free_kbytes = final_watermarks(memory.allocator, kernel)
        memory.allocator.hold_lists(config.cpu.count)
        VmstatUpdate(self.core, memory.allocator.zones)
        self.sysctl = Sysctl(self)
        self.core.meter.forget()
        self.core.running = True

    def _boot_kernel_memory(self, memory: BootMemory) -> None:
        """How RAM is mapped and described, and what the kernel allocates for itself. Raises OutOfMemory."""
        config, kernel = self.config, self.config.kernel
        self.direct_map = DirectMap(
            self.core,
            memory.layout,
            largest=largest_leaf(config),
            collapse=kernels.DIRECT_MAP_COLLAPSE.choose(kernel),
        )
        self.direct_map_cost = DirectMapCost(
            self.core, self.direct_map, self.tlb, gbpages=config.cpu.gbpages, guest=config.cpu.guest
        )
        self.memmap = Memmap(
            self.core,
            memory.memmap_nodes,
            memory.memmap_owner,
            memory.hugetlb_vmemmap,
            batched=self.traits.hvo_batches,
        )
        self._maps = maps.Maps(self.direct_map, self.memmap, self.layout)
        self.slabs = SlabCaches(self.core, self.traits.object_bytes)
        self.vmalloc = Vmalloc(self.core, self.direct_map, large_blocks=self.traits.vmalloc_takes_large_blocks)
        self.unmapped_cache = UnmappedCache(self.core, self.direct_map, rfc_quirks=kernel.rfc_quirks)
        ground = Ground(self.core, self.direct_map, self.vmalloc, self.unmapped_cache, self.traits)
        self.exec_memory = kernels.EXEC_MEMORY.choose(kernel)(ground)
        self.modules = Modules(self.core, self.exec_memory.modules, self.vmalloc, self.slabs, self.traits)
        self.bpf = BpfPrograms(self.core, self.exec_memory.programs, self.vmalloc, self.slabs)

    def _boot_users(self, memory: BootMemory) -> None:
        """Pools, processes, files, and who takes memory back from them. Raises OutOfMemory."""
        kernel = self.config.kernel
        self.hugetlb = Hugetlb(
            self.core,
            self.memmap,
            optimize_vmemmap=kernel.hugetlb_optimize_vmemmap,
            batched=self.traits.hvo_batches,
            freeing=kernels.HUGETLB_FREE.choose(kernel),
        )
        self.hugetlb.adopt(memory.gigantic)
        if kernel.hugepages_2m:
            self.hugetlb.set_nr_hugepages(kernel.hugepages_2m)
        rmap = kernels.RMAP.choose(kernel)(self.core, self.slabs)
        self.processes = Processes(self.core, self.slabs, rmap, kernel.thp)
        secret_pages = kernels.SECRET_MEMORY.choose(kernel)(self.core, self.direct_map, self.unmapped_cache)
        self.secretmem = SecretMemory(self.core, self.slabs, secret_pages, self.processes.oom)
        self.tmpfs = Tmpfs(self.core, self.slabs, kernels.SHMEM_THP.choose(kernel))
        self.page_cache = PageCache(self.core, self.slabs)
        self.fragmenter = Fragmenter(self.core)
        self.reclaim = Reclaim(self.core, self.page_cache, self.tmpfs, self.slabs, self.unmapped_cache)

    def counters(self) -> dict[str, int]:
        """Every counter under Linux's names, in Linux's units."""
        return counters.counters(self)

    def gauges(self) -> dict[str, int]:
        """Those of them that tell what there is now: no counts of events or of free blocks. Cheaper to ask for."""
        return counters.gauges(self)

    def observe(self, request: MapRequest) -> Observation:
        """The machine now, with maps of the wanted resolution."""
        tlb = tlb_view(self, request)
        return Observation(
            counters=self.counters(),
            derived=counters.derived(self, tlb),
            zones=tuple(zone.view() for zone in self.core.allocator.zones),
            owners=self.owners(),
            vmemmap=self._vmemmap_view(),
            tlb=tlb,
            direct_map_cells=self._maps.direct_map(request.direct_map_cells, request.direct_map_window),
            vmemmap_cells=self._maps.vmemmap(request.vmemmap_cells, request.vmemmap_window),
            frame=None if (at := request.direct_map_frame) is None else looks.frame_view(self, at),
            struct_pages=None if (at := request.vmemmap_frame) is None else looks.struct_pages_view(self, at),
            direct_map_strips=_strips(self._maps.direct_map, request.direct_map_strips),
            vmemmap_strips=_strips(self._maps.vmemmap, request.vmemmap_strips),
            places=looks.places(self, request) if request.places else NOWHERE,
            vmemmap_costs=looks.vmemmap_costs(self) if request.vmemmap_costs else None,
            policy_state=self._policy_states(),
            split_causes=self.direct_map.split_causes(),
            latencies=self.core.meter.latencies(),
            slabs=tuple(cache.view() for cache in self.slabs),
            zone_details=self._zone_details() if request.zone_details else (),
        )

    def compact_memory(self) -> int:
        """Compacts every zone (`echo 1 > compact_memory`); returns how many pages moved."""
        return whole(self.compact_memory_in_parts())

    def compact_memory_in_parts(self) -> Parts[int]:
        """The same in parts, zone by zone."""
        moved = 0
        for zone in self.core.allocator.zones:
            moved += yield from Compaction(self.core, zone).run_in_parts()
        return moved

    def take_ns(self) -> int:
        """Simulated nanoseconds of all work since the last call."""
        return self.core.meter.take_ns()

    def drain_events(self) -> list[MachineEvent]:
        """The log since the last call."""
        events, self.core.events = self.core.events, []
        return events

    def pop_timers(self) -> list[Timer]:
        """Work the kernel put off since the last call."""
        timers, self.core.timers = self.core.timers, []
        return timers

    def check(self) -> None:
        """Proves that every frame has exactly one owner and that every counter follows from the structures.

        Raises FrameStateError with the law that is broken.
        """
        laws.check_machine(self)

    def owners(self) -> tuple[tuple[FrameKind, int], ...]:
        """Frames by kind of owner, largest first."""
        held = {kind: frames for kind, frames in self.core.allocator.frame_map.by_kind.items() if frames}
        held[FrameKind.FREE] = self.core.allocator.free_frames + self.core.allocator.listed_frames
        return tuple(sorted(held.items(), key=lambda item: (-item[1], item[0])))

    def _zone_details(self) -> tuple[ZoneDetail, ...]:
        """What only /proc/zoneinfo and /proc/pagetypeinfo tell."""
        node_cpus = max(1, self.config.cpu.count // self.core.allocator.nodes)
        return tuple(zone_detail(zone, self.layout, node_cpus) for zone in self.core.allocator.zones)

    def _policy_states(self) -> tuple[PolicyState, ...]:
        """What those policies have inside that hold something of their own."""
        states = (part.policy_state() for part in (self.exec_memory, self.secretmem, self.direct_map))
        return tuple(state for state in states if state.rows or state.by_order)

    def _vmemmap_view(self) -> VmemmapView:
        memmap, allocator = self.memmap, self.core.allocator
        needed = memmap.restore_frames
        possible = allocator.available_frames(GFP_VMEMMAP, 0)
        return VmemmapView(
            full_frames=memmap.full_frames,
            used_frames=memmap.boot_frames + memmap.allocated_frames,
            optimised_2m=memmap.optimised_frames.get(FRAMES_2M, 0) // FRAMES_2M,
            optimised_1g=memmap.optimised_frames.get(FRAMES_1G, 0) // FRAMES_1G,
            table_frames=memmap.table_frames,
            restore_frames=needed,
            restore_possible=possible >= needed,
            available_frames=possible,
        )


def _meter(config: MachineConfig) -> Meter:
    return Meter(config.cpu.count, speed_ppm=config.cpu.speed_ppm, guest=config.cpu.guest)


def _strips(
    draw: Callable[[int, MapWindow | None], CellMap | None], requests: Sequence[StripRequest]
) -> tuple[CellMap, ...]:
    """A map for each request."""
    drawn = (draw(request.cells, request.window) for request in requests)
    return tuple(cells for cells in drawn if cells is not None)
