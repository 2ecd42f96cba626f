"""Flushing kernel mappings from the TLBs of all CPUs (`flush_tlb_kernel_range`, arch/x86/mm/tlb.c)."""

from __future__ import annotations

from typing import Final

from memtui.machine import costs
from memtui.machine.meter import Meter

FLUSH_CEILING_PAGES: Final = 33
"""`tlb_single_page_flush_ceiling`: above it everything is flushed instead of page by page."""


def flush_kernel_range(meter: Meter, pages: int, times: int = 1) -> None:
    """Charges the flush of a range of so many pages, so many times."""
    if pages > FLUSH_CEILING_PAGES:
        meter.charge(costs.FLUSH_ALL, times)
    else:
        meter.charge(costs.FLUSH_RANGE, times)
        meter.charge(costs.FLUSH_RANGE_PAGE, pages * times)
