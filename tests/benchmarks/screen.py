"""What the dashboard costs at a terminal of 120 by 40, beside Textual apps that do as much or nothing."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Final

from memtui.scenario import load
from memtui.sources.simulation import Simulation
from memtui.units import SECOND
from tests.benchmarks import terminal
from tests.benchmarks.measure import Benchmark, Bound, Measured, Unavailable
from tests.benchmarks.screen_apps import SETTLING_S

SECONDS: Final = 5.0
TOUR_SECONDS: Final = 26.0
ROUNDS: Final = 3
PAINTS: Final = 9
KEYS: Final = 60


def shown(name: str, seconds: float = SECONDS) -> dict[str, float]:
    """What an app of `screen_apps` cost at a terminal of its own, whose other end takes everything at once."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "cost.json"
        terminal.run([sys.executable, "-m", "tests.benchmarks.screen_apps", name, str(seconds), str(report)])
        cost: dict[str, float] = json.loads(report.read_text(encoding="utf-8"))
        return cost


@cache
def first_paints_s() -> dict[str, float]:
    """CPU seconds to the first paint of each app, the cheapest of some runs in turns."""
    rounds = [{name: shown(name, 0)["first_paint_s"] for name in TO_FIRST_PAINT} for _ in range(PAINTS)]
    return {name: min(each[name] for each in rounds) for name in TO_FIRST_PAINT}


def _against(mine: str, other: str, seconds: float = SECONDS) -> Measured:
    rounds = [(shown(mine, seconds)["cpu"], shown(other)["cpu"]) for _ in range(ROUNDS)]
    costs = dict(zip((mine, other), map(min, zip(*rounds, strict=True)), strict=True))
    return Measured(
        costs[mine] / costs[other], f"{costs[mine] * 100:.2f} % of a CPU against {costs[other] * 100:.2f} %"
    )


def running() -> Measured:
    """CPU of the running tour, the machine's own included, by that of an app that repaints the same cells each frame.

    Nearly all of the tour: it is busy and quiet in turns.
    """
    found = _against("running", "repeat", TOUR_SECONDS)
    started_s = time.process_time()
    Simulation(load("tour")).advance(30 * SECOND)
    machine = (time.process_time() - started_s) / 30
    return Measured(found.value, f"{found.sides}; the machine alone takes {machine * 100:.2f} %")


def quiet() -> Measured:
    """CPU while time goes on and nothing happens, by that of an app that changes a tenth of the area each frame."""
    return _against("quiet", "tenth")


def paused() -> Measured:
    """CPU when paused, by that of an idle app."""
    return _against("paused", "idle")


def paused_bytes() -> Measured:
    """Bytes written while paused."""
    return Measured(shown("paused")["bytes"], f"in {SECONDS:g} s")


CHOSEN: Final = "48;2;86;180;233m"
"""How a terminal is told the background of the title of the panel that has the keyboard."""

TO_FIRST_PAINT: Final = {
    "bare": "a bare Textual app",
    "bare-checking": "with pydantic and PyYAML loaded",
    "bare-loaded": "with memtui's modules as well",
    "bare-scenario": "with the tour read and its machine booted",
    "paused": "the dashboard instead of the bare app",
}
"""How far a first paint gets, step by step: each holds the one before."""


def first_paint() -> Measured:
    """CPU from the start of the interpreter to the first paint, by that of a bare app."""
    costs = first_paints_s()
    mine, other = costs["paused"], costs["bare"]
    return Measured(mine / other, f"{mine * 1000:.0f} ms of CPU against {other * 1000:.0f} ms")


def where_the_first_paint_goes() -> list[tuple[str, float]]:
    """Step by step, the CPU milliseconds from the start of the interpreter to the first paint."""
    return [(TO_FIRST_PAINT[name], cost_s * 1000) for name, cost_s in first_paints_s().items()]


def keys() -> Measured:
    """Milliseconds until a key is answered while the engine runs flat out on 64 TiB, 95th percentile.

    From the key at the terminal's keyboard to the words on its screen: digits choose panels, whose titles change.
    """
    waits = min((_answers_s() for _ in range(ROUNDS)), key=_late)
    return Measured(_late(waits) * 1000, f"median {waits[len(waits) // 2] * 1000:.0f} ms, of {len(waits)} keys")


def _answers_s() -> list[float]:
    """Seconds to the answer of each key, the shortest first."""
    busy = [sys.executable, "-m", "tests.benchmarks.screen_apps", "busy", str(terminal.LONGEST_S), os.devnull]
    with terminal.started(busy) as (screen, _):
        screen.answer_s("2", CHOSEN + " 2 vmemmap")
        time.sleep(SETTLING_S)
        waits = []
        for key, title in [("1", " 1 Direct map"), ("2", " 2 vmemmap")] * (KEYS // 2):
            waits.append(screen.answer_s(key, CHOSEN + title))
            time.sleep(0.037)
    return sorted(waits)


def _late(waits: list[float]) -> float:
    """The 95th percentile."""
    return waits[math.ceil(len(waits) * 0.95) - 1]


def bytes_written() -> Measured:
    """Bytes a second of the running tour at one frame a second, by those of btop that also paints once a second."""
    btop = shutil.which("btop")
    if btop is None:
        raise Unavailable("btop is not installed")
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "btop" / "btop.conf"
        settings.parent.mkdir()
        settings.write_text("update_ms = 1000\n", encoding="utf-8")
        other = terminal.bytes_a_second([btop, "--utf-force"], SETTLING_S, SECONDS, XDG_CONFIG_HOME=folder)
    mine = shown("once-a-second")["bytes"]
    return Measured(mine / other, f"{mine:.0f} bytes a second against {other:.0f}")


BENCHMARKS: Final = (
    Benchmark(
        "screen-running",
        "CPU of the running tour at 10 frames a second, by that of an app that repaints the same cells each frame",
        Bound(1),
        running,
    ),
    Benchmark(
        "screen-quiet",
        "CPU at 10 frames a second while nothing but time goes on, by that of an app that changes a tenth of the area",
        Bound(2),
        quiet,
    ),
    Benchmark("screen-paused", "CPU of the paused dashboard, by that of an idle Textual app", Bound(3), paused),
    Benchmark("screen-paused-bytes", "bytes written while paused", Bound(0), paused_bytes),
    Benchmark("screen-first-paint", "CPU to the first paint, by that of a bare Textual app", Bound(1.5), first_paint),
    Benchmark(
        "screen-keys",
        "time to answer a key while the engine runs flat out on 64 TiB, 95th percentile",
        Bound(50, unit=" ms"),
        keys,
    ),
    Benchmark(
        "screen-bytes",
        "bytes written by the running tour at one frame a second, by those of btop at its update of one second",
        Bound(2),
        bytes_written,
    ),
)
