"""The progress bar of a headless run, on standard error, when that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from memtui.units import format_clock

EVENTS_PER_UPDATE: Final = 64
"""Events between two updates of the bar: drawing must cost nothing beside simulating."""


@contextmanager
def progress_bar(title: str, end_ns: int, wanted: bool) -> Iterator[Callable[[int], None]]:
    """A bar that fills as simulated time goes to `end_ns`; gives what to call after each event with the time.

    Nothing is drawn, and nothing of it imported, unless it is wanted and standard error is a terminal.
    """
    if not wanted or not sys.stderr.isatty():
        yield lambda now_ns: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[clock]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title), total=max(end_ns, 1), clock=format_clock(0))
        events = 0

        def update(now_ns: int) -> None:
            nonlocal events
            events += 1
            if events % EVENTS_PER_UPDATE == 0:
                bar.update(task, completed=min(now_ns, end_ns), clock=format_clock(now_ns))

        yield update
