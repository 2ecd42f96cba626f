"""Who split the direct map, and how often: an account by cause, bounded however long a machine runs."""

from __future__ import annotations

from heapq import nsmallest
from typing import Final, NamedTuple

from memtui.machine.boot_mapping import Level
from memtui.snapshot import SplitCause

KEPT_CAUSES: Final = 1024
"""Causes that are counted by name; what comes after them counts together."""
NAMED_CAUSES: Final = 16
"""Causes that are shown by name."""


class Splits(NamedTuple):
    """How many leaves were split by a moment, by size, and which was the last."""

    level2: int
    """2M leaves."""
    level3: int
    """1G leaves."""
    last: Level = Level.LEAF_2M
    last_frame: int = 0
    """First frame of the leaf that was split last."""

    @property
    def total(self) -> int:
        """Leaves of either size."""
        return self.level2 + self.level3


class SplitAccount:
    """Splits since the system runs, of 2M and 1G leaves, by who caused them."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._later = [0, 0]
        """2M and 1G leaves split by causes that came when as many as are kept had names."""
        self.last = (Level.LEAF_2M, 0)
        """Size and first frame of the leaf that was split last."""

    def add(self, cause: str, level: Level, frame: int) -> None:
        """Counts one split of a leaf of this size, which begins at `frame`."""
        self.last = (level, frame)
        counts = self._counts.get(cause)
        if counts is None:
            counts = self._later
            if len(self._counts) < KEPT_CAUSES:
                counts = self._counts[cause] = [0, 0]
        counts[level is Level.LEAF_1G] += 1

    def total(self, level: Level) -> int:
        """Splits of leaves of this size."""
        place = level is Level.LEAF_1G
        return sum(counts[place] for counts in self._counts.values()) + self._later[place]

    def causes(self) -> tuple[SplitCause, ...]:
        """Those with most splits, then all others in one."""
        named = nsmallest(NAMED_CAUSES, self._counts, key=lambda cause: (-sum(self._counts[cause]), cause))
        causes = [SplitCause(cause, *self._counts[cause]) for cause in named]
        rest = [
            self.total(level) - sum(counts)
            for level, counts in (
                (Level.LEAF_2M, [cause.level2_splits for cause in causes]),
                (Level.LEAF_1G, [cause.level3_splits for cause in causes]),
            )
        ]
        if any(rest):
            others = len(self._counts) - len(named)
            causes.append(SplitCause(f"{others} others" if not any(self._later) else "all others", *rest))
        return tuple(causes)
