"""What changed since the moment people marked: figures with the change since beside them, where there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from memtui.reading import read
from memtui.snapshot import Snapshot
from memtui.units import PAGE_BYTES, format_bytes, format_count, three_digits
from memtui.view.cells import Row, dim, flow, row
from memtui.view.numbers import moment

Change = int | float


def since(baseline: Snapshot | None, now: Snapshot, name: str) -> Change | None:
    """How much a figure is more now than at the baseline, in its own unit; None where that cannot be said."""
    if baseline is None:
        return None
    before, after = read(baseline, name), read(now, name)
    return None if before is None or after is None else after - before


def since_words(baseline: Snapshot, now_ns: int) -> str:
    """What figures are compared with: `since 12.300s`; a moment shown of before it is `against` it."""
    return f"{'since' if baseline.time_ns <= now_ns else 'against'} {moment(baseline.time_ns)}"


def bytes_change(change: Change | None) -> str:
    """A change of a size: `(−3.20 GiB)`; empty for none."""
    return _signed(change, format_bytes)


def frames_change(change: Change | None) -> str:
    """A change of an amount in base frames, as a size."""
    return bytes_change(None if change is None else change * PAGE_BYTES)


def ppm_change(change: Change | None) -> str:
    """A change of a share given in parts per million, in points: `(−1.40 %)`; empty for none and for very little."""
    points = abs(change or 0) / 10_000
    return f"({'+' if (change or 0) > 0 else '−'}{three_digits(points)} %)" if points >= 0.005 else ""


def count_change(change: Change | None) -> str:
    """A change of a count: `(+202)`; empty for none."""
    return _signed(change, format_count)


def _signed(change: Change | None, words: Callable[[int], str]) -> str:
    if not change:
        return ""
    return f"({'+' if change > 0 else '−'}{words(abs(int(change)))})"


def with_changes(groups: Sequence[Row], changes: Iterable[str], width: int, spare: int = 0) -> list[Row]:
    """Groups of figures, each with its change behind it, as long as `flow` needs at most `spare` rows more for them."""
    told, rows = list(groups), len(flow(groups, width)) + spare
    for place, change in enumerate(changes):
        if change:
            longer = [*told[:place], row(*told[place], dim(f" {change}")), *told[place + 1 :]]
            if len(flow(longer, width)) <= rows:
                told = longer
    return told
