"""What compaction remembers of a zone from one run to the next (fields of struct zone).

Deferral (`defer_compaction`, mm/compaction.c): after a run in vain the zone is left alone for
twice as many requests as the time before, up to 64; a block made resets that. The scanners go on
where the last run stopped, and start anew when they have met. Pageblocks they have been through
are marked (PG_migrate_skip) and passed over, until compaction has been deferred for the longest
time, or kswapd goes back to sleep after a run whose scanners met.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MAX_DEFER_SHIFT: Final = 6
"""COMPACT_MAX_DEFER_SHIFT: at most 64 requests are passed over."""


@dataclass(slots=True)
class CompactionState:
    """Deferral and scanner positions of one zone."""

    considered: int = 0
    """Requests since the last run in vain (compact_considered)."""
    defer_shift: int = 0
    order_failed: int = 0
    """Smaller orders are not deferred (compact_order_failed)."""
    migrate_from: int = 0
    """Frame from which the migrate scanner goes on up."""
    free_below: int = 1 << 52
    """Frame below which the free scanner goes on down."""
    skip: set[int] = field(default_factory=set)
    """First frames of the pageblocks that are passed over."""
    met: bool = False
    """The scanners have met since the marks were last taken away (compact_blockskip_flush)."""

    def deferred(self, order: int) -> bool:
        """Whether a request is passed over (`compaction_deferred`); asking counts."""
        if order < self.order_failed:
            return False
        limit = 1 << self.defer_shift
        self.considered = min(self.considered + 1, limit)
        return self.considered < limit

    def defer(self, order: int) -> None:
        """A run for this order found nothing (`defer_compaction`)."""
        self.considered = 0
        self.defer_shift = min(self.defer_shift + 1, MAX_DEFER_SHIFT)
        self.order_failed = min(self.order_failed, order)

    def succeed(self, order: int, *, allocated: bool) -> None:
        """A block of this order was made, and perhaps allocated already (`compaction_defer_reset`)."""
        if allocated:
            self.considered = self.defer_shift = 0
        self.order_failed = max(self.order_failed, order + 1)

    def restart(self) -> None:
        """The scanners have met (`reset_cached_positions`)."""
        self.migrate_from, self.free_below = 0, 1 << 52
        self.met = True

    def begin(self, order: int) -> None:
        """A run for this order begins: after the longest deferral it passes nothing over (`compaction_restarting`)."""
        limit = 1 << MAX_DEFER_SHIFT
        if order >= self.order_failed and self.defer_shift == MAX_DEFER_SHIFT and self.considered >= limit:
            self.forget_skips()

    def forget_skips(self) -> None:
        """Takes the marks away if the scanners have met since (`__reset_isolation_suitable`)."""
        if self.met:
            self.met = False
            self.skip.clear()
