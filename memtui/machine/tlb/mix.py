"""Leaf sizes, and how a mapping is made up of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memtui.units import GIB, KIB, MIB

LEAF_BYTES: Final[dict[str, int]] = {"4K": 4 * KIB, "2M": 2 * MIB, "1G": GIB}
"""Sizes of leaves on x86-64, smallest first, under the names a Snapshot gives them."""


@dataclass(frozen=True, slots=True)
class Mix:
    """One mapping (the direct map, a process) as bytes by leaf size. ValueError for less than nothing."""

    bytes_4k: int = 0
    bytes_2m: int = 0
    bytes_1g: int = 0

    def __post_init__(self) -> None:
        for leaf, size in self.by_leaf():
            if size < 0:
                raise ValueError(f"{size} bytes mapped by {leaf} leaves; expected 0 or more")

    @property
    def footprint_bytes(self) -> int:
        """All that is mapped."""
        return self.bytes_4k + self.bytes_2m + self.bytes_1g

    def by_leaf(self) -> tuple[tuple[str, int], ...]:
        """Bytes by the name of the leaf size, smallest leaf first, sizes without bytes included."""
        return ("4K", self.bytes_4k), ("2M", self.bytes_2m), ("1G", self.bytes_1g)
