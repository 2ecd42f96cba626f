"""An `end` that repeats with the entry it ends: what was made is given back each time, and made anew."""

from __future__ import annotations

from memtui.scenario import load_text
from memtui.sources.headless import simulate

SCENARIO = """
memtui: 1
machine: {ram: 2GiB, cpu: {count: 2}}
timeline:
  - at: 1s
    every: 10s
    times: 3
    label: keys
    memfd_secret: {size: 4KiB, count: 7}
  - at: 5s
    every: 10s
    times: 3
    end: keys
"""


def test_each_end_gives_back_what_was_made_before_it() -> None:
    result = simulate(load_text(SCENARIO))
    assert sum("secret files closed" in event.text for event in result.events) == 3
    held = [result.at(time).counters["Unevictable"] for time in ("2s", "6s", "12s", "16s", "22s", "26s")]
    assert held == [28, 0, 28, 0, 28, 0]
