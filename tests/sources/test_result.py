"""Headless runs: results, samples, and moments of the past."""

from __future__ import annotations

import pytest

from memtui.sources.headless import play
from memtui.sources.result import Result
from memtui.sources.samples import BadInterval
from memtui.sources.simulation import Simulation
from memtui.units import MS
from tests.sources.fakes import expected, scenario, take

PLAYED = scenario(
    take(10, every_ms=10, times=5),
    expect=(expected(None, "MemFree", 995, 995), expected(20, "MemFree", 0, 10)),
    until_ms=100,
)


def result(interval_ms: int | None = None, until_ms: int | None = None) -> Result:
    return play(
        Simulation(PLAYED),
        until_ns=None if until_ms is None else until_ms * MS,
        interval_ns=None if interval_ms is None else interval_ms * MS,
    )


def test_a_result_has_the_machine_before_and_after() -> None:
    came = result()
    assert (came.before.counters["MemFree"], came.counters["MemFree"], came.derived["tlb_miss_ppm"]) == (1000, 995, 5)
    assert came.simulated_ns == 100 * MS
    assert came.samples is None


def test_expectations_that_were_not_met_are_in_failed() -> None:
    assert [outcome.expectation.at_ns for outcome in result().failed] == [20 * MS]


def test_until_stops_early_and_what_was_not_reached_is_not_decided() -> None:
    came = result(until_ms=15)
    assert (came.simulated_ns, came.counters["MemFree"]) == (15 * MS, 999)
    assert came.outcomes == ()


def test_any_moment_can_be_asked_for_in_any_order() -> None:
    came = result()
    moments: list[str | int] = ["25ms", "10ms", "50ms", 0, 10 * MS - 1, "1h"]
    assert [came.at(moment).counters["MemFree"] for moment in moments] == [998, 999, 995, 1000, 1000, 995]
    assert came.at("25ms").time_ns == 25 * MS


@pytest.mark.parametrize("moment", ["soon", -1, "-1s"])
def test_what_is_no_moment_of_the_run_is_refused(moment: str | int) -> None:
    with pytest.raises(ValueError, match=r"is not a time|before the run"):
        result().at(moment)


def test_a_series_has_a_row_at_zero_at_every_interval_and_at_the_end() -> None:
    assert result().series("MemFree", "40ms") == ((0, 40 * MS, 80 * MS, 100 * MS), (1000, 996, 995, 995))


def test_a_series_without_an_interval_has_two_hundred_of_them() -> None:
    times_ns, values = result().series("MemFree")
    assert (len(times_ns), times_ns[1], values[-1]) == (201, 100 * MS // 200, 995)


def test_a_run_that_was_sampled_gives_its_own_rows() -> None:
    came = result(interval_ms=30)
    assert came.series("MemFree") == ((0, 30 * MS, 60 * MS, 90 * MS, 100 * MS), (1000, 997, 995, 995, 995))
    assert came.series("buddyinfo.0.Normal.1")[1] == (4,) * 5


def test_sampling_does_not_change_what_happens() -> None:
    assert result(interval_ms=7).events == result().events


def test_a_sampled_run_stops_at_until_with_a_last_row_there() -> None:
    came = result(interval_ms=10, until_ms=25)
    assert came.series("MemFree") == ((0, 10 * MS, 20 * MS, 25 * MS), (1000, 999, 998, 998))


def test_an_unknown_counter_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="this machine has no counter named Memfree"):
        result().series("Memfree")


@pytest.mark.parametrize("interval_ns", [0, 1])
def test_an_interval_that_makes_no_usable_series_is_refused_before_the_run(interval_ns: int) -> None:
    simulation = Simulation(PLAYED)
    with pytest.raises(BadInterval, match=r"is no interval|makes more than 50 000 rows by 0\.100 s"):
        play(simulation, interval_ns=interval_ns)
    assert simulation.now_ns == 0


def test_an_interrupted_run_keeps_what_there_is() -> None:
    asked: list[int] = []
    simulation = Simulation(PLAYED)

    def watch(now_ns: int) -> bool:
        asked.append(now_ns)
        return len(asked) == 4

    came = play(simulation, interval_ns=10 * MS, watch=watch)
    assert came.simulated_ns == asked[-1] < 100 * MS
    assert came.samples is not None
    assert came.samples.times_ns[-1] == asked[-1]


def test_a_machine_that_stops_is_expected_only_if_the_scenario_says_so() -> None:
    stops = take(20, how="stop")
    surprised = play(Simulation(scenario(stops, expect=(expected(None, "MemFree", 0, None),))))
    prepared = play(Simulation(scenario(stops, expect=(expected(None, "sim_stopped", 1, 1),))))
    assert (surprised.stopped, surprised.stop_expected) == ("nothing is left to kill", False)
    assert prepared.stop_expected
    assert not result().stop_expected
