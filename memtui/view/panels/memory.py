"""Panel 4: free memory per zone against its watermarks, blocks per order, and who owns the rest."""

from __future__ import annotations

from typing import Final

from memtui.reading import read
from memtui.snapshot import Snapshot, ZoneView
from memtui.units import FRAMES_2M, KIB, PAGE_BYTES, format_bytes
from memtui.view.baseline import bytes_change, frames_change, since, with_changes
from memtui.view.cells import Row, dim, flow, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import whole_percent
from memtui.view.panels.gauges import gauge_rows, key_words, level_rows
from memtui.view.panels.memory_history import LEAST_ROWS, memory_history
from memtui.view.panels.orders import LEAST_ORDER_ROWS, order_rows
from memtui.view.panels.owners import owner_rows
from memtui.view.scene import Drawing, Panel, Scene

_FEW_ZONES: Final = 4
"""Zones that are all shown before anything else is; with more, blocks by order have room of their own."""
_HISTORY_FROM: Final = 18
"""Height from which the past has rows of its own, before all owners have."""
_ROOMY: Final = 22
"""Rows beyond gauges and totals from which the blocks of each zone are listed."""
_LEAST_OWNERS: Final = 2
_LISTED_FROM: Final = 46
"""Width from which what lies on per-CPU lists is told."""


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Gauges per zone, what is free in all, free blocks by order, owners of frames and history as space allows."""
    now, baseline = scene.now, scene.state.baseline
    figures = flow(_totals(scene, width, height, glyphs), width)
    reserved = LEAST_ORDER_ROWS if len(now.zones) > _FEW_ZONES else 0
    shown_zones = max(1, height - len(figures) - reserved)
    rows = [*gauge_rows(now.zones, baseline, width, shown_zones, glyphs), *figures]
    rest = height - len(rows)
    roomy = rest >= _ROOMY + len(now.zones)
    rows += order_rows(now.zones, baseline, width, rest, glyphs, each_zone=roomy)
    kept = LEAST_ROWS + 1 if height >= _HISTORY_FROM else 0
    gap = int(height - len(rows) >= 6)
    room = height - len(rows) - gap
    owners = owner_rows(now.owners, baseline, width, max(min(room, _LEAST_OWNERS), room - kept), glyphs)
    rows += [()] * (gap if owners else 0) + owners
    levels = level_rows(now.zones, width)
    if levels and height - len(rows) - len(levels) - 1 >= kept:
        rows += [(), *levels]
    return Drawing(rows + memory_history(scene, width, height - len(rows), glyphs), key_words(glyphs))


def _totals(scene: Scene, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """Groups of figures, each with its change since the baseline, enlarged even where that needs a further row."""
    now, baseline = scene.now, scene.state.baseline
    groups, changes = [], []
    for name in ("MemFree", "MemAvailable"):
        value, change = read(now, name), since(baseline, now, name)
        if value is not None:
            groups.append(row(dim(f"{name} "), strong(format_bytes(int(value) * KIB))))
            changes.append(bytes_change(None if change is None else change * KIB))
    free = sum(zone.free_frames for zone in now.zones)
    usable = sum(_frames_from_2m(zone) for zone in now.zones)
    groups.append(row(dim("below 2M "), strong(whole_percent(free - usable, free))))
    fragmentation, listed = _fragmentation(now), read(now, "pcp_frames")
    groups += fragmentation
    changes += [""] * (1 + len(fragmentation))
    if listed is not None and width >= _LISTED_FROM:
        groups.append(row(dim("per-CPU lists "), strong(format_bytes(int(listed) * PAGE_BYTES))))
        changes.append(frames_change(since(baseline, now, "pcp_frames")))
    return with_changes(groups, map(glyphs.text, changes), width, spare=int(height >= _HISTORY_FROM))


def _fragmentation(now: Snapshot) -> list[Row]:
    """Why no block of 2M, and none of 4M, is free: Linux's index, 1 for fragmentation and 0 for lack of memory."""
    known = [(name, read(now, f"extfrag_index.{order}")) for name, order in (("2M", 9), ("4M", 10))]
    parts = [
        (dim(f" {name} "), strong("none" if index < 0 else f"{index / 1000:.2f}"))
        for name, index in known
        if index is not None
    ]
    return [row(dim("fragmentation"), *(span for part in parts for span in part))] if parts else []


def _frames_from_2m(zone: ZoneView) -> int:
    """Free frames in blocks of 2 MiB and more (the complement of extfrag/unusable_index)."""
    return sum(count << order for order, count in enumerate(zone.free_blocks) if 1 << order >= FRAMES_2M)


PANEL = Panel(
    name="memory",
    title="Free memory",
    tab="Free memory",
    draw=draw,
    help=(
        "Each gauge is the free memory of one zone of one node, against the pages the zone manages (/proc/zoneinfo). "
        "The marks are its watermarks: below low kswapd reclaims until high, below min ordinary allocations must "
        "reclaim for themselves; the bar changes colour with them, and words say so. The fainter part is free now but "
        "was in use once: where it begins is the least that was ever free, the most ever used. Enlarged, watermarks "
        "and that least stand there as figures.\n\n"
        "MemFree is what Linux prints: what lies in the buddy allocator. Pages on per-CPU lists "
        "are free too, but not in it; Linux takes them from there before it asks the buddy allocator. "
        "MemAvailable is what programs could have without swapping.\n\n"
        "Below: free blocks of the buddy allocator by order (/proc/buddyinfo; order 0 is 4 KiB, order 9 is 2 MiB, "
        "order 10 is 4 MiB), bars on a log scale. 'Below 2M' is the share of free memory in blocks too small for a "
        "2 MiB page (extfrag/unusable_index). Fragmentation is Linux's index over all zones (extfrag_index): none "
        "while a block of that size is free; else towards 1.00 fragmentation is to blame, towards 0.00 lack of "
        "memory.\n\n"
        "Enlarged, MemFree and free blocks of every order are drawn over time, a row per order on one log scale, and "
        "where there is room the share below 2M and the fragmentation index for 4M.\n\n"
        "The last bar shows who owns the frames of RAM, largest first, by the letters of Linux's page-types where it "
        "has one. Every frame has exactly one owner; those on per-CPU lists are free. With a baseline (b), changes "
        "since stand in brackets."
    ),
    counters=(
        "MemTotal",
        "MemFree",
        "MemAvailable",
        "nr_free_pages",
        "pcp_frames",
        "unusable_index.9",
        "extfrag_index.9",
        "extfrag_index.10",
        "oom_kill",
    ),
)
"""Free memory."""
