"""Where RAM lies on x86-64: the holes of a PC, zones, nodes and sections.

The layout is that of the machines in the recordings (e820 of `guest-*-boot-*`): page 0 and the
area from 636 KiB to 1 MiB are not usable, RAM below 4 GiB ends at 3 GiB less 128 KiB of ACPI
tables, and the rest lies above 4 GiB.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from memtui.machine.errors import MachineStopped
from memtui.machine.physical.extents import Run
from memtui.units import FRAMES_1G, FRAMES_4G, FRAMES_SECTION, MIB, PAGE_BYTES, TIB, format_bytes

SECTION_FRAMES: Final = FRAMES_SECTION
"""A memory section is 128 MiB (SECTION_SIZE_BITS 27); its memmap fills one 2 MiB leaf."""
STRUCT_PAGE_BYTES: Final = 64
STRUCT_PAGES_PER_FRAME: Final = PAGE_BYTES // STRUCT_PAGE_BYTES
DMA_END: Final = 16 * MIB // PAGE_BYTES
LOW_RAM_END: Final = 3 * FRAMES_1G
"""RAM below 4 GiB ends here; what does not fit continues at 4 GiB."""
ISA_HOLE: Final[Run] = (0x9F, 0x100 - 0x9F)
"""EBDA, video memory and BIOS below 1 MiB."""
ACPI_FRAMES: Final = 32
"""Firmware tables at the end of low RAM."""
LEAST_RAM_BYTES: Final = 64 * MIB
MOST_RAM_BYTES: Final = 64 * TIB
"""4-level page tables: 46 physical address bits."""
MOST_RAM_BYTES_5_LEVELS: Final = 4096 * TIB
"""5-level page tables: 52 physical address bits."""


class ZoneLayout(NamedTuple):
    """One zone of one node: its name and the run of RAM (holes included) it spans."""

    node: int
    name: str
    start: int
    end: int


class Layout(NamedTuple):
    """The machine's physical address space, in frames."""

    ram: tuple[Run, ...]
    """Installed RAM, ascending, the firmware's parts included."""
    firmware: tuple[Run, ...]
    """Frames of RAM that the kernel never gets."""
    nodes: tuple[tuple[Run, ...], ...]
    """RAM by node."""
    zones: tuple[ZoneLayout, ...]

    @property
    def ram_frames(self) -> int:
        """All installed RAM."""
        return sum(frames for _, frames in self.ram)


def layout(ram_bytes: int, nodes: int, *, la57: bool = False) -> Layout:
    """Lays out a machine. Raises MachineStopped if it is too small, too large or cannot be shared by the nodes."""
    most = MOST_RAM_BYTES_5_LEVELS if la57 else MOST_RAM_BYTES
    if not LEAST_RAM_BYTES <= ram_bytes <= most:
        limits = f"{format_bytes(LEAST_RAM_BYTES)} to {format_bytes(most)}"
        raise MachineStopped(f"a machine with {format_bytes(ram_bytes)} of RAM cannot boot: expected {limits}")
    frames = ram_bytes // PAGE_BYTES
    low = min(frames, LOW_RAM_END)
    ram = ((0, low),) if low == frames else ((0, low), (FRAMES_4G, frames - low))
    firmware = ((0, 1), ISA_HOLE, (low - ACPI_FRAMES, ACPI_FRAMES))
    shares = tuple(_node_share(ram, node, nodes) for node in range(nodes))
    if not all(shares):
        raise MachineStopped(f"{format_bytes(ram_bytes)} of RAM cannot be shared by {nodes} nodes")
    zones = tuple(zone for node, runs in enumerate(shares) for zone in _zones(node, runs))
    return Layout(ram, firmware, shares, zones)


def _node_share(ram: tuple[Run, ...], node: int, nodes: int) -> tuple[Run, ...]:
    """The runs of RAM that belong to one node: equal shares, cut at whole GiB (or sections, if small)."""
    frames = sum(length for _, length in ram)
    grain = FRAMES_1G if frames >= 2 * nodes * FRAMES_1G else SECTION_FRAMES
    first = frames * node // nodes // grain * grain
    last = frames if node == nodes - 1 else frames * (node + 1) // nodes // grain * grain
    runs: list[Run] = []
    offset = 0
    for start, length in ram:
        low, high = max(first, offset), min(last, offset + length)
        if low < high:
            runs.append((start + low - offset, high - low))
        offset += length
    return tuple(runs)


def _zones(node: int, runs: tuple[Run, ...]) -> list[ZoneLayout]:
    bounds = (("DMA", 0, DMA_END), ("DMA32", DMA_END, FRAMES_4G), ("Normal", FRAMES_4G, 1 << 52))
    zones: list[ZoneLayout] = []
    for name, low, high in bounds:
        parts = [(max(s, low), min(s + n, high)) for s, n in runs if s < high and s + n > low]
        if parts:
            zones.append(ZoneLayout(node, name, parts[0][0], parts[-1][1]))
    return zones
