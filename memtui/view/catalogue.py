"""The panels, in the order of their digits. Whatever lists, opens or draws panels reads this table."""

from __future__ import annotations

from typing import Final

from memtui.snapshot import MapRequest
from memtui.view.panels import direct_map, events, memory, proc, tlb, vmemmap
from memtui.view.scene import Panel

PANELS: Final[tuple[Panel, ...]] = (
    direct_map.PANEL,
    vmemmap.PANEL,
    tlb.PANEL,
    memory.PANEL,
    events.PANEL,
    proc.PANEL,
)
"""Panel 1 first."""

EVENTS: Final = events.PANEL.name
"""The name of the panel that runs along the bottom."""

PROC: Final = proc.PANEL.name
"""The name of the panel that shows beside the others on large screens only."""


def panel(name: str) -> Panel:
    """The panel of that name. Raises ValueError with one line that lists the names otherwise."""
    for candidate in PANELS:
        if candidate.name == name:
            return candidate
    raise ValueError(f"no panel {name!r}; expected one of {', '.join(known.name for known in PANELS)}")


def digit(name: str) -> int:
    """The digit that goes to the panel."""
    return PANELS.index(panel(name)) + 1


def merged(requests: list[MapRequest]) -> MapRequest:
    """One request that asks for every map the others ask for."""
    direct_map = max(requests, key=lambda request: request.direct_map_cells, default=MapRequest())
    vmemmap = max(requests, key=lambda request: request.vmemmap_cells, default=MapRequest())
    return MapRequest(
        direct_map_cells=direct_map.direct_map_cells,
        vmemmap_cells=vmemmap.vmemmap_cells,
        direct_map_window=direct_map.direct_map_window,
        vmemmap_window=vmemmap.vmemmap_window,
        direct_map_frame=next((each.direct_map_frame for each in requests if each.direct_map_frame is not None), None),
        vmemmap_frame=next((each.vmemmap_frame for each in requests if each.vmemmap_frame is not None), None),
        direct_map_strips=direct_map.direct_map_strips,
        vmemmap_strips=vmemmap.vmemmap_strips,
        places=any(each.places for each in requests),
        vmemmap_costs=any(each.vmemmap_costs for each in requests),
        skewed=any(each.skewed for each in requests),
        processes=max((each.processes for each in requests), default=1),
        first_process=max((each.first_process for each in requests), default=0),
        zone_details=any(each.zone_details for each in requests),
        process=max((each.process for each in requests), default=0),
    )
