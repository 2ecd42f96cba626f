"""What the parts of a translation take, in cycles: a likely set, and the two ends that publications leave open.

None of it is measured on a simulated CPU: vendors publish load latencies of caches as ranges,
nobody publishes how much of a walk out-of-order execution hides, and page tables share the data
caches with whatever else runs. A difference between two mappings is firm where all three sets
agree on its sign.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Latencies(NamedTuple):
    """Cycles of each part, and the two shares that nobody publishes."""

    second_level: int
    """More for an access that misses the first TLB level and hits the second."""
    start: int
    """Starting a walk, the look-up in the paging-structure caches included (assumed)."""
    l1: int
    """Reading a table entry from the first-level cache."""
    l2: int
    l3: int
    dram: int
    table_share: float
    """Of each cache, what is left to page tables; the data the walks are for take the rest (assumed)."""
    exposed: float
    """Of a translation, what the program waits for; the rest is hidden by out-of-order execution (assumed)."""


LIKELY: Final = Latencies(8, 5, 5, 14, 50, 220, table_share=0.5, exposed=1.0)
"""The middle of what is published."""
LEAST: Final = Latencies(7, 5, 4, 12, 40, 150, table_share=0.75, exposed=0.5)
"""Published: second level 7, L1 4, L2 12, L3 40 cycles; fast memory, and half of every walk hidden."""
MOST: Final = Latencies(9, 5, 5, 15, 70, 300, table_share=0.25, exposed=1.0)
"""Published: second level 9, L1 5, L2 15, L3 70 cycles; loaded memory, caches full of data."""
