"""Maps of physical memory and what can be told of one frame: what a view may ask for, and what it gets."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from memtui.snapshot.frames import FrameKind
from memtui.units import PAGE_BYTES


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


class CellMap(NamedTuple):
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


class MapWindow(NamedTuple):
    """The part of physical memory a map is of, in frames; RAM inside it is cut into the map's cells."""

    start: int
    frames: int


class StripRequest(NamedTuple):
    """A map of so many cells, of a window."""

    cells: int
    window: MapWindow | None
    """None: the whole machine."""


class MapRequest(NamedTuple):
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
    direct_map_strips: tuple[StripRequest, ...] = ()
    """Maps of a row each, of what lies around the window: `Snapshot.direct_map_strips`."""
    vmemmap_strips: tuple[StripRequest, ...] = ()
    places: bool = False
    """Whether to tell where memory next is not as boot left it, from the frames asked for on: `Snapshot.places`."""
    vmemmap_costs: bool = False
    """Whether to tell what struct pages cost by size of page and by node: `Snapshot.vmemmap_costs`."""
    skewed: bool = False
    """Whether to tell what accesses pay that favour some memory: `TlbView.skewed`."""
    processes: int = 1
    """Of how many processes to tell what accesses pay: of the largest, from `first_process` on."""
    first_process: int = 0
    """Processes left out that are larger."""
    zone_details: bool = False
    """Whether to tell what only /proc/zoneinfo and /proc/pagetypeinfo say: `Snapshot.zone_details`."""
    process: int = 0
    """Pid of one to tell of wherever it stands; 0: of none."""


class Places(NamedTuple):
    """Where memory is not as boot left it: the next place above the frame asked for, or else the first of all."""

    split: int | None = None
    """First frame of a leaf of the direct map that was split since boot, 2M where it was, else 1G; None: none was."""
    optimised: int | None = None
    """First frame of a run of huge pages that share struct pages."""


NOWHERE: Final = Places()
"""Nothing is told, or nothing is other than boot left it."""


class FrameView(NamedTuple):
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
    """Serial number of the event that came next when it was split; 0 if none is known."""
    split_ns: int = 0
    """Simulated time at which it was split."""


class StructPageFrame(NamedTuple):
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
    boot_order: int = -1
    """The order of the free block that frame is part of; -1 if it is not free."""


class StructPagesView(NamedTuple):
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
    available_frames: int
    """Frames that node's requests for struct pages could have now without reclaim, other nodes' included."""
    node_available_frames: int
    """Those of them that lie on the node itself."""
    zone: str
    policy: str
    """What `kernel.hugetlb_vmemmap` says: `reserve-1`."""


class PageSizeCost(NamedTuple):
    """What the struct pages of the huge pages of one size cost; frames are those that hold struct pages."""

    page_frames: int
    plain_pages: int
    """Pages in the pool with struct pages of their own."""
    optimised_pages: int
    full_frames: int
    """Of one page with struct pages of its own."""
    kept_frames: int
    """Of one optimised page."""


class NodeRestore(NamedTuple):
    """What freeing the optimised pages of one node takes."""

    node: int
    needed_frames: int
    available_frames: int
    """Frames of that node that could be had now without reclaim."""


class VmemmapCosts(NamedTuple):
    """What struct pages cost by size of page, and what freeing huge pages takes by node."""

    sizes: tuple[PageSizeCost, ...]
    """Smallest pages first."""
    nodes: tuple[NodeRestore, ...]
    available_frames: int
    """What all nodes together could hand over now without reclaim."""
