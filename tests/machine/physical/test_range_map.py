"""RangeMap against a plain dictionary."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.physical.range_map import RangeMap

Range = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
Changes = st.lists(st.tuples(Range, st.sampled_from([None, 1, 2, 3])), max_size=30)


def built(changes: list[tuple[tuple[int, int], int | None]]) -> tuple[RangeMap[int], dict[int, int]]:
    ranges: RangeMap[int] = RangeMap()
    model: dict[int, int] = {}
    for (start, end), value in changes:
        if value is None:
            ranges.clear(start, end)
        else:
            ranges.set(start, end, value)
        for number in range(start, end):
            model.pop(number, None)
            if value is not None:
                model[number] = value
    return ranges, model


def flat(pieces: list[tuple[int, int, int]]) -> dict[int, int]:
    return {number: value for start, end, value in pieces for number in range(start, end)}


@given(Changes, Range)
def test_it_is_a_dictionary_of_numbers(
    changes: list[tuple[tuple[int, int], int | None]], window: tuple[int, int]
) -> None:
    ranges, model = built(changes)
    assert flat(list(ranges)) == model
    inside = {number: value for number, value in model.items() if window[0] <= number < window[1]}
    assert flat(ranges.overlapping(*window)) == inside
    holes = {number for start, end in ranges.gaps(*window) for number in range(start, end)}
    assert holes == set(range(*window)) - inside.keys()


@given(Changes)
def test_neighbours_with_equal_values_are_one_range(changes: list[tuple[tuple[int, int], int | None]]) -> None:
    ranges, _ = built(changes)
    pieces = list(ranges)
    assert all(start < end for start, end, _ in pieces)
    assert all(a[1] < b[0] or (a[1] == b[0] and a[2] != b[2]) for a, b in pairwise(pieces))


def test_update_joins_what_becomes_equal_and_a_copy_is_on_its_own() -> None:
    ranges: RangeMap[int] = RangeMap()
    ranges.set(0, 4, 1)
    ranges.set(4, 6, 2)
    copy = ranges.copy()
    ranges.update(lambda value: 7)
    assert list(ranges) == [(0, 6, 7)]
    assert list(copy) == [(0, 4, 1), (4, 6, 2)]


Steps = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9), st.sampled_from([None, 1, 2, 3])), max_size=8)


@given(Changes, Steps)
def test_many_ranges_at_once_are_the_same_as_one_after_the_other(
    changes: list[tuple[tuple[int, int], int | None]], steps: list[tuple[int, int, int | None]]
) -> None:
    at_once, _ = built(changes)
    in_turn, _ = built(changes)
    ranges: list[tuple[int, int]] = []
    pieces: list[tuple[int, int, int]] = []
    place = 0
    for gap, length, value in steps:
        start, place = place + gap, place + gap + length
        ranges.append((start, place))
        if value is not None:
            pieces.append((start, place, value))
    assert at_once.within(ranges) == [piece for window in ranges for piece in at_once.overlapping(*window)]
    assert at_once.gaps_within(ranges) == [gap for window in ranges for gap in at_once.gaps(*window)]
    shifted = at_once.copy()
    if shifted.update_in_place(ranges, (10).__add__):
        in_place = at_once.copy()
        in_place.replace_within(ranges, [(start, end, value + 10) for start, end, value in at_once.within(ranges)])
        assert list(shifted) == list(in_place)
    else:
        assert list(shifted) == list(at_once)
    at_once.replace_within(ranges, pieces)
    for window in ranges:
        in_turn.replace(*window, [piece for piece in pieces if piece[:2] == window])
    assert list(at_once) == list(in_turn)
