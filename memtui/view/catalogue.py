"""The panels, in the order of their digits. Whatever lists, opens or draws panels reads this table."""

from __future__ import annotations

from typing import Final

from memtui.snapshot import MapRequest
from memtui.view.panels import direct_map, events, memory, tlb, vmemmap
from memtui.view.scene import Panel

PANELS: Final[tuple[Panel, ...]] = (direct_map.PANEL, vmemmap.PANEL, tlb.PANEL, memory.PANEL, events.PANEL)
"""Panel 1 first."""

EVENTS: Final = events.PANEL.name
"""The name of the panel that runs along the bottom."""


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
    return MapRequest(
        direct_map_cells=max((request.direct_map_cells for request in requests), default=0),
        vmemmap_cells=max((request.vmemmap_cells for request in requests), default=0),
    )
