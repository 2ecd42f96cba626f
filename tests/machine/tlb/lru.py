"""A simulated two-level set-associative TLB with LRU replacement: what the closed form is held against."""

from __future__ import annotations

import random
from collections.abc import Callable

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


def miss_shares(cpu: Cpu, mix: Mix, accesses: int, seed: int, offset: Offset = uniform) -> tuple[float, float]:
    """Shares of accesses that miss the first level and that miss both, the first third not counted."""
    rng = random.Random(seed)
    l1, l2 = ([LruArray(array) for array in level] for level in (cpu.l1, cpu.l2))
    first = both = 0
    for step in range(accesses):
        leaf, position = _leaf_at(mix, offset(rng, mix.footprint_bytes))
        if _use(l1, leaf, position // LEAF_BYTES[leaf]):
            continue
        piece = "2M" if leaf == "1G" and cpu.smashes_1g else leaf
        # Distinct leaf sizes lie at distinct addresses; a smashed piece must not pass for a real 2M leaf.
        page = position // LEAF_BYTES[piece] + (0 if piece == leaf else 1 << 40)
        found = _use(l2, piece, page)
        if step >= accesses // 3:
            first += 1
            both += not found
    counted = accesses - accesses // 3
    return first / counted, both / counted


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
