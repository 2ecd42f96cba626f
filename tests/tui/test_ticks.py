"""What calls for frames rests with its timer."""

from __future__ import annotations

from collections.abc import Callable

from memtui.tui.ticks import FRAMES_PER_SECOND, Ticks


class Recorder:
    """Stands for whoever owns the timer, and for the timer."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def set_interval(self, interval: float, callback: Callable[[], None]) -> Recorder:
        self.told.append(interval)
        self.tick = callback
        return self

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


def test_the_timer_rests_and_goes_on_as_it_is_told() -> None:
    ticks, recorder = Ticks(), Recorder()
    ticks.start(recorder, lambda: None)
    ticks.keep(False)
    ticks.keep(True)
    assert recorder.told == [1 / FRAMES_PER_SECOND, "pause", "resume"]


def test_what_is_told_before_there_is_a_timer_is_no_fault() -> None:
    ticks = Ticks()
    ticks.keep(False)
    assert not ticks.coming


def test_while_someone_acts_every_other_frame_is_put_off() -> None:
    ticks, recorder, frames, past = Ticks(), Recorder(), list[int](), list[bool]()
    acting = [False, True, True, True, False, True, False, False]
    ticks.start(recorder, lambda: frames.append(len(past)), lambda: acting[len(past)])
    for each in acting:
        recorder.tick()
        past.append(each)
    assert frames == [0, 2, 4, 6, 7]
