"""Apps at a terminal whose cost is measured: the dashboard, and Textual apps to hold it against.

`python -m tests.benchmarks.screen_apps NAME SECONDS FILE` shows one in the terminal it is started in, and
writes what it cost once it has settled to FILE, as JSON; of 0 SECONDS only what it cost to the first paint.
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

from tests.benchmarks.terminal import HEIGHT, WIDTH

SETTLING_S: Final = 2.0
FRAMES_PER_SECOND: Final = 10

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

QUIET: Final = """
memtui: 1
name: A quiet hour
machine: {like: server-64g}
timeline:
  - {at: 100ms, nr_hugepages: 10240}
  - {at: 200ms, load_module: {text: 92KiB, rodata: 40KiB, data: 60KiB}}
  - {at: 300ms, anon: {size: 256MiB}}
  - {at: 1h, nr_hugepages: 0}
until: 2h
"""
"""A machine in use on which nothing happens for an hour, while time goes on."""

written: list[tuple[float, int]] = []
"""When the terminal was written to, and how many bytes."""

first_words: list[float] = []
"""CPU seconds of the process when words were first written: what shows before is an empty screen."""

_SEQUENCE: Final = re.compile(r"\x1b(\[[0-9;?<>=$]*[a-zA-Z]|[P\]].*?(\x1b\\|\x07))")
"""What tells a terminal what to do, and shows nothing."""


class Area(Widget):
    """A screenful of cells in two styles, of which some rows become others each frame."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        """How much of it changes."""
        self.frame = 0

    @property
    def changing(self) -> int:
        """Rows that change."""
        return round(self.size.height * self.share)

    def on_mount(self) -> None:
        """Changes at the dashboard's rate, if anything changes."""
        if self.share:
            self.set_interval(1 / FRAMES_PER_SECOND, self.step)

    def step(self) -> None:
        """One frame."""
        self.frame += 1
        self.refresh(Region(0, 0, self.size.width, self.changing))

    def render_line(self, y: int) -> Strip:
        """Runs of ten cells in turns of two styles."""
        styles = Style(color="#56B4E9"), Style(color="#F0E442")
        turn = self.frame + y if y < self.changing else y
        runs = self.size.width // 10
        return Strip([Segment("0123456789", styles[(turn + run) % 2]) for run in range(runs)], runs * 10)


class Repainting(App[None]):
    """Repaints so much of the screen each frame."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def compose(self) -> ComposeResult:
        """One widget over all of the screen."""
        yield Area(self.share)


class Picture(Area):
    """The dashboard on the tour as it was at 13 s, all of it painted again each frame."""

    def __init__(self) -> None:
        super().__init__(1)
        from memtui.scenario import load
        from memtui.sources.simulation import Simulation
        from memtui.tui.app import Dashboard
        from memtui.tui.snapshot import desk_at
        from memtui.tui.widgets.rows import strip_of
        from memtui.units import SECOND
        from memtui.view.dashboard import draw_all

        source = Simulation(load("tour"))
        palette = Dashboard(source, theme="memtui", paused=True).palette()
        rows = draw_all(desk_at(source, 13 * SECOND, WIDTH, HEIGHT))
        self._strips = [strip_of(row, palette) for row in rows]

    def render_line(self, y: int) -> Strip:
        """The row as it was."""
        return self._strips[y]


class Repeating(App[None]):
    """Paints the very cells of the dashboard again and again, and works nothing out."""

    def compose(self) -> ComposeResult:
        """One widget over all of the screen."""
        yield Picture()


class Bare(App[None]):
    """Says one word."""

    def compose(self) -> ComposeResult:
        """The word."""
        yield Static("hello")


def dashboard(text: str = "", *, paused: bool = False, frames_per_second: int = 10, speed: float = 1) -> App[int]:
    """The dashboard on the scenario in `text`, or the tour, started as `memtui` starts it."""
    from memtui.__main__ import start_light

    start_light()
    from memtui.scenario import load, load_text
    from memtui.sources.simulation import Simulation
    from memtui.tui.app import Dashboard

    scenario = load_text(text) if text else load("tour")
    app = Dashboard(Simulation(scenario), theme="memtui", speed=speed, paused=paused)
    app.ticks.frames_per_second = frames_per_second
    return app


def bare_with_checks() -> App[None]:
    """The bare app, with what reads and checks scenarios loaded."""
    from importlib import import_module

    from memtui.__main__ import start_light

    start_light()
    for name in ("yaml", "pydantic.main", "pydantic.fields", "pydantic.functional_validators"):
        import_module(name)
    return Bare()


def bare_with_modules() -> App[None]:
    """The same, with all that the dashboard is made of."""
    from importlib import import_module

    bare_with_checks()
    for name in ("memtui.scenario", "memtui.sources.simulation", "memtui.tui.app"):
        import_module(name)
    return Bare()


def bare_with_tour() -> App[None]:
    """The same, with the tour read and its machine booted."""
    bare_with_modules()
    from memtui.scenario import load
    from memtui.sources.simulation import Simulation

    Simulation(load("tour"))
    return Bare()


APPS: Final[Mapping[str, Callable[[], App[int] | App[None]]]] = {
    "running": dashboard,
    "quiet": lambda: dashboard(QUIET),
    "paused": lambda: dashboard(paused=True),
    "once-a-second": lambda: dashboard(frames_per_second=1),
    "repeat": Repeating,
    "tenth": lambda: Repainting(0.1),
    "idle": lambda: Repainting(0),
    "bare": Bare,
    "bare-checking": bare_with_checks,
    "bare-loaded": bare_with_modules,
    "bare-scenario": bare_with_tour,
    "busy": lambda: dashboard(BUSY, speed=math.inf),
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


async def first_paint(app: App[int] | App[None]) -> dict[str, float]:
    """CPU seconds until the first paint."""
    running = asyncio.create_task(app.run_async())
    while not first_words:
        await asyncio.sleep(0.01)
    app.exit()
    await running
    return {"first_paint_s": first_words[0]}


async def settled_cost(app: App[int] | App[None], seconds: float) -> dict[str, float]:
    """CPU seconds a second once it has settled; bytes a second then."""
    running = asyncio.create_task(app.run_async())
    await asyncio.sleep(SETTLING_S)
    cpu_s, before = time.process_time(), len(written)
    await asyncio.sleep(seconds)
    spent_s = time.process_time() - cpu_s
    sizes = [size for _, size in written[before:]]
    app.exit()
    await running
    return {"cpu": spent_s / seconds, "bytes": sum(sizes) / seconds}


def main() -> None:
    """Runs what the arguments say."""
    name, seconds, path = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    count_writes()
    app = APPS[name]()
    cost = asyncio.run(settled_cost(app, seconds) if seconds else first_paint(app))
    path.write_text(json.dumps(cost), encoding="utf-8")


if __name__ == "__main__":
    main()
