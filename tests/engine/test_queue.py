"""The event queue and the scheduler: who goes when, and that ties are never broken by chance."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from memtui.engine.queue import EventQueue, Priority, Process
from memtui.engine.scheduler import Scheduler


def steps(log: list[str], name: str, *delays_ns: int) -> Generator[int, None, None]:
    log.append(f"{name}0")
    for number, delay_ns in enumerate(delays_ns, 1):
        yield delay_ns
        log.append(f"{name}{number}")


def play(scheduler: Scheduler) -> None:
    while scheduler.step():
        pass


def test_events_come_in_order_of_time_whatever_order_they_were_scheduled_in() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.start(steps(log, "b"), Priority.ACTIVITY, at_ns=20)
    scheduler.start(steps(log, "a"), Priority.ACTIVITY, at_ns=10)
    play(scheduler)
    assert log == ["a0", "b0"]
    assert scheduler.now_ns == 20


def test_at_one_moment_priority_goes_before_rank_and_rank_before_who_came_first() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.start(steps(log, "end"), Priority.END)
    scheduler.start(steps(log, "expect"), Priority.EXPECTATION)
    scheduler.start(steps(log, "second-entry"), Priority.TIMELINE, rank=2)
    scheduler.start(steps(log, "first-entry"), Priority.TIMELINE, rank=1)
    scheduler.start(steps(log, "x"), Priority.ACTIVITY)
    scheduler.start(steps(log, "y"), Priority.ACTIVITY)
    scheduler.start(steps(log, "kernel"), Priority.KERNEL)
    play(scheduler)
    assert log == ["kernel0", "first-entry0", "second-entry0", "x0", "y0", "expect0", "end0"]


def test_two_activities_take_turns_by_the_time_they_ask_for() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.start(steps(log, "slow", 30, 30), Priority.ACTIVITY)
    scheduler.start(steps(log, "fast", 20, 20), Priority.ACTIVITY)
    play(scheduler)
    assert log == ["slow0", "fast0", "fast1", "slow1", "fast2", "slow2"]
    assert scheduler.now_ns == 60


def test_what_is_expected_at_a_moment_waits_for_steps_that_take_no_time() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.start(steps(log, "expect"), Priority.EXPECTATION, at_ns=5)
    scheduler.start(steps(log, "a", 0, 0), Priority.ACTIVITY, at_ns=5)
    play(scheduler)
    assert log == ["a0", "a1", "a2", "expect0"]


def test_on_done_is_called_once_when_the_generator_ends() -> None:
    scheduler, log, done = Scheduler(), list[str](), list[int]()
    scheduler.start(steps(log, "a", 7), Priority.ACTIVITY, on_done=lambda: done.append(scheduler.now_ns))
    play(scheduler)
    assert done == [7]


def test_a_cancelled_process_is_never_resumed_and_no_longer_counts() -> None:
    scheduler, log, done = Scheduler(), list[str](), list[int]()
    process = scheduler.start(steps(log, "a", 10), Priority.ACTIVITY, on_done=lambda: done.append(1))
    scheduler.step()
    assert scheduler.foreground == 1
    scheduler.cancel(process)
    assert scheduler.foreground == 0
    assert scheduler.next_ns() is None
    play(scheduler)
    assert (log, done) == (["a0"], [])


def test_the_kernels_own_delayed_work_is_not_foreground() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.start(steps(log, "kernel"), Priority.KERNEL, at_ns=9)
    assert scheduler.foreground == 0
    assert scheduler.next_ns() == 9


def test_what_begins_within_an_event_runs_its_first_part_at_once() -> None:
    def parent() -> Generator[int, None, None]:
        log.append("before")
        scheduler.begin(steps(log, "child", 5), Priority.ACTIVITY, on_done=lambda: log.append("done"))
        log.append("after")
        yield 1
        log.append("end")

    scheduler, log = Scheduler(), list[str]()
    scheduler.start(parent(), Priority.TIMELINE)
    assert scheduler.step()
    assert log == ["before", "child0", "after"]
    play(scheduler)
    assert log == ["before", "child0", "after", "end", "child1", "done"]


def test_a_time_that_is_past_is_refused() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.move_to(10)
    with pytest.raises(ValueError, match="cannot schedule at 9 ns: the clock stands at 10 ns"):
        scheduler.start(steps(log, "a"), Priority.ACTIVITY, at_ns=9)


def test_a_process_cannot_go_back_in_time() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.start(steps(log, "a", -1), Priority.ACTIVITY)
    with pytest.raises(ValueError, match="asked to wait -1 ns"):
        scheduler.step()


def test_the_clock_never_moves_backwards() -> None:
    scheduler = Scheduler()
    scheduler.move_to(10)
    scheduler.move_to(4)
    assert scheduler.now_ns == 10


def test_what_a_process_raises_comes_through_and_the_rest_goes_on() -> None:
    def breaks() -> Generator[int, None, None]:
        raise RuntimeError("broken")
        yield 0

    scheduler, log = Scheduler(), list[str]()
    scheduler.start(breaks(), Priority.ACTIVITY)
    scheduler.start(steps(log, "a"), Priority.ACTIVITY)
    with pytest.raises(RuntimeError, match="broken"):
        scheduler.step()
    play(scheduler)
    assert log == ["a0"]


def test_an_empty_queue_has_nothing_due() -> None:
    queue = EventQueue()
    assert queue.next_ns() is None
    assert queue.pop() is None
    queue.schedule(3, Process(steps([], "a"), Priority.ACTIVITY))
    assert queue.next_ns() == 3
