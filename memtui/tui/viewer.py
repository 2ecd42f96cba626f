"""Looks at a source while it is played: pulls Snapshots into the history, and knows when that stopped working."""

from __future__ import annotations

from typing import Final

from memtui.engine.playable import Playable
from memtui.engine.player import Player
from memtui.snapshot import MapRequest
from memtui.timeline import Timeline
from memtui.view.scene import PlayState, Scene, Status
from memtui.view.state import START, ViewState

STEP_EVENTS: Final = 1000
"""Most events of the machine one step plays: the keyboard must not wait for a machine that has nothing to tell."""


class Viewer:
    """What may be seen of one source, now and in its past."""

    def __init__(self, source: Playable, player: Player, timeline: Timeline) -> None:
        self.source = source
        self.player = player
        self.timeline = timeline
        self._fault = ""
        """What the source broke on while it was looked at, in words."""

    @property
    def error(self) -> str:
        """What the source broke on, or nothing while all is well."""
        return self.player.error or self._fault

    @property
    def playing(self) -> bool:
        """Whether simulated time moves by itself."""
        return not self.player.paused and not self.player.finished

    def look(self, request: MapRequest) -> None:
        """Pulls one Snapshot into the history.

        A source that breaks while it is looked at has stopped, as one that breaks playing, so
        every Exception is kept as words.
        """
        try:
            snapshot = self.source.snapshot(request)
        except Exception as fault:
            self.player.pause()
            self._fault = f"{type(fault).__name__}: {fault}"
            return
        latest = self.timeline.latest
        if latest is not None and snapshot.time_ns < latest.time_ns:
            self.timeline.clear()
        self.timeline.append(snapshot)

    def step(self, request: MapRequest) -> None:
        """Plays on to the next line of the event log or the next entry of the timeline, and pauses there.

        The machine's own events between them, of which most change nothing anyone is told about,
        are played without a stop, though no more than `STEP_EVENTS` of them.
        """
        entries_ns = self.source.info.event_times_ns
        for _ in range(STEP_EVENTS):
            before_ns = self.source.now_ns
            self.player.step()
            self.look(request)
            latest = self.timeline.latest
            listed = latest is not None and bool(latest.events)
            began = any(before_ns < entry_ns <= self.source.now_ns for entry_ns in entries_ns)
            if listed or began or self.player.finished:
                return

    def restart(self) -> None:
        """Back to the machine as booted, with no past."""
        self._fault = ""
        self.player.restart()
        self.timeline.clear()

    def scene(self, state: ViewState = START) -> Scene | None:
        """The moment under the history's cursor; None when there never was one."""
        current = self.timeline.current
        if current is None:
            return None
        return Scene(self.source.info, current, self.timeline, self.timeline.events(), state)

    def status(self, scene: Scene) -> Status:
        """What the header says."""
        why = self.error or scene.stopped
        return Status(self._state(why), self.player.speed, why)

    def _state(self, why_stopped: str) -> PlayState:
        if why_stopped:
            return PlayState.STOPPED
        if self.source.finished:
            return PlayState.FINISHED
        return PlayState.PAUSED if self.player.paused else PlayState.LIVE
