"""What only /proc/zoneinfo and /proc/pagetypeinfo tell of a zone: filled where a view asks for it."""

from __future__ import annotations

from typing import NamedTuple


class PageSet(NamedTuple):
    """The lists of free pages that one CPU has of a zone, in base frames."""

    cpu: int
    held: int
    high: int
    batch: int
    tuned_between: tuple[int, int] | None = None
    """What `high` is kept between (high_min, high_max: 6.7 and later)."""


class TypeView(NamedTuple):
    """One migratetype in a zone."""

    name: str
    """`Unmovable`, `Movable`, `Reclaimable`."""
    free_blocks: tuple[int, ...]
    """Free blocks on its lists by order, 0 to 10."""
    pageblocks: int
    """Pageblocks of 2 MiB that are of this type."""


class ZoneDetail(NamedTuple):
    """One zone; figures in base frames."""

    node: int
    name: str
    boost_frames: int
    """By how much the watermarks are raised for now."""
    spanned_frames: int
    present_frames: int
    protection: tuple[int, ...]
    """Frames kept from requests that could use a higher zone, by zone (lowmem_reserve)."""
    start_frame: int
    page_sets: tuple[PageSet, ...]
    """Of the CPUs that have lists."""
    types: tuple[TypeView, ...]
