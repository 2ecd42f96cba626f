"""What the dashboard costs at a terminal of 120 by 40, beside Textual apps that do as much or nothing."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from tests.benchmarks import terminal
from tests.benchmarks.measure import Benchmark, Bound, Measured, Unavailable
from tests.benchmarks.screen_apps import SETTLING_S

SECONDS: Final = 5.0
ROUNDS: Final = 3


def shown(name: str, seconds: float = SECONDS) -> dict[str, float]:
    """What an app of `screen_apps` cost at a terminal of its own, whose other end takes everything at once."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "cost.json"
        terminal.run([sys.executable, "-m", "tests.benchmarks.screen_apps", name, str(seconds), str(report)])
        cost: dict[str, float] = json.loads(report.read_text(encoding="utf-8"))
        return cost


@cache
def cheapest(names: tuple[str, ...], figure: str) -> dict[str, float]:
    """A figure of the cheapest of a few runs of each app, in turns."""
    rounds = [{name: shown(name)[figure] for name in names} for _ in range(ROUNDS)]
    return {name: min(each[name] for each in rounds) for name in names}


def _against(mine: str, other: str) -> Measured:
    costs = cheapest((mine, other), "cpu")
    return Measured(
        costs[mine] / costs[other], f"{costs[mine] * 100:.2f} % of a CPU against {costs[other] * 100:.2f} %"
    )


def running() -> Measured:
    """CPU of the running tour, by that of an app that repaints the same area each frame."""
    return _against("running", "repaint")


def quiet() -> Measured:
    """CPU while time goes on and nothing happens, by that of an app that changes a tenth of the area each frame."""
    return _against("quiet", "tenth")


def paused() -> Measured:
    """CPU when paused, by that of an idle app."""
    return _against("paused", "idle")


def paused_bytes() -> Measured:
    """Bytes written while paused."""
    return Measured(shown("paused")["bytes"], f"in {SECONDS:g} s")


def first_paint() -> Measured:
    """CPU from the start of the interpreter to the first paint, by that of a bare app."""
    costs = cheapest(("paused", "bare"), "first_paint_s")
    mine, other = costs["paused"], costs["bare"]
    return Measured(mine / other, f"{mine * 1000:.0f} ms of CPU against {other * 1000:.0f} ms")


def keys() -> Measured:
    """Milliseconds until a key is answered while the engine runs flat out on 64 TiB, 95th percentile."""
    costs = [shown("busy") for _ in range(ROUNDS)]
    best = min(costs, key=lambda cost: cost["p95_ms"])
    return Measured(best["p95_ms"], f"median {best['median_ms']:.0f} ms")


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
        "CPU of the running tour at 10 frames a second, by that of an app that repaints the same area each frame",
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
