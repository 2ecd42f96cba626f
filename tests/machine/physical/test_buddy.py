"""The buddy allocator: laws as a state machine, and the rules of stealing one by one."""

from __future__ import annotations

import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from memtui.machine.physical.buddy import PAGEBLOCK_FRAMES, Buddy, MigrateType

BASE = 1 << 20
FRAMES = 16 * 1024
"""Sixteen blocks of 4 MiB."""
TYPES = st.sampled_from(list(MigrateType))


class BuddyLaws(RuleBasedStateMachine):
    """Frames are never lost, never handed out twice, and merge as far as they can."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[int, tuple[int, MigrateType]] = {}
        self.buddy = Buddy(self.use)
        self.buddy.free_run(BASE, FRAMES)

    def use(self, start: int, frames: int) -> tuple[int, int]:
        """(free, movable) frames of a pageblock, from what the test holds."""
        held = movable = 0
        for first, (count, kind) in self.live.items():
            inside = max(0, min(first + count, start + frames) - max(first, start))
            held += inside
            movable += inside if kind is MigrateType.MOVABLE else 0
        return frames - held, movable

    def keep(self, start: int, frames: int, kind: MigrateType) -> None:
        assert start >= BASE
        assert start + frames <= BASE + FRAMES
        assert all(start + frames <= low or low + count <= start for low, (count, _) in self.live.items())
        self.live[start] = (frames, kind)

    @rule(order=st.integers(0, 10), kind=TYPES, gently=st.booleans())
    def allocate(self, order: int, kind: MigrateType, gently: bool) -> None:
        start = self.buddy.allocate(order, kind, no_fragment=gently)
        if start is not None:
            assert start % (1 << order) == 0
            self.keep(start, 1 << order, kind)

    @rule(order=st.sampled_from([0, 0, 3, 9]), count=st.integers(1, 3000), kind=TYPES)
    def allocate_many(self, order: int, count: int, kind: MigrateType) -> None:
        free = self.buddy.free_frames
        runs = self.buddy.allocate_many(order, count, kind)
        assert free - self.buddy.free_frames == sum(frames for _, frames in runs)
        for start, frames in runs:
            assert start % (1 << order) == 0
            self.keep(start, frames, kind)
        if order == 0:
            assert sum(frames for _, frames in runs) == min(count, free)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def free(self, data: st.DataObject) -> None:
        start = data.draw(st.sampled_from(sorted(self.live)))
        frames, kind = self.live.pop(start)
        cut = data.draw(st.integers(0, frames - 1))
        self.buddy.free_run(start + cut, frames - cut)
        if cut:
            self.live[start] = (cut, kind)

    @invariant()
    def nothing_is_lost(self) -> None:
        listed = list(self.buddy.free_runs())
        assert sum(frames for _, frames, _ in listed) == self.buddy.free_frames
        assert self.buddy.free_frames + sum(count for count, _ in self.live.values()) == FRAMES
        taken = sorted([(s, n) for s, n, _ in listed] + [(s, n) for s, (n, _) in self.live.items()])
        assert all(low + count <= high for (low, count), (high, _) in itertools.pairwise(taken))

    @invariant()
    def free_blocks_lie_on_the_list_of_their_pageblock(self) -> None:
        for start, frames, kind in self.buddy.free_runs():
            assert all(self.buddy.type_of(frame) is kind for frame in range(start, start + frames, PAGEBLOCK_FRAMES))

    @invariant()
    def no_two_free_buddies(self) -> None:
        free = {(start, frames) for start, frames, _ in self.buddy.free_runs() if frames < 1024}
        assert all((start ^ frames, frames) not in free for start, frames in free)


TestBuddyLaws = BuddyLaws.TestCase
TestBuddyLaws.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def empty_use(start: int, frames: int) -> tuple[int, int]:
    return frames, 0


def filled(frames: int = FRAMES, use: object = empty_use) -> Buddy:
    buddy = Buddy(use)  # type: ignore[arg-type]
    buddy.free_run(BASE, frames)
    return buddy


def test_bulk_takes_what_single_requests_would_take() -> None:
    bulk, single = filled(), filled()
    for buddy in (bulk, single):
        scattered = [buddy.allocate(0, MigrateType.MOVABLE) for _ in range(40)]
        for frame in scattered[::3]:
            assert frame is not None
            buddy.free(frame, 0)
    taken = [
        frame for start, n in bulk.allocate_many(0, 5000, MigrateType.MOVABLE) for frame in range(start, start + n)
    ]
    assert taken == [single.allocate(0, MigrateType.MOVABLE) for _ in range(5000)]
    assert bulk.free_blocks() == single.free_blocks()


def test_the_first_unmovable_page_claims_the_largest_block() -> None:
    buddy = filled()
    start = buddy.allocate(0, MigrateType.UNMOVABLE)
    assert start is not None
    assert buddy.type_of(start) is MigrateType.UNMOVABLE
    assert buddy.pageblock_types().total() == 2, "both pageblocks of the 4 MiB block change their type"


def test_half_a_pageblock_is_claimed_less_is_borrowed() -> None:
    for movable_used, claimed in ((200, True), (300, False)):
        held: list[int] = []

        def use(start: int, frames: int, held: list[int] = held) -> tuple[int, int]:
            return frames - len(held), len(held)

        buddy = filled(PAGEBLOCK_FRAMES, use)
        for _ in range(movable_used):
            frame = buddy.allocate(0, MigrateType.MOVABLE)
            assert frame is not None
            held.append(frame)
        stolen = buddy.allocate(0, MigrateType.UNMOVABLE)
        assert stolen is not None
        assert (buddy.type_of(stolen) is MigrateType.UNMOVABLE) is claimed


def test_a_movable_page_claims_a_pageblock_only_for_a_free_block_of_16_frames_or_more() -> None:
    """The order that counts is that of the other type's block, not of the request (`__rmqueue_claim`)."""
    for order, claimed in ((4, True), (3, False)):
        buddy = filled(PAGEBLOCK_FRAMES)
        first = buddy.allocate(0, MigrateType.UNMOVABLE)
        assert first is not None
        while buddy.allocate(order + 1, MigrateType.UNMOVABLE, no_fragment=True) is not None:
            pass
        taken = buddy.allocate(0, MigrateType.MOVABLE)
        assert taken is not None
        assert (buddy.type_of(taken) is MigrateType.MOVABLE) is claimed


def test_gentle_requests_leave_part_used_pageblocks_alone() -> None:
    buddy = filled(PAGEBLOCK_FRAMES)
    assert buddy.allocate(0, MigrateType.MOVABLE) is not None
    assert buddy.allocate(0, MigrateType.UNMOVABLE, no_fragment=True) is None
    assert buddy.allocate(0, MigrateType.UNMOVABLE) is not None


def test_top_blocks_of_a_range_can_be_taken_out() -> None:
    gib = 1 << 18
    buddy = Buddy(empty_use)
    buddy.free_run(gib + 512, 3 * gib)
    buddy.take_range(2 * gib, gib)
    assert buddy.free_frames == 2 * gib
    assert not any(2 * gib < start + frames and start < 3 * gib for start, frames, _ in buddy.free_runs())
    buddy.take_range(0, 3 * gib)
    assert buddy.free_frames == 512 + gib + 512, "blocks of lower orders stay"


def test_a_run_of_any_size_is_one_entry() -> None:
    buddy = Buddy(empty_use)
    buddy.free_run(0, 1 << 34)
    assert list(buddy.free_runs()) == [(0, 1 << 34, MigrateType.MOVABLE)]
    assert buddy.free_blocks()[10] == 1 << 24
