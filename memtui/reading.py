"""What a Snapshot says under a counter's name: counters, our own figures and buddyinfo alike."""

from __future__ import annotations

from collections.abc import Iterator

from memtui.fields import BUDDYINFO_PREFIX, FIELDS, buddyinfo_name
from memtui.snapshot import Snapshot, ZoneView


def read(snapshot: Snapshot, name: str) -> int | float | None:
    """One figure in its own unit, `buddyinfo.<node>.<zone>.<order>` included; None when the snapshot has none."""
    if name in snapshot.counters:
        return snapshot.counters[name]
    if name in snapshot.derived:
        return snapshot.derived[name]
    wanted = buddyinfo_name(name)
    if wanted is None or wanted.order is None:
        return None
    for zone in snapshot.zones:
        if (zone.node, zone.name) == (wanted.node, wanted.zone) and wanted.order < len(zone.free_blocks):
            return zone.free_blocks[wanted.order]
    return None


def counters_in_order(snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    """Linux's counters, in the order Linux prints them; `buddyinfo` has those of the free lists."""
    for name in sorted(snapshot.counters, key=_place):
        if not name.startswith(BUDDYINFO_PREFIX):
            yield name, snapshot.counters[name]


def derived_in_order(snapshot: Snapshot) -> Iterator[tuple[str, int | float]]:
    """Our own figures, in the order of the table of counters."""
    for name in sorted(snapshot.derived, key=_place):
        yield name, snapshot.derived[name]


def buddyinfo(snapshot: Snapshot) -> Iterator[tuple[str, tuple[int, ...]]]:
    """/proc/buddyinfo: free blocks by order, zone by zone."""
    for zone in snapshot.zones:
        yield buddyinfo_of(zone), zone.free_blocks


def buddyinfo_of(zone: ZoneView) -> str:
    """The name of a zone's list in /proc/buddyinfo."""
    return f"{BUDDYINFO_PREFIX}{zone.node}.{zone.name}"


def figures(snapshot: Snapshot) -> Iterator[tuple[str, int | float]]:
    """Every single figure a series can follow, in a fixed order: counters, ours, buddyinfo order by order."""
    yield from counters_in_order(snapshot)
    yield from derived_in_order(snapshot)
    for name, blocks in buddyinfo(snapshot):
        for order, count in enumerate(blocks):
            yield f"{name}.{order}", count


_PLACES = {name: place for place, name in enumerate(FIELDS)}


def _place(name: str) -> tuple[int, str]:
    return (_PLACES.get(name, len(_PLACES)), name)
