"""The simulated clock against simpy's, in one process."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from memtui.engine.queue import Priority
from memtui.engine.scheduler import Scheduler
from tests.benchmarks.measure import Measured, Unavailable, fastest, rates

PROCESSES = 1000
WAITS = 100
"""How often each of them waits."""


def delay(process: int, turn: int) -> int:
    """How long a process waits: all over the place, and the same every time."""
    return (process * 7919 + turn * 104_729) % 1000 + 1


def event_rate() -> Measured:
    """Events per second, by those of simpy: a thousand processes that wait a hundred times each."""
    try:
        import simpy
    except ImportError:
        raise Unavailable("simpy is not installed; pip install -e '.[bench]' brings it") from None
    ours, theirs = fastest([_play_ours, lambda: _play_simpy(simpy)], 5)
    events = PROCESSES * (WAITS + 1)
    return Measured(theirs / ours, rates(events / ours, events / theirs))


def _play_ours() -> None:
    def steps(process: int) -> Generator[int, None, None]:
        for turn in range(WAITS):
            yield delay(process, turn)

    scheduler = Scheduler()
    for process in range(PROCESSES):
        scheduler.start(steps(process), Priority.ACTIVITY)
    while scheduler.step():
        pass


def _play_simpy(simpy: Any) -> None:
    def steps(process: int) -> Generator[Any, None, None]:
        for turn in range(WAITS):
            yield environment.timeout(delay(process, turn))

    environment = simpy.Environment()
    for process in range(PROCESSES):
        environment.process(steps(process))
    environment.run()
