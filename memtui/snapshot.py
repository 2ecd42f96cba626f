"""The plain data that leaves the machine.

Sources produce Snapshots, views consume them, and nothing else crosses. Everything here is
immutable and holds only numbers, text and tuples of them: a Snapshot can be kept, compared,
written to a file and drawn again years later without the machine it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from memtui.units import PAGE_BYTES


class FrameKind(StrEnum):
    """Who a frame of RAM belongs to. Every frame has exactly one kind at any moment.

    The letter is the one Linux's `tools/mm/page-types.c` prints for it where it has one.
    """

    FREE = "free"
    RESERVED = "reserved"
    MEMMAP = "memmap"
    KERNEL = "kernel"
    SLAB = "slab"
    PAGE_TABLE = "page table"
    KERNEL_STACK = "kernel stack"
    VMALLOC = "vmalloc"
    MODULE = "module text"
    ANON = "anonymous"
    FILE = "page cache"
    SHMEM = "tmpfs"
    HUGETLB = "hugetlb"
    SECRET = "secret memory"

    @property
    def letter(self) -> str:
        """One letter for ASCII maps and legends."""
        return _LETTERS[self]


_LETTERS: Mapping[FrameKind, str] = {
    FrameKind.FREE: "B",
    FrameKind.RESERVED: "r",
    FrameKind.MEMMAP: "m",
    FrameKind.KERNEL: "k",
    FrameKind.SLAB: "S",
    FrameKind.PAGE_TABLE: "g",
    FrameKind.KERNEL_STACK: "K",
    FrameKind.VMALLOC: "v",
    FrameKind.MODULE: "x",
    FrameKind.ANON: "a",
    FrameKind.FILE: "f",
    FrameKind.SHMEM: "s",
    FrameKind.HUGETLB: "G",
    FrameKind.SECRET: "z",
}


class DirectMapCell(IntEnum):
    """What one cell of the direct-map map shows: the finest leaf inside the memory it stands for."""

    HOLE = 0
    """No RAM here: the direct map has no entry."""
    LEAF_1G = 1
    LEAF_2M = 2
    LEAF_4K = 3
    NOT_PRESENT = 4
    """At least one leaf inside is not present (secret memory); it still counts in DirectMap*."""


class VmemmapCell(IntEnum):
    """What one cell of the vmemmap map shows: how the struct pages of that memory are backed."""

    NOT_POPULATED = 0
    """No memmap: a hole in RAM."""
    OWN = 1
    """Every struct page lies in a frame of its own, mapped by 2 MiB vmemmap leaves."""
    SPLIT = 2
    """Own frames, but vmemmap's 2 MiB leaf has been split: a page table was paid for."""
    PARTLY_SHARED = 3
    """Some huge pages in the cell share one frame for their tail struct pages."""
    SHARED = 4
    """All of the cell's memory is optimised huge pages: the rest of its memmap is given back."""


@dataclass(frozen=True, slots=True)
class CellMap:
    """A map of physical memory at the resolution a view asked for.

    `cells` holds one `DirectMapCell` or `VmemmapCell` code per cell, in order of physical
    address; `cell_bytes` is the RAM one cell stands for (the last may stand for less).
    `marks` are (cell index, label) where a node or zone begins, in order. `ram` are the runs of
    RAM (first frame, frames) the cells stand for, holes left out: it turns a cell into frames.
    """

    cells: bytes
    cell_bytes: int
    marks: tuple[tuple[int, str], ...] = ()
    ram: tuple[tuple[int, int], ...] = ()

    def frame_of(self, cell: int) -> int:
        """The first frame that a cell stands for. Raises IndexError for a cell there is none of."""
        below = cell * self.cell_bytes // PAGE_BYTES
        for start, frames in self.ram:
            if below < frames:
                return start + below
            below -= frames
        raise IndexError(f"no cell {cell} in a map of {len(self.cells)}")

    def cell_of(self, frame: int) -> int | None:
        """The cell that stands for a frame; None if the map does not show it."""
        below = 0
        for start, frames in self.ram:
            if start <= frame < start + frames:
                return (below + frame - start) * PAGE_BYTES // self.cell_bytes
            below += frames
        return None


@dataclass(frozen=True, slots=True)
class MapWindow:
    """The part of physical memory a map is of, in frames; RAM inside it is cut into the map's cells."""

    start: int
    frames: int


@dataclass(frozen=True, slots=True)
class MapRequest:
    """What a view wants to look at: maps of so many cells (0: none), of a part of RAM, and single frames."""

    direct_map_cells: int = 0
    vmemmap_cells: int = 0
    direct_map_window: MapWindow | None = None
    """None: the whole machine."""
    vmemmap_window: MapWindow | None = None
    direct_map_frame: int | None = None
    """A frame to tell everything of: `Snapshot.frame`."""
    vmemmap_frame: int | None = None
    """A frame whose struct pages to tell everything of: `Snapshot.struct_pages`."""


@dataclass(frozen=True, slots=True)
class FrameView:
    """Everything about one frame of RAM and the leaf of the direct map it lies in."""

    frame: int
    node: int
    zone: str
    leaf: str
    """`1G`, `2M` or `4K`."""
    leaf_start: int
    leaf_frames: int
    permission: str
    """`rw`, `ro` or `not present`."""
    kind: FrameKind
    owner: str
    """Who holds it, in words; empty for a free one."""
    owner_start: int
    """The run of frames of that owner around it, as far as its 4 MiB block or its run of blocks reaches."""
    owner_frames: int
    split_by: str = ""
    """Who split the leaf that was here; empty while it is as boot made it."""
    split_event: int = 0
    """Serial number of the event at which it was split; 0 if none is known."""


@dataclass(frozen=True, slots=True)
class StructPageFrame:
    """One frame that holds, or held at boot, struct pages of a huge page."""

    page: int
    """Which vmemmap page of the huge page: 0 holds the head."""
    frame: int
    shared: bool
    """The vmemmap page is mapped to the frame of page 0."""
    boot_frame: int
    """The frame boot gave it."""
    boot_owner: str
    """Who has that frame now; empty if it is free, `memmap` if it still holds struct pages."""


@dataclass(frozen=True, slots=True)
class StructPagesView:
    """The struct pages around one frame: its section of 128 MiB, and its 2 MiB or 1 GiB page."""

    section: int
    section_start: int
    """First frame of the section."""
    node: int
    table_frames: int
    """Page tables paid for the section's vmemmap leaf: 0 while it is one 2 MiB leaf."""
    blocks: bytes
    """A `VmemmapCell` per 2 MiB of the section."""
    start: int
    """First frame of the huge page, or of the aligned 2 MiB, around the frame."""
    frames: int
    optimised: bool
    kind: FrameKind
    """Who holds that memory."""
    owner: str
    pages: tuple[StructPageFrame, ...]
    """Its vmemmap pages: all 8 of a 2 MiB page, the first 8 of the 4096 of a 1 GiB page."""
    restore_frames: int
    """Frames that freeing it would need first."""
    restore_possible: bool


@dataclass(frozen=True, slots=True)
class ZoneView:
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


@dataclass(frozen=True, slots=True)
class TlbLevel:
    """One array of a TLB for one page size: what it holds and how far that reaches."""

    level: str
    """`L1` or `L2`."""
    page: str
    """`4K`, `2M` or `1G`."""
    entries: int
    page_bytes: int
    shared_with: str = ""
    """Other page sizes that compete for the same entries, e.g. `2M`."""

    @property
    def reach_bytes(self) -> int:
        """Memory the array covers when every entry holds a page of this size."""
        return self.entries * self.page_bytes


@dataclass(frozen=True, slots=True)
class TlbAccess:
    """Random access over one mapping (the direct map, a process), as it is mapped now; uniform unless named so."""

    name: str
    footprint_bytes: int
    mapped_bytes: tuple[tuple[str, int], ...]
    """Bytes by leaf size (`4K`, `2M`, `1G`)."""
    reach_bytes: int
    """Memory the TLB covers at once with this mix of leaves; less than the footprint only if accesses miss."""
    l1_miss_ppm: int
    """Accesses that miss the first level, parts per million."""
    miss_ppm: int
    """Accesses that miss the last level, parts per million."""
    walk_cycles: float
    """Cycles of a page walk after such a miss."""
    cycles_per_access: float
    """Translation cycles each access costs on average beyond an L1 hit."""


@dataclass(frozen=True, slots=True)
class TlbView:
    """The simulated CPU's TLB and what it does for the mappings as they are now."""

    cpu: str
    levels: tuple[TlbLevel, ...] = ()
    accesses: tuple[TlbAccess, ...] = ()


@dataclass(frozen=True, slots=True)
class VmemmapView:
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

    @property
    def given_back_frames(self) -> int:
        """Frames of struct pages that went back to the allocator."""
        return self.full_frames - self.used_frames


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One figure of a policy's own state: `free chunks`, 32701, `chunks`."""

    label: str
    value: int
    unit: str
    """`bytes` or `ppm`, which a view may write for people, or the plural of what is counted: `chunks`, `packs`."""


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What a policy holds inside itself, under the names of its axis and class in `kernel:`."""

    axis: str
    """`exec_memory`, `secret_memory`, `direct_map`."""
    policy: str
    """`prog_pack`."""
    rows: tuple[PolicyRow, ...] = ()
    by_order: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Lines of a table by order, 0 to 10, as debugfs prints them: (`Free`, blocks of each order)."""


@dataclass(frozen=True, slots=True)
class SplitCause:
    """Who split the direct map, and how often: splits since boot, of 2M and of 1G leaves."""

    cause: str
    """`module xfs text`, `BPF pack`, `memfd_secret`."""
    level2_splits: int
    level3_splits: int


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


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """One activity of the timeline, for the list of what runs."""

    name: str
    """Action, with its label where it has one."""
    state: str
    """`waiting`, `running`, `holding` (its memory lives on) or `done`."""
    progress: str
    """Plain words: `61 of 100 children`."""
    next_ns: int = -1
    """When it goes on, or -1."""


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
    direct_map_cells: CellMap | None = None
    vmemmap_cells: CellMap | None = None
    policy_state: tuple[PolicyState, ...] = ()
    """What the policies that hold something of their own have inside, in the order of `kernel:`."""
    split_causes: tuple[SplitCause, ...] = ()
    """Who split the direct map, most splits first; many small causes are one line at the end (`N others`)."""
    frame: FrameView | None = None
    struct_pages: StructPagesView | None = None
    finished: bool = False
    """The scenario has nothing more to do."""
    failed_expectations: int = 0
    """Expectations of the scenario that were not met so far."""
    expectations: int = 0
    """All expectations of the scenario, decided or not."""


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
