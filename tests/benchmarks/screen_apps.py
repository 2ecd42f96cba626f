"""Apps at a terminal whose cost is measured: the dashboard, and Textual apps to hold it against.

`python -m tests.benchmarks.screen_apps NAME SECONDS FILE` shows one in the terminal it is started in, and
writes what it cost once it has settled to FILE, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

SETTLING_S: Final = 2.0
FRAMES_PER_SECOND: Final = 10
KEYS: Final = 60
WIDTH, HEIGHT = 120, 40

BUSY: Final = """
memtui: 1
name: Flat out on 64 TiB
machine: {like: server-64t}
timeline:
  - {at: 0s, every: 2ms, times: 1000000, load_module: {text: 24KiB, rodata: 12KiB, data: 16KiB}}
  - {at: 0s, every: 5ms, times: 400000, label: job, anon: {size: 64MiB}}
  - {at: 4ms, every: 5ms, times: 400000, end: job}
until: 2000s
"""
"""A module every two simulated milliseconds and a process every five, for longer than anyone measures."""

written: list[tuple[float, int]] = []
"""When the terminal was written to, and how many bytes."""

first_words: list[float] = []
"""CPU seconds of the process when words were first written: what shows before is an empty screen."""

_SEQUENCE: Final = re.compile(r"\x1b(\[[0-9;?<>=$]*[a-zA-Z]|[P\]].*?(\x1b\\|\x07))")
"""What tells a terminal what to do, and shows nothing."""


class Area(Widget):
    """A screenful of cells in two styles, of which so many rows become others each frame."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.changing = rows
        self.frame = 0

    def on_mount(self) -> None:
        """Changes at the dashboard's rate, if anything changes."""
        if self.changing:
            self.set_interval(1 / FRAMES_PER_SECOND, self.step)

    def step(self) -> None:
        """One frame."""
        self.frame += 1
        self.refresh(Region(0, 0, WIDTH, self.changing))

    def render_line(self, y: int) -> Strip:
        """Runs of ten cells in turns of two styles."""
        styles = Style(color="#56B4E9"), Style(color="#F0E442")
        turn = self.frame + y if y < self.changing else y
        return Strip([Segment("0123456789", styles[(turn + run) % 2]) for run in range(WIDTH // 10)], WIDTH)


class Repainting(App[None]):
    """Repaints so many rows each frame."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    def compose(self) -> ComposeResult:
        """One widget over all of the screen."""
        yield Area(self.rows)


class Bare(App[None]):
    """Says one word."""

    def compose(self) -> ComposeResult:
        """The word."""
        yield Static("hello")


def dashboard(paused: bool = False, frames_per_second: int = FRAMES_PER_SECOND) -> App[int]:
    """The dashboard on the tour, started as `memtui` starts it."""
    import memtui
    from memtui.__main__ import start_light

    start_light()
    from memtui.sources.simulation import Simulation
    from memtui.tui.app import Dashboard

    app = Dashboard(Simulation(memtui.load("tour")), theme="memtui", paused=paused)
    app.ticks.frames_per_second = frames_per_second
    return app


def busy_dashboard() -> App[int]:
    """The dashboard on a machine of 64 TiB, played as fast as possible."""
    from memtui.scenario.loader import load_text
    from memtui.sources.simulation import Simulation
    from memtui.tui.app import Dashboard

    return Dashboard(Simulation(load_text(BUSY)), theme="memtui", speed=float("inf"))


APPS: Final[Mapping[str, Callable[[], App[int] | App[None]]]] = {
    "running": dashboard,
    "paused": lambda: dashboard(paused=True),
    "once-a-second": lambda: dashboard(frames_per_second=1),
    "repaint": lambda: Repainting(HEIGHT),
    "tenth": lambda: Repainting(HEIGHT // 10),
    "idle": lambda: Repainting(0),
    "bare": Bare,
    "busy": busy_dashboard,
}


def count_writes() -> None:
    """From now on what goes to the terminal is counted."""
    write = LinuxDriver.write

    def counted(driver: LinuxDriver, data: str) -> None:
        written.append((time.perf_counter(), len(data.encode())))
        if not first_words and _SEQUENCE.sub("", data).strip():
            first_words.append(time.process_time())
        write(driver, data)

    LinuxDriver.write = counted  # type: ignore[method-assign, assignment]  # to see what any app writes


async def settled_cost(app: App[int] | App[None], seconds: float) -> dict[str, float]:
    """CPU seconds until the first paint, and a second once it has settled; bytes a second then."""
    running = asyncio.create_task(app.run_async())
    await asyncio.sleep(SETTLING_S)
    cpu_s, before = time.process_time(), len(written)
    await asyncio.sleep(seconds)
    spent_s = time.process_time() - cpu_s
    sizes = [size for _, size in written[before:]]
    app.exit()
    await running
    return {"first_paint_s": first_words[0], "cpu": spent_s / seconds, "bytes": sum(sizes) / seconds}


async def key_latency(app: App[int] | App[None]) -> dict[str, float]:
    """Milliseconds from a key to the paint of what it did, at the 95th percentile."""
    from textual.events import Key

    running = asyncio.create_task(app.run_async())
    await asyncio.sleep(SETTLING_S)
    waits = []
    for number in range(KEYS):
        before, begin = len(written), time.perf_counter()
        app.post_message(Key("12"[number % 2], "12"[number % 2]))
        while len(written) == before:
            await asyncio.sleep(0)
        waits.append(written[before][0] - begin)
        await asyncio.sleep(0.037)
    app.exit()
    await running
    waits.sort()
    return {"p95_ms": waits[math.ceil(len(waits) * 0.95) - 1] * 1000, "median_ms": waits[len(waits) // 2] * 1000}


def main() -> None:
    """Runs what the arguments say."""
    name, seconds, path = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    count_writes()
    app = APPS[name]()
    cost = asyncio.run(key_latency(app) if name == "busy" else settled_cost(app, seconds))
    path.write_text(json.dumps(cost), encoding="utf-8")


if __name__ == "__main__":
    main()
