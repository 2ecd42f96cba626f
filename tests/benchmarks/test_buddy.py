"""Random allocations and frees of orders 0–9 against a plain buddy: `pytest tests/benchmarks/test_buddy.py -s`."""

from __future__ import annotations

import random
import time

from memtui.machine.physical.buddy import Buddy, MigrateType
from tests.benchmarks.plain_buddy import PlainBuddy

FRAMES = 1 << 20
LIVE = 4000
"""Blocks in use, about: two fifths of the memory."""
STEPS = 100_000
KINDS = list(MigrateType)
WEIGHTS = [2, 7, 1]
"""Mostly movable memory, as on a real machine."""

Step = tuple[int, int, MigrateType]
"""(order, 0, kind) to allocate, or (-1, which of the blocks in use, -) to free."""


def script(seed: int = 1) -> list[Step]:
    """What to do: the same for both."""
    chance = random.Random(seed)
    steps: list[Step] = []
    live = 0
    while len(steps) < STEPS:
        if chance.random() * 2 * LIVE < live:
            steps.append((-1, chance.randrange(live), MigrateType.MOVABLE))
            live -= 1
        else:
            steps.append((chance.randrange(10), 0, chance.choices(KINDS, WEIGHTS)[0]))
            live += 1
    return steps


def plain_seconds(steps: list[Step]) -> float:
    buddy = PlainBuddy(FRAMES)
    live: list[int | None] = []
    begin = time.process_time()
    for order, place, _ in steps:
        if order < 0:
            live[place], live[-1] = live[-1], live[place]
            frame = live.pop()
            assert frame is not None
            buddy.free(frame)
        else:
            live.append(buddy.allocate(order))
    return time.process_time() - begin


def typed_seconds(steps: list[Step]) -> float:
    buddy = Buddy(lambda start, frames: (frames, 0))
    buddy.free_run(0, FRAMES)
    live: list[tuple[int | None, int]] = []
    begin = time.process_time()
    for order, place, kind in steps:
        if order < 0:
            live[place], live[-1] = live[-1], live[place]
            frame, size = live.pop()
            assert frame is not None
            buddy.free(frame, size)
        else:
            live.append((buddy.allocate(order, kind), order))
    return time.process_time() - begin


def test_random_allocations_and_frees_against_a_plain_buddy() -> None:
    steps = script()
    pairs = [(plain_seconds(steps), typed_seconds(steps)) for _ in range(10)]
    plain, typed = (min(times) for times in zip(*pairs, strict=True))
    print(f"\nrate of random allocations and frees against a plain buddy: {plain / typed:.3f} (limit 0.8)")
    assert plain / typed >= 0.8
