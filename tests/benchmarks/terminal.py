"""A terminal of 120 by 40 that nobody looks at: what a program writes to it is taken at once, and counted."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tests.benchmarks.measure import ROOT

WIDTH, HEIGHT = 120, 40

LONGEST_S: Final = 120
"""What any program shown here is done within."""

_OWN: Final = ("PYTHON", "TEXTUAL", "NO_COLOR")
"""Beginnings of variables that change what is measured."""


class Terminal:
    """One end of a pseudo-terminal; a thread reads the other."""

    def __init__(self) -> None:
        self._master, self.end = pty.openpty()
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.taken: list[tuple[float, int]] = []
        """When something was written to it, and how many bytes."""
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def press(self, key: str) -> None:
        """Sends what the terminal sends for a key."""
        os.write(self._master, key.encode())

    def close(self) -> None:
        """Gives it up."""
        self._ended.set()
        self._reader.join()
        os.close(self.end)
        os.close(self._master)

    def _read(self) -> None:
        while not self._ended.is_set():
            if select.select([self._master], [], [], 0.05)[0]:
                self.taken.append((time.monotonic(), len(os.read(self._master, 1 << 16))))


@contextmanager
def started(command: Sequence[str], **variables: str) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    """A program at a terminal of its own; it is told to end when it has not by then."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
    colours = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    terminal = Terminal()
    end = terminal.end
    process = subprocess.Popen(
        command, cwd=ROOT, env=plain | colours | variables, stdin=end, stdout=end, stderr=end, start_new_session=True
    )
    try:
        yield terminal, process
    finally:
        process.terminate()
        process.wait(LONGEST_S)
        terminal.close()


def run(command: Sequence[str]) -> None:
    """A program at a terminal, to its end. Raises CalledProcessError where it fails."""
    with started(command) as (_, process):
        if status := process.wait(LONGEST_S):
            raise subprocess.CalledProcessError(status, command)


def bytes_a_second(command: Sequence[str], settling_s: float, seconds: float, **variables: str) -> float:
    """What a program that goes on by itself writes, once it has settled."""
    with started(command, **variables) as (terminal, process):
        begin = time.monotonic() + settling_s
        time.sleep(settling_s + seconds)
        if process.poll() is not None:
            raise subprocess.CalledProcessError(process.returncode, command)
        return sum(size for when, size in terminal.taken if when >= begin) / seconds
