"""What one CPU's TLB does for a mapping that is used at random."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from memtui.machine.tlb.cpus import CPUS, Cpu, TlbArray
from memtui.machine.tlb.latencies import LEAST, LIKELY, MOST, Latencies
from memtui.machine.tlb.mix import LEAF_BYTES, Mix
from memtui.machine.tlb.popularity import UNIFORM, Use, groups
from memtui.machine.tlb.residency import Users, found, lifetimes, slack
from memtui.machine.tlb.walk import Walks, level_names, read_cycles, walks
from memtui.snapshot import TlbAccess, TlbLevel, WalkLevel
from memtui.units import PAGE_BYTES, PPM, shorten

PIECES: Final = LEAF_BYTES["1G"] // LEAF_BYTES["2M"]
"""2M pieces a 1G leaf is smashed into."""

KEPT: Final = 128
"""Answers a model remembers: mappings change seldom, and are asked about for every Snapshot."""


class _Found(NamedTuple):
    """How a group of leaves fares: the probability that an access finds its translation."""

    users: Users
    in_first: float
    in_any: float
    held: tuple[float, float]
    """Entries it has in each level."""

    @property
    def share(self) -> float:
        """Of all accesses, those that go to this group."""
        return self.users.number * self.users.rate

    @property
    def misses(self) -> float:
        """Of all accesses, those to this group that need a walk."""
        return self.share * (1.0 - self.in_any)

    @property
    def held_bytes(self) -> float:
        """Memory of this group whose translations are in the TLB at any moment."""
        return self.users.number * self.in_any * LEAF_BYTES[self.users.leaf]


class TlbModel:
    """The data TLB of one CPU: what it holds, and what accesses to a mapping cost on it.

    Everything follows from bytes by leaf size in closed form; more memory does not take longer.
    """

    def __init__(self, cpu: Cpu, table_levels: int = 4) -> None:
        self.cpu = cpu
        self.table_levels = table_levels
        self._remembered = lru_cache(KEPT)(self._access)

    @property
    def name(self) -> str:
        """The CPU's name in a scenario."""
        return self.cpu.name

    def levels(self) -> tuple[TlbLevel, ...]:
        """Every array by level and leaf size, L1 first, smaller leaves first."""
        rows = [
            row
            for level, arrays in (("L1", self.cpu.l1), ("L2", self.cpu.l2))
            for array in arrays
            for row in self._rows(level, array)
        ]
        order = list(LEAF_BYTES)
        return tuple(sorted(rows, key=lambda row: (row.level, order.index(row.page))))

    def access(self, name: str, mix: Mix, use: Use = UNIFORM) -> TlbAccess:
        """Random access over what the mapping maps; where it is skewed, hot memory lies together."""
        return self._remembered(mix, use)._replace(name=name)

    def _access(self, mix: Mix, use: Use) -> TlbAccess:
        rows = self._found(groups(mix, use))
        first = math.fsum(row.share * (1.0 - row.in_first) for row in rows)
        last = math.fsum(row.misses for row in rows)
        walked = self._walks(mix, rows)
        likely, least, most = (self._cycles(first, last, walked, each) for each in (LIKELY, LEAST, MOST))
        return TlbAccess(
            name="",
            footprint_bytes=round(mix.footprint_bytes * use.density),
            mapped_bytes=mix.by_leaf(),
            reach_bytes=self._reach_bytes(mix, rows, use),
            l1_miss_ppm=round(first * PPM),
            miss_ppm=round(last * PPM),
            walk_cycles=round(self._walk_cycles(walked, LIKELY), 1),
            cycles_per_access=round(likely, 3),
            cycles_range=(round(least, 3), round(most, 3)),
            walk_levels=self._walk_levels(walked),
            entries_used=tuple(_entries_used(row, rows) for row in self.levels()),
        )

    def _rows(self, level: str, array: TlbArray) -> Iterable[TlbLevel]:
        smashed = ("1G",) if level == "L2" and self.cpu.smashes_1g and "2M" in array.leaves else ()
        for leaf in (*array.leaves, *smashed):
            entry = "2M" if leaf in smashed else leaf
            rivals = [other for other in array.leaves if other != leaf and array.compete(entry, other)]
            yield TlbLevel(
                level, leaf, array.limit(entry), LEAF_BYTES[entry], " ".join([*rivals, *set(smashed) - {leaf}])
            )

    def _found(self, users: Sequence[Users]) -> list[_Found]:
        """The second level sees only what misses the first, so the leaves that L1 keeps leave it to the others."""
        lives = _survival(self.cpu.l1, users)
        firsts = [found(user.rate, lives.get(user.leaf, 0.0)) for user in users]
        seconds = [self._in_second_level(user, 1.0 - first) for user, first in zip(users, firsts, strict=True)]
        lives = _survival(self.cpu.l2, seconds)
        rows = []
        quiet = not any(second.rate for second in seconds)
        for user, first, second in zip(users, firsts, seconds, strict=True):
            last = found(second.rate, lives.get(second.leaf, 0.0))
            # A 1G leaf in L1 and its 2M piece in L2 come and go apart; any other leaf in L1 came through L2.
            found_any = max(first, last) if second.leaf == user.leaf else 1.0 - (1.0 - first) * (1.0 - last)
            # Where the first level keeps everything, nothing ever replaces what the first walks left in the second.
            held = user.number * first, second.number * (float(quiet) or last)
            rows.append(_Found(user, first, found_any, held))
        return rows

    def _in_second_level(self, user: Users, missing: float = 1.0) -> Users:
        """Leaves as the second level sees them: 1G leaves in 2M pieces where it smashes them."""
        pieces = PIECES if user.leaf == "1G" and self.cpu.smashes_1g else 1
        return Users("2M" if pieces > 1 else user.leaf, user.number * pieces, user.rate * missing / pieces)

    def _walks(self, mix: Mix, rows: Sequence[_Found]) -> list[Walks]:
        """The walks of the accesses that need one; what those of all accesses would be when none does."""
        any_miss = any(row.misses for row in rows)
        walked = [
            Users(leaf, count, rate * (1.0 - row.in_any if any_miss else 1.0))
            for row in rows
            for leaf, count, rate in (row.users,)
        ]
        return walks(walked, dict(mix.by_leaf()), self.cpu.paging, self.table_levels)

    def _cycles(self, first: float, last: float, walked: Sequence[Walks], latencies: Latencies) -> float:
        """Mean cycles of translation per access, for the shares that miss the first level and both."""
        walk = self._walk_cycles(walked, latencies)
        return (first * latencies.second_level + last * walk) * latencies.exposed

    def _walk_cycles(self, walked: Sequence[Walks], latencies: Latencies) -> float:
        rate = math.fsum(each.rate for each in walked)
        total = math.fsum(each.rate * each.cycles(self.cpu.caches, latencies) for each in walked)
        return total / rate if rate else 0.0

    def _walk_levels(self, walked: Sequence[Walks]) -> tuple[WalkLevel, ...]:
        """What walks to leaves of all sizes read, level by level."""
        rate = math.fsum(each.rate for each in walked)
        names = level_names(self.table_levels)
        levels = []
        for level, name in enumerate(names):
            reads = [
                (each.rate * read.probability, read.table_bytes)
                for each in walked
                for read in each.reads
                if read.level == level
            ]
            read_rate = math.fsum(share for share, _ in reads)
            cycles = math.fsum(share * read_cycles(size, self.cpu.caches, LIKELY) for share, size in reads)
            if reads:
                mean = round(cycles / read_rate, 1) if read_rate else 0.0
                levels.append(WalkLevel(name, sum(size for _, size in reads), round(read_rate * PPM / rate), mean))
        return tuple(levels)

    def _reach_bytes(self, mix: Mix, rows: Sequence[_Found], use: Use) -> int:
        """Memory in use whose translations are held at any moment, to the page.

        When that is all of the mapping: how large a mapping of the same proportions could be held.
        """
        if any(row.misses for row in rows):
            held = math.fsum(row.held_bytes * use.density / use.used_share(row.users.leaf) for row in rows)
            return round(held / PAGE_BYTES) * PAGE_BYTES
        users = [row.users for row in rows]
        second = [self._in_second_level(user) for user in users]
        room = min(
            (
                max(_room(self.cpu.l1, users, user.leaf), _room(self.cpu.l2, second, piece.leaf))
                for user, piece in zip(users, second, strict=True)
            ),
            default=0.0,
        )
        return round(mix.footprint_bytes * use.density * room / PAGE_BYTES) * PAGE_BYTES


def _entries_used(array: TlbLevel, rows: Sequence[_Found]) -> int:
    """Entries of one array of `TlbModel.levels` that the leaves of its size hold."""
    level = 0 if array.level == "L1" else 1
    held = math.fsum(row.held[level] for row in rows if row.users.leaf == array.page)
    return min(array.entries, round(held))


def tlb_model(name: str, table_levels: int = 4) -> TlbModel:
    """The TLB of a named CPU. ValueError, with the names there are, for any other."""
    if name not in CPUS:
        raise ValueError(f"no CPU named {shorten(name)!r}; expected one of {', '.join(CPUS)}")
    return TlbModel(CPUS[name], table_levels)


def _survival(arrays: Iterable[TlbArray], users: Sequence[Users]) -> dict[str, float]:
    survival: dict[str, float] = {}
    for array in arrays:
        survival |= lifetimes(array, users)
    return survival


def _room(arrays: Iterable[TlbArray], users: Sequence[Users], leaf: str) -> float:
    return max((slack(array, users) for array in arrays if leaf in array.leaves), default=0.0)
