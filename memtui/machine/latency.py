"""How long each operation took: counts per power of two of nanoseconds, as bpftrace's `hist()` shows them.

A machine works in bulk: it charges ten thousand huge pages at once, at what one of them costs. What
a tracer on a real machine would have seen of each is spread around that cost: caches that hold more
or less, and the timer interrupt in one page of many. That spread changes no time that is charged;
it only says how single operations lie around their mean. It is calibrated once, on the published
histograms of huge-page allocation with and without HVO (10 240 pages each), and the same for every
operation and every machine. Nothing of it is drawn by chance: shares are dealt out in turn, so that
the same operations give the same histogram in every run.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from memtui.snapshot import LatencyView

PERMILLE: Final = 1000

SPREAD: Final = ((170, 1120), (330, 1020), (330, 970), (170, 899))
"""(share of operations, their cost against the mean), in thousandths.

Calibrated: of 10 240 allocations with HVO, 15.2 us each, a fifth took 16.4 us or more, hardly one of
those without it, 6.5 us each, took 8.2 us. The mean of it is 1.
"""

INTERRUPTS: Final = ((1_000_000, 3_000), (15_000_000, 25_000), (75_000_000, 60_000))
"""(ns from one to the next, ns it takes) of what holds up the operation it comes into.

The timer of a kernel with HZ=1000, and two rarer kinds. Calibrated: of 10 240 allocations without
HVO, 66 ms in all, 62 were one bucket and 2 two buckets above the others; with HVO, in 166 ms, 10 and 2.
"""


class Timed(StrEnum):
    """The operations whose latency is kept."""

    HUGETLB_ALLOC = "alloc_hugetlb_page"
    HUGETLB_FREE = "free_hugetlb_page"
    HVO_OPTIMIZE = "hvo_optimize_page"
    HVO_RESTORE = "hvo_restore_page"
    POOL_GROW = "nr_hugepages_grow"
    POOL_SHRINK = "nr_hugepages_shrink"
    ANON_FAULT = "anon_fault"
    HUGE_FAULT = "anon_huge_fault"
    COW_FAULT = "cow_fault"
    SECRET_FAULT = "secret_fault"
    TMPFS_FAULT = "tmpfs_fault"
    TMPFS_WRITE = "tmpfs_write"
    FORK = "fork"
    EXIT = "exit"
    MODULE_LOAD = "module_load"
    MODULE_UNLOAD = "module_unload"
    BPF_LOAD = "bpf_load"
    DIRECT_COMPACT = "direct_compact"
    KCOMPACTD = "kcompactd"
    DIRECT_RECLAIM = "direct_reclaim"
    KSWAPD = "kswapd"

    @property
    def meaning(self) -> str:
        """What one operation is."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Timed.HUGETLB_ALLOC: "one huge page from the page allocator to a pool (HVO included before Linux 6.7)",
    Timed.HUGETLB_FREE: "one huge page of a pool back to the page allocator (HVO included before Linux 6.7)",
    Timed.HVO_OPTIMIZE: "struct pages of one huge page shared, as one of a batch",
    Timed.HVO_RESTORE: "struct pages of one huge page given frames of their own again, as one of a batch",
    Timed.POOL_GROW: "one write to nr_hugepages that makes a pool larger",
    Timed.POOL_SHRINK: "one write to nr_hugepages that makes a pool smaller",
    Timed.ANON_FAULT: "first write to 4 KiB of anonymous memory",
    Timed.HUGE_FAULT: "first write to 2 MiB of anonymous memory that becomes a huge page",
    Timed.COW_FAULT: "first write to 4 KiB shared since a fork",
    Timed.SECRET_FAULT: "first write to 4 KiB of secret memory",
    Timed.TMPFS_FAULT: "first write to 4 KiB of a mapped tmpfs file, as one of the range touched",
    Timed.TMPFS_WRITE: "4 KiB of a write(2) to tmpfs",
    Timed.FORK: "one fork",
    Timed.EXIT: "one exit, with what the process maps",
    Timed.MODULE_LOAD: "one module loaded",
    Timed.MODULE_UNLOAD: "one module unloaded",
    Timed.BPF_LOAD: "one BPF program loaded",
    Timed.DIRECT_COMPACT: "one compaction that a request waits for",
    Timed.KCOMPACTD: "one run of kcompactd",
    Timed.DIRECT_RECLAIM: "one reclaim that a request waits for",
    Timed.KSWAPD: "one run of kswapd",
}


class Histogram:
    """Latencies of one kind of operation."""

    __slots__ = ("_carries", "_counts", "_since", "operations", "total_ns")

    def __init__(self) -> None:
        self.operations = 0
        self.total_ns = 0
        """Time of all of them, as it was charged."""
        self._counts: dict[int, int] = {}
        """Power of two → operations that took that long, and less than twice as long."""
        self._carries = [0] * len(SPREAD)
        self._since = [0] * len(INTERRUPTS)
        """Time of operations since each kind of interrupt came last."""

    def add(self, each_ns: int, count: int) -> None:
        """`count` operations that cost so much each. Constant cost."""
        self.operations += count
        self.total_ns += each_ns * count
        since = self._since
        for number, (period_ns, length_ns) in enumerate(INTERRUPTS):
            since[number] += each_ns * count
            if since[number] < period_ns:
                continue
            hits, since[number] = divmod(since[number], period_ns)
            if each_ns < period_ns:
                hits = min(hits, count)
                self._count(each_ns + length_ns, hits)
                count -= hits
        for (_, factor), part in zip(SPREAD, self._deal(count), strict=True):
            if part:
                self._count(each_ns * factor // PERMILLE, part)

    def view(self, name: str) -> LatencyView:
        """The histogram as it is now."""
        return LatencyView(name, self.operations, self.total_ns, tuple(sorted(self._counts.items())))

    def _deal(self, count: int) -> list[int]:
        """So many operations over the shares of SPREAD; what does not come out even is owed to the next."""
        carries = self._carries
        parts: list[int] = []
        left = count
        for number, (share, _) in enumerate(SPREAD):
            part, owed = divmod(share * count, PERMILLE)
            carries[number] += owed
            parts.append(part)
            left -= part
        for _ in range(left):
            first = carries.index(max(carries))
            parts[first] += 1
            carries[first] -= PERMILLE
        return parts

    def _count(self, ns: int, count: int) -> None:
        power = max(ns, 1).bit_length() - 1
        self._counts[power] = self._counts.get(power, 0) + count
