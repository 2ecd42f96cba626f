"""What a Snapshot tells of the TLB: who accesses what, as everything is mapped now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memtui.machine import maps
from memtui.machine.boot_mapping import table_frames
from memtui.machine.tlb.mix import Mix
from memtui.machine.tlb.popularity import Use
from memtui.snapshot import TlbView
from memtui.units import PAGE_BYTES

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

ZIPF: Final = 0.99
"""The exponent of the skewed accesses: that of YCSB's zipfian generator (Cooper et al., 2010)."""


def tlb_view(machine: Machine, *, skewed: bool) -> TlbView:
    """The CPU's arrays and what accesses to the direct map, the largest process and the vmemmap pay.

    What a scenario states of the kernel's accesses comes second; `skewed` adds all of them by Zipf's law.
    """
    cost = machine.direct_map_cost.view()
    mappings = _mappings(machine)
    accesses = [machine.tlb.access(name, mix) for name, mix in mappings]
    favoured = [machine.tlb.access(name, mix, Use(ZIPF)) for name, mix in mappings] if skewed else []
    if machine.direct_map_cost.stated is not None:
        accesses.insert(1, cost.access)
        if skewed:
            favoured.insert(1, machine.direct_map_cost.skewed(ZIPF))
    cpu = machine.config.cpu
    tables = table_frames(machine.direct_map.spans, cpu.table_levels) + machine.direct_map.table_frames
    return TlbView(
        cpu=machine.tlb.name,
        levels=machine.tlb.levels(),
        accesses=tuple(accesses),
        table_levels=cpu.table_levels,
        direct_map_table_bytes=tables * PAGE_BYTES,
        cost=cost,
        skewed=tuple(favoured),
        guest=cpu.guest,
    )


def _mappings(machine: Machine) -> list[tuple[str, Mix]]:
    """Name and leaves of what may be accessed; the direct map first."""
    mappings = [("direct map", Mix(*maps.mapped_bytes(machine.direct_map)))]
    largest = max(machine.processes, key=lambda process: (process.rss_pages, -process.pid), default=None)
    if largest is not None:
        mappings.append((str(largest), Mix(*largest.tlb_mix())))
    return [*mappings, ("vmemmap", Mix(*machine.memmap.mapped_bytes))]
