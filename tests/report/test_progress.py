"""The progress bar: only on a terminal, only when wanted, and never at the cost of the run."""

from __future__ import annotations

import io

import pytest

from memtui.report.progress import EVENTS_PER_UPDATE, progress_bar
from memtui.units import SECOND


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, wanted: bool = True) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("A [bold] title", 4 * SECOND, wanted) as progress:
        for number in range(EVENTS_PER_UPDATE):
            progress(number * SECOND // EVENTS_PER_UPDATE)
        progress(9 * SECOND)
    return stream.getvalue()


def test_a_terminal_sees_title_and_simulated_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(monkeypatch, Terminal())
    assert "A [bold] title" in shown
    assert "0.984 s" in shown


def test_without_a_terminal_or_when_not_wanted_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, io.StringIO()) == ""
    assert drawn(monkeypatch, Terminal(), wanted=False) == ""
