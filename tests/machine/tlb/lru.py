"""A simulated two-level set-associative TLB with LRU replacement: what the closed form is held against."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from memtui.machine.tlb import Cpu, Mix
from memtui.machine.tlb.cpus import TlbArray
from memtui.machine.tlb.mix import LEAF_BYTES

Offset = Callable[[random.Random, int], int]
"""Draws the next byte to access from a footprint."""


def uniform(rng: random.Random, footprint_bytes: int) -> int:
    """Any byte as likely as any other."""
    return rng.randrange(footprint_bytes)


class LruArray:
    """One array: sets of entries in order of use, a size limited to its share of each set."""

    def __init__(self, array: TlbArray) -> None:
        self.array = array
        self.sets: list[dict[tuple[str, int], None]] = [{} for _ in range(array.entries // array.ways)]

    def use(self, leaf: str, page: int) -> bool:
        """Whether the translation was there; afterwards it is, as the latest used."""
        entries = self.sets[page % len(self.sets)]
        if (leaf, page) in entries:
            del entries[leaf, page]
            entries[leaf, page] = None
            return True
        own = [entry for entry in entries if entry[0] == leaf]
        if len(own) >= self.array.limit(leaf) // len(self.sets):
            del entries[own[0]]
        elif len(entries) >= self.array.ways:
            del entries[next(iter(entries))]
        entries[leaf, page] = None
        return False


SMASHED: Final = 1 << 40
"""2M pieces of 1G leaves have page numbers from here on."""
FILLING: Final = 6000
"""Accesses to each size of leaf beforehand: a size that is seldom used would take long to come by its entries."""
SAMPLED: Final = 1024
"""Accesses between two looks at what the arrays hold."""


class Simulated(NamedTuple):
    """What came of a run, the first third not counted."""

    first: float
    """Share of accesses that miss the first level."""
    both: float
    """Share of accesses that miss both."""
    held: dict[tuple[str, str], float]
    """Entries held on average, by level and leaf size."""


def simulate(cpu: Cpu, mix: Mix, accesses: int, seed: int, offset: Offset = uniform) -> Simulated:
    """Random accesses to a mapping, one after the other, on a TLB that begins full."""
    rng = random.Random(seed)
    l1, l2 = ([LruArray(array) for array in level] for level in (cpu.l1, cpu.l2))
    for leaf, mapped_bytes in mix.by_leaf():
        for _ in range(FILLING if mapped_bytes else 0):
            _access(cpu, l1, l2, leaf, rng.randrange(mapped_bytes))
    first = both = looks = 0
    held: dict[tuple[str, str], float] = {}
    for step in range(accesses):
        if step >= accesses // 3 and step % SAMPLED == 0:
            looks += 1
            _count(held, l1, l2)
        leaf, position = _leaf_at(mix, offset(rng, mix.footprint_bytes))
        level = _access(cpu, l1, l2, leaf, position)
        if step >= accesses // 3:
            first += level > 1
            both += level > 2
    counted = accesses - accesses // 3
    return Simulated(first / counted, both / counted, {row: entries / looks for row, entries in held.items()})


def _access(cpu: Cpu, l1: list[LruArray], l2: list[LruArray], leaf: str, position: int) -> int:
    """The level that had the translation; 3 if none had."""
    if _use(l1, leaf, position // LEAF_BYTES[leaf]):
        return 1
    piece = "2M" if leaf == "1G" and cpu.smashes_1g else leaf
    # Distinct leaf sizes lie at distinct addresses; a smashed piece must not pass for a real 2M leaf.
    page = position // LEAF_BYTES[piece] + (0 if piece == leaf else SMASHED)
    return 2 if _use(l2, piece, page) else 3


def _count(held: dict[tuple[str, str], float], l1: list[LruArray], l2: list[LruArray]) -> None:
    """Adds the entries held now; pieces of 1G leaves count for those."""
    for level, arrays in (("L1", l1), ("L2", l2)):
        for leaf, page in (entry for array in arrays for entries in array.sets for entry in entries):
            row = level, "1G" if page >= SMASHED else leaf
            held[row] = held.get(row, 0.0) + 1.0


def _use(level: list[LruArray], leaf: str, page: int) -> bool:
    return next(array for array in level if leaf in array.array.leaves).use(leaf, page)


def _leaf_at(mix: Mix, position: int) -> tuple[str, int]:
    for leaf, mapped_bytes in mix.by_leaf():
        if position < mapped_bytes:
            return leaf, position
        position -= mapped_bytes
    raise AssertionError("an access beyond the mapping")


class Walker:
    """Walks with paging-structure caches: one LRU per level of tables, refreshed by every walk."""

    def __init__(self, cpu: Cpu, table_levels: int) -> None:
        tables = cpu.paging.tables[: table_levels - 1]
        self.caches = [LruArray(TlbArray(entries, entries, ("table",), "")) for entries in tables]
        self.reads = [0] * table_levels
        self.walks = 0

    def walk(self, leaf: str, address: int) -> None:
        """Reads the entries from the leaf's up to the first whose table is known."""
        lowest = list(LEAF_BYTES).index(leaf)
        known = [
            self.caches[level].use("table", address // (4096 << 9 * (level + 1)))
            for level in range(lowest, len(self.caches))
        ]
        self.walks += 1
        for level in range(lowest, len(self.reads)):
            self.reads[level] += 1
            if level - lowest < len(known) and known[level - lowest]:
                return


def read_shares(cpu: Cpu, mix: Mix, table_levels: int, accesses: int, seed: int) -> list[float]:
    """By level of page tables, the share of walks that read it, the first third of all accesses not counted."""
    rng = random.Random(seed)
    l1, l2 = ([LruArray(array) for array in level] for level in (cpu.l1, cpu.l2))
    walker = Walker(cpu, table_levels)
    for step in range(accesses):
        if step == accesses // 3:
            walker.reads, walker.walks = [0] * table_levels, 0
        address = rng.randrange(mix.footprint_bytes)
        leaf, position = _leaf_at(mix, address)
        # Each leaf size in address space of its own, so that tables below the PUD never hold two sizes.
        page = position // LEAF_BYTES[leaf]
        if not _use(l1, leaf, page) and not _use(l2, leaf, page):
            walker.walk(leaf, position + (list(LEAF_BYTES).index(leaf) << 38))
    return [reads / walker.walks for reads in walker.reads]
