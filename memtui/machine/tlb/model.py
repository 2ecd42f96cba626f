"""What one CPU's TLB does for a mapping that is used at random."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from memtui.machine.tlb.cpus import CPUS, Cpu, TlbArray
from memtui.machine.tlb.mix import LEAF_BYTES, Mix
from memtui.machine.tlb.popularity import groups
from memtui.machine.tlb.residency import Users, found, lifetimes, slack
from memtui.machine.tlb.walk import walk_cycles
from memtui.snapshot import TlbAccess, TlbLevel
from memtui.units import PAGE_BYTES, PPM, shorten

L2_HIT_CYCLES: Final = 8
"""What an access that misses the first level and hits the second costs more (published: 7-9)."""

PIECES: Final = LEAF_BYTES["1G"] // LEAF_BYTES["2M"]
"""2M pieces a 1G leaf is smashed into."""


@dataclass(frozen=True, slots=True)
class _Found:
    """How a group of leaves fares: the probability that an access finds its translation."""

    users: Users
    in_first: float
    in_any: float

    @property
    def share(self) -> float:
        """Of all accesses, those that go to this group."""
        return self.users.count * self.users.rate

    @property
    def misses(self) -> float:
        """Of all accesses, those to this group that need a walk."""
        return self.share * (1.0 - self.in_any)

    @property
    def held_bytes(self) -> float:
        """Memory of this group whose translations are in the TLB at any moment."""
        return self.users.count * self.in_any * LEAF_BYTES[self.users.leaf]


class TlbModel:
    """The data TLB of one CPU: what it holds, and what accesses to a mapping cost on it.

    Everything follows from bytes by leaf size in closed form; more memory does not take longer.
    """

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu

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

    def access(self, name: str, mix: Mix, zipf: float = 0.0) -> TlbAccess:
        """Random access over everything the mapping maps, each byte as likely as any other.

        With `zipf` above 0, the k-th most popular 4 KiB is used in proportion to 1 / k^zipf; hot
        memory lies together, and every leaf size has its share of the hot and of the cold.
        """
        rows = self._found(groups(mix, zipf))
        first = math.fsum(row.share * (1.0 - row.in_first) for row in rows)
        last = math.fsum(row.misses for row in rows)
        walk = self._walk_cycles(mix, rows)
        return TlbAccess(
            name=name,
            footprint_bytes=mix.footprint_bytes,
            mapped_bytes=mix.by_leaf(),
            reach_bytes=self._reach_bytes(mix, rows),
            l1_miss_ppm=round(first * PPM),
            miss_ppm=round(last * PPM),
            walk_cycles=round(walk, 1),
            cycles_per_access=round(first * L2_HIT_CYCLES + last * walk, 3),
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
        for user, first, second in zip(users, firsts, seconds, strict=True):
            last = found(second.rate, lives.get(second.leaf, 0.0))
            # A 1G leaf in L1 and its 2M piece in L2 come and go apart; any other leaf in L1 came through L2.
            found_any = max(first, last) if second.leaf == user.leaf else 1.0 - (1.0 - first) * (1.0 - last)
            rows.append(_Found(user, first, found_any))
        return rows

    def _in_second_level(self, user: Users, missing: float = 1.0) -> Users:
        """Leaves as the second level sees them: 1G leaves in 2M pieces where it smashes them."""
        pieces = PIECES if user.leaf == "1G" and self.cpu.smashes_1g else 1
        return Users("2M" if pieces > 1 else user.leaf, user.count * pieces, user.rate * missing / pieces)

    def _walk_cycles(self, mix: Mix, rows: Sequence[_Found]) -> float:
        """Mean walk over the accesses that need one; over all accesses when none does."""
        cycles = {leaf: walk_cycles(leaf, mapped, self.cpu.caches) for leaf, mapped in mix.by_leaf()}
        misses = math.fsum(row.misses for row in rows)
        if misses:
            return math.fsum(row.misses * cycles[row.users.leaf] for row in rows) / misses
        return math.fsum(row.share * cycles[row.users.leaf] for row in rows)

    def _reach_bytes(self, mix: Mix, rows: Sequence[_Found]) -> int:
        """Memory whose translations are held at any moment, to the page.

        When that is all of the mapping: how large a mapping of the same proportions could be held.
        """
        if any(row.misses for row in rows):
            return round(math.fsum(row.held_bytes for row in rows) / PAGE_BYTES) * PAGE_BYTES
        users = [row.users for row in rows]
        second = [self._in_second_level(user) for user in users]
        room = min(
            (
                max(_room(self.cpu.l1, users, user.leaf), _room(self.cpu.l2, second, piece.leaf))
                for user, piece in zip(users, second, strict=True)
            ),
            default=0.0,
        )
        return round(mix.footprint_bytes * room / PAGE_BYTES) * PAGE_BYTES


def tlb_model(name: str) -> TlbModel:
    """The TLB of a named CPU. ValueError, with the names there are, for any other."""
    if name not in CPUS:
        raise ValueError(f"no CPU named {shorten(name)!r}; expected one of {', '.join(CPUS)}")
    return TlbModel(CPUS[name])


def _survival(arrays: Iterable[TlbArray], users: Sequence[Users]) -> dict[str, float]:
    survival: dict[str, float] = {}
    for array in arrays:
        survival |= lifetimes(array, users)
    return survival


def _room(arrays: Iterable[TlbArray], users: Sequence[Users], leaf: str) -> float:
    return max((slack(array, users) for array in arrays if leaf in array.leaves), default=0.0)
