"""The player on a fake source and a fake wall clock: nothing here ever sleeps."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest

from memtui.engine.player import GIVEN_WAY_NS, IDLE_NS, Player
from memtui.snapshot import MapRequest, RunInfo, Snapshot
from memtui.units import MS, SECOND


class FakeWall:
    """A wall clock that moves only when told, or when someone sleeps."""

    def __init__(self) -> None:
        self.now_ns = 1_000
        self.sleeps: list[float] = []

    def __call__(self) -> int:
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now_ns += round(seconds * SECOND)
        await asyncio.sleep(0)


class FakeSource:
    """Events every `every_ns`, each taking `cost_ns` of wall time, until `end_ns`."""

    def __init__(self, wall: FakeWall, every_ns: int = 10 * MS, cost_ns: int = 0, end_ns: int = 100 * SECOND) -> None:
        self.wall, self.every_ns, self.cost_ns, self.end_ns = wall, every_ns, cost_ns, end_ns
        self.now_ns = 0
        self.played = 0
        self.breaks_at: int | None = None

    @property
    def info(self) -> RunInfo:
        return RunInfo("fake", "", "custom", "6.18", 1, 1, 0, 0, self.end_ns)

    @property
    def finished(self) -> bool:
        return self.now_ns >= self.end_ns

    def next_ns(self) -> int | None:
        due_ns = (self.played + 1) * self.every_ns
        return due_ns if due_ns <= self.end_ns else None

    def advance(self, until_ns: int, out_of_time: Callable[[], bool] | None = None) -> None:
        while (due_ns := self.next_ns()) is not None and due_ns <= until_ns:
            self.step()
            if out_of_time is not None and out_of_time():
                return
        self.now_ns = min(until_ns, self.end_ns)

    def step(self) -> None:
        due_ns = self.next_ns()
        if due_ns is None:
            return
        self.now_ns = due_ns
        self.played += 1
        self.wall.now_ns += self.cost_ns
        if self.breaks_at == self.played:
            raise RuntimeError("frame 17 has two owners")

    def restart(self) -> None:
        self.now_ns = self.played = 0

    def snapshot(self, request: MapRequest) -> Snapshot:
        raise AssertionError("the player never asks for snapshots")


def player_of(source: FakeSource, speed: float = 1.0, until_ns: int | None = None, paused: bool = False) -> Player:
    return Player(source, speed, until_ns, paused=paused, wall_ns=source.wall, sleep=source.wall.sleep)


def pass_wall_time(player: Player, wall: FakeWall, slices: int) -> None:
    for _ in range(slices):
        wall.now_ns += IDLE_NS
        player.slice()


@pytest.mark.parametrize("speed", [0.1, 1.0, 20.0, 1000.0])
def test_simulated_time_follows_the_wall_clock_at_the_speed(speed: float) -> None:
    wall = FakeWall()
    source = FakeSource(wall, end_ns=1000 * SECOND)
    player = player_of(source, speed)
    pass_wall_time(player, wall, 4)
    assert source.now_ns == round(4 * IDLE_NS * speed)


def test_a_change_of_speed_counts_from_where_it_was_made() -> None:
    wall = FakeWall()
    source = FakeSource(wall)
    player = player_of(source)
    pass_wall_time(player, wall, 5)
    player.set_speed(10.0)
    pass_wall_time(player, wall, 5)
    assert source.now_ns == 5 * IDLE_NS + 50 * IDLE_NS


def test_a_slice_ends_after_five_milliseconds_of_wall_time() -> None:
    wall = FakeWall()
    source = FakeSource(wall, every_ns=1000, cost_ns=2 * MS)
    player = player_of(source, math.inf)
    before_ns = wall.now_ns
    assert player.slice() == 0
    assert source.played == 3
    assert wall.now_ns - before_ns == 6 * MS


def test_a_source_that_cannot_keep_up_is_not_chased_for_ever() -> None:
    wall = FakeWall()
    source = FakeSource(wall, every_ns=MS, cost_ns=2 * MS)
    player = player_of(source)
    for _ in range(100):
        player.slice()
    source.cost_ns = 0
    before_ns = source.now_ns
    wall.now_ns += IDLE_NS
    player.slice()
    assert source.now_ns - before_ns <= 100 * MS


def test_max_plays_to_the_end() -> None:
    wall = FakeWall()
    source = FakeSource(wall)
    player = player_of(source, math.inf)
    player.slice()
    assert player.finished
    assert source.now_ns == source.end_ns


def test_pause_lets_time_stand_and_resume_does_not_jump() -> None:
    wall = FakeWall()
    source = FakeSource(wall)
    player = player_of(source)
    pass_wall_time(player, wall, 1)
    player.pause()
    wall.now_ns += 3600 * SECOND
    player.resume()
    assert not player.paused
    pass_wall_time(player, wall, 1)
    assert source.now_ns == 2 * IDLE_NS


def test_step_pauses_and_plays_one_event() -> None:
    source = FakeSource(FakeWall())
    player = player_of(source)
    player.step()
    assert player.paused
    assert (source.played, source.now_ns) == (1, 10 * MS)
    player.step()
    assert (source.played, source.now_ns) == (2, 20 * MS)


def test_run_until_pauses_exactly_there_and_resume_goes_on() -> None:
    wall = FakeWall()
    source = FakeSource(wall)
    player = player_of(source, math.inf, until_ns=1234567890)
    player.slice()
    assert (player.paused, source.now_ns) == (True, 1234567890)
    player.resume()
    player.slice()
    assert source.finished


def test_run_until_can_be_asked_for_on_the_way() -> None:
    wall = FakeWall()
    source = FakeSource(wall)
    player = player_of(source, math.inf, paused=True)
    player.run_until(5 * SECOND)
    player.slice()
    assert (player.paused, source.now_ns) == (True, 5 * SECOND)


def test_restart_goes_back_to_zero_and_keeps_speed_and_pause() -> None:
    wall = FakeWall()
    source = FakeSource(wall)
    player = player_of(source, 50.0)
    pass_wall_time(player, wall, 3)
    player.pause()
    player.restart()
    assert (source.now_ns, player.speed, player.paused) == (0, 50.0, True)


def test_what_the_source_raises_is_kept_in_words_and_playing_stops() -> None:
    wall = FakeWall()
    source = FakeSource(wall)
    source.breaks_at = 3
    player = player_of(source, math.inf)
    player.slice()
    assert player.error == "RuntimeError: frame 17 has two owners (at 0.030 s)"
    assert player.finished
    assert player.paused
    player.step()
    assert source.played == 3


def test_restart_forgives_an_error() -> None:
    source = FakeSource(FakeWall())
    source.breaks_at = 1
    player = player_of(source)
    player.step()
    assert player.error is not None
    source.breaks_at = None
    player.restart()
    assert player.error is None
    assert not player.finished


def test_faster_and_slower_change_the_speed_by_steps() -> None:
    player = player_of(FakeSource(FakeWall()))
    player.faster()
    assert player.speed == 2.0
    player.slower()
    player.slower()
    assert player.speed == 0.5


def test_a_speed_that_cannot_be_played_is_refused() -> None:
    player = player_of(FakeSource(FakeWall()))
    with pytest.raises(ValueError, match="2000 is no speed"):
        player.set_speed(2000)
    assert player.speed == 1.0


async def test_run_hands_the_loop_back_between_slices_and_sleeps_when_it_keeps_up() -> None:
    wall = FakeWall()
    source = FakeSource(wall, end_ns=5 * IDLE_NS)
    player = player_of(source)
    playing = asyncio.create_task(player.run())
    while not source.finished:
        await asyncio.sleep(0)
    player.close()
    await playing
    assert set(wall.sleeps) == {IDLE_NS / SECOND}
    assert len(wall.sleeps) == 6


async def test_run_sleeps_no_time_at_all_between_slices_when_it_lags() -> None:
    wall = FakeWall()
    source = FakeSource(wall, cost_ns=MS, end_ns=SECOND)
    player = player_of(source, math.inf)
    playing = asyncio.create_task(player.run())
    while not source.finished:
        await asyncio.sleep(0)
    player.close()
    await playing
    assert set(wall.sleeps[:-1]) == {0.0}
    assert source.played == 100


async def test_a_paused_player_waits_without_sleeping_and_wakes_on_resume() -> None:
    wall = FakeWall()
    source = FakeSource(wall, end_ns=50 * MS)
    player = player_of(source, math.inf, paused=True)
    playing = asyncio.create_task(player.run())
    for _ in range(5):
        await asyncio.sleep(0)
    assert (source.now_ns, wall.sleeps) == (0, [])
    player.resume()
    for _ in range(5):
        await asyncio.sleep(0)
    assert source.finished
    player.close()
    await playing


def test_after_someone_acted_there_is_no_slice_for_thirty_milliseconds() -> None:
    source = FakeSource(FakeWall(), cost_ns=MS)
    player = player_of(source, speed=math.inf)
    player.slice()
    played = source.played
    player.give_way()
    assert player.slice() == GIVEN_WAY_NS == 30 * MS
    source.wall.now_ns += 20 * MS
    assert player.slice() == 10 * MS
    assert source.played == played
    source.wall.now_ns += 10 * MS
    player.slice()
    assert source.played > played


def test_a_slice_ends_with_the_event_in_which_someone_acts() -> None:
    source = FakeSource(FakeWall(), every_ns=1000, cost_ns=MS)
    player = player_of(source, speed=math.inf)
    step = source.step

    def second_is_disturbed() -> None:
        step()
        if source.played == 2:
            player.give_way()

    source.step = second_is_disturbed  # type: ignore[method-assign]
    player.slice()
    assert source.played == 2
