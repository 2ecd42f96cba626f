"""Where things stand on a screen of any size: the one answer for the terminal and for pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from memtui.view.catalogue import EVENTS, PANELS, PROC


class Mode(StrEnum):
    """How much of the dashboard a screen has room for."""

    GRID = "grid"
    """All panels at once."""
    SINGLE = "single"
    """One panel, and tabs to the others."""
    LINE = "line"
    """One line of figures."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of the screen, in cells."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each part stands on a screen of `width` × `height`."""

    mode: Mode
    width: int
    height: int
    lines: Mapping[str, Place]
    """The lines around the panels: `header`, `timeline`, `tabs`, `footer`, those there is room for."""
    panels: tuple[tuple[str, Place], ...]
    """Panels that show, by name."""
    framed: bool = True
    """Whether panels have frames."""
    brief_events: bool = False
    """Whether the events panel is only its latest lines, without a frame."""

    def place_of(self, panel: str) -> Place | None:
        """Where a panel stands, or None when it does not show."""
        return next((place for name, place in self.panels if name == panel), None)

    def has_frame(self, panel: str) -> bool:
        """Whether that panel has a frame."""
        return self.framed and not (self.brief_events and panel == EVENTS)


_LEAST_GRID = (72, 20)
_LEAST_COLUMN = (44, 46)
"""One column of panels: narrow but tall."""
_LEAST_SINGLE = (30, 5)
_TIMELINE_FROM = 28
"""Rows from which there is a time bar, and the events have a frame."""
_FRAME_FROM = 16
"""Rows from which a single panel has a frame."""
_EVENTS_COLUMN = 8
_PROC_FROM = (180, 50)
"""Width and height from which /proc has a column of its own."""
_PROC_WIDTH = 62


def lay_out(width: int, height: int, only: str | None, chosen: str) -> Layout:
    """The layout of a screen. `only` is the enlarged panel; `chosen` shows where there is room for one alone."""
    if width < _LEAST_SINGLE[0] or height < _LEAST_SINGLE[1]:
        return Layout(Mode.LINE, width, height, _lines(width, header=0 if height else None), ())
    if only is None and width >= _LEAST_GRID[0] and height >= _LEAST_GRID[1]:
        return _grid(width, height, columns=2)
    if only is None and width >= _LEAST_COLUMN[0] and height >= _LEAST_COLUMN[1]:
        return _grid(width, height, columns=1)
    return _single(width, height, only or chosen)


def lay_out_alone(width: int, height: int, panel: str) -> Layout:
    """One panel in its frame and nothing else: for pictures of a panel."""
    return Layout(Mode.SINGLE, width, height, {}, ((panel, Place(0, 0, width, height)),))


def _lines(width: int, **rows: int | None) -> dict[str, Place]:
    return {name: Place(0, y, width, 1) for name, y in rows.items() if y is not None}


def _grid(width: int, height: int, columns: int) -> Layout:
    tall = height >= _TIMELINE_FROM
    top = 2 if tall else 1
    events_height = _EVENTS_COLUMN if columns == 1 else min(12, (height - 3) // 5 + 1) if tall else 2
    bottom = height - 1 - events_height
    names = [panel.name for panel in PANELS if panel.name not in (EVENTS, PROC)]
    beside = _PROC_WIDTH if width >= _PROC_FROM[0] and height >= _PROC_FROM[1] else 0
    panels = _fill(names, columns, Place(0, top, width - beside, bottom - top))
    panels += [(PROC, Place(width - beside, top, beside, bottom - top))] if beside else []
    panels.append((EVENTS, Place(0, bottom, width, events_height)))
    lines = _lines(width, header=0, timeline=1 if tall else None, footer=height - 1)
    return Layout(Mode.GRID, width, height, lines, tuple(panels), brief_events=not tall)


def _fill(names: list[str], columns: int, area: Place) -> list[tuple[str, Place]]:
    """The panels in reading order over `area`; earlier rows and columns take what does not divide."""
    rows = -(-len(names) // columns)
    placed = []
    for index, name in enumerate(names):
        line, column = divmod(index, columns)
        x, width = _share(area.width, columns, column)
        y, height = _share(area.height, rows, line)
        placed.append((name, Place(area.x + x, area.y + y, width, height)))
    return placed


def _share(total: int, parts: int, index: int) -> tuple[int, int]:
    """Start and length of one of `parts` nearly equal shares, longer ones first."""
    length, rest = divmod(total, parts)
    return index * length + min(index, rest), length + (1 if index < rest else 0)


def _single(width: int, height: int, name: str) -> Layout:
    tall = height >= _TIMELINE_FROM
    top = 3 if tall else 2
    bottom = height - 1 if height >= _FRAME_FROM else height
    lines = _lines(
        width,
        header=0,
        timeline=1 if tall else None,
        tabs=top - 1,
        footer=bottom if bottom < height else None,
    )
    panels = ((name, Place(0, top, width, bottom - top)),)
    return Layout(Mode.SINGLE, width, height, lines, panels, framed=height >= _FRAME_FROM)
