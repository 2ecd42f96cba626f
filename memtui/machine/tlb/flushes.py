"""What TLB flushes of kernel mappings took, by CPU count: honest bounds around the one figure that passes as time.

The meter charges each broadcast its likely time (`costs.py`). Published is this: HVO without
batching, two broadcasts per page at most, cost 49.7 us more per page on eight sockets and 277 us
on 252 virtual CPUs (Kravetz, 2023), so 25-50 us and 140-280 us each. What the interrupted CPUs
lose, and what the emptied TLBs cost when they fill again, is published nowhere; the lower bound
leaves both out, the upper one has as much of them as there can be.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from memtui.machine import costs
from memtui.machine.meter import Meter
from memtui.snapshot import FlushTally


class BroadcastBound(NamedTuple):
    """One end of what a broadcast may take, in ns: for the CPU that waits, and for each that is interrupted."""

    wait_ns: int
    wait_per_cpu_ns: int
    wait_per_guest_cpu_ns: int
    interrupted_ns: int

    def cpu_ns(self, cpus: int, *, guest: bool) -> int:
        """CPU time of one broadcast on all CPUs together."""
        per_cpu = self.wait_per_guest_cpu_ns if guest else self.wait_per_cpu_ns
        return self.wait_ns + per_cpu * cpus + self.interrupted_ns * (cpus - 1)


LEAST: Final = BroadcastBound(1000, 50, 500, 0)
"""Published bounds; the interrupted CPUs had nothing to do."""
MOST: Final = BroadcastBound(2000, 100, 1100, 1000)
"""Published bounds; every CPU is interrupted at work, 1 us each (assumed)."""


def tally(meter: Meter, cpus: int, refill_ns: int, *, guest: bool) -> FlushTally:
    """What was broadcast since boot. `refill_ns`: most time one CPU can lose to an emptied TLB."""
    full, ranged = meter.broadcasts[costs.FLUSH_ALL.name], meter.broadcasts[costs.FLUSH_RANGE.name]
    least, most = (bound.cpu_ns(cpus, guest=guest) * (full + ranged) for bound in (LEAST, MOST))
    return FlushTally(full, ranged, (least, most + refill_ns * cpus * full))
