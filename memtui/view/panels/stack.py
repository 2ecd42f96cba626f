"""How a panel divides its height: figures first, then a history strip, then a map with its legend.

The division depends on the size alone, never on what the figures say, so that nothing jumps
while numbers move and a map is asked for at the size it will be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from memtui.view.cells import Rows

_TALL_STRIP_FROM = 14
"""Rows beyond the figures from which the strip is taller than one row."""

_TALLEST_STRIP_ALONE = 5
"""Rows of a strip that has no map below it."""

_AIRY_FROM = 15
"""Rows of a zoomed map's panel from which its figures have an empty row below them."""

_LEAST_MAP = 2
"""Rows below which a map says too little to be worth its legend."""


@dataclass(frozen=True, slots=True)
class Division:
    """Rows for each part of a panel; 0 leaves the part out."""

    figures: int
    strip: int
    map: int
    legend: int
    gap: int
    """Empty rows around the map; without one, those that are left."""

    @property
    def map_top(self) -> int:
        """The row of the panel in which the map's part begins."""
        return self.figures + self.strip + self.gap


def divide(height: int, figures: int, legend: int, with_strip: bool = True) -> Division:
    """`height` rows among the parts of a panel that needs `figures` rows and `legend` rows for its map's legend.

    `with_strip` off: the history has its place among the figures.
    """
    rest = height - figures
    strip = 0 if rest < 1 or not with_strip else 1 if rest < _TALL_STRIP_FROM else max(4, rest // 5)
    room = rest - strip
    gap = 1 if room >= _LEAST_MAP + legend + 2 else 0
    rows = room - legend - 2 * gap
    if rows < _LEAST_MAP:
        alone = _strip_alone(rest) if with_strip else 0
        return Division(figures, alone, 0, 0, max(0, rest - alone))
    return Division(figures, strip, rows, legend, gap)


def divide_zoomed(height: int, figures: int, legend: int) -> Division:
    """`height` rows of a panel whose map is zoomed: all that figures and legend leave are the map's, but for one
    empty row where there is plenty."""
    gap = int(bool(figures) and height >= _AIRY_FROM)
    return Division(figures + gap, 0, max(0, height - figures - gap - legend), legend, 0)


def _strip_alone(rest: int) -> int:
    """Rows of the strip where no map fits: one, or enough to be read as a curve."""
    return max(0, min(rest, 1 if rest < 3 else _TALLEST_STRIP_ALONE))


def strip_rows(division: Division, figures: Rows) -> int:
    """Rows left for the strip below these figures: one row of figures too many takes the gap, or one of its rows."""
    return max(0, division.strip - max(0, len(figures) - division.figures - division.gap))


def stack(division: Division, figures: Rows, strip: Rows, drawn_map: Rows, legend: Rows) -> Rows:
    """The parts one below the other, each in the rows the division gives it."""
    above = _exactly(figures, division.figures) + strip[: strip_rows(division, figures)]
    rows = _exactly(above, division.figures + division.strip + division.gap)
    if division.map:
        rows += _exactly(drawn_map, division.map) + [()] * division.gap + legend[: division.legend]
    return rows


def _exactly(rows: Rows, count: int) -> Rows:
    """At least `count` rows, filled with empty ones; more stay, so that the frame can say what was cut."""
    return rows + [()] * (count - len(rows))
