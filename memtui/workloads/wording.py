"""Words and step counts that several workloads share."""

from __future__ import annotations

from typing import Final

from memtui.units import format_count

MAX_STEPS: Final = 200
"""Into about how many steps an activity with many parts cuts its work, so that it can be watched."""


def plural(count: int, noun: str) -> str:
    """The noun, in the plural unless there is exactly one."""
    return noun if count == 1 else f"{noun}es" if noun.endswith("s") else f"{noun}s"


def split_words(splits: int) -> str:
    """What happened to the direct map's large leaves."""
    if not splits:
        return "nothing split"
    return f"{format_count(splits)} direct-map {'leaf' if splits == 1 else 'leaves'} split"
