"""The bounded history: nothing is lost near the end, memory stays bounded, the cursor stays put."""

from __future__ import annotations

from itertools import pairwise

import pytest

from memtui.curves import CURVES
from memtui.snapshot import Event, Snapshot
from memtui.timeline import Timeline
from tests.snapshots import snapshot


def filled(count: int, capacity: int = 1024) -> Timeline:
    timeline = Timeline(capacity)
    for time_ns in range(count):
        timeline.append(snapshot(time_ns, {"MemFree": 100 - time_ns}))
    return timeline


def with_events(*times_ns: int, count: int = 10) -> Timeline:
    timeline = Timeline()
    for time_ns in range(count):
        events = tuple(Event(time, "test", f"at {time}") for time in times_ns if time_ns - 1 < time <= time_ns)
        timeline.append(snapshot(time_ns, events=events))
    return timeline


def cursor_ns(timeline: Timeline) -> int:
    assert timeline.current is not None
    return timeline.current.time_ns


def test_an_empty_history_has_nothing_to_show() -> None:
    timeline = Timeline()
    timeline.go_to(5)
    timeline.hold()
    assert (timeline.latest, timeline.current, timeline.live, len(timeline)) == (None, None, True, 0)
    assert not timeline.next()
    assert not timeline.previous()
    assert timeline.next_event() is None
    assert timeline.series("MemFree") == ([], [])


def test_live_follows_the_latest() -> None:
    timeline = filled(3)
    assert cursor_ns(timeline) == 2
    timeline.append(snapshot(9))
    assert cursor_ns(timeline) == 9


def test_a_held_cursor_stays_while_the_source_goes_on() -> None:
    timeline = filled(3)
    timeline.hold()
    timeline.append(snapshot(9))
    assert (timeline.live, cursor_ns(timeline)) == (False, 2)
    timeline.go_live()
    assert cursor_ns(timeline) == 9


def test_previous_and_next_walk_the_history_and_next_past_the_end_is_live() -> None:
    timeline = filled(3)
    assert timeline.previous()
    assert timeline.previous()
    assert not timeline.previous()
    assert cursor_ns(timeline) == 0
    assert timeline.next()
    assert timeline.next()
    assert not timeline.live
    assert not timeline.next()
    assert timeline.live


@pytest.mark.parametrize(("asked", "found"), [(-5, 0), (0, 0), (25, 20), (30, 30), (999, 40)])
def test_go_to_finds_the_snapshot_at_or_before_a_time(asked: int, found: int) -> None:
    timeline = Timeline()
    for time_ns in range(0, 50, 10):
        timeline.append(snapshot(time_ns))
    timeline.go_to(asked)
    assert cursor_ns(timeline) == found


def test_a_snapshot_of_the_same_moment_takes_the_place_of_the_first_and_keeps_its_events() -> None:
    timeline = Timeline()
    timeline.append(snapshot(1, {"MemFree": 1}, events=(Event(1, "a", "first"),)))
    timeline.append(snapshot(1, {"MemFree": 2}, events=(Event(1, "b", "second"),)))
    assert timeline.series("MemFree") == ([1], [2])
    assert [event.text for event in timeline.events()] == ["first", "second"]


def test_going_back_in_time_without_clear_is_refused() -> None:
    timeline = filled(3)
    with pytest.raises(ValueError, match="a snapshot of 1 ns after one of 2 ns"):
        timeline.append(snapshot(1))
    timeline.clear()
    timeline.append(snapshot(1))
    assert len(timeline) == 1


def test_the_history_is_bounded_keeps_its_ends_and_is_finest_near_the_end() -> None:
    timeline = filled(10_000, capacity=64)
    times_ns, values = timeline.series("MemFree")
    assert len(timeline) <= 64
    assert (times_ns[0], times_ns[-1]) == (0, 9999)
    assert list(times_ns[-32:]) == list(range(9968, 10_000))
    assert values == [100 - time_ns for time_ns in times_ns]
    gaps = [after - before for before, after in pairwise(times_ns)]
    assert gaps == sorted(gaps, reverse=True)


def test_the_snapshot_under_a_held_cursor_survives_thinning() -> None:
    timeline = filled(20, capacity=64)
    timeline.go_to(13)
    for time_ns in range(20, 5000):
        timeline.append(snapshot(time_ns))
    assert cursor_ns(timeline) == 13


def test_events_outlive_the_snapshots_they_came_with() -> None:
    timeline = Timeline(capacity=8)
    for time_ns in range(500):
        timeline.append(snapshot(time_ns, events=(Event(time_ns, "test", str(time_ns)),)))
    assert len(timeline) <= 8
    assert len(timeline.events()) == 500


def test_events_are_bounded_too() -> None:
    timeline = Timeline(event_capacity=10)
    for time_ns in range(100):
        timeline.append(snapshot(time_ns, events=(Event(time_ns, "test", str(time_ns)),)))
    assert [event.time_ns for event in timeline.events()] == list(range(90, 100))


def test_in_the_past_later_events_have_not_happened() -> None:
    timeline = with_events(1, 5, 5, 8)
    timeline.go_to(6)
    assert [event.time_ns for event in timeline.events()] == [1, 5, 5]


def test_next_and_previous_event_move_the_cursor_to_the_moments_that_have_one() -> None:
    timeline = with_events(1, 5, 5, 8)
    timeline.go_to(0)
    moments = []
    while timeline.next_event() is not None:
        moments.append(cursor_ns(timeline))
    assert moments == [1, 5, 8]
    moments = []
    while timeline.previous_event() is not None:
        moments.append(cursor_ns(timeline))
    assert moments == [5, 1]
    assert cursor_ns(timeline) == 1


def test_snapshots_without_a_figure_are_left_out_of_its_series() -> None:
    timeline = Timeline()
    timeline.append(snapshot(0))
    timeline.append(snapshot(1, {"MemFree": 7}))
    assert timeline.series("MemFree") == ([1], [7])


def test_a_history_too_short_to_thin_is_refused() -> None:
    with pytest.raises(ValueError, match="a history of 3 snapshots is too short; expected at least 4"):
        Timeline(3)


class Counted:
    """A figure that counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, moment: Snapshot) -> float | None:
        self.reads += 1
        return moment.time_ns


def test_a_curve_reads_every_snapshot_once_however_often_it_is_drawn() -> None:
    timeline, figure = filled(100), Counted()
    for time_ns in range(100, 200):
        timeline.past(figure)
        timeline.append(snapshot(time_ns))
    assert timeline.past(figure) == (list(range(200)), list(range(200)))
    assert figure.reads == 200


def test_curves_stay_right_when_the_history_is_thinned_replaced_and_cleared() -> None:
    timeline = Timeline(capacity=16)
    for time_ns in range(100):
        timeline.append(snapshot(time_ns, {"MemFree": 1}))
        timeline.series("MemFree")
        timeline.append(snapshot(time_ns, {"MemFree": time_ns}))
        times_ns, values = timeline.series("MemFree")
        assert len(times_ns) == len(timeline)
        assert values == times_ns
    timeline.clear()
    assert timeline.series("MemFree") == ([], [])


def test_only_so_many_curves_are_followed_and_the_one_not_asked_for_longest_goes() -> None:
    timeline, first = filled(10), Counted()
    timeline.past(first)
    for name in range(CURVES):
        timeline.series(str(name))
    timeline.past(first)
    assert first.reads == 20


def test_the_span_is_that_of_what_is_kept() -> None:
    assert Timeline().span_ns == (0, 0)
    timeline = filled(100, capacity=16)
    timeline.go_to(50)
    assert timeline.span_ns == (0, 99)


def test_memory_grows_with_what_is_kept_and_not_beyond_it() -> None:
    few, more, most = (filled(count, capacity=200).memory_bytes for count in (50, 100, 5_000))
    assert few < more
    assert most < 4 * more


def numbered(*times_ns: int) -> Timeline:
    """A history of moments 0, 10, 20, … with one event at each of these times, serial numbers from 1."""
    timeline = Timeline()
    for now_ns in range(0, max(times_ns) + 20, 10):
        events = tuple(
            Event(time_ns, "test", "", serial=serial)
            for serial, time_ns in enumerate(times_ns, 1)
            if now_ns - 10 < time_ns <= now_ns
        )
        timeline.append(snapshot(now_ns, events=events))
    return timeline


def test_going_to_an_event_is_going_to_the_first_moment_that_has_it() -> None:
    timeline = numbered(4, 20, 21)
    moments = []
    for serial in (1, 2, 3):
        assert timeline.go_to_event(serial)
        assert timeline.at_event(serial)
        current = timeline.current
        assert current is not None
        moments.append(current.time_ns)
    assert moments == [10, 20, 30]
    assert not timeline.at_event(1)
    assert not timeline.go_to_event(4)
    assert timeline.at_event(3)


def test_events_after_the_cursor_are_known_but_have_not_happened() -> None:
    timeline = numbered(4, 20, 21)
    assert list(timeline.later_events()) == []
    timeline.go_to_event(2)
    assert [event.serial for event in timeline.events()] == [1, 2]
    assert [event.serial for event in timeline.later_events()] == [3]
    timeline.go_live()
    assert not timeline.at_event(3)


def test_the_first_moment_is_kept_however_long_a_run_is() -> None:
    timeline = Timeline(capacity=8)
    assert timeline.first is None
    for time_ns in range(1000):
        timeline.append(snapshot(time_ns))
    assert timeline.first is not None
    assert timeline.first.time_ns == 0
