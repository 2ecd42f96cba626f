"""Maps of physical memory at the resolution a view asks for.

A map costs its cells plus what has changed: cells of memory that is as boot left it are filled
from spans and runs, never frame by frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from memtui.machine.boot_mapping import Level
from memtui.machine.direct_map import DirectMap
from memtui.machine.geometry import Layout
from memtui.machine.memmap import Memmap
from memtui.machine.physical.extents import Run
from memtui.snapshot import CellMap, DirectMapCell, MapWindow, VmemmapCell
from memtui.units import FRAMES_1G, PAGE_BYTES

_CELL_OF_LEVEL: Final = {
    None: DirectMapCell.HOLE,
    Level.LEAF_4K: DirectMapCell.LEAF_4K,
    Level.LEAF_2M: DirectMapCell.LEAF_2M,
    Level.LEAF_1G: DirectMapCell.LEAF_1G,
}

KEPT: Final = 16
"""Maps of one kind that are kept: those of all panels, at some zooms each, with the levels above."""


class CellGrid:
    """The RAM of a window, holes left out, cut into cells of one size; the last may be smaller.

    The size of a cell follows that of the window, so that a power of two in as many cells gives aligned ones.
    """

    def __init__(self, layout: Layout, cells: int, window: MapWindow | None = None) -> None:
        self.ram = layout.ram if window is None else _inside(layout.ram, window)
        frames = self.frames = sum(length for _, length in self.ram)
        whole = frames if window is None else window.frames
        self.cell_frames = max(1, -(-whole // max(cells, 1)))
        self.cells = -(-frames // self.cell_frames)
        self._zones = layout.zones

    def ranges(self) -> Iterator[list[tuple[int, int]]]:
        """`range` of every cell."""
        for cell in range(self.cells):
            yield self.range(cell)

    def range(self, cell: int) -> list[tuple[int, int]]:
        """The [start, end) frames a cell stands for: one range, or two where it spans the hole below 4 GiB."""
        return list(self._physical(cell * self.cell_frames, (cell + 1) * self.cell_frames))

    def offset_of(self, frame: int) -> int:
        """How many frames of the window's RAM lie below this one."""
        below = 0
        for start, frames in self.ram:
            if frame < start + frames:
                return below + max(0, frame - start)
            below += frames
        return below

    def spread(self, runs: Iterable[Run]) -> list[int]:
        """Frames of `runs` inside each cell."""
        amounts = [0] * self.cells
        for start, frames in runs:
            low, high = self.offset_of(start), self.offset_of(start + frames)
            while low < high:
                cell = low // self.cell_frames
                stop = min(high, (cell + 1) * self.cell_frames)
                amounts[cell] += stop - low
                low = stop
        return amounts

    def touched(self, gibs: Iterable[int]) -> dict[int, list[int]]:
        """Cell → those of the numbered GiB of address space that it overlaps, ascending by cell."""
        cells: dict[int, list[int]] = {}
        for gib in gibs:
            low, high = self.offset_of(gib * FRAMES_1G), self.offset_of((gib + 1) * FRAMES_1G)
            if low == high:
                continue
            for cell in range(low // self.cell_frames, -(-high // self.cell_frames)):
                cells.setdefault(cell, []).append(gib)
        return cells

    def marks(self) -> tuple[tuple[int, str], ...]:
        """(cell, label) where a node or zone begins."""
        places: dict[int, str] = {}
        for zone in self._zones:
            if self.offset_of(zone.start) < self.offset_of(zone.end):
                places[self.offset_of(zone.start) // self.cell_frames] = f"node {zone.node} {zone.name}"
        return tuple(places.items())

    def cell_map(self, codes: bytes | bytearray) -> CellMap:
        """The grid with these codes in its cells."""
        return CellMap(bytes(codes), self.cell_frames * PAGE_BYTES, self.marks(), self.ram)

    def _physical(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        below = 0
        for start, frames in self.ram:
            first, last = max(low - below, 0), min(high - below, frames)
            if first < last:
                yield start + first, start + last
            below += frames


def _inside(ram: Iterable[Run], window: MapWindow) -> tuple[Run, ...]:
    """The part of some runs of RAM that lies in a window."""
    end = window.start + window.frames
    cut = ((max(start, window.start), min(start + frames, end)) for start, frames in ram)
    return tuple((low, high - low) for low, high in cut if low < high)


class DirectMapPicture:
    """The finest leaf inside each cell of a grid, and whether one is not present.

    What boot made of each cell is worked out once; a look costs the GiB that have changed since.
    """

    def __init__(self, direct_map: DirectMap, grid: CellGrid) -> None:
        self._direct_map = direct_map
        self._grid = grid
        self._boot = bytes(self._code(ranges, ()) for ranges in grid.ranges())
        self._last = grid.cell_map(self._boot)

    def look(self) -> CellMap:
        """The cells now; the very same object as long as nothing has changed."""
        codes = bytearray(self._boot)
        for cell, gibs in self._grid.touched(self._direct_map.changed_gibs()).items():
            codes[cell] = self._code(self._grid.range(cell), gibs)
        if codes != self._last.cells:
            self._last = self._grid.cell_map(codes)
        return self._last

    def _code(self, ranges: Iterable[tuple[int, int]], changed: Iterable[int]) -> DirectMapCell:
        finest: Level | None = None
        absent = False
        for start, end in ranges:
            inside = [gib for gib in changed if start < (gib + 1) * FRAMES_1G and end > gib * FRAMES_1G]
            level, missing = self._direct_map.finest(start, end, inside)
            finest = level if finest is None else finest if level is None else min(finest, level)
            absent = absent or missing
        return DirectMapCell.NOT_PRESENT if absent else _CELL_OF_LEVEL[finest]


class VmemmapPicture:
    """How the struct pages of the memory of each cell of a grid are backed."""

    def __init__(self, memmap: Memmap, grid: CellGrid) -> None:
        self._memmap = memmap
        self._grid = grid
        self._last = grid.cell_map(b"")

    def look(self) -> CellMap:
        """The cells now; the very same object as long as nothing has changed."""
        grid = self._grid
        first, last = (grid.ram[0][0], sum(grid.ram[-1])) if grid.ram else (0, 0)
        shared = grid.spread(self._memmap.optimised_runs(first, last))
        split = grid.spread(self._memmap.split_runs(first, last))
        left = grid.frames
        codes = bytearray()
        for in_shared, in_split in zip(shared, split, strict=True):
            size = min(grid.cell_frames, left)
            left -= size
            codes.append(_vmemmap_code(size, in_shared, in_split))
        if codes != self._last.cells:
            self._last = grid.cell_map(codes)
        return self._last


class Maps:
    """The maps of one machine, kept as they were asked for last."""

    def __init__(self, direct_map: DirectMap, memmap: Memmap, layout: Layout) -> None:
        self._direct_map = direct_map
        self._memmap = memmap
        self._layout = layout
        self._of_direct_map = lru_cache(KEPT)(self._direct_map_picture)
        self._of_vmemmap = lru_cache(KEPT)(self._vmemmap_picture)

    def direct_map(self, cells: int, window: MapWindow | None = None) -> CellMap | None:
        """The direct map of a window, or of the whole machine, in so many cells; None for none."""
        return self._of_direct_map(cells, window).look() if cells else None

    def vmemmap(self, cells: int, window: MapWindow | None = None) -> CellMap | None:
        """The vmemmap of the same."""
        return self._of_vmemmap(cells, window).look() if cells else None

    def _direct_map_picture(self, cells: int, window: MapWindow | None) -> DirectMapPicture:
        return DirectMapPicture(self._direct_map, CellGrid(self._layout, cells, window))

    def _vmemmap_picture(self, cells: int, window: MapWindow | None) -> VmemmapPicture:
        return VmemmapPicture(self._memmap, CellGrid(self._layout, cells, window))


def _vmemmap_code(cell_frames: int, shared_frames: int, split_frames: int) -> VmemmapCell:
    if shared_frames >= cell_frames:
        return VmemmapCell.SHARED
    if shared_frames:
        return VmemmapCell.PARTLY_SHARED
    return VmemmapCell.SPLIT if split_frames else VmemmapCell.OWN


def mapped_bytes(direct_map: DirectMap) -> tuple[int, int, int]:
    """Bytes of RAM in 4K, 2M and 1G leaves, each frame once."""
    small, middle, large = (frames * PAGE_BYTES for frames in direct_map.leaf_frames)
    return small, middle, large
