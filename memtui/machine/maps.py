"""Maps of physical memory at the resolution a view asks for.

A map costs its cells plus what has changed: cells of memory that is as boot left it are filled
from spans and runs, never frame by frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


class CellGrid:
    """The RAM of a window, holes left out, cut into cells of one size; the last may be smaller."""

    def __init__(self, layout: Layout, cells: int, window: MapWindow | None = None) -> None:
        self.ram = layout.ram if window is None else _inside(layout.ram, window)
        frames = self.frames = sum(length for _, length in self.ram)
        self.cell_frames = max(1, -(-frames // max(cells, 1)))
        self.cells = -(-frames // self.cell_frames)
        self._zones = layout.zones

    def ranges(self) -> Iterator[list[tuple[int, int]]]:
        """Per cell the [start, end) frames it stands for: one range, or two where it spans the hole below 4 GiB."""
        for cell in range(self.cells):
            yield list(self._physical(cell * self.cell_frames, (cell + 1) * self.cell_frames))

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


def direct_map_cells(direct_map: DirectMap, layout: Layout, cells: int, window: MapWindow | None = None) -> CellMap:
    """The finest leaf inside each cell, and whether one is not present."""
    grid = CellGrid(layout, cells, window)
    changed = grid.touched(direct_map.changed_gibs())
    codes = bytearray()
    for cell, ranges in enumerate(grid.ranges()):
        finest: Level | None = None
        absent = False
        for start, end in ranges:
            inside = [gib for gib in changed.get(cell, ()) if start < (gib + 1) * FRAMES_1G and end > gib * FRAMES_1G]
            level, missing = direct_map.finest(start, end, inside)
            finest = level if finest is None else finest if level is None else min(finest, level)
            absent = absent or missing
        codes.append(DirectMapCell.NOT_PRESENT if absent else _CELL_OF_LEVEL[finest])
    return CellMap(bytes(codes), grid.cell_frames * PAGE_BYTES, grid.marks(), grid.ram)


def vmemmap_cells(memmap: Memmap, layout: Layout, cells: int, window: MapWindow | None = None) -> CellMap:
    """How the struct pages of each cell's memory are backed."""
    grid = CellGrid(layout, cells, window)
    first, last = (grid.ram[0][0], sum(grid.ram[-1])) if grid.ram else (0, 0)
    shared = grid.spread(memmap.optimised_runs(first, last))
    split = grid.spread(memmap.split_runs(first, last))
    left = grid.frames
    codes = bytearray()
    for in_shared, in_split in zip(shared, split, strict=True):
        size = min(grid.cell_frames, left)
        left -= size
        codes.append(_vmemmap_code(size, in_shared, in_split))
    return CellMap(bytes(codes), grid.cell_frames * PAGE_BYTES, grid.marks(), grid.ram)


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
