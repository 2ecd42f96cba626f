"""Leaving a real terminal: by key, by signal, with the terminal gone, and while the machine is busy."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parents[2]

PATIENCE_S: Final = 60.0
"""Nothing takes that long: whatever has not ended by then hangs."""

DRAWN: Final = b"LIVE"

RUN: Final = "from memtui.__main__ import main; main()"

BUSY: Final = """
import sys, time
from pathlib import Path
from memtui.tui.run import run_dashboard
from tests.fake_source import FakeSource

class Busy(FakeSource):
    until = None

    def advance(self, until_ns, out_of_time=None):
        self.until = self.until or time.monotonic() + 1.5
        while time.monotonic() > self.until:
            pass

source = Busy()
sys.exit(run_dashboard(source, keep=lambda halt: Path(sys.argv[1]).write_text("kept")))
"""
"""A machine inside of one event that never ends."""


FRAGILE: Final = """
import sys
from dataclasses import replace
from memtui.view import catalogue

def broken(*arguments):
    raise ZeroDivisionError("division by zero")

catalogue.PANELS = tuple(replace(each, draw=broken) if each.name == "tlb" else each for each in catalogue.PANELS)
from memtui.__main__ import main
main()
"""
"""The program with one panel that cannot be drawn."""


class Terminal:
    """A program at a terminal of its own, read until the dashboard has drawn itself."""

    def __init__(self, code: str, *arguments: str, rows: int = 40, columns: int = 120) -> None:
        self.child, self.master = pty.fork()
        if self.child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            environment = os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
            os.execve(sys.executable, [sys.executable, "-c", code, *arguments], environment)
        self.shown = b""
        self.read(until=DRAWN)

    def read(self, until: bytes | None = None, seconds: float = PATIENCE_S) -> None:
        """Reads until something shows, or for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and (until is None or until not in self.shown):
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.shown += os.read(self.master, 1 << 16)
                except OSError:
                    return

    def ended(self, *, closed: bool = False) -> int:
        """The exit status, as `subprocess` gives it. Fails when the program does not end."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            child, status = os.waitpid(self.child, os.WNOHANG)
            if child:
                return os.waitstatus_to_exitcode(status)
            if closed:
                time.sleep(0.02)
            else:
                self.read(seconds=0.05)
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        pytest.fail("the dashboard outlived its terminal")


def kept(path: Path) -> tuple[bool, bool]:
    """Whether the result says it was interrupted, and whether anything was played."""
    read = json.loads(path.read_text())
    return read["interrupted"], read["simulated_s"] > 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_gives_the_terminal_back_and_keeps_what_was_played(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    path = tmp_path / "out.json"
    terminal = Terminal(RUN, "run", "tour", "--json", str(path))
    os.kill(terminal.child, number)
    assert terminal.ended() == status
    assert b"\x1b[?1049l" in terminal.shown
    assert kept(path) == (True, True)
    os.close(terminal.master)


@pytest.mark.parametrize(
    ("seconds", "keys"),
    [(0.0, b""), (0.1, b""), (0.35, b":nr_hugep"), (0.8, b"?"), (1.3, b"\x10"), (0.5, b"\x1b[200~nr_hugepages ")],
    ids=["at-once", "soon", "in-the-prompt", "in-help", "in-the-palette", "in-a-paste"],
)
def test_a_terminal_that_goes_away_takes_the_dashboard_with_it(seconds: float, keys: bytes, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    terminal = Terminal(RUN, "run", "tour", "--json", str(path))
    os.write(terminal.master, keys)
    terminal.read(seconds=seconds)
    os.close(terminal.master)
    assert terminal.ended(closed=True) == 129
    assert kept(path) == (True, True)


def test_a_terminal_of_unknown_size_is_drawn_on_and_left() -> None:
    terminal = Terminal(RUN, "run", "tour", rows=0, columns=0)
    os.write(terminal.master, b"q")
    assert terminal.ended() == 0
    os.close(terminal.master)


@pytest.mark.parametrize("how", ["signal", "signals", "keys", "close"])
def test_a_machine_inside_of_one_long_event_is_left_too(how: str, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    terminal = Terminal(BUSY, str(path))
    terminal.read(seconds=2.0)
    if how == "close":
        os.close(terminal.master)
    elif how == "keys":
        os.write(terminal.master, b"\x03\x03")
    for _ in range({"signal": 1, "signals": 2}.get(how, 0)):
        os.kill(terminal.child, signal.SIGTERM)
    assert terminal.ended(closed=how == "close") == {"close": 129, "keys": 130}.get(how, 143)
    assert path.read_text() == "kept"
    if how != "close":
        assert b"\x1b[?1049l" in terminal.shown
        os.close(terminal.master)


@pytest.mark.parametrize(("options", "asked"), [((), True), (("--no-mouse",), False)])
def test_the_mouse_is_left_to_the_terminal_where_that_is_asked_for(options: tuple[str, ...], asked: bool) -> None:
    terminal = Terminal(RUN, "run", "tour", *options)
    assert (b"\x1b[?1000h" in terminal.shown) is asked
    os.write(terminal.master, b"q")
    assert terminal.ended() == 0
    os.close(terminal.master)


def test_a_panel_that_breaks_is_told_of_once_the_terminal_is_given_back_and_what_was_played_is_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "out.json"
    terminal = Terminal(FRAGILE, "run", "tour", "--json", str(path))
    terminal.read(until=b"this could not be drawn")
    os.write(terminal.master, b"q")
    assert terminal.ended() == 0
    afterwards = terminal.shown.rpartition(b"\x1b[?1049l")[2]
    assert b"panel tlb could not be drawn: ZeroDivisionError: division by zero (<string>:" in afterwards
    assert kept(path) == (True, True)
    os.close(terminal.master)


def resized(terminal: Terminal, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    terminal.read(seconds=0.01)


def test_noise_resizes_and_pastes_of_megabytes_are_lived_through() -> None:
    terminal = Terminal(RUN, "run", "tour")
    for rows, columns in itertools.product((1, 2, 5, 24, 100), (1, 2, 30, 72, 300)):
        resized(terminal, rows, columns)
    resized(terminal, 40, 120)
    for _ in range(2):
        os.write(terminal.master, b"\xe9\xff\x80\xf0\x9f:\x1b[200~")
        for _ in range(500):
            os.write(terminal.master, b"nr_hugepages 99\n" * 250)
            terminal.read(seconds=0.0)
        os.write(terminal.master, b"\x1b[201~\x1b")
        terminal.read(seconds=0.2)
    terminal.shown = b""
    os.write(terminal.master, b"?")
    terminal.read(until=b"Pause, or go on")
    os.write(terminal.master, b"\x1bq")
    assert terminal.ended() == 0
    os.close(terminal.master)


@pytest.mark.parametrize("how", ["signal", "key"])
def test_a_dashboard_that_is_stopped_gives_the_terminal_back_and_takes_it_again(how: str) -> None:
    terminal = Terminal(RUN, "run", "tour")
    if how == "key":
        os.write(terminal.master, b"\x1a")
    else:
        os.kill(terminal.child, signal.SIGTSTP)
    terminal.read(until=b"\x1b[?1049l")
    os.waitpid(terminal.child, os.WUNTRACED)
    os.kill(terminal.child, signal.SIGCONT)
    terminal.shown = b""
    terminal.read(until=DRAWN)
    assert b"\x1b[?1049h" in terminal.shown
    os.write(terminal.master, b"q")
    assert terminal.ended() == 0
    os.close(terminal.master)
