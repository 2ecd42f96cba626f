"""The TLB in a Snapshot: what it holds, what accesses pay, and what fragmentation of the direct map cost."""

from __future__ import annotations

from typing import NamedTuple


class TlbLevel(NamedTuple):
    """One array of a TLB for one page size: what it holds and how far that reaches."""

    level: str
    """`L1` or `L2`."""
    page: str
    """`4K`, `2M` or `1G`."""
    entries: int
    page_bytes: int
    shared_with: str = ""
    """Other page sizes that compete for the same entries, e.g. `2M`."""

    @property
    def reach_bytes(self) -> int:
        """Memory the array covers when every entry holds a page of this size."""
        return self.entries * self.page_bytes


class WalkLevel(NamedTuple):
    """One level of the page tables, as walks for one kind of access use it."""

    level: str
    """`PTE`, `PMD`, `PUD`, `P4D` or `PGD`."""
    table_bytes: int
    """Entries of this level that the accesses need, in bytes of page table."""
    read_ppm: int
    """Walks that read an entry of this level, parts per million; the others begin below it or end above."""
    read_cycles: float
    """Cycles of one such read, from wherever the entries lie."""


class TlbAccess(NamedTuple):
    """Random access over one mapping (the direct map, a process), as it is mapped now; uniform unless named so."""

    name: str
    footprint_bytes: int
    mapped_bytes: tuple[tuple[str, int], ...]
    """Bytes by leaf size (`4K`, `2M`, `1G`)."""
    reach_bytes: int
    """Memory the TLB covers at once with this mix of leaves; less than the footprint only if accesses miss."""
    l1_miss_ppm: int
    """Accesses that miss the first level, parts per million."""
    miss_ppm: int
    """Accesses that miss the last level, parts per million."""
    walk_cycles: float
    """Cycles of a page walk after such a miss."""
    cycles_per_access: float
    """Translation cycles each access costs on average beyond an L1 hit."""
    cycles_range: tuple[float, float] = (0.0, 0.0)
    """The same with the least and with the most that published latencies allow."""
    walk_levels: tuple[WalkLevel, ...] = ()
    """What a walk reads, lowest level first."""
    entries_used: tuple[int, ...] = ()
    """Of each of `TlbView.levels`, entries that hold translations of this mapping while nothing else is accessed."""
    pid: int = 0
    """Of the process whose memory it is; 0: of none."""


class FlushTally(NamedTuple):
    """Broadcasts to the TLBs of all CPUs since boot, for kernel mappings."""

    full: int = 0
    """That emptied every TLB."""
    ranged: int = 0
    """Of at most 33 pages."""
    cpu_ns: tuple[int, int] = (0, 0)
    """CPU time they took on all CPUs together, least and most."""


class TlbCost(NamedTuple):
    """What the direct map's leaves cost the kernel's stated accesses: flushes so far, walks per second. Ranges."""

    access: TlbAccess
    """The stated accesses, as the direct map is now."""
    accesses_per_s: int
    """How many, over all CPUs; 0 where no scenario states them."""
    alternatives: tuple[TlbAccess, ...]
    """The same accesses were their memory mapped otherwise: as at boot, and by one leaf size alone."""
    flushes: FlushTally
    walks_ns_per_s: tuple[int, int] = (0, 0)
    """CPU time that translating the stated accesses takes, in each second, least and most."""
    change_ns_per_s: tuple[int, int] = (0, 0)
    """That, less what it would take as mapped at boot: above zero the splits cost, below zero they save."""


class TlbView(NamedTuple):
    """The simulated CPU's TLB and what it does for the mappings as they are now."""

    cpu: str
    levels: tuple[TlbLevel, ...] = ()
    accesses: tuple[TlbAccess, ...] = ()
    table_levels: int = 4
    """Levels of page tables."""
    direct_map_table_bytes: int = 0
    """Page tables that map all RAM, those of boot included."""
    cost: TlbCost | None = None
    skewed: tuple[TlbAccess, ...] = ()
    """The same mappings as `accesses`, used by Zipf's law; empty unless `MapRequest.skewed` asked for it."""
    guest: bool = False
    """Its CPUs are a hypervisor's virtual ones."""
    processes: int = 0
    """All processes there are, of which `accesses` has those that `MapRequest` asked for, last and by size."""
    first_process: int = 0
    """How many of them are larger than the first that `accesses` has."""
