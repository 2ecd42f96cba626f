"""How many free blocks of each order there were over time: a row per order, on one log scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memtui.snapshot import Snapshot
from memtui.view.bars import columns
from memtui.view.cells import Rows, dim, row, spread
from memtui.view.glyphs import Glyphs
from memtui.view.history import marked, resample
from memtui.view.numbers import short_count
from memtui.view.scene import Scene
from memtui.view.tokens import Token

_LABEL: Final = 4
_COUNT: Final = 6
LEAST_ROWS: Final = 4
"""Rows below which the few orders there is room for say too little."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Free blocks of one order, over all zones."""

    order: int

    def __call__(self, snapshot: Snapshot) -> float | None:
        """Their number; None on a machine without blocks of that order."""
        counts = [zone.free_blocks[self.order] for zone in snapshot.zones if self.order < len(zone.free_blocks)]
        return sum(counts) if counts else None


def order_history(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """A title and a row per order, the largest last; where there are too few rows the small orders are left out.

    Columns are as high as the logarithm of the number of blocks, full at the most there ever were of any order;
    at the right stands how many there are now.
    """
    orders = max((len(zone.free_blocks) for zone in scene.now.zones), default=0)
    if height < LEAST_ROWS or not orders:
        return []
    shown = range(max(0, orders - height + 1), orders)
    room = width - _LABEL - _COUNT
    axis = scene.axis
    lines = {}
    for order in shown:
        times_ns, values = scene.history.past(Blocks(order))
        lines[order] = [
            None if value is None else float(int(value).bit_length())
            for value in resample(times_ns, values, room, axis.start_ns, axis.end_ns)
        ]
    top = max((value for line in lines.values() for value in line if value is not None), default=0.0)
    words = "free blocks by order" if len(shown) == orders else f"free blocks, orders {shown[0]} to {shown[-1]}"
    heights = {value for line in lines.values() for value in line}
    drawn_as = {value: columns([value], 1, top, glyphs)[0] for value in heights}
    rows: Rows = [spread(row(dim(f"{words}, log scale")), row(dim("now")), width, glyphs.more)]
    for order, line in lines.items():
        drawn = marked("".join(drawn_as[value] for value in line), axis, Token.HISTORY, glyphs)
        count = Blocks(order)(scene.now)
        figure = "" if count is None else short_count(int(count))
        rows.append(row(dim(f"{order:>{_LABEL - 1}} "), *drawn, f"{figure:>{_COUNT}}"))
    return rows
