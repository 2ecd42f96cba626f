"""A scenario played: occurrences, labels, expectations, ends and failures, on a machine of one counter."""

from __future__ import annotations

import pytest

from memtui.scenario.model import Scenario
from memtui.snapshot import MapRequest, Snapshot
from memtui.sources.simulation import Simulation
from memtui.units import MS, SECOND
from tests.sources.fakes import end, expected, scenario, take

NO_MAPS = MapRequest()
LONG_NS = 3600 * SECOND


def ran(played: Scenario, seed: int | None = None) -> Simulation:
    simulation = Simulation(played, seed, check_every_event=True)
    simulation.advance(LONG_NS)
    assert simulation.finished
    return simulation


def shot(simulation: Simulation) -> Snapshot:
    return simulation.snapshot(NO_MAPS)


def free(simulation: Simulation) -> int:
    return shot(simulation).counters["MemFree"]


def lines(simulation: Simulation) -> list[tuple[int, str]]:
    return [(event.time_ns // MS, event.text.split(",")[0]) for event in simulation.events]


def test_an_entry_acts_at_its_time_and_the_run_ends_with_its_last_event() -> None:
    simulation = ran(scenario(take(100, 3, steps=2)))
    assert lines(simulation) == [(100, "took 3"), (110, "took 3")]
    assert (simulation.now_ns, free(simulation)) == (120 * MS, 994)


def test_nothing_to_do_is_over_at_once() -> None:
    simulation = Simulation(scenario())
    assert (simulation.finished, simulation.now_ns, simulation.next_ns()) == (True, 0, None)


def test_a_repeated_entry_occurs_at_its_times_whether_or_not_the_one_before_is_done() -> None:
    simulation = ran(scenario(take(10, every_ms=4, times=3)))
    assert [time_ms for time_ms, _ in lines(simulation)] == [10, 14, 18]
    assert simulation.now_ns == 28 * MS


def test_each_occurrence_draws_its_own_numbers_from_the_seed() -> None:
    played = scenario(take(0, every_ms=4, times=20), take(0, every_ms=4, times=20))
    texts = [event.text for event in ran(played).events]
    assert texts == [event.text for event in ran(played).events]
    assert len(set(texts)) > 30
    assert texts != [event.text for event in ran(played, seed=8).events]


def test_entries_of_one_moment_begin_in_the_order_of_the_file() -> None:
    simulation = ran(scenario(take(20, 1), take(10, 2, every_ms=10, times=2), take(20, 3)))
    assert lines(simulation) == [(10, "took 2"), (20, "took 1"), (20, "took 2"), (20, "took 3")]


def test_events_carry_their_time_the_entry_that_caused_them_and_a_serial_number() -> None:
    events = ran(scenario(take(5, label="keys"), end(50, "keys"))).events
    assert [(event.time_ns, event.source, event.serial) for event in events] == [
        (5 * MS, "take", 1),
        (50 * MS, "end", 2),
    ]


def test_what_an_entry_made_lives_on_until_its_label_ends_last_first() -> None:
    simulation = ran(scenario(take(0, 5, label="keys", every_ms=1, times=3), take(1, 7, label="keys"), end(50, "keys")))
    given_back = [line for line in lines(simulation) if "gave" in line[1]]
    assert given_back == [(50, "gave back 5"), (51, "gave back 7"), (52, "gave back 5"), (53, "gave back 5")]
    assert (free(simulation), simulation.now_ns) == (1000, 54 * MS)


def test_end_stops_an_activity_that_is_still_at_work() -> None:
    simulation = ran(scenario(take(0, 5, label="keys", steps=100), end(25, "keys")))
    assert lines(simulation)[-1] == (25, "gave back 15")
    assert simulation.now_ns == 26 * MS


def test_end_gives_back_what_there_is_and_later_occurrences_make_anew() -> None:
    simulation = ran(scenario(take(0, 5, label="m", every_ms=20, times=3), end(15, "m", every_ms=20, times=2)))
    assert free(simulation) == 995


def test_ending_a_label_that_has_nothing_says_so() -> None:
    simulation = ran(scenario(end(1, "keys"), take(5, label="keys")))
    assert simulation.events[0].text == "nothing made under keys is left to end"
    assert simulation.events[0].severity == "notice"


def test_until_ends_the_run_there_after_all_that_is_due_at_that_moment() -> None:
    simulation = ran(scenario(take(50, 1), take(51, 1), until_ms=50))
    assert (simulation.now_ns, free(simulation)) == (50 * MS, 999)
    assert simulation.info.end_ns == 50 * MS


def test_until_later_than_the_last_event_lets_time_pass_to_it() -> None:
    simulation = ran(scenario(take(1), until_ms=700))
    assert simulation.now_ns == 700 * MS


def test_an_activity_without_memory_gives_up_with_an_event_and_the_rest_goes_on() -> None:
    simulation = ran(scenario(take(0, 600, steps=2), take(50, 1)))
    assert [(event.text.split(",")[0], event.severity) for event in simulation.events][1:] == [
        ("gives up: 600 pages", "bad"),
        ("took 1", "info"),
    ]
    assert free(simulation) == 399


def test_a_machine_that_cannot_go_on_ends_the_run_and_says_why() -> None:
    simulation = ran(scenario(take(20, how="stop"), take(50), expect=(expected(40, "MemFree", 0, None),)))
    assert simulation.stopped == "nothing is left to kill"
    assert simulation.now_ns == 20 * MS
    assert [event.text for event in simulation.events] == [
        "the machine cannot go on: nothing is left to kill",
        "MemFree was not checked, the run ended before; expected 0 .. None",
    ]


def test_a_scenario_may_expect_the_machine_to_stop() -> None:
    simulation = ran(scenario(take(20, how="stop"), expect=(expected(None, "sim_stopped", 1, 1),)))
    assert simulation.failed == ()


def test_a_fault_of_ours_comes_through() -> None:
    with pytest.raises(RuntimeError, match="a fault of ours"):
        ran(scenario(take(20, how="break")))


def test_expectations_are_checked_after_everything_of_their_moment() -> None:
    expect = (expected(10, "MemFree", 997, 997), expected(None, "MemFree", 995, 995), expected(9, "MemFree", 999, 999))
    simulation = ran(scenario(take(0, 1), take(10, 2), take(12, 2), expect=expect))
    assert [(outcome.time_ns // MS, outcome.value, outcome.passed) for outcome in simulation.outcomes] == [
        (10, 997, True),
        (22, 995, True),
        (9, 999, True),
    ]


def test_an_expectation_that_fails_is_an_event_and_the_run_goes_on() -> None:
    simulation = ran(scenario(take(0, 1), take(20, 1), expect=(expected(5, "MemFree", 1000, None),)))
    assert simulation.events[1].text == "MemFree is 999 kB (999 KiB), expected 1000 .. None"
    assert [outcome.passed for outcome in simulation.failed] == [False]
    assert free(simulation) == 998


def test_an_expectation_that_fails_at_boot_is_counted_in_the_first_snapshot() -> None:
    simulation = Simulation(scenario(expect=(expected(None, "MemFree", 0, 0),)))
    assert (simulation.finished, shot(simulation).failed_expectations) == (True, 1)


def test_an_expectation_after_the_last_event_lets_time_pass_to_it() -> None:
    simulation = ran(scenario(take(0), expect=(expected(500, "MemFree", 999, 999),)))
    assert (simulation.now_ns, simulation.failed) == (500 * MS, ())


def test_a_counter_the_machine_does_not_have_is_not_what_was_expected() -> None:
    simulation = ran(scenario(expect=(expected(None, "LowTotal", 0, None),)))
    assert str(simulation.failed[0]) == "this machine has no counter named LowTotal; expected 0 .. None"


def test_delayed_work_of_the_kernel_happens_in_its_time_but_does_not_keep_a_run_going() -> None:
    simulation = ran(scenario(take(0, how="timer"), take(100, how="timer", step_ms=1)))
    assert (5, "late work") in lines(simulation)
    assert [event.source for event in simulation.events if event.text == "late work"] == ["kworker"]
    assert simulation.now_ns == 101 * MS


def test_slices_of_any_size_and_single_steps_give_the_same_run() -> None:
    played = scenario(take(3, every_ms=7, times=9, label="m"), end(40, "m"), take(1, steps=5), until_ms=90)
    whole = ran(played)
    sliced = Simulation(played)
    while not sliced.finished:
        sliced.advance(sliced.now_ns + 3 * MS, lambda: True)
        sliced.snapshot(NO_MAPS)
    stepped = Simulation(played)
    while not stepped.finished:
        stepped.step()
    assert whole.events == sliced.events == stepped.events
    assert whole.now_ns == sliced.now_ns == stepped.now_ns


def test_advance_sets_the_clock_between_events_and_stops_early_when_out_of_time() -> None:
    simulation = Simulation(scenario(take(10), take(20), take(30)))
    simulation.advance(15 * MS)
    assert simulation.now_ns == 15 * MS
    simulation.advance(100 * MS, lambda: True)
    assert simulation.now_ns == 20 * MS


def test_a_snapshot_has_the_events_since_the_one_before() -> None:
    simulation = Simulation(scenario(take(10, 1), take(30, 2)))
    simulation.advance(15 * MS)
    assert [event.text.split(",")[0] for event in shot(simulation).events] == ["took 1"]
    assert shot(simulation).events == ()
    simulation.advance(LONG_NS)
    assert [event.text.split(",")[0] for event in shot(simulation).events] == ["took 2"]


def test_restart_repeats_the_run_exactly() -> None:
    simulation = ran(scenario(take(10, 1, every_ms=1, times=5), end(30, "x")))
    first = simulation.events
    simulation.restart()
    assert (simulation.now_ns, simulation.finished, simulation.events, free(simulation)) == (0, False, (), 1000)
    simulation.advance(LONG_NS)
    assert simulation.events == first
    assert len(shot(simulation).events) == len(first)


def test_the_list_of_what_runs_says_what_each_entry_is_doing() -> None:
    simulation = Simulation(
        scenario(take(10, label="keys", every_ms=20, times=2), take(0, holds=False), end(90, "keys"), take(80))
    )
    simulation.advance(15 * MS)
    views = shot(simulation).workloads
    assert [(view.name, view.state, view.progress, view.next_ns // MS) for view in views] == [
        ("take keys", "running", "1 of 2, 1 of 1 steps", 20),
        ("take", "done", "1 of 1 steps", -1),
        ("end keys", "waiting", "", 90),
        ("take", "waiting", "", 80),
    ]
    simulation.advance(70 * MS)
    assert shot(simulation).workloads[0].state == "holding"
    simulation.advance(LONG_NS)
    assert [view.state for view in shot(simulation).workloads] == ["done", "done", "done", "holding"]
    assert shot(simulation).workloads[2].progress == "2 of 2"


def test_info_names_the_machine_and_the_seed_in_force() -> None:
    info = Simulation(scenario(take(20), take(10), take(20)), seed=99).info
    assert (info.scenario, info.machine, info.kernel, info.seed) == ("fake", "server-64g", "6.18", 99)
    assert info.event_times_ns == (10 * MS, 20 * MS)
    assert info.end_ns == 20 * MS, "nothing is planned after that"
