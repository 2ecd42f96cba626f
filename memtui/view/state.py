"""Where someone looks: cursor and zoom of each map, the event chosen, the filter, the baseline.

What a panel draws follows from the Scene, and this is its part that people move: plain data,
changed by pure functions, so that every key of every panel can be tested without a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from memtui.snapshot import MapWindow, Snapshot

if TYPE_CHECKING:
    from memtui.view.scene import Scene


class Move(StrEnum):
    """What the keys for moving inside a panel ask of it."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    PAGE_UP = "page-up"
    PAGE_DOWN = "page-down"
    ZOOM_IN = "zoom-in"
    ZOOM_OUT = "zoom-out"
    NEXT = "next"
    """The next of what the panel can show one of at a time: another access, another file of /proc,
    the next place in a map that is not as boot left it."""
    SCROLL_UP = "scroll-up"
    """What the wheel asks of a list: other lines show, and nothing else moves."""
    SCROLL_DOWN = "scroll-down"
    FOLLOW = "follow"
    """To the event behind what the cursor stands on."""


class Wheel(NamedTuple):
    """The moves that the mouse's wheel stands for."""

    up: Move
    down: Move
    steps: int = 1
    """How often it moves at each turn."""


BY_LINE: Final = Wheel(Move.UP, Move.DOWN)
"""A list: the wheel goes line by line, as the arrow keys do."""


@dataclass(frozen=True, slots=True)
class MapState:
    """Where a map of physical memory is looked at."""

    window: MapWindow | None = None
    """The part that shows; None: the whole machine."""
    cursor: int | None = None
    """The frame the cursor stands on, the first of its cell; None: there is no cursor yet."""


WHOLE = MapState()


@dataclass(frozen=True, slots=True)
class ViewState:
    """Everything people have moved."""

    direct_map: MapState = WHOLE
    vmemmap: MapState = WHOLE
    access: str = ""
    """Name of the access the TLB panel shows; '': the first there is."""
    process: int = 0
    """Pid of the process whose access that is; 0: of none."""
    first_process: int = 0
    """Processes, the largest first, that stand above those the TLB panel lists."""
    event: int = 0
    """Serial number of the chosen event; 0: none is."""
    listed: int = 0
    """Serial number of the newest event that the list was scrolled to; 0: it follows time and the chosen event."""
    filter: str = ""
    """Words that events must have to be listed; '': all are."""
    severity: str = ""
    """The least severity of events that are listed: `notice`, `bad`; '': all are."""
    proc_file: str = ""
    """The file of /proc that shows; '': the first."""
    scroll: int = 0
    """Rows that the page of /proc is scrolled down."""
    baseline: Snapshot | None = None
    """The moment that figures are compared with; None: they are not."""


START = ViewState()
"""As the dashboard opens."""

Mover = Callable[["Scene", Move, int, int], ViewState]
"""What a move does in a panel of `width` × `height` cells, frame not included; a panel that has no use for it
returns the state it has."""

Pointer = Callable[["Scene", int, int, int, int], ViewState]
"""What a click at column and row (x, y) does in a panel of `width` × `height` cells, frame not included."""
