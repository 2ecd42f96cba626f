"""/proc/zoneinfo and /proc/pagetypeinfo of one zone, read from the zone when somebody asks (mm/vmstat.c)."""

from __future__ import annotations

from typing import Final

from memtui.machine.geometry import DMA_END, Layout
from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, MigrateType
from memtui.machine.physical.extents import Run
from memtui.machine.physical.pcp_limits import TunedLimits
from memtui.machine.physical.zone import Zone
from memtui.snapshot.zones import PageSet, TypeView, ZoneDetail
from memtui.units import FRAMES_4G

LINUX_ZONES: Final = 5
"""DMA, DMA32, Normal, Movable, Device: `protection` has a figure for each."""

BOUNDS: Final = {"DMA": DMA_END, "DMA32": FRAMES_4G}
"""Where these zones end in a node with RAM beyond: holes before that are spanned."""
FIRST_FRAME: Final = 1
"""Linux keeps the first frame out of all zones (`trim_bios_range`)."""


def zone_detail(zone: Zone, layout: Layout, node_cpus: int) -> ZoneDetail:
    """The zone as it is now. `node_cpus`: CPUs of each node, of which the first has lists."""
    at = zone.layout
    ram = [run for run in _cut(layout.ram, at.start, at.end) if run not in layout.firmware]
    firmware = sum(frames for _, frames in _cut(layout.firmware, at.start, at.end))
    start = max(at.start, FIRST_FRAME)
    end = min(BOUNDS.get(at.name, at.end), sum(layout.nodes[at.node][-1]))
    return ZoneDetail(
        node=at.node,
        name=at.name,
        boost_frames=zone.watermark_boost,
        spanned_frames=end - start,
        present_frames=sum(frames for _, frames in ram) - firmware,
        protection=zone.lowmem_reserve + zone.lowmem_reserve[-1:] * (LINUX_ZONES - len(zone.lowmem_reserve)),
        start_frame=start,
        page_sets=(_page_set(zone, at.node * node_cpus),) if zone.lists.limits.holds else (),
        types=_types(zone, ram),
    )


def _page_set(zone: Zone, cpu: int) -> PageSet:
    limits = zone.lists.limits
    tuned = (limits.high_min, limits.high_max) if isinstance(limits, TunedLimits) else None
    return PageSet(cpu, zone.lists.count, limits.high, limits.batch, tuned)


def _types(zone: Zone, ram: list[Run]) -> tuple[TypeView, ...]:
    """Every type with its free blocks and its pageblocks; those that never changed are movable."""
    counts = zone.buddy.pageblock_types()
    all_blocks = sum(-(-(start + frames) // PAGEBLOCK_FRAMES) - start // PAGEBLOCK_FRAMES for start, frames in ram)
    counts[MigrateType.MOVABLE] = all_blocks - counts.total()
    return tuple(TypeView(kind.name.capitalize(), zone.buddy.free_blocks([kind]), counts[kind]) for kind in MigrateType)


def _cut(runs: tuple[Run, ...], low: int, high: int) -> list[Run]:
    """The parts of runs that lie in [low, high)."""
    parts = ((max(start, low), min(start + frames, high)) for start, frames in runs)
    return [(start, end - start) for start, end in parts if start < end]
