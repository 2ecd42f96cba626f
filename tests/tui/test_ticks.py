"""What calls for frames rests with its timer."""

from __future__ import annotations

from memtui.tui.ticks import FRAMES_PER_SECOND, Ticks


class Recorder:
    """Stands for whoever owns the timer, and for the timer."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def set_interval(self, interval: float, callback: object) -> Recorder:
        self.told.append(interval)
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
