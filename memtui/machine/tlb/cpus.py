"""The data TLBs and caches of the named CPUs, each figure with its source.

Not modelled, and so the same for all: instruction TLBs, the sharing of entries by two hardware
threads, the second dimension of a guest's walks, the 16 entries Intel keeps for stores since Ice Lake, and AMD's
coalescing of four adjacent 4K entries into one (it depends on frames lying in a row).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from memtui.units import KIB, MIB


class TlbArray(NamedTuple):
    """One array of entries, and the sizes of leaves that compete for them."""

    entries: int
    ways: int
    """Associativity; `entries` when fully associative."""
    leaves: tuple[str, ...]
    source: str
    most: tuple[tuple[str, int], ...] = ()
    """Entries a size may take at most, for sizes that may not take all."""

    def limit(self, leaf: str) -> int:
        """Entries leaves of this size may take at most; 0 if the array does not hold them."""
        return dict(self.most).get(leaf, self.entries) if leaf in self.leaves else 0

    def compete(self, leaf: str, other: str) -> bool:
        """Whether leaves of these two sizes can take each other's entries."""
        return self.limit(leaf) + self.limit(other) > self.entries


class Caches(NamedTuple):
    """Data caches that a page walk reads through; one core's view."""

    l1_bytes: int
    l2_bytes: int
    l3_bytes: int
    """The last level as one core reaches it: a socket's on Intel, a core complex's on AMD."""
    source: str


class PagingCaches(NamedTuple):
    """Paging-structure caches: how many tables of each level a walk may begin at without reading what is above."""

    tables: tuple[int, int, int, int]
    """PTE, PMD, PUD and P4D tables (entries of the PDE, PDPTE, PML4 and PML5 cache)."""
    source: str


class Cpu(NamedTuple):
    """One processor: its TLB by level, and its caches."""

    name: str
    mhz: int
    """Base clock, to turn cycles into time."""
    l1: tuple[TlbArray, ...]
    l2: tuple[TlbArray, ...]
    caches: Caches
    paging: PagingCaches
    smashes_1g: bool = False
    """The second level holds a 1G leaf as the 2M pieces of it that were used."""


_INTEL_MANUAL: Final = "Intel optimization reference manual"
_SKYLAKE: Final = f"{_INTEL_MANUAL}, TLB parameters of Skylake; CPUID leaf 2"
_SUNNY_COVE: Final = f"{_INTEL_MANUAL}, TLB parameters of Ice Lake (Sunny Cove), loads"
_GOLDEN_COVE: Final = f"{_INTEL_MANUAL}, Golden Cove, loads; 2M and 1G as in Sunny Cove (assumed)"
_ZEN_2: Final = "AMD software optimization guide, family 17h models 30h and up; WikiChip, Zen 2"
_ZEN_4: Final = "AMD software optimization guide, Zen 4; smashing of 1G as in Zen 2 (assumed)"

_INTEL_PAGING: Final = PagingCaches(
    (32, 4, 4, 2), "PDE 32 and PDPTE 4 as reverse-engineered on Skylake (2017); the upper two assumed"
)
_ZEN_PAGING: Final = PagingCaches(
    (64, 16, 4, 2), "AMD software optimization guide: page directory cache of 64 entries; the upper ones assumed"
)

_ALL: Final = ("4K", "2M", "1G")


def _intel_l1(entries_4k: int, ways_4k: int, entries_1g: int, source: str) -> tuple[TlbArray, ...]:
    return (
        TlbArray(entries_4k, ways_4k, ("4K",), source),
        TlbArray(32, 4, ("2M",), source),
        TlbArray(entries_1g, entries_1g, ("1G",), source),
    )


def _halves(source: str) -> tuple[TlbArray, ...]:
    """2048 entries: 4K leaves may take them all, 2M leaves one half, 1G leaves the other."""
    return (TlbArray(2048, 16, _ALL, source, most=(("2M", 1024), ("1G", 1024))),)


CPUS: Final[dict[str, Cpu]] = {
    cpu.name: cpu
    for cpu in (
        Cpu(
            "skylake-sp",
            2500,
            _intel_l1(64, 4, 4, _SKYLAKE),
            (TlbArray(1536, 12, ("4K", "2M"), _SKYLAKE), TlbArray(16, 4, ("1G",), _SKYLAKE)),
            Caches(32 * KIB, 1 * MIB, 38 * MIB, "Xeon Platinum 8180: 1 MiB per core, 38.5 MiB per socket"),
            _INTEL_PAGING,
        ),
        Cpu(
            "icelake-sp",
            2300,
            _intel_l1(64, 4, 8, _SUNNY_COVE),
            _halves(_SUNNY_COVE),
            Caches(48 * KIB, 1280 * KIB, 60 * MIB, "Xeon Platinum 8380: 1.25 MiB per core, 60 MiB per socket"),
            _INTEL_PAGING,
        ),
        Cpu(
            "sapphire-rapids",
            2000,
            _intel_l1(96, 6, 8, _GOLDEN_COVE),
            _halves(_GOLDEN_COVE),
            Caches(48 * KIB, 2 * MIB, 105 * MIB, "Xeon Platinum 8480+: 2 MiB per core, 105 MiB per socket"),
            _INTEL_PAGING,
        ),
        Cpu(
            "zen2",
            2250,
            (TlbArray(64, 64, _ALL, _ZEN_2),),
            (TlbArray(2048, 16, ("4K", "2M"), _ZEN_2),),
            Caches(32 * KIB, 512 * KIB, 16 * MIB, "EPYC 7002: 512 KiB per core, 16 MiB per four cores"),
            _ZEN_PAGING,
            smashes_1g=True,
        ),
        Cpu(
            "zen4",
            2400,
            (TlbArray(72, 72, _ALL, _ZEN_4),),
            (TlbArray(3072, 24, ("4K", "2M"), _ZEN_4),),
            Caches(32 * KIB, 1 * MIB, 32 * MIB, "EPYC 9004: 1 MiB per core, 32 MiB per eight cores"),
            _ZEN_PAGING,
            smashes_1g=True,
        ),
    )
}
"""The processors a machine may name, in the order they are listed for people."""
