"""What a page walk costs, level by level: paging-structure caches, and tables against the data caches.

A walk needs the leaf's entry and those above it, up to the PGD: four levels, or five. The CPU
keeps the addresses of recently used tables (Intel manual, volume 3, "Caches for paging
structures") and begins at the lowest one it has: for 4K leaves a PTE table, of 2 MiB, is one entry
of that cache. How long such an entry survives is what it is for the TLB itself (`residency.py`),
only that these caches see nothing but the accesses that miss the TLB. What has to be read is read
at random in a table of eight bytes per entry, and costs what the part of the hierarchy costs that
holds it. With five levels a walk that finds nothing cached reads one entry more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from memtui.machine.tlb.cpus import Caches, PagingCaches
from memtui.machine.tlb.latencies import Latencies
from memtui.machine.tlb.mix import LEAF_BYTES
from memtui.machine.tlb.residency import Users, found, lifetime

ENTRY_BYTES: Final = 8
"""One page-table entry."""
ENTRY_BITS: Final = 9
"""Every table has 512 entries."""
LINE_BYTES: Final = 64
"""What reading one entry brings into a cache."""
LOWEST: Final = {leaf: level for level, leaf in enumerate(LEAF_BYTES)}
"""The level of the entry that is the leaf: 0 PTE, 1 PMD, 2 PUD."""
_SHARED_FROM: Final = 2
"""From this level on, PUD, a table holds leaves of every size; below, each size is taken to have tables of its own."""


class Read(NamedTuple):
    """One level of a walk: how likely it is read, and in how large a table."""

    level: int
    probability: float
    table_bytes: int


class Walks(NamedTuple):
    """The walks to leaves of one size: how many per access, and what each reads, lowest level first."""

    leaf: str
    rate: float
    reads: tuple[Read, ...]

    def cycles(self, caches: Caches, latencies: Latencies) -> float:
        """Cycles of one walk, on average."""
        reads = (read.probability * read_cycles(read.table_bytes, caches, latencies) for read in self.reads)
        return latencies.start + math.fsum(reads)


def level_names(table_levels: int) -> tuple[str, ...]:
    """The levels of page tables, lowest first."""
    return ("PTE", "PMD", "PUD", "PGD") if table_levels == 4 else ("PTE", "PMD", "PUD", "P4D", "PGD")


def leaf_table_bytes(leaf: str, mapped_bytes: int) -> int:
    """Bytes of page-table entries that map so much memory by leaves of this size."""
    return -(-mapped_bytes // LEAF_BYTES[leaf]) * ENTRY_BYTES


def walks(walked: Sequence[Users], mapped: dict[str, int], paging: PagingCaches, table_levels: int) -> list[Walks]:
    """What walks read when leaves are walked to at the rates given (`Users.rate`: walks per access).

    `mapped` is the memory by leaf size that the leaves lie in; fewer leaves than that lie scattered in it.
    """
    missing = [
        (_shared_missing if level >= _SHARED_FROM else _missing)(walked, mapped, level, paging.tables[level])
        for level in range(table_levels - 1)
    ]
    by_leaf = []
    for leaf in LEAF_BYTES:
        rows = [users for users in walked if users.leaf == leaf]
        rate = math.fsum(users.number * users.rate for users in rows)
        if rate:
            used = sum(users.number for users in rows)
            chances = _read_chances([missing[level][leaf] for level in range(LOWEST[leaf], table_levels - 1)])
            reads = (
                Read(level, chance, _table_bytes(used, leaf, level, mapped))
                for level, chance in enumerate(chances, LOWEST[leaf])
            )
            by_leaf.append(Walks(leaf, rate, tuple(reads)))
    return by_leaf


def _read_chances(missing: Sequence[float]) -> list[float]:
    """How likely each level is read: the leaf's always, the one above when the CPU does not know the table's address.

    Every walk refreshes what the CPU knows of all its levels, so a table is never known longer
    than the one it hangs in.
    """
    chances = [1.0]
    for miss in missing:
        chances.append(min(chances[-1], miss))
    return chances


def read_cycles(table_bytes: int, caches: Caches, latencies: Latencies) -> float:
    """Cycles of one read at random in a table, its parts spread over the hierarchy."""
    cycles, farther = 0.0, 1.0
    steps = ((caches.l1_bytes, latencies.l1), (caches.l2_bytes, latencies.l2), (caches.l3_bytes, latencies.l3))
    for cache_bytes, latency in steps:
        beyond = max(0.0, 1.0 - cache_bytes * latencies.table_share / table_bytes) if table_bytes else 0.0
        cycles += (farther - beyond) * latency
        farther = beyond
    return cycles + farther * latencies.dram


def _missing(walked: Sequence[Users], mapped: dict[str, int], level: int, entries: int) -> dict[str, float]:
    """By leaf size, how likely a walk does not find its table of this level in the CPU's cache of them."""
    tables = {leaf: _tables(walked, mapped, leaf, level) for leaf in LEAF_BYTES if LOWEST[leaf] <= level}
    survival = lifetime(entries, [table for group in tables.values() for table in group])
    return {leaf: _missed(group, survival) for leaf, group in tables.items() if group}


def _missed(tables: Sequence[Users], survival: float) -> float:
    """The share of walks through these tables that do not find theirs."""
    missed = (table.number * table.rate * (1.0 - found(table.rate, survival)) for table in tables)
    return math.fsum(missed) / math.fsum(table.number * table.rate for table in tables)


def _shared_missing(walked: Sequence[Users], mapped: dict[str, int], level: int, entries: int) -> dict[str, float]:
    """The same above the PMD level, where one table holds leaves of every size."""
    count = -(-sum(mapped.values()) // (LEAF_BYTES["4K"] << ENTRY_BITS * (level + 1)))
    rate = math.fsum(users.number * users.rate for users in walked)
    tables = [Users("any", count, rate / count)] if rate else []
    missing = _missed(tables, lifetime(entries, tables)) if tables else 0.0
    return dict.fromkeys(LEAF_BYTES, missing)


def _tables(walked: Sequence[Users], mapped: dict[str, int], leaf: str, level: int) -> list[Users]:
    """The tables of a level that walks to leaves of this size go through."""
    rows = [(users.number, users.rate) for users in walked if users.leaf == leaf and users.rate]
    used = sum(users.number for users in walked if users.leaf == leaf)
    leaves = 1 << ENTRY_BITS * (level - LOWEST[leaf] + 1)
    return _joined(rows, leaf, max(1, leaves * used // _leaves(leaf, mapped))) if rows else []


def _joined(rows: Iterable[tuple[int, float]], leaf: str, leaves: int) -> list[Users]:
    """Groups of leaves, one after the other, cut into tables of so many leaves."""
    tables: list[Users] = []
    inside, rate = 0, 0.0
    for count, each in rows:
        left = count
        if inside:
            taken = min(leaves - inside, left)
            inside, rate, left = inside + taken, rate + taken * each, left - taken
            if inside < leaves:
                continue
            tables.append(Users(leaf, 1, rate))
        whole, inside = divmod(left, leaves)
        rate = inside * each
        if whole:
            tables.append(Users(leaf, whole, each * leaves))
    return [*tables, Users(leaf, 1, rate)] if inside else tables


def _leaves(leaf: str, mapped: dict[str, int]) -> int:
    return -(-mapped[leaf] // LEAF_BYTES[leaf])


def _table_bytes(used: int, leaf: str, level: int, mapped: dict[str, int]) -> int:
    """Bytes of the entries of a level that walks to so many leaves read; each alone in its line if they lie apart."""
    entries = -(-_leaves(leaf, mapped) // (1 << ENTRY_BITS * (level - LOWEST[leaf])))
    return min(entries * ENTRY_BYTES, used * LINE_BYTES)
