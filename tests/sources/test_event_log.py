"""The bounded log of events."""

from __future__ import annotations

from memtui.sources.event_log import EventLog


def filled(count: int, capacity: int = 100) -> EventLog:
    log = EventLog(capacity)
    for number in range(1, count + 1):
        log.add(number * 10, "test", f"event {number}")
    return log


def test_serials_count_from_one_through_the_run() -> None:
    assert [event.serial for event in filled(3).all()] == [1, 2, 3]
    assert filled(3).last_serial == 3
    assert filled(0).last_serial == 0


def test_since_gives_what_came_after_a_serial() -> None:
    assert [event.text for event in filled(5).since(3)] == ["event 4", "event 5"]
    assert filled(5).since(5) == ()
    assert len(filled(5).since(0)) == 5


def test_the_oldest_go_when_the_log_is_full_and_are_counted() -> None:
    log = filled(25, capacity=10)
    assert [event.serial for event in log.all()] == list(range(16, 26))
    assert log.dropped == 15
    assert len(log.since(0)) == 10
