"""What a Snapshot tells of the TLB: who accesses what, as everything is mapped now."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Final, NamedTuple

from memtui.machine import maps
from memtui.machine.boot_mapping import table_frames
from memtui.machine.process import Process
from memtui.machine.tlb.mix import Mix
from memtui.machine.tlb.popularity import Use
from memtui.snapshot import MapRequest, TlbView
from memtui.units import PAGE_BYTES

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

ZIPF: Final = 0.99
"""The exponent of the skewed accesses: that of YCSB's zipfian generator (Cooper et al., 2010)."""


class _Mapping(NamedTuple):
    """What may be accessed."""

    name: str
    mix: Mix
    pid: int = 0


def tlb_view(machine: Machine, request: MapRequest) -> TlbView:
    """The CPU's arrays and what accesses to the direct map, the vmemmap and the processes asked for pay.

    What a scenario states of the kernel's accesses comes second; all of them by Zipf's law too where that is
    asked for.
    """
    cost, model = machine.direct_map_cost.view(), machine.tlb
    first = max(0, min(request.first_process, len(machine.processes) - 1))
    mappings = _mappings(machine, request, first)
    accesses = [model.access(name, mix)._replace(pid=pid) for name, mix, pid in mappings]
    favoured = []
    if request.skewed:
        favoured = [model.access(name, mix, Use(ZIPF))._replace(pid=pid) for name, mix, pid in mappings]
    if machine.direct_map_cost.stated is not None:
        accesses.insert(1, cost.access)
        if request.skewed:
            favoured.insert(1, machine.direct_map_cost.skewed(ZIPF))
    cpu = machine.config.cpu
    tables = table_frames(machine.direct_map.spans, cpu.table_levels) + machine.direct_map.table_frames
    return TlbView(
        cpu=model.name,
        levels=model.levels(),
        accesses=tuple(accesses),
        table_levels=cpu.table_levels,
        direct_map_table_bytes=tables * PAGE_BYTES,
        cost=cost,
        skewed=tuple(favoured),
        guest=cpu.guest,
        processes=len(machine.processes),
        first_process=first,
    )


def _mappings(machine: Machine, request: MapRequest, first: int) -> list[_Mapping]:
    """What may be accessed: the direct map first, then the vmemmap, then processes, the largest first."""
    mappings = [
        _Mapping("direct map", Mix(*maps.mapped_bytes(machine.direct_map))),
        _Mapping("vmemmap", Mix(*machine.memmap.mapped_bytes)),
    ]
    shown = nsmallest(first + request.processes, machine.processes, key=_by_size)[first:]
    named = machine.processes.of_pid(request.process)
    if named is not None and named not in shown:
        shown.append(named)
    return mappings + [_Mapping(str(process), Mix(*process.tlb_mix()), process.pid) for process in shown]


def _by_size(process: Process) -> tuple[int, int]:
    """The most resident memory first, the oldest first of those that have the same."""
    shared = process.shared_pages if process.shared else 0
    return -process.rss_pages - shared, process.pid
