"""A comparison as one JSON object: what differs, then the result of every run as `memtui run --json` writes it."""

from __future__ import annotations

from memtui.report.result_json import as_object, as_value, parts
from memtui.sources.side_by_side import Comparison
from memtui.units import SECOND


def render(comparison: Comparison, version: str) -> str:
    """The whole object, with a line break at its end.

    `differences` has every figure that differs: its values at the end by run, and `since_s`, the first
    moment sampled at which they differ (null: only at the ends).
    """
    played = list(zip(comparison.variants, comparison.results, strict=False))
    runs = [
        as_object(
            {"label": as_value(variant.label), "settings": as_value(variant.settings)} | parts(result, with_series=True)
        )
        for variant, result in played
    ]
    differences = {
        each.name: as_value({"at_end": each.at_end, "since_s": None if each.first_ns < 0 else each.first_ns / SECOND})
        for each in comparison.differences()
    }
    whole = {
        "memtui": as_value(version),
        "compared": as_value([variant.label for variant in comparison.variants]),
        "interrupted": as_value(comparison.interrupted),
        "differences": as_object(differences) if differences else "{}",
        "runs": "[\n" + ",\n".join(runs) + "\n]",
    }
    return as_object(whole) + "\n"
