"""Looks at a source while it is played: pulls Snapshots into the history, and moves through it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Final

from memtui.engine.playable import Past, Playable
from memtui.engine.player import Player
from memtui.snapshot import MapRequest, Snapshot
from memtui.timeline import Timeline
from memtui.tui.looking_back import LookingBack
from memtui.view.scene import PlayState, Scene, Status
from memtui.view.state import START, ViewState

STEP_EVENTS: Final = 1000
"""Most events of the machine one step plays: the keyboard must not wait for a machine that has nothing to tell."""


class Viewer:
    """What may be seen of one source, now and in its past."""

    def __init__(self, source: Playable, player: Player, timeline: Timeline, past: Past | None = None) -> None:
        self.source = source
        self.player = player
        self.timeline = timeline
        self.looking_back = LookingBack(past)
        """Moments of the past, looked at in other ways than they were."""
        self._fault = ""
        """What the source broke on while it was looked at, in words."""
        self._stood_ns = -1
        """The moment of the past that showed at the last frame; -1: it was the live edge."""

    @property
    def error(self) -> str:
        """What the source broke on, or nothing while all is well."""
        return self.player.error or self._fault

    @property
    def playing(self) -> bool:
        """Whether simulated time moves by itself."""
        return not self.player.paused and not self.player.finished

    @property
    def shown_ns(self) -> int:
        """The simulated moment that shows."""
        current = self.timeline.current
        return self.source.now_ns if current is None else current.time_ns

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

    def next_event(self, request: MapRequest) -> None:
        """To the next event of the past; at the live edge, plays on to the next one or the next entry.

        The machine's own events between them, of which most change nothing anyone is told about,
        are played without a stop, though no more than `STEP_EVENTS` of them.
        """
        if not self.timeline.live:
            if self.timeline.next_event() is None:
                self.timeline.go_live()
            return
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

    def previous_event(self) -> bool:
        """To the moment of the event before; False when there is none."""
        self.player.pause()
        return self.timeline.previous_event() is not None

    def next_tick(self, request: MapRequest) -> None:
        """One moment on in the past; at the live edge, plays one event of the machine."""
        if self.timeline.live:
            self.player.step()
            self.look(request)
        else:
            self.timeline.next()

    def previous_tick(self) -> bool:
        """One moment back; False at the first."""
        self.player.pause()
        return self.timeline.previous()

    def to_start(self) -> None:
        """To the first moment there is."""
        self.player.pause()
        self.timeline.go_to(0)

    def to_live(self) -> None:
        """Back to the live edge."""
        self.timeline.go_live()

    def go_to(self, time_ns: int) -> None:
        """To a moment of the past, or plays on to one that is still to come and pauses there."""
        if time_ns > self.source.now_ns:
            self.timeline.go_live()
            self.player.run_until(time_ns)
        else:
            self.player.pause()
            self.timeline.go_to(time_ns)

    def passed_over(self, asked_ns: int) -> int:
        """How many events lie between the moment of the past that shows and the one asked for: none kept has them."""
        later = self.timeline.later_events()
        return bisect_right(later, asked_ns, key=lambda event: event.time_ns)

    def go_to_event(self, serial: int) -> None:
        """To the first moment kept that has the event of that serial number, if it is kept; 0: to the live edge."""
        if serial:
            self.player.pause()
            self.timeline.go_to_event(serial)
        else:
            self.to_live()

    def still_chosen(self, state: ViewState) -> ViewState:
        """The state without its chosen event, and with a list that follows time, once time was moved elsewhere."""
        stands_ns = -1 if self.timeline.live else self.shown_ns
        moved, self._stood_ns = stands_ns != self._stood_ns, stands_ns
        if state.event and self.timeline.at_event(state.event):
            return state
        return replace(state, event=0, listed=0) if state.event or (moved and state.listed) else state

    def restart(self) -> None:
        """Back to the machine as booted, with no past."""
        self._fault = ""
        self.player.restart()
        self.timeline.clear()
        self.looking_back.forget()

    def scene(self, state: ViewState = START, request: MapRequest | None = None) -> Scene | None:
        """The moment under the history's cursor; None when there never was one.

        In the past, a `request` other than the moment was looked at with asks for it to be made again;
        until it is, the moment shows as it was.
        """
        current = self.timeline.current
        if current is None:
            return None
        if self.timeline.live:
            self.looking_back.rest()
        elif request is not None:
            current = self._again(current, request)
        past = self.timeline
        return Scene(self.source.info, current, past, past.events(), state, past.later_events(), past.first)

    def status(self, scene: Scene) -> Status:
        """What the header says."""
        why = self.error or scene.stopped
        edge_ns = -1 if self.timeline.live else self.source.now_ns
        return Status(self._state(why), self.player.speed, why, edge_ns, self.looking_back.progress_ppm)

    def _again(self, moment: Snapshot, request: MapRequest) -> Snapshot:
        made = self.looking_back.seen(moment, request)
        return moment if made is None else replace(made, events=moment.events)

    def _state(self, why_stopped: str) -> PlayState:
        if not self.timeline.live:
            return PlayState.PAST
        if why_stopped:
            return PlayState.STOPPED
        if self.source.finished:
            return PlayState.FINISHED
        return PlayState.PAUSED if self.player.paused else PlayState.LIVE
