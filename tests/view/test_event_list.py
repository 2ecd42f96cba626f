"""Choosing and filtering events: which are listed, which is next, and how little of a long log is looked through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

import pytest

from memtui.snapshot import Event
from memtui.timeline import Timeline
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels import events as panel
from memtui.view.panels.event_list import LOOK_BACK, filter_words, position_words, recent, stepped, surroundings
from memtui.view.scene import Scene
from memtui.view.state import START, Move
from memtui.view.tokens import Token
from tests.fake_source import FakeSource
from tests.snapshots import snapshot


def log(count: int) -> tuple[Event, ...]:
    """Events 1 to `count` a nanosecond apart; every third is of the source `oom`."""
    return tuple(
        Event(serial, "oom" if serial % 3 == 0 else "fork", f"event {serial}", serial=serial)
        for serial in range(1, count + 1)
    )


def scene_of(count: int, now: int, chosen: int = 0, filter: str = "") -> Scene:
    """A log of `count` events looked at when `now` of them had happened."""
    events, moment = log(count), snapshot(now)
    state = replace(START, event=chosen, filter=filter)
    return Scene(FakeSource().info, moment, Timeline(), events[:now], state, events[now:])


def lines(scene: Scene, width: int = 60, height: int = 9) -> list[str]:
    return plain(panel.draw(scene, width, height, UNICODE).rows).split("\n")


def serials(rows: Sequence[str]) -> list[int]:
    return [int(line.split()[-1]) for line in rows if line.split()[-2:-1] == ["event"]]


def test_a_filter_lists_events_with_all_its_words_in_source_or_text() -> None:
    scene = scene_of(9, 9, filter="OOM Event")
    assert [event.serial for event in recent(scene)] == [3, 6, 9]
    assert serials(lines(scene, height=16)) == [9, 6, 3]
    assert [event.serial for event in recent(scene_of(9, 9, filter="oom 6"))] == [6]


def test_a_filter_says_what_it_is_and_how_many_it_hides() -> None:
    assert filter_words(scene_of(9, 9)) == "filter: all"
    assert filter_words(scene_of(9, 9, filter="oom")) == "filter: oom, 6 of 9 hidden"
    assert lines(scene_of(9, 9, filter="oom"))[0].endswith("filter: oom, 6 of 9 hidden")
    assert filter_words(scene_of(9, 6, filter="oom")) == "filter: oom, 4 of 6 hidden"
    assert filter_words(scene_of(9, 6, chosen=6, filter="oom")) == "filter: oom, 6 of 9 hidden"


def test_of_a_long_log_the_last_5000_are_looked_through() -> None:
    scene = scene_of(6001, 6001, filter="event")
    assert filter_words(scene) == "filter: event, 0 of the last 5 000 hidden"
    assert len(recent(scene)) == LOOK_BACK == 5000


def test_the_chosen_event_stands_in_the_middle_with_those_after_it() -> None:
    rows = lines(scene_of(100, 50, chosen=50))
    assert serials(rows) == [54, 53, 52, 51, 50, 49, 48, 47]
    assert [line[9] for line in rows[1:] if "event" in line] == ["┈", "┈", "┈", "┈", "▸", " ", " ", " "]


@pytest.mark.parametrize(("chosen", "first", "last"), [(1, 8, 1), (3, 8, 1), (98, 100, 93), (100, 100, 93)])
def test_near_an_end_the_list_stays_full(chosen: int, first: int, last: int) -> None:
    shown = serials(lines(scene_of(100, chosen, chosen=chosen)))
    assert (shown[0], shown[-1]) == (first, last)
    assert chosen in shown


def test_the_chosen_event_has_the_cursor_and_later_ones_are_dimmed() -> None:
    rows = panel.draw(scene_of(100, 50, chosen=50), 60, 9, UNICODE).rows
    tokens = [{span.token for span in row if span.text.strip()} for row in rows[1:]]
    assert tokens[4] == {Token.CURSOR}
    assert all(each == {Token.DIM} for each in tokens[:4])
    assert all(Token.TEXT in each for each in tokens[5:])


def test_the_list_says_which_event_is_chosen_of_how_many() -> None:
    assert position_words(scene_of(340, 340)) == "340 events"
    assert position_words(scene_of(1, 1)) == "1 event"
    assert position_words(scene_of(0, 0)) == "0 events"
    assert position_words(scene_of(340, 12, chosen=12)) == "event 12 of 340"
    assert position_words(scene_of(340, 12)) == "event 12 of 340", "the last there was at that moment"
    assert position_words(scene_of(9, 9, chosen=77)) == "9 events"
    assert lines(scene_of(340, 340), 90)[0].endswith("  340 events  filter: all")
    filtered = lines(scene_of(340, 12, chosen=12, filter="oom"), 100)[0]
    assert filtered.endswith("event 12 of 340  filter: oom, 227 of 340 hidden")
    assert lines(scene_of(340, 340), 30)[0].endswith("nothing runs yet")


def test_n_lists_notices_and_failures_then_failures_then_all() -> None:
    events = tuple(replace(event, severity=("info", "notice", "bad")[event.serial % 3]) for event in log(9))
    scene = replace(scene_of(9, 9), events=events)
    shown = []
    for _ in range(3):
        scene = replace(scene, state=panel.move(scene, Move.NEXT, 60, 12))
        shown.append((filter_words(scene), [event.serial for event in recent(scene)]))
    assert shown == [
        ("filter: notices and failures, 3 of 9 hidden", [1, 2, 4, 5, 7, 8]),
        ("filter: failures, 6 of 9 hidden", [2, 5, 8]),
        ("filter: all", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ]
    bad = replace(scene, state=replace(START, severity="bad", filter="event 5"))
    assert filter_words(bad) == "filter: failures, event 5, 8 of 9 hidden"
    assert stepped(replace(scene, state=replace(START, severity="bad")), -1) == 8
    chosen = replace(scene, state=panel.move(scene_of(9, 5, chosen=5), Move.NEXT, 60, 12))
    assert chosen.state.event == 5, "time stays where it is"
    none = replace(scene, state=replace(START, severity="bad", filter="nobody"))
    assert "no event is let through by the filter" in lines(none)[1]


def test_every_event_says_which_one_a_click_chooses() -> None:
    rows = panel.draw(scene_of(9, 9), 60, 12, UNICODE).rows
    clicked = {span.action for row in rows for span in row if span.action}
    assert clicked == {
        "event:9",
        "event:8",
        "event:1",
        "event:7",
        "event:5",
        "event:3",
        "event:4",
        "event:2",
        "event:6",
    }
    for row in rows[1:4]:
        assert row_width(row) == 60
        assert {span.action for span in row} == {row[0].action}


def test_down_goes_to_older_events_up_to_newer_ones_and_above_the_newest_to_none() -> None:
    assert stepped(scene_of(9, 9), -1) == 9
    assert stepped(scene_of(9, 9), 1) == 0
    assert stepped(scene_of(9, 9, chosen=9), -1) == 8
    assert stepped(scene_of(9, 5, chosen=5), 1) == 6
    assert stepped(scene_of(9, 9, chosen=9), 1) == 0
    assert stepped(scene_of(9, 1, chosen=1), -1) == 1
    assert stepped(scene_of(9, 5), 1) == 6
    assert stepped(scene_of(9, 5), -1) == 5
    assert stepped(scene_of(0, 0), -1) == 0


def test_pages_stop_at_the_ends_of_the_log() -> None:
    assert stepped(scene_of(90, 50, chosen=50), 30) == 80
    assert stepped(scene_of(90, 80, chosen=80), 30) == 90
    assert stepped(scene_of(90, 90, chosen=90), 30) == 0
    assert stepped(scene_of(90, 10, chosen=10), -30) == 1


def test_steps_pass_over_events_the_filter_hides() -> None:
    assert stepped(scene_of(9, 6, chosen=6, filter="oom"), 1) == 9
    assert stepped(scene_of(9, 6, chosen=6, filter="oom"), -1) == 3
    assert stepped(scene_of(9, 8, filter="oom"), -1) == 6


def test_moves_choose_in_the_panel() -> None:
    scene = scene_of(90, 50, chosen=50)
    moved = {move: panel.move(scene, move, 60, 12).event for move in Move}
    assert (moved[Move.UP], moved[Move.DOWN]) == (51, 49)
    assert (moved[Move.PAGE_UP], moved[Move.PAGE_DOWN]) == (60, 40)
    assert moved[Move.LEFT] == moved[Move.ZOOM_IN] == 50


def test_an_event_that_is_no_longer_kept_is_not_chosen() -> None:
    scene = scene_of(9, 9, chosen=77)
    assert surroundings(scene) is None
    assert lines(scene) == lines(scene_of(9, 9))


class Counted(Sequence[Event]):
    """A log that counts how many events are taken out of it."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.taken = 0

    def __len__(self) -> int:
        return len(self.events)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        found = self.events[index]
        self.taken += len(found) if isinstance(found, Sequence) else 1
        return found


@pytest.mark.parametrize("filter", ["", "nothing has this"])
@pytest.mark.parametrize("chosen", [0, 20_000])
def test_a_drawing_looks_through_a_bounded_part_of_a_log_of_40000(chosen: int, filter: str) -> None:
    scene = scene_of(40_000, 20_000, chosen=chosen, filter=filter)
    before, after = Counted(scene.events), Counted(scene.later)
    panel.draw(replace(scene, events=before, later=after), 116, 35, UNICODE)
    assert before.taken + after.taken <= 4 * LOOK_BACK + 100


@pytest.mark.parametrize(("width", "height"), [(1, 1), (40, 10), (80, 2), (80, 20), (116, 6), (196, 50)])
@pytest.mark.parametrize("chosen", [0, 1, 50, 100])
def test_any_size_has_room_for_the_chosen_event_in_ascii(width: int, height: int, chosen: int) -> None:
    rows = panel.draw(scene_of(100, chosen or 100, chosen=chosen, filter="event"), width, height, ASCII).rows
    assert plain(rows).isascii()
    assert len(rows) <= height
    if width >= 40 and chosen:
        assert f"event {chosen}" in plain(row for row in rows if any(span.token is Token.CURSOR for span in row))


def test_the_wheel_scrolls_the_list_to_its_oldest_event_and_no_further() -> None:
    scene = scene_of(20, 20)
    for top in range(19, 8, -1):
        scene = replace(scene, state=panel.move(scene, Move.SCROLL_DOWN, 60, 9))
        assert scene.state.listed == top
    assert serials(lines(scene)) == [9, 8, 7, 6, 5, 4, 3, 2]
    for _ in range(3):
        scene = replace(scene, state=panel.move(scene, Move.SCROLL_DOWN, 60, 9))
    assert serials(lines(scene)) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert lines(scene)[0].endswith("from event 8 of 20")


def test_a_list_scrolled_back_to_the_newest_event_follows_time_again() -> None:
    scene = scene_of(20, 20)
    scene = replace(scene, state=panel.move(scene, Move.SCROLL_DOWN, 60, 9))
    assert panel.move(scene, Move.SCROLL_UP, 60, 9) == START


def test_a_scrolled_list_keeps_to_the_filter_and_shows_what_is_still_to_come() -> None:
    scene = scene_of(20, 10, chosen=9, filter="oom")
    scene = replace(scene, state=panel.move(scene, Move.SCROLL_DOWN, 60, 5))
    first = serials(lines(scene, height=5))[0]
    assert first % 3 == 0
    up = replace(scene, state=panel.move(scene, Move.SCROLL_UP, 60, 5))
    assert serials(lines(up, height=5))[0] == first + 3
    for _ in range(9):
        up = replace(up, state=panel.move(up, Move.SCROLL_UP, 60, 5))
    assert serials(lines(up, height=5)) == [18, 15, 12, 9]
    assert up.state.event == 9
