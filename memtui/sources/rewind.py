"""Moments of the past, made again: a run is its scenario and its seed, so any of them can be played once more.

The history keeps Snapshots as they were taken. Whoever wants to see more of a moment than was
looked at then (another part of a map, the owner of a frame) has the machine of that moment
rebuilt: a second simulation plays up to it, in slices, and stands there to be asked.
"""

from __future__ import annotations

from collections.abc import Callable

from memtui.snapshot import MapRequest, Snapshot
from memtui.sources.simulation import Simulation


class Rewind:
    """A second machine that goes to any moment the first one has been at."""

    def __init__(self, original: Simulation) -> None:
        self._original = original
        self._made: Simulation | None = None
        self._entries = 0

    def seek(self, moment: Snapshot, out_of_time: Callable[[], bool] | None = None) -> bool:
        """Plays towards a moment the original was seen at; True once it stands there.

        Asks `out_of_time()` after each event and stops early when it says so: call it again to
        go on. Forward from where it stands when it can, else from boot.
        """
        made = self._machine_before(moment)
        while made.position < moment.position:
            if made.next_ns() is None:
                return True
            made.step()
            if out_of_time is not None and out_of_time() and made.position < moment.position:
                return False
        made.move_to(moment.time_ns)
        return True

    def snapshot(self, moment: Snapshot, request: MapRequest) -> Snapshot:
        """The moment `seek` has reached, looked at in another way; without events. Raises ValueError elsewhere."""
        if self._made is None or self._made.position != moment.position:
            raise ValueError("the machine does not stand at that moment")
        return self._made.snapshot(request, events=False)

    def progress_ppm(self, moment: Snapshot) -> int:
        """How much of the way to a moment is done, in parts per million of the events up to it."""
        return self._made.position * 1_000_000 // max(1, moment.position) if self._made is not None else 0

    def _machine_before(self, moment: Snapshot) -> Simulation:
        """A machine at the moment or before it, of the scenario as it is by now."""
        made, entries = self._made, len(self._original.scenario.entries)
        if made is None or made.position > moment.position or entries != self._entries:
            made = self._made = self._original.again()
            self._entries = entries
        return made
