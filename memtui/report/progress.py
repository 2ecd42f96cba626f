"""The progress bar of what takes a while, on standard error, when that is a terminal."""

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
    with _bar(title, end_ns, wanted) as fill:
        events = 0

        def update(now_ns: int) -> None:
            nonlocal events
            events += 1
            if events % EVENTS_PER_UPDATE == 0:
                fill(min(now_ns, end_ns), format_clock(now_ns))

        fill(0, format_clock(0))
        yield update


@contextmanager
def steps_bar(title: str, steps: int, wanted: bool) -> Iterator[Callable[[str], None]]:
    """A bar that fills as steps are done; gives what to call after each one with the name of what it belongs to."""
    with _bar(title, steps, wanted) as fill:
        done = 0

        def update(of_what: str) -> None:
            nonlocal done
            done += 1
            fill(done, of_what)

        yield update


@contextmanager
def _bar(title: str, total: int, wanted: bool) -> Iterator[Callable[[int, str], None]]:
    """A bar and a note beside it; gives what fills it up to somewhere."""
    if not wanted or not sys.stderr.isatty():
        yield lambda completed, note: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title), total=max(total, 1), note="")
        yield lambda completed, note: bar.update(task, completed=completed, note=escape(note))
