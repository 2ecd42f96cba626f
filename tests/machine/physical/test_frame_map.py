"""The owner map against a plain dictionary of frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.core import KernelOwner
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.frame_map import FULL, FrameMap, mask_runs
from memtui.snapshot import FrameKind

OWNERS = [KernelOwner("slab", FrameKind.SLAB), KernelOwner("anon", FrameKind.ANON, movable=True)]
SPAN = 8192
"""Frames under test: eight blocks of 4 MiB."""


@given(st.integers(0, FULL))
def test_mask_runs_are_the_set_bits(mask: int) -> None:
    bits = [frame - 7 for start, frames in mask_runs(mask, 7) for frame in range(start, start + frames)]
    assert bits == [bit for bit in range(1024) if mask >> bit & 1]


@st.composite
def operations(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """(first frame, frames, owner) with a taste for whole blocks and their borders."""
    edge = st.sampled_from([0, 1, 511, 512, 1023, 1024, 2047, 2048, 4096, 5000])
    return draw(
        st.lists(st.tuples(edge, st.sampled_from([1, 3, 512, 1024, 1500, 3072]), st.integers(0, 1)), max_size=25)
    )


@given(operations())
def test_same_as_a_dictionary_of_frames(wanted: list[tuple[int, int, int]]) -> None:
    frames, plain = FrameMap(), dict[int, KernelOwner]()
    for start, count, who in wanted:
        span, owner = range(start, start + count), OWNERS[who]
        if all(frame not in plain for frame in span):
            frames.assign(start, count, owner)
            plain.update(dict.fromkeys(span, owner))
        elif all(plain.get(frame) is owner for frame in span):
            frames.release(start, count, owner)
            for frame in span:
                del plain[frame]
    listed = {frame: owner for low, n, owner in frames.runs(0, SPAN) for frame in range(low, low + n)}
    assert listed == plain
    assert all(frames.owner_at(frame) is plain.get(frame) for frame in range(0, SPAN, 97))
    for kind in (FrameKind.SLAB, FrameKind.ANON):
        assert frames.by_kind[kind] == sum(owner.kind is kind for owner in plain.values())
    free, movable = frames.usage(512, 512)
    assert free == sum(frame not in plain for frame in range(512, 1024))
    assert movable == sum(plain.get(frame) is OWNERS[1] for frame in range(512, 1024))


@pytest.mark.parametrize("frames", [1, 512, 1024, 4096])
def test_no_frame_gets_two_owners(frames: int) -> None:
    owned = FrameMap()
    owned.assign(1024, 1024, OWNERS[0])
    with pytest.raises(FrameStateError):
        owned.assign(1024 if frames < 4096 else 0, frames, OWNERS[1])


def test_only_the_holder_can_release() -> None:
    owned = FrameMap()
    owned.assign(0, 2048, OWNERS[0])
    with pytest.raises(FrameStateError):
        owned.release(0, 1024, OWNERS[1])
    with pytest.raises(FrameStateError):
        owned.release(100, 1, OWNERS[1])


def test_a_terabyte_with_one_owner_is_one_entry() -> None:
    owned = FrameMap()
    for gib in range(1024):
        owned.assign(gib << 18, 1 << 18, OWNERS[0])
    assert list(owned.runs(0, 1 << 28)) == [(0, 1 << 28, OWNERS[0])]
    assert owned.difference(owned) is None


def test_difference_names_the_place() -> None:
    left, right = FrameMap(), FrameMap()
    left.assign(5, 1, OWNERS[0])
    assert left.difference(right) == "owners differ in the block at frame 0x0"
