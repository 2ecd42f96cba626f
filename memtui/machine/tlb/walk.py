"""What a page walk costs, from how large the page tables are against the caches.

A walk reads one entry of each level from the 1G level down to the leaf. The levels above are
small and always found; each level below is a table of eight bytes per entry, read at random, and
costs what the part of the hierarchy that holds it costs. Half of each cache is taken to be left
to page tables: the data the walks are for streams through the other half.
"""

from __future__ import annotations

from typing import Final

from memtui.machine.tlb.cpus import Caches
from memtui.machine.tlb.mix import LEAF_BYTES

ENTRY_BYTES: Final = 8
"""One page-table entry."""

START_CYCLES: Final = 5
"""Starting the walk; levels above 1G come from the paging-structure caches (assumed)."""

L1_CYCLES: Final = 5
"""Reading a table entry from the first-level cache (published load latencies: 4-5)."""

L2_CYCLES: Final = 14
"""From the second-level cache (published: 12-15)."""

L3_CYCLES: Final = 50
"""From the last-level cache (published: 40-70)."""

DRAM_CYCLES: Final = 220
"""From memory (published: 200 and more)."""


def leaf_table_bytes(leaf: str, mapped_bytes: int) -> int:
    """Bytes of page-table entries that map so much memory by leaves of this size."""
    return -(-mapped_bytes // LEAF_BYTES[leaf]) * ENTRY_BYTES


def walk_cycles(leaf: str, mapped_bytes: int, caches: Caches) -> float:
    """Cycles of the walk to a leaf of this size, at random in memory mapped by such leaves."""
    levels = list(LEAF_BYTES)[list(LEAF_BYTES).index(leaf) :]
    return START_CYCLES + sum(_read_cycles(leaf_table_bytes(level, mapped_bytes), caches) for level in levels)


def _read_cycles(table_bytes: int, caches: Caches) -> float:
    """Cycles of one read at random in a table, its parts spread over the hierarchy."""
    cycles, farther = 0.0, 1.0
    steps = ((caches.l1_bytes, L1_CYCLES), (caches.l2_bytes, L2_CYCLES), (caches.l3_bytes, L3_CYCLES))
    for cache_bytes, latency in steps:
        beyond = max(0.0, 1.0 - cache_bytes / 2 / table_bytes) if table_bytes else 0.0
        cycles += (farther - beyond) * latency
        farther = beyond
    return cycles + farther * DRAM_CYCLES
