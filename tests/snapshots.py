"""Small Snapshots for tests that need no machine."""

from __future__ import annotations

from collections.abc import Mapping

from memtui.snapshot import Event, Snapshot, TlbView, VmemmapView, ZoneView

NO_VMEMMAP = VmemmapView(0, 0, 0, 0, 0, 0, True, 0)


def zone(node: int = 0, name: str = "Normal", free: int = 0, blocks: tuple[int, ...] = (0,) * 11) -> ZoneView:
    return ZoneView(node, name, 1 << 20, free, 10, 20, 30, free, blocks)


def snapshot(
    time_ns: int,
    counters: Mapping[str, int] | None = None,
    *,
    derived: Mapping[str, int | float] | None = None,
    zones: tuple[ZoneView, ...] = (),
    events: tuple[Event, ...] = (),
) -> Snapshot:
    return Snapshot(time_ns, counters or {}, derived or {}, zones, (), NO_VMEMMAP, TlbView("none"), events=events)
