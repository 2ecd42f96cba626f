"""About how much memory plain data takes: told to people who choose how much history to keep."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Final

SAMPLES: Final = 8
"""Members of a sequence that are measured; the others are taken to be like them."""


def held_bytes(members: Sequence[object]) -> int:
    """Bytes of a sequence and of all that is in it, from a few of its members, evenly spread.

    What members share with each other is counted once for all of them, so that texts and views
    that pass unchanged from one Snapshot to the next weigh what they weigh.
    """
    if not members:
        return sys.getsizeof(members)
    count = min(SAMPLES, len(members))
    seen: set[int] = set()
    sizes = [_bytes_of(members[place * len(members) // count], seen) for place in range(count)]
    return sys.getsizeof(members) + sum(sizes) * len(members) // count


def _bytes_of(value: object, seen: set[int]) -> int:
    """Bytes of a value and of what it holds, except what was `seen`."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, Mapping):
        return size + sum(_bytes_of(key, seen) + _bytes_of(held, seen) for key, held in value.items())
    if isinstance(value, (tuple, list)):
        return size + sum(_bytes_of(held, seen) for held in value)
    if is_dataclass(value):
        return size + sum(_bytes_of(getattr(value, each.name), seen) for each in fields(value))
    return size
