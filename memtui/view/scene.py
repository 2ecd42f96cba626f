"""What a panel is drawn from and what comes out: the one signature all panels share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from memtui.reading import read
from memtui.snapshot import Event, MapRequest, RunInfo, Snapshot
from memtui.view.cells import Rows
from memtui.view.glyphs import Glyphs
from memtui.view.history import Axis, History
from memtui.view.state import BY_LINE, START, Mover, Pointer, ViewState, Wheel


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of one machine with its past: all that a panel may know."""

    info: RunInfo
    now: Snapshot
    history: History
    events: Sequence[Event] = ()
    """What happened up to now, oldest first, as far back as it was kept."""
    state: ViewState = START
    """Where someone looks."""
    later: Sequence[Event] = ()
    """What is known to have happened after the moment that shows, oldest first: none at the live edge."""
    first: Snapshot | None = None
    """The oldest moment kept, with which figures are compared while there is no baseline."""

    @property
    def axis(self) -> Axis:
        """The stretch of simulated time all history strips span, with a cursor where what shows is of the past."""
        start_ns, end_ns = self.history.span_ns
        return Axis(start_ns, end_ns, self.now.time_ns if self.now.time_ns < end_ns else None)

    @property
    def stopped(self) -> str:
        """Why the machine could not go on, in the words of its last bad event; empty while it can."""
        if not read(self.now, "sim_stopped"):
            return ""
        bad = next((event for event in reversed(self.events) if event.severity == "bad"), None)
        return bad.text if bad is not None else "the machine cannot go on"


class PlayState(StrEnum):
    """What the simulation is doing, in the word the header shows."""

    LIVE = "LIVE"
    PAST = "PAST"
    """What shows is a moment of the past."""
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    STOPPED = "STOPPED"
    """The machine could not go on."""


@dataclass(frozen=True, slots=True)
class Status:
    """How it is being played, for the header."""

    state: PlayState
    speed: float
    """Simulated seconds per second; infinity for as fast as possible."""
    error: str = ""
    """Why it stopped."""
    edge_ns: int = -1
    """The simulated time reached, where what shows is a moment of the past; -1 where it is not."""
    looking_back_ppm: int | None = None
    """How much of a moment of the past that is made again is done; None while none is."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a panel looks like. May have more rows than fit: the frame says how many it cut."""

    rows: Rows
    caption: str = ""
    """What the bottom edge says: what one cell of the map stands for."""


Draw = Callable[[Scene, int, int, Glyphs], Drawing]
"""Draws a panel in `width` × `height` cells, frame not included."""

Request = Callable[[RunInfo, ViewState, int, int], MapRequest]
"""What a panel of `width` × `height` wants to be drawn from, for where someone looks."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its names, how it is drawn, what it tells, and where its figures come from."""

    name: str
    """For `--panel` and ids: `direct-map`."""
    title: str
    tab: str
    """Its title where space is short."""
    draw: Draw
    help: str
    """What it shows and how to read it, units included; paragraphs separated by an empty line."""
    counters: tuple[str, ...] = ()
    """The counters behind its figures, under their names in `memtui.fields`."""
    request: Request | None = None
    """The map it asks for, if it draws one."""
    move: Mover | None = None
    """What the keys for moving do in it."""
    point: Pointer | None = None
    """What a click does in it."""
    wheel: Wheel = BY_LINE
    """What the mouse's wheel does in it."""
    aim: Pointer | None = None
    """Takes its cursor to the mouse before the wheel moves anything."""
