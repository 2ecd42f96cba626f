"""Per-CPU page lists: who is taken first, what is refilled and given back, and bulk as a loop of single pages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from memtui.machine.core import KernelOwner
from memtui.machine.geometry import ZoneLayout
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import FrameMap
from memtui.machine.physical.pcp import cached
from memtui.machine.physical.pcp_limits import FixedLimits, PcpLimits, Portion, Pressure, TunedLimits, zone_batchsize
from memtui.machine.physical.zone import Zone
from memtui.snapshot import FrameKind

BASE = 1 << 20
FRAMES = 1 << 18
"""1 GiB: a zone of the full batch."""
BATCH = 63
OWNER = KernelOwner("test", FrameKind.KERNEL)
ORDERS = st.sampled_from([0, 0, 0, 1, 2, 3, 9])
KINDS = st.sampled_from(list(MigrateType))
LIMITS: list[type[PcpLimits]] = [FixedLimits, TunedLimits]
both_limits = pytest.mark.parametrize("limits", LIMITS)


@dataclass
class Lists:
    """One zone with lists, and what is held of it: blocks, in the order in which they came."""

    limits: type[PcpLimits] = TunedLimits
    frames: int = FRAMES
    cpus: int = 2
    held: list[tuple[int, int]] = field(default_factory=list)
    """(first frame, order)."""

    def __post_init__(self) -> None:
        self.frame_map = FrameMap()
        self.zone = Zone.build(ZoneLayout(0, "Normal", BASE, BASE + self.frames), self.frame_map, self.limits)
        self.zone.hand_over(BASE, self.frames)
        self.zone.set_marks(self.frames // 100)
        self.zone.hold_lists(self.cpus)
        self.lists = self.zone.lists

    def take(
        self, blocks: int, order: int = 0, kind: MigrateType = MigrateType.MOVABLE, *, gently: bool = False
    ) -> list[int]:
        """Takes up to so many blocks in one go; their first frames."""
        starts: list[int] = []
        marks = self.zone.marks
        for start, frames in self.lists.take(order, blocks, kind, marks.low, marks.high, no_fragment=gently):
            self.frame_map.assign(start, frames, OWNER)
            starts.extend(range(start, start + frames, 1 << order))
        self.held.extend((start, order) for start in starts)
        return starts

    def free(self, start: int, frames: int, order: int = 0) -> None:
        self.zone.free([(start, frames)], order, OWNER)

    def forget(self, runs: list[Run], order: int) -> None:
        """These are no longer held."""
        gone = {first for start, frames in runs for first in range(start, start + frames, 1 << order)}
        self.held = [(start, other) for start, other in self.held if start not in gone]

    def free_all(self) -> None:
        for start, order in self.held:
            self.free(start, 1 << order, order)
        self.held.clear()

    def listed(self) -> list[Run]:
        return [(start, frames) for _, start, frames in self.lists.claims()]

    def state(self) -> tuple[Any, ...]:
        """All there is to tell two zones apart by, but for the order of the frames inside one run."""
        pages = sorted(frame for start, frames in self.listed() for frame in range(start, start + frames))
        return self.lists.count, pages, self.lists.limits, self.zone.buddy.free_blocks(), self.lists.below_high

    def check(self) -> None:
        """No frame is lost or in two places, and the lists hold no more than they may."""
        held = sum(1 << order for _, order in self.held)
        assert self.zone.buddy.free_frames + self.lists.count + held == self.frames
        truth = FrameMap()
        for start, order in self.held:
            truth.assign(start, 1 << order, OWNER)
        for owner, start, frames in self.lists.claims():
            truth.assign(start, frames, owner)
        assert self.frame_map.difference(truth) is None


@pytest.mark.parametrize(
    ("order", "goes"), [(0, True), (1, True), (3, True), (4, False), (8, False), (9, True), (10, False)]
)
def test_orders_0_to_3_and_9_go_through_lists(order: int, goes: bool) -> None:
    assert cached(order) is goes
    zone = Lists(cpus=1, frames=1 << 20)
    start = zone.zone.buddy.allocate(order, MigrateType.MOVABLE)
    assert start is not None
    zone.frame_map.assign(start, 1 << order, OWNER)
    zone.free(start, 1 << order, order)
    assert zone.lists.count == (1 << order if goes else 0)


@pytest.mark.parametrize(
    ("mib", "batch"), [(16, 1), (64, 3), (128, 7), (256, 15), (512, 31), (1008, 63), (1024, 63), (1 << 20, 63)]
)
def test_a_batch_is_63_frames_in_all_but_small_zones(mib: int, batch: int) -> None:
    """A zone of 4 096 frames × n has min(n, 64) × 1.5 rounded down to a power of two, less one."""
    assert zone_batchsize(mib * 256) == batch


@both_limits
def test_what_was_freed_last_is_taken_first(limits: type[PcpLimits]) -> None:
    zone = Lists(limits)
    starts = zone.take(40)
    chosen = [starts[place] for place in (17, 3, 30)]
    for start in chosen:
        zone.free(start, 1)
    assert zone.take(1) + zone.take(1) + zone.take(1) == chosen[::-1]


@both_limits
def test_every_migratetype_and_order_has_a_list_of_its_own(limits: type[PcpLimits]) -> None:
    zone = Lists(limits)
    (movable,), (unmovable,) = zone.take(1), zone.take(1, kind=MigrateType.UNMOVABLE)
    zone.free(movable, 1)
    zone.free(unmovable, 1)
    assert zone.take(1) == [movable]
    assert zone.take(1, kind=MigrateType.UNMOVABLE) == [unmovable]
    (pair,) = zone.take(1, 1)
    zone.free(pair, 2, 1)
    assert zone.take(1) != [pair]
    assert zone.take(1, 1) == [pair]


def test_up_to_6_6_an_empty_list_is_refilled_by_the_batch() -> None:
    zone = Lists(FixedLimits)
    for taken in range(1, 3 * BATCH + 1):
        zone.take(1)
        assert zone.lists.count == -taken % BATCH


@pytest.mark.parametrize(("order", "blocks"), [(1, 31), (2, 15), (3, 7), (9, 2)])
def test_larger_blocks_are_refilled_by_as_many_as_a_batch_holds_and_at_least_two(order: int, blocks: int) -> None:
    for limits in LIMITS:
        zone = Lists(limits)
        zone.take(1, order)
        assert zone.lists.count == blocks - 1 << order


def test_since_6_7_refills_double_up_to_32_batches_while_nothing_is_freed() -> None:
    limits = TunedLimits()
    limits.set(1 << 16, 1 << 22, 1)
    calm = Pressure(below_high=False, reclaiming=False)
    sizes = [limits.refill(0, 0, calm).amount for _ in range(7)]
    assert sizes == [BATCH << shift for shift in (0, 1, 2, 3, 4, 5, 5)]
    limits.freed(0, 1)
    assert limits.refill(0, 0, calm).amount == BATCH << 2, "a page freed halves the exponent"


def test_up_to_6_6_a_full_list_gives_a_batch_back_from_its_tail() -> None:
    zone = Lists(FixedLimits)
    high = max(zone.zone.marks.low // 2, BATCH * 4)
    starts = [start for start, _ in sorted((start, 0) for start in zone.take(high + 10))]
    zone.lists.drain()
    for start in starts[: high - 1]:
        zone.free(start, 1)
    assert zone.lists.count == high - 1
    zone.free(starts[high - 1], 1)
    assert zone.lists.count == high - BATCH
    assert not {start for start, _ in zone.listed()} & set(starts[:BATCH]), "those freed first have gone"
    for start in starts[high : high + 10]:
        zone.free(start, 1)
    assert zone.lists.count == high - BATCH + 10


def test_while_kswapd_is_at_work_lists_keep_four_batches_at_most() -> None:
    for limits in LIMITS:
        zone = Lists(limits, frames=1 << 20)
        starts = zone.take(2000)
        zone.lists.drain()
        zone.lists.reclaiming = True
        for start in starts:
            zone.free(start, 1)
            assert zone.lists.count < 4 * BATCH


def test_below_the_high_watermark_lists_no_longer_grow_and_freeing_shrinks_them() -> None:
    zone = Lists(frames=1 << 20)
    starts = zone.take(200_000)
    limits = zone.lists.limits
    assert isinstance(limits, TunedLimits)
    assert limits.high > limits.high_min
    zone.lists.below_high = True
    before = limits.high
    zone.zone.marks.high = FRAMES << 10
    for start in starts[:40_000]:
        zone.free(start, 1)
    assert limits.high < before
    assert limits.full(0, Pressure(below_high=True, reclaiming=False)) == limits.high_min
    assert zone.lists.count <= limits.high_min


def test_much_freed_in_blocks_of_order_1_to_3_does_not_stay_in_the_lists() -> None:
    limits = TunedLimits()
    limits.set(4 * BATCH, 1 << 22, 1)
    calm = Pressure(below_high=False, reclaiming=False)
    limits.freed(1, 1000)
    assert limits.full(1, calm) == limits.full(3, calm) == BATCH
    assert limits.full(0, calm) == limits.full(9, calm) == limits.high
    assert limits.spill(1, 900, calm) == Portion(900, False)


@both_limits
def test_a_drain_gives_all_of_it_back_and_it_merges(limits: type[PcpLimits]) -> None:
    zone = Lists(limits)
    untouched = zone.zone.buddy.free_blocks()
    for order in (0, 1, 2, 3, 9):
        for kind in MigrateType:
            zone.take(3, order, kind)
    zone.free_all()
    assert zone.lists.count
    zone.lists.drain()
    assert zone.lists.count == 0
    assert zone.listed() == []
    assert zone.zone.buddy.free_blocks() == untouched
    zone.check()


def test_every_second_an_eighth_of_what_they_may_hold_wears_off_down_to_the_least() -> None:
    zone = Lists(frames=1 << 20)
    woken: list[None] = []
    zone.lists.wake = lambda: woken.append(None)
    zone.take(100_000)
    assert woken
    limits = zone.lists.limits
    assert isinstance(limits, TunedLimits)
    zone.free_all()
    seconds = 0
    while limits.high > limits.high_min:
        high, count = limits.high, zone.lists.count
        more = zone.lists.decay()
        assert limits.high == max(count - (BATCH << 5), high - (high >> 3), limits.high_min)
        assert zone.lists.count == min(count, limits.high)
        assert more == (limits.high > limits.high_min)
        seconds += 1
    assert seconds > 5
    assert not zone.lists.decay()
    zone.check()


def test_until_boot_is_over_nothing_stays_in_the_lists() -> None:
    for limits in LIMITS:
        zone = Lists(limits)
        zone.lists.limits = limits()
        assert not zone.lists.limits.holds
        start = zone.zone.buddy.allocate(0, MigrateType.MOVABLE)
        assert start is not None
        zone.frame_map.assign(start, 1, OWNER)
        zone.free(start, 1)
        assert zone.lists.count == 0


def test_a_request_leaves_the_watermark_whatever_the_lists_hold() -> None:
    for limits in LIMITS:
        zone = Lists(limits)
        zone.take(FRAMES)
        assert zone.zone.buddy.free_frames >= zone.zone.marks.low - BATCH * 32
        assert zone.take(1) == []
        zone.check()


def test_sets_of_limits_stay_between_the_least_and_the_cpus_share_of_an_eighth() -> None:
    limits = TunedLimits()
    limits.set(8000, 1 << 20, 4)
    assert (limits.high_min, limits.high_max, limits.high) == (2000, (1 << 20) // 8 // 4, 2000)
    limits.again(0, 10_000, Pressure(below_high=False, reclaiming=False))
    assert limits.high == limits.high_max
    limits.set(8000, 1 << 19, 4)
    assert limits.high == limits.high_max == (1 << 19) // 8 // 4


Step = tuple[str, int, int, MigrateType]
STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "free"]), st.integers(0, 3), st.integers(1, 700), KINDS), max_size=12
)


def runs_of(held: list[tuple[int, int]], order: int, blocks: int) -> list[Run]:
    """Blocks held of one order, lowest first, as runs of up to so many blocks in all."""
    starts = sorted(start for start, other in held if other == order)[:blocks]
    runs: list[Run] = []
    for start in starts:
        if runs and sum(runs[-1]) == start:
            runs[-1] = (runs[-1][0], runs[-1][1] + (1 << order))
        else:
            runs.append((start, 1 << order))
    return runs


def play(zone: Lists, steps: list[Step], pressed: bool, *, singly: bool) -> None:
    zone.lists.reclaiming = pressed
    for what, order, blocks, kind in steps:
        if what == "take":
            for part in [1] * blocks if singly else [blocks]:
                zone.take(part, order, kind)
            continue
        runs = runs_of(zone.held, order, blocks)
        for start, frames in runs:
            size = 1 << order
            for first in range(start, start + frames, size if singly else frames):
                zone.free(first, size if singly else frames, order)
        zone.forget(runs, order)


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize(
    "steps",
    [
        [("take", 0, 512, MigrateType.UNMOVABLE), ("take", 9, 31, MigrateType.UNMOVABLE)],
        [("take", 1, 28, MigrateType.MOVABLE), ("free", 1, 28, MigrateType.MOVABLE)],
    ],
)
def test_many_blocks_at_once_are_the_very_ones_that_come_singly(steps: list[Step], limits: type[PcpLimits]) -> None:
    bulk, single = Lists(limits, 1 << 14), Lists(limits, 1 << 14)
    play(bulk, steps, False, singly=False)
    play(single, steps, False, singly=True)
    assert sorted(bulk.held) == sorted(single.held)
    assert bulk.state() == single.state()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(STEPS, st.booleans(), st.sampled_from(LIMITS))
def test_many_blocks_at_once_take_and_give_back_as_much_as_singly(
    steps: list[Step], pressed: bool, limits: type[PcpLimits]
) -> None:
    """As much, not always the same: where lists spill between requests of two kinds, other blocks may stay listed."""
    bulk, single = Lists(limits), Lists(limits)
    play(bulk, steps, pressed, singly=False)
    play(single, steps, pressed, singly=True)
    assert Counter(order for _, order in bulk.held) == Counter(order for _, order in single.held)
    for zone in (bulk, single):
        held = sum(1 << order for _, order in zone.held)
        assert held + zone.lists.count + zone.zone.buddy.free_frames == FRAMES
        zone.check()


class PcpLaws(RuleBasedStateMachine):
    """No frame is lost or in two places; freed pages never exceed the limit, and taking adds one refill at most."""

    limits: type[PcpLimits] = TunedLimits

    def __init__(self) -> None:
        super().__init__()
        self.zone = Lists(self.limits)

    @rule(order=ORDERS, kind=KINDS, gently=st.booleans())
    def take(self, order: int, kind: MigrateType, gently: bool) -> None:
        before = self.zone.lists.count
        for start in self.zone.take(1, order, kind, gently=gently):
            assert start % (1 << order) == 0
        self.refilled(before, order)

    @rule(order=ORDERS, blocks=st.integers(2, 9000), kind=KINDS)
    def take_many(self, order: int, blocks: int, kind: MigrateType) -> None:
        before = self.zone.lists.count
        taken = self.zone.take(blocks, order, kind)
        assert len(taken) == len(set(taken)) <= blocks
        self.refilled(before, order)

    @precondition(lambda self: self.zone.held)
    @rule(order=ORDERS, blocks=st.integers(1, 9000))
    def free(self, order: int, blocks: int) -> None:
        runs = runs_of(self.zone.held, order, blocks)
        for start, frames in runs:
            before = self.zone.lists.count
            self.zone.free(start, frames, order)
            assert self.zone.lists.count <= max(before, self.high)
        self.zone.forget(runs, order)

    @rule(active=st.booleans())
    def kswapd(self, active: bool) -> None:
        self.zone.lists.reclaiming = active

    @rule()
    def second(self) -> None:
        before = self.zone.lists.count
        self.zone.lists.decay()
        assert self.zone.lists.count <= before

    @rule()
    def drain(self) -> None:
        self.zone.lists.drain()
        assert not self.zone.lists.count

    @invariant()
    def nothing_is_lost(self) -> None:
        self.zone.check()

    def refilled(self, before: int, order: int) -> None:
        """An empty list is refilled whatever the others hold, with one batch, or as far as the limit allows."""
        assert self.zone.lists.count <= max(before + max(BATCH, 2 << order), self.high)

    @property
    def high(self) -> int:
        return self.zone.lists.limits.full(0, Pressure(below_high=False, reclaiming=False))


class FixedPcpLaws(PcpLaws):
    """The same up to 6.6."""

    limits = FixedLimits


TestPcpLaws = PcpLaws.TestCase
TestPcpLaws.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestFixedPcpLaws = FixedPcpLaws.TestCase
TestFixedPcpLaws.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
