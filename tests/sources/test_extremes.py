"""What gauges were on the way, and how rarely a long run is looked at."""

from __future__ import annotations

from memtui.sources.extremes import LOOKS, Extremes


class Counters:
    """Counters that a test sets, and how often they were asked for."""

    def __init__(self, **values: int) -> None:
        self.values = values
        self.looks = 0

    def __call__(self) -> dict[str, int]:
        self.looks += 1
        return dict(self.values)


def test_a_gauge_that_came_back_is_known_with_its_least_and_most() -> None:
    counters = Counters(MemFree=100, AnonPages=5, MemTotal=1000)
    extremes = Extremes(counters)
    for free, anon in ((40, 65), (60, 45), (100, 5)):
        counters.values |= {"MemFree": free, "AnonPages": anon}
        extremes.note()
    ends = {"MemFree": 100, "AnonPages": 5, "MemTotal": 1000}
    assert list(extremes.beyond(ends, ends)) == [("MemFree", 40, 100), ("AnonPages", 5, 65)]


def test_what_only_went_from_one_end_to_the_other_is_not_told() -> None:
    counters = Counters(MemFree=100)
    extremes = Extremes(counters)
    for free in (80, 60, 40):
        counters.values["MemFree"] = free
        extremes.note()
    assert list(extremes.beyond({"MemFree": 100}, {"MemFree": 40})) == []


def test_counts_of_events_are_no_gauges() -> None:
    counters = Counters(oom_kill=0)
    extremes = Extremes(counters)
    counters.values["oom_kill"] = 3
    extremes.note()
    assert list(extremes.beyond({"oom_kill": 0}, {"oom_kill": 0})) == []


def test_each_doubling_of_events_costs_the_same_looks() -> None:
    counters = Counters(MemFree=1)
    extremes = Extremes(counters)
    for _ in range(LOOKS * (1 + 2 + 4 + 8)):
        extremes.note()
    assert counters.looks == 1 + 4 * LOOKS
