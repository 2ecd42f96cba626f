"""The worker of every CPU that looks after its page lists once a second (`vmstat_update`, mm/vmstat.c).

It runs as long as lists hold more than the least, and has them hold less by and by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memtui.machine.core import Core
from memtui.machine.physical.zone import Zone
from memtui.units import SECOND

STAT_INTERVAL_NS: Final = SECOND
"""vm.stat_interval."""


class VmstatUpdate:
    """One worker for all zones."""

    def __init__(self, core: Core, zones: Sequence[Zone]) -> None:
        self._core = core
        self._zones = zones
        self._pending = False
        for zone in zones:
            zone.lists.wake = self._wake

    def _wake(self) -> None:
        if not self._pending:
            self._pending = True
            self._core.timers.append((STAT_INTERVAL_NS, self._work))

    def _work(self) -> None:
        self._pending = False
        for zone in self._zones:
            if zone.lists.decay():
                self._wake()
