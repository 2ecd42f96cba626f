"""The JSON result: its shape is what people's scripts read."""

from __future__ import annotations

import json
from typing import Any

from memtui.report.result_json import render
from memtui.sources.headless import play
from memtui.sources.simulation import Simulation
from memtui.units import MS
from tests.sources.fakes import expected, scenario, take

PLAYED = scenario(
    take(10, every_ms=10, times=2),
    take(30, how="stop"),
    expect=(expected(20, "MemFree", 998, 998), expected(None, "MemFree", 0, 1), expected(500, "MemFree", 0, None)),
)


def rendered(interval_ms: int | None = None) -> str:
    return render(play(Simulation(PLAYED), interval_ns=None if interval_ms is None else interval_ms * MS), "0.1.0")


def loaded(interval_ms: int | None = None) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(rendered(interval_ms))
    return read


def test_the_object_has_exactly_these_parts_in_this_order() -> None:
    parts = ["memtui", "scenario", "seed", "simulated_s", "interrupted", "stopped", "counters", "derived"]
    parts += ["latencies", "events", "events_dropped", "expectations"]
    assert list(loaded()) == parts
    assert list(loaded(10)) == [*parts, "series"]


def test_scalars() -> None:
    read = loaded()
    assert (read["memtui"], read["scenario"], read["seed"], read["simulated_s"]) == ("0.1.0", "fake", 7, 0.03)
    assert (read["stopped"], read["events_dropped"]) == ("nothing is left to kill", 0)


def test_counters_are_linuxs_names_and_buddyinfo_is_a_list_by_order() -> None:
    assert loaded()["counters"] == {"MemFree": 998, "buddyinfo.0.Normal": [1, 4, 0]}
    assert loaded()["derived"] == {"tlb_miss_ppm": 2, "sim_stopped": 1}


def test_latencies_are_counts_by_the_least_nanoseconds_of_a_power_of_two() -> None:
    histogram = {"4096": 1, "8192": 2}
    expected_take = {"operations": 3, "total_ns": 27_000, "mean_ns": 9_000, "histogram_ns": histogram}
    assert loaded()["latencies"] == {"take": expected_take}


def test_events_have_time_source_severity_and_text() -> None:
    assert loaded()["events"][0] == {"time_s": 0.01, "source": "take", "severity": "info", "text": "took 1, drew 177"}
    assert loaded()["events"][2]["severity"] == "bad"


def test_expectations_tell_what_was_and_what_should_have_been() -> None:
    names = ("at", "counter", "expected", "value", "reached", "passed", "verdict")
    assert [tuple(row[name] for name in names) for row in loaded()["expectations"]] == [
        (0.02, "MemFree", "998 .. 998", 998, True, True, "met"),
        ("end", "MemFree", "0 .. 1", 998, True, False, "failed"),
        (0.5, "MemFree", "0 .. None", None, False, False, "failed"),
    ]


def test_expectations_a_run_did_not_get_to_are_listed_and_neither_met_nor_failed() -> None:
    stopped_early = play(Simulation(PLAYED), until_ns=25 * MS)
    rows = json.loads(render(stopped_early, "0.1.0"))["expectations"]
    assert [(row["at"], row["passed"], row["verdict"]) for row in rows] == [
        (0.02, True, "met"),
        ("end", None, "not reached"),
        (0.5, None, "not reached"),
    ]


def test_a_run_that_was_stopped_says_so() -> None:
    assert json.loads(render(play(Simulation(PLAYED), watch=lambda now_ns: True), "0.1.0"))["interrupted"] is True
    assert loaded()["interrupted"] is False


def test_the_series_is_columns_by_name() -> None:
    series = loaded(10)["series"]
    assert series["time_s"] == [0.0, 0.01, 0.02, 0.03]
    assert series["MemFree"] == [1000, 999, 998, 998]
    assert series["buddyinfo.0.Normal.1"] == [4, 4, 4, 4]


def test_two_runs_give_the_same_bytes() -> None:
    assert rendered(10) == rendered(10)


def test_one_counter_or_event_to_a_line() -> None:
    lines = rendered().splitlines()
    assert '  "MemFree": 998,' in lines
    assert sum(line.startswith('  {"time_s"') for line in lines) == 5
