"""Events that are kept to be looked at: bounded, windowed by time, found by serial number."""

from __future__ import annotations

import pytest

from memtui.event_history import EventHistory
from memtui.snapshot import Event


def history(count: int, capacity: int = 100) -> EventHistory:
    """`count` events, two at each even moment, with serial numbers from 1."""
    kept = EventHistory(capacity)
    kept.extend(Event(number // 2 * 2, "test", str(number), serial=number + 1) for number in range(count))
    return kept


def test_a_window_has_the_events_after_one_moment_up_to_another() -> None:
    kept = history(10)
    assert [event.text for event in kept.window()] == list("0123456789")
    assert [event.text for event in kept.window(until_ns=2)] == list("0123")
    assert [event.text for event in kept.window(after_ns=2, until_ns=6)] == list("4567")
    assert len(kept.window(after_ns=8)) == 0
    assert not kept.window(until_ns=-1)


def test_a_window_reads_as_a_sequence_does() -> None:
    window = history(10).window(after_ns=0)
    assert (window[0].text, window[-1].text) == ("2", "9")
    assert [event.text for event in window[-3:]] == ["7", "8", "9"]
    assert [event.text for event in window[:0]] == []
    assert [event.text for event in window[::-1]] == list("98765432")
    for beyond in (8, -9):
        with pytest.raises(IndexError, match=f"event {beyond} of 8"):
            window[beyond]


@pytest.mark.parametrize("count", [9, 10, 11, 19, 20, 21, 57])
def test_at_capacity_10_the_newest_10_are_kept(count: int) -> None:
    kept = history(0, capacity=10)
    for number in range(count):
        kept.extend([Event(number, "test", str(number), serial=number + 1)])
    oldest = max(0, count - 10)
    assert [event.time_ns for event in kept.window()] == list(range(oldest, count))
    assert kept.of_serial(oldest) is None
    assert kept.of_serial(oldest + 1) == kept.window()[0]
    assert kept.of_serial(count + 1) is None


def test_what_comes_later_changes_nothing_in_a_window() -> None:
    kept = history(8, capacity=5)
    window = kept.window()
    texts = [event.text for event in window]
    kept.extend(history(40).window())
    kept.clear()
    assert [event.text for event in window] == texts == list("34567")
    assert len(kept.window()) == 0
