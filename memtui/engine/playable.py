"""What the player can play: the little it needs to know of a source of Snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from memtui.snapshot import MapRequest, RunInfo, Snapshot


class Past(Protocol):
    """Makes moments of the past again, to be looked at in other ways than they were (`sources.rewind`)."""

    def seek(self, moment: Snapshot, out_of_time: Callable[[], bool] | None = None) -> bool:
        """Goes towards a moment; stops early when `out_of_time()` says so, and is then to be called again."""

    def snapshot(self, moment: Snapshot, request: MapRequest) -> Snapshot:
        """The moment that `seek` has reached, looked at with `request`; without events."""

    def progress_ppm(self, moment: Snapshot) -> int:
        """How much of the way to a moment is done, in parts per million."""


class Playable(Protocol):
    """Something that moves through simulated time and can be looked at on the way."""

    @property
    def info(self) -> RunInfo:
        """What does not change during the run."""

    @property
    def now_ns(self) -> int:
        """The simulated time reached."""

    @property
    def finished(self) -> bool:
        """Nothing more will happen."""

    def next_ns(self) -> int | None:
        """When the next thing happens, or None when nothing will."""

    def advance(self, until_ns: int, out_of_time: Callable[[], bool] | None = None) -> None:
        """Plays all that is due up to and at `until_ns` and sets the clock there, or at the end of the run.

        Asks `out_of_time()` between events and, when it says so, stops early with the clock at
        the last event played; calling again goes on from there.
        """

    def step(self) -> None:
        """Plays exactly the next event, moving the clock to it."""

    def restart(self) -> None:
        """Back to the machine as booted, at time zero, exactly as the first time."""

    def snapshot(self, request: MapRequest) -> Snapshot:
        """The machine now; `events` holds what came since the snapshot before."""
