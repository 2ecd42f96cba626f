"""A source of rich Snapshots without a machine: what the dashboard is tested against.

Every figure is a function of simulated time, and the figures agree with each other: owners sum
to the RAM, zones to MemFree, blocks per order to the zones, leaves to the direct map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memtui.snapshot import (
    NOWHERE,
    CellMap,
    DirectMapCell,
    Event,
    FlushTally,
    FrameKind,
    MapRequest,
    MapWindow,
    PolicyRow,
    PolicyState,
    RunInfo,
    SlabView,
    Snapshot,
    SplitCause,
    TlbAccess,
    TlbCost,
    TlbLevel,
    TlbView,
    VmemmapCell,
    VmemmapView,
    WalkLevel,
    WorkloadView,
    ZoneView,
)
from memtui.units import GIB, KIB, MIB, MS, PAGE_BYTES, PPM, SECOND
from tests.fake_looks import frame_view, places, struct_pages_view, vmemmap_costs

RAM_FRAMES = 64 * GIB // PAGE_BYTES
END_NS = 30 * SECOND
MODULES = 200
CHILDREN = 100
POOL = 10_240

ENTRIES_NS = (1 * SECOND, 2 * SECOND, 3 * SECOND, 8 * SECOND, 9 * SECOND, 14 * SECOND)


def happenings() -> list[Event]:
    """Everything that happens, in order of time."""
    events = [
        (1 * SECOND, "sysctl", "vm.hugetlb_optimize_vmemmap 0 → 1", "info"),
        (2 * SECOND, "nr_hugepages", "0 → 10 240: 20.0 GiB to the pool, 280 MiB of struct pages given back", "info"),
        (3 * SECOND, "load_module", "ROX cache takes a new 2 MiB block; nothing split", "info"),
        (
            8 * SECOND,
            "memfd_secret",
            "first split of the GiB at 0x7c0000000: 1G→2M, then 2M→4K (page 0x7c41f3)",
            "notice",
        ),
    ]
    events += [
        (9 * SECOND + child * 50 * MS, "fork_storm", f"child {child}: 1 024 pages copied, anon_vma +1", "info")
        for child in range(1, CHILDREN + 1)
    ]
    events.append((14 * SECOND, "oom", "killed process 412 (writer): 1.00 GiB of anonymous memory freed", "bad"))
    events.append((END_NS, "end", "the scenario has nothing more to do", "info"))
    return [Event(when, who, text, severity, serial) for serial, (when, who, text, severity) in enumerate(events, 1)]


class FakeSource:
    """A Playable over the figures above. `fails_at_ns` makes it break there, as a machine may."""

    def __init__(self, nodes: int = 2, fails_at_ns: int | None = None, name: str = "The tour") -> None:
        self._nodes = nodes
        self._name = name
        self._fails_at_ns = fails_at_ns
        self._all = happenings()
        self.snapshots = 0
        self.restart()

    @property
    def info(self) -> RunInfo:
        return RunInfo(
            scenario=self._name,
            about="What huge pages, modules and secrets do to a server.",
            machine="server-64g",
            kernel="6.18",
            nodes=self._nodes,
            cpus=32,
            ram_bytes=64 * GIB,
            seed=7,
            end_ns=END_NS,
            event_times_ns=ENTRIES_NS,
        )

    @property
    def now_ns(self) -> int:
        return self._now_ns

    @property
    def finished(self) -> bool:
        return self._played == len(self._all)

    def next_ns(self) -> int | None:
        return None if self.finished else self._all[self._played].time_ns

    def advance(self, until_ns: int, out_of_time: Callable[[], bool] | None = None) -> None:
        while not self.finished and self._all[self._played].time_ns <= until_ns:
            if out_of_time is not None and out_of_time():
                return
            self.step()
        self._now_ns = min(max(self._now_ns, until_ns), END_NS)

    def step(self) -> None:
        if self.finished:
            return
        event = self._all[self._played]
        if self._fails_at_ns is not None and event.time_ns >= self._fails_at_ns:
            raise RuntimeError("out of memory and nothing left to kill")
        self._now_ns = event.time_ns
        self._played += 1

    def restart(self) -> None:
        self._now_ns = 0
        self._played = 0
        self._told = 0

    def snapshot(self, request: MapRequest) -> Snapshot:
        self.snapshots += 1
        news = tuple(self._all[self._told : self._played])
        self._told = self._played
        seen = snapshot_at(self._now_ns, request, news, self.finished, self._nodes)
        return replace(seen, position=self._played)


def snapshot_at(
    time_ns: int, request: MapRequest, events: tuple[Event, ...] = (), finished: bool = False, nodes: int = 2
) -> Snapshot:
    """The whole of the fake machine at a moment."""
    pool = POOL if time_ns >= 2 * SECOND else 0
    modules = _progress(time_ns, 3 * SECOND, 20 * MS, MODULES)
    secrets = 256 if 8 * SECOND <= time_ns < 12 * SECOND else 0
    children = _progress(time_ns, 9 * SECOND, 50 * MS, CHILDREN)
    aged = time_ns >= 8 * SECOND
    level2, level3 = (202 if aged else modules // 40), (3 if aged else 1 if modules else 0)
    owners = _owners(pool, modules, secrets, children)
    free = owners[FrameKind.FREE]
    zones = _zones(free, nodes)
    given_back = pool * 7
    direct = _direct_map(level2, level3)
    reach = _reach(direct)
    return Snapshot(
        time_ns=time_ns,
        counters={
            "MemTotal": (RAM_FRAMES - 300_000) * 4,
            "MemFree": free * 4,
            "MemAvailable": (free + 400_000) * 4,
            "HugePages_Total": pool,
            "HugePages_Free": pool,
            "HugePages_Rsvd": 0,
            "HugePages_Surp": 0,
            "Hugepagesize": 2048,
            "DirectMap4k": direct["4K"] >> 10,
            "DirectMap2M": direct["2M"] >> 10,
            "DirectMap1G": direct["1G"] >> 10,
            "nr_free_pages": free,
            "nr_shmem": owners[FrameKind.SHMEM],
            "oom_kill": int(time_ns >= 14 * SECOND),
            "direct_map_level2_splits": level2,
            "direct_map_level3_splits": level3,
            "direct_map_level2_collapses": 12 if aged else 0,
            "direct_map_level3_collapses": 0,
        },
        derived={
            "direct_map_4k_ppm": direct["4K"] * PPM // (64 * GIB),
            "struct_page_saved_bytes": given_back * PAGE_BYTES,
            "sim_kernel_pt_frames": level2 + level3,
            "pcp_frames": 5_200,
            "unusable_index.9": 53 if aged else 4,
            "extfrag_index.9": -1000,
            "extfrag_index.10": 310 if aged else -1000,
            "tlb_reach_bytes": reach,
            "tlb_miss_ppm": PPM - reach * PPM // (64 * GIB),
        },
        zones=zones,
        slabs=_slabs(children),
        owners=tuple(sorted(owners.items(), key=lambda owner: -owner[1])),
        vmemmap=VmemmapView(262_144, 262_144 - given_back, pool, 0, 160 if pool else 0, given_back, True, free),
        tlb=_tlb(direct, reach, children, request.skewed),
        workloads=_workloads(time_ns, modules, children),
        events=events,
        direct_map_cells=_direct_map_cells(request.direct_map_cells, request.direct_map_window, aged, modules, nodes),
        vmemmap_cells=_vmemmap_cells(request.vmemmap_cells, request.vmemmap_window, pool, nodes),
        direct_map_strips=tuple(
            _known(_direct_map_cells(strip.cells, strip.window, aged, modules, nodes))
            for strip in request.direct_map_strips
        ),
        vmemmap_strips=tuple(
            _known(_vmemmap_cells(strip.cells, strip.window, pool, nodes)) for strip in request.vmemmap_strips
        ),
        frame=None if request.direct_map_frame is None else frame_view(request.direct_map_frame, aged),
        struct_pages=None if request.vmemmap_frame is None else struct_pages_view(request.vmemmap_frame, pool, free),
        places=places(aged, pool) if request.places else NOWHERE,
        vmemmap_costs=vmemmap_costs(pool, free, nodes) if request.vmemmap_costs else None,
        policy_state=_policies(modules),
        split_causes=_causes(level2, level3, aged),
        finished=finished,
        request=request,
    )


def _causes(level2: int, level3: int, aged: bool) -> tuple[SplitCause, ...]:
    """Who made the splits there are; modules, then secret memory from the eighth second on."""
    if not level2 + level3:
        return ()
    if not aged:
        return (SplitCause("load_module", level2, level3),)
    return (SplitCause("memfd_secret", level2 - 6, level3 - 1), SplitCause("load_module", 6, 1))


def _policies(modules: int) -> tuple[PolicyState, ...]:
    blocks = 1 + modules // 50 if modules else 0
    rows = (PolicyRow("ROX blocks", blocks, "blocks"), PolicyRow("free", blocks * 2 * MIB - modules * 9 * KIB, "bytes"))
    return (PolicyState("exec_memory", "rox_cache", rows if modules else ()),)


def _progress(time_ns: int, start_ns: int, every_ns: int, most: int) -> int:
    return max(0, min(most, (time_ns - start_ns) // every_ns))


def _owners(pool: int, modules: int, secrets: int, children: int) -> dict[FrameKind, int]:
    owners = {
        FrameKind.MEMMAP: 262_144 - pool * 7,
        FrameKind.RESERVED: 20_000,
        FrameKind.KERNEL: 9_000,
        FrameKind.SLAB: 30_000 + children * 40,
        FrameKind.PAGE_TABLE: 2_000 + children * 140,
        FrameKind.KERNEL_STACK: 800 + children * 4,
        FrameKind.VMALLOC: modules * 4,
        FrameKind.MODULE: 512 * (1 + modules // 50) if modules else 0,
        FrameKind.ANON: 65_536 + children * 1_024,
        FrameKind.FILE: 400_000,
        FrameKind.SHMEM: 3_000_000,
        FrameKind.HUGETLB: pool * 512,
        FrameKind.SECRET: secrets,
    }
    owners[FrameKind.FREE] = RAM_FRAMES - sum(owners.values())
    return owners


def _slabs(children: int) -> tuple[SlabView, ...]:
    """Two caches that a fork storm fills."""
    areas, chains = 2_100 + 12 * children, 1_920 + 2 * children
    return (
        SlabView("vm_area_struct", areas, -(-areas // 21) * 21, 192, 21, 1, -(-areas // 21)),
        SlabView("anon_vma_chain", chains, -(-chains // 64) * 64, 64, 64, 1, -(-chains // 64)),
    )


def _zones(free: int, nodes: int) -> tuple[ZoneView, ...]:
    dma, dma32 = 3_840, 548_000
    rest = free - dma - dma32
    zones = [_zone(0, "DMA", 4_000, dma), _zone(0, "DMA32", 765_000, dma32)]
    managed = (RAM_FRAMES - 1_050_000) // nodes
    for node in range(nodes):
        share = rest // nodes + (rest % nodes if node == 0 else 0)
        zones.append(_zone(node, "Normal", managed, share))
    return tuple(zones)


def _zone(node: int, name: str, managed: int, free: int) -> ZoneView:
    low = max(8, managed // 400)
    return ZoneView(node, name, managed, free, low * 4 // 5, low, low * 6 // 5, free * 9 // 10, _blocks(free))


def _blocks(free: int) -> tuple[int, ...]:
    """Blocks by order that hold exactly `free` frames, most of them in the largest."""
    counts = [0] * 11
    counts[10] = free * 9 // 10 >> 10
    rest = free - (counts[10] << 10)
    for order in range(9, -1, -1):
        counts[order] = (rest // 2 if order else rest) >> order
        rest -= counts[order] << order
    return tuple(counts)


def _direct_map(level2: int, level3: int) -> dict[str, int]:
    small = 12 * MIB + level2 * 2 * MIB
    middle = (7 + level3) * GIB - small
    return {"1G": 64 * GIB - small - middle, "2M": middle, "4K": small}


def _reach(direct: dict[str, int]) -> int:
    return min(direct["1G"], 16 * GIB) + min(direct["2M"], 2 * GIB) + min(direct["4K"], 2 * MIB)


def _tlb(direct: dict[str, int], reach: int, children: int, skewed: bool = False) -> TlbView:
    levels = (
        TlbLevel("L1", "4K", 64, 4096),
        TlbLevel("L1", "2M", 32, 2 * MIB),
        TlbLevel("L1", "1G", 4, GIB),
        TlbLevel("L2", "4K", 1536, 4096, "2M"),
        TlbLevel("L2", "2M", 1536, 2 * MIB, "4K"),
        TlbLevel("L2", "1G", 16, GIB),
    )
    accesses = [
        TlbAccess(
            "direct map",
            64 * GIB,
            tuple(direct.items()),
            reach,
            998_000,
            PPM - reach * PPM // (64 * GIB),
            26.0,
            16.6,
            (7.0, 20.2),
            (WalkLevel("PMD", 28 * KIB, 930_000, 14.0), WalkLevel("PUD", 456, PPM, 5.0), WalkLevel("PGD", 8, 0, 0.0)),
            (1, 32, 4, 9, 1024, 16),
        )
    ]
    if children:
        accesses.append(
            TlbAccess("fork_storm", 256 * MIB, (("4K", 256 * MIB),), 6 * MIB, 999_024, 976_563, 48.0, 47.2, pid=1000)
        )
    whole = TlbAccess("all 1G", 64 * GIB, (("1G", 64 * GIB),), 16 * GIB, 937_500, 750_000, 10.0, 15.0, (6.0, 18.0))
    cost = TlbCost(
        access=accesses[0],
        accesses_per_s=100_000_000,
        alternatives=(whole._replace(name="as at boot"), whole),
        flushes=FlushTally(children * 3, 240, (children * 5 * MS, children * 40 * MS)),
        walks_ns_per_s=(280 * MS, 810 * MS),
        change_ns_per_s=(-3 * MS, 12 * MS),
    )
    favoured = tuple(each._replace(miss_ppm=each.miss_ppm // 4, cycles_per_access=3.25) for each in accesses)
    shown = favoured if skewed else ()
    return TlbView(
        "skylake-sp",
        levels,
        tuple(accesses),
        direct_map_table_bytes=820 * KIB,
        cost=cost,
        skewed=shown,
        processes=bool(children),
    )


def _workloads(time_ns: int, modules: int, children: int) -> tuple[WorkloadView, ...]:
    def state(start_ns: int, done: bool) -> str:
        return "waiting" if time_ns < start_ns else "done" if done else "running"

    return (
        WorkloadView("sysctl", state(1 * SECOND, True), "", 1 * SECOND),
        WorkloadView("nr_hugepages", state(2 * SECOND, True), "10 240 pages", 2 * SECOND),
        WorkloadView("load_module", state(3 * SECOND, modules == MODULES), f"{modules} of {MODULES}", 3 * SECOND),
        WorkloadView(
            "fork_storm", state(9 * SECOND, children == CHILDREN), f"{children} of {CHILDREN} children", 9 * SECOND
        ),
        WorkloadView("tmpfs_write", state(14 * SECOND, time_ns >= END_NS), "/mnt/huge/f 1 GiB", 14 * SECOND),
    )


def _marks(cells: int, total: int, nodes: int) -> tuple[tuple[int, str], ...]:
    starts = [(0, "node 0 DMA"), (16 * MIB, "DMA32"), (4 * GIB, "Normal")]
    starts += [(node * total // nodes, f"node {node} Normal") for node in range(1, nodes)]
    return tuple((min(cells - 1, start * cells // total), label) for start, label in starts)


def _map(codes: bytes, window: MapWindow | None, nodes: int) -> CellMap:
    """The codes as a map: of the whole machine with its nodes and zones, or of a window's frames."""
    shown = window if window is not None else MapWindow(0, RAM_FRAMES)
    cell_frames = -(-shown.frames // len(codes))
    cells = codes[: -(-shown.frames // cell_frames)]
    marks = _marks(len(cells), 64 * GIB, nodes) if window is None else ()
    return CellMap(cells, cell_frames * PAGE_BYTES, marks, (tuple(shown),))


def _known(cells: CellMap | None) -> CellMap:
    assert cells is not None
    return cells


def _direct_map_cells(cells: int, window: MapWindow | None, aged: bool, modules: int, nodes: int) -> CellMap | None:
    if not cells:
        return None
    codes = bytearray([DirectMapCell.LEAF_1G] * cells)
    codes[: max(1, cells // 22)] = bytes([DirectMapCell.LEAF_2M] * max(1, cells // 22))
    codes[0] = DirectMapCell.LEAF_4K
    if modules:
        codes[cells // 3] = DirectMapCell.LEAF_2M
    if aged:
        for place in range(cells // 2, cells // 2 + cells // 12):
            codes[place] = DirectMapCell.LEAF_4K if place % 5 else DirectMapCell.LEAF_2M
        codes[cells // 2 + 3] = DirectMapCell.NOT_PRESENT
    codes[cells * 3 // 64 : cells // 16] = bytes(cells // 16 - cells * 3 // 64)
    return _map(bytes(codes), window, nodes)


def _vmemmap_cells(cells: int, window: MapWindow | None, pool: int, nodes: int) -> CellMap | None:
    if not cells:
        return None
    codes = bytearray([VmemmapCell.OWN] * cells)
    codes[cells * 3 // 64 : cells // 16] = bytes(cells // 16 - cells * 3 // 64)
    if pool:
        start, end = cells // 8, cells // 8 + cells * 20 // 64
        codes[start:end] = bytes([VmemmapCell.SHARED] * (end - start))
        codes[start] = codes[end - 1] = VmemmapCell.PARTLY_SHARED
        codes[end] = VmemmapCell.SPLIT
    return _map(bytes(codes), window, nodes)
