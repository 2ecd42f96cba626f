"""kcompactd: compaction in the background, woken when a large block was wanted or pageblocks were stolen."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.machine.compaction.direct_compaction import suitable
from memtui.machine.compaction.scanners import Compaction
from memtui.machine.core import Core
from memtui.machine.latency import Timed
from memtui.machine.physical.zone import Zone

HIGHEST_ZONE = 2
"""It compacts every zone of its node."""


class Kcompactd:
    """The daemons of all nodes. A wake-up is work put off: it is done when the machine's timers are."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._wanted: dict[int, int] = {}
        """Node → the largest order it was woken for and has not seen to yet (kcompactd_max_order)."""

    def wake(self, zones: Sequence[Zone], order: int) -> None:
        """Wakes the daemon of the node that these zones are of, if there is use in it (`wakeup_kcompactd`)."""
        node = zones[0].layout.node
        pending = node in self._wanted
        if not pending and not any(_needed(zone, order) for zone in zones):
            return
        self._wanted[node] = max(order, self._wanted.get(node, 0))
        if not pending:
            self._core.timers.append((0, lambda: self._work(node, zones)))

    def _work(self, node: int, zones: Sequence[Zone]) -> None:
        """Makes a block of the order wanted in every zone that lacks one (`kcompactd_do_work`)."""
        with self._core.meter.daemon(Timed.KCOMPACTD):
            self._compact(node, zones)

    def _compact(self, node: int, zones: Sequence[Zone]) -> None:
        order = self._wanted.pop(node)
        events = self._core.vm_events
        events["compact_daemon_wake"] += 1
        before = events["compact_migrate_scanned"], events["compact_free_scanned"]
        for zone in zones:
            if not zone.compaction.deferred(order) and _needed(zone, order):
                compaction = Compaction(self._core, zone, order, 1)
                compaction.run()
                if compaction.done:
                    zone.compaction.succeed(order, allocated=False)
                else:
                    zone.compaction.defer(order)
        events["compact_daemon_migrate_scanned"] += events["compact_migrate_scanned"] - before[0]
        events["compact_daemon_free_scanned"] += events["compact_free_scanned"] - before[1]


def _needed(zone: Zone, order: int) -> bool:
    """Whether a zone has no block of this order to give, and compaction could make one."""
    if zone.buddy.blocks_from(order) and zone.spare_frames(zone.marks.min, HIGHEST_ZONE) >= 1 << order:
        return False
    return suitable(zone, order, HIGHEST_ZONE)
