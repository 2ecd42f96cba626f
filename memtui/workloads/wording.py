"""Words and step counts that several workloads share."""

from __future__ import annotations

from typing import Final

from memtui.machine.boot_mapping import Level
from memtui.machine.direct_map import DirectMap
from memtui.machine.split_account import Splits
from memtui.units import PAGE_BYTES, format_count

MAX_STEPS: Final = 200
"""Into about how many steps an activity with many parts cuts its work, so that it can be watched."""

MAX_PARTS: Final = 128
"""Calls of the kernel in one step at most, however many there are: a step is not to be felt."""


def plural(count: int, noun: str) -> str:
    """The noun, in the plural unless there is exactly one."""
    return noun if count == 1 else f"{noun}es" if noun.endswith("s") else f"{noun}s"


def split_words(direct_map: DirectMap, before: Splits) -> str:
    """What happened to the direct map's large leaves: how many of each size were split, and where the last lies."""
    now = direct_map.splits
    count = now.total - before.total
    if not count:
        return "nothing split"
    last = "1G" if now.last is Level.LEAF_1G else "2M"
    where = f"{now.last_frame * PAGE_BYTES:#x}"
    large, small = now.level3 - before.level3, now.level2 - before.level2
    if count == 1:
        return f"1 direct-map leaf of {last} split, at {where}"
    if large and small:
        sizes = f"{format_count(large)} of 1G and {format_count(small)} of 2M"
        return f"{format_count(count)} direct-map leaves split: {sizes}, the last of {last} at {where}"
    return f"{format_count(count)} direct-map leaves of {last} split, the last at {where}"


def merge_words(direct_map: DirectMap, before: int) -> str:
    """What became of split leaves when what split them was given back; `before`: `DirectMap.collapses` then."""
    merged = direct_map.collapses - before
    if merged:
        return f"{format_count(merged)} {plural(merged, 'table')} of equal leaves merged into large leaves"
    return "nothing merged so far" if direct_map.merges_back else "leaves that were split stay split"
