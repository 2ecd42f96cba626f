"""The result of a run as one JSON object: the same bytes for the same scenario and seed.

One counter, event, expectation or column per line, so that two results can be compared with
ordinary text tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from memtui.reading import buddyinfo, counters_in_order, derived_in_order
from memtui.scenario.model import Expectation
from memtui.snapshot import Event, LatencyView
from memtui.sources.result import Result
from memtui.units import SECOND


def render(result: Result, version: str, *, with_series: bool = True) -> str:
    """The whole object, with a line break at its end; `series` is in it if the run was sampled and it is wanted."""
    return as_object({"memtui": as_value(version)} | parts(result, with_series=with_series)) + "\n"


def parts(result: Result, *, with_series: bool) -> dict[str, str]:
    """The parts of the object by name, each as JSON."""
    parts: dict[str, str] = {
        "scenario": as_value(result.info.scenario),
        "seed": as_value(result.info.seed),
        "simulated_s": as_value(result.simulated_ns / SECOND),
        "interrupted": as_value(result.interrupted),
        "stopped": as_value(result.stopped),
        "counters": _object(dict(counters_in_order(result.after)) | dict(buddyinfo(result.after))),
        "derived": _object(dict(derived_in_order(result.after))),
        "latencies": _object({latency.name: _latency(latency) for latency in result.after.latencies}),
        "events": _array(_event(event) for event in result.events),
        "events_dropped": as_value(result.events_dropped),
        "expectations": _array(_expectations(result)),
    }
    if with_series and result.samples is not None:
        times_s = [time_ns / SECOND for time_ns in result.samples.times_ns]
        parts["series"] = _object({"time_s": times_s} | dict(result.samples.columns()))
    return parts


def as_object(parts: Mapping[str, str]) -> str:
    """An object of parts that are JSON already, one below the other."""
    return "{\n" + ",\n".join(f"{as_value(name)}: {part}" for name, part in parts.items()) + "\n}"


def _event(event: Event) -> dict[str, Any]:
    return {
        "time_s": event.time_ns / SECOND,
        "source": event.source,
        "severity": str(event.severity),
        "text": event.text,
    }


def _latency(latency: LatencyView) -> dict[str, Any]:
    """`histogram_ns` has the operations by the least nanoseconds of their power of two."""
    return {
        "operations": latency.operations,
        "total_ns": latency.total_ns,
        "mean_ns": latency.mean_ns,
        "histogram_ns": {str(1 << power): count for power, count in latency.buckets},
    }


def _expectations(result: Result) -> Iterator[dict[str, Any]]:
    """What was decided, then what the run did not get to."""
    for outcome in result.outcomes:
        verdict = "met" if outcome.passed else "failed"
        yield _expectation(outcome.expectation, outcome.value, outcome.reached, outcome.passed, verdict)
    for expectation in result.not_reached:
        yield _expectation(expectation, None, False, None, "not reached")


def _expectation(
    expectation: Expectation, value: int | float | None, reached: bool, passed: bool | None, verdict: str
) -> dict[str, Any]:
    return {
        "at": "end" if expectation.at_ns is None else expectation.at_ns / SECOND,
        "counter": expectation.counter,
        "expected": expectation.bound.text,
        "value": value,
        "reached": reached,
        "passed": passed,
        "verdict": verdict,
    }


def _object(entries: Mapping[str, Any]) -> str:
    lines = ",\n".join(f"  {as_value(name)}: {as_value(entry)}" for name, entry in entries.items())
    return f"{{\n{lines}\n}}" if lines else "{}"


def _array(entries: Iterable[Any]) -> str:
    lines = ",\n".join(f"  {as_value(entry)}" for entry in entries)
    return f"[\n{lines}\n]" if lines else "[]"


def as_value(value: Any) -> str:
    """Anything as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
