"""The buddy allocator: against a plain one, and against itself when memory is scattered."""

from __future__ import annotations

import random
import time

from memtui.machine.physical.buddy import Buddy, MigrateType
from tests.benchmarks.measure import Measured, rates
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


def random_rate() -> Measured:
    """Random allocations and frees, orders 0 to 9, with migratetypes and counters, by the rate of a plain buddy."""
    steps = _script()
    pairs = [(_plain_seconds(steps), _typed_seconds(steps)) for _ in range(10)]
    plain, typed = (min(times) for times in zip(*pairs, strict=True))
    return Measured(plain / typed, rates(STEPS / typed, STEPS / plain))


def _script(seed: int = 1) -> list[Step]:
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


def _plain_seconds(steps: list[Step]) -> float:
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


def _typed_seconds(steps: list[Step]) -> float:
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


def scattered_frees() -> Measured:
    """The rate of frees of single pages with 300 000 free blocks about, by that with 10 000."""
    pairs = [(_free_rate(10_000), _free_rate(300_000)) for _ in range(5)]
    few, many = (max(rates_of) for rates_of in zip(*pairs, strict=True))
    return Measured(many / few, rates(many, few))


def _free_rate(blocks: int) -> float:
    """Frees per second of single pages while `blocks` free blocks lie scattered."""
    buddy = Buddy(lambda start, frames: (frames, 0))
    buddy.free_run(0, 1 << 22)
    runs = buddy.allocate_many(0, 2 * blocks, MigrateType.MOVABLE)
    frames = [frame for start, length in runs for frame in range(start, start + length)]
    for frame in frames[::2]:
        buddy.free(frame, 0)
    rest = frames[1::2]
    random.Random(1).shuffle(rest)
    rest = rest[:10_000]
    begin = time.process_time()
    for frame in rest:
        buddy.free(frame, 0)
    return len(rest) / (time.process_time() - begin)
