"""Ctrl-C during a run: the first one lets what there is be kept, the second one ends at once."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from memtui.commands.terminal import Interruptible, has_screen
from memtui.sources.run import Abandoned


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_asks_and_the_second_leaves_the_event(number: signal.Signals, status: int) -> None:
    before = signal.getsignal(number)
    with Interruptible() as interrupted:
        assert not interrupted.asked
        os.kill(os.getpid(), number)
        assert interrupted.asked
        assert interrupted.status == status
        with pytest.raises(Abandoned) as ended:
            os.kill(os.getpid(), number)
        assert ended.value.code == status
    assert signal.getsignal(number) is before


def test_while_files_are_written_one_more_signal_is_passed_over() -> None:
    with Interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGTERM)
        interrupted.settle()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_terminal_that_goes_away_asks_however_often_it_says_so() -> None:
    with Interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert interrupted.status == 129


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruptible() as interrupted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupted.asked
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("term", "screen"), [("xterm-256color", True), ("dumb", False), ("unknown", False), (None, False)]
)
def test_a_terminal_that_cannot_move_its_cursor_is_no_screen(
    term: str | None, screen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("TERM", raising=False)
    if term is not None:
        monkeypatch.setenv("TERM", term)
    assert has_screen() is screen
