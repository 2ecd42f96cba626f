"""What the direct map really maps by leaf size, and what Linux's counters say beyond it."""

from __future__ import annotations

from typing import Final

from memtui.snapshot import Snapshot
from memtui.units import KIB, format_bytes
from memtui.view.tokens import Token

LEAVES: Final = (
    ("1G", "DirectMap1G", Token.LEAF_1G),
    ("2M", "DirectMap2M", Token.LEAF_2M),
    ("4K", "DirectMap4k", Token.LEAF_4K),
)
"""Leaf sizes, largest first: the label, Linux's counter, and what it is drawn as."""

DIRECT_MAP: Final = "direct map"
"""The access over the direct map, by its name."""


def mapped_leaves(now: Snapshot) -> list[tuple[str, Token, int]]:
    """Bytes mapped by each leaf size, each frame once; of a machine that only has counters, what they say."""
    mapped = _mapped(now)
    known = mapped or {label: now.counters[name] * KIB for label, name, _ in LEAVES if name in now.counters}
    return [
        (label, token, known.get(label, 0)) for label, name, token in LEAVES if known.get(label) or name in now.counters
    ]


def counted_twice(now: Snapshot) -> str:
    """One sentence on the counters that say more than is mapped; empty where none does.

    Linux maps the end of RAM in steps at boot and counts a range again each time it maps it with
    larger leaves (`init_memory_mapping`; the same on every kernel recorded).
    """
    mapped = _mapped(now)
    over = [
        f"{name} counts {format_bytes(extra)}"
        for label, name, _ in LEAVES
        if mapped and (extra := now.counters.get(name, 0) * KIB - mapped.get(label, 0)) > 0
    ]
    return f"{' and '.join(over)} twice at boot, as Linux does" if over else ""


def _mapped(now: Snapshot) -> dict[str, int]:
    return next((dict(access.mapped_bytes) for access in now.tlb.accesses if access.name == DIRECT_MAP), {})
