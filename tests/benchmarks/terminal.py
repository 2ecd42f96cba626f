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
        self.taken: list[tuple[float, bytes]] = []
        """When something was written to it, and what."""
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def answer_s(self, key: str, words: str) -> float:
        """Seconds from a key, sent as the terminal sends it, to the words it makes appear. Raises TimeoutError."""
        sought, before, begin = words.encode(), len(self.taken), time.monotonic()
        os.write(self._master, key.encode())
        while time.monotonic() < begin + LONGEST_S:
            since = self.taken[before:]
            if sought in b"".join(written for _, written in since):
                return since[-1][0] - begin
            time.sleep(0.0005)
        raise TimeoutError(f"{key} was not answered with {words}")

    def close(self) -> None:
        """Gives it up."""
        self._ended.set()
        self._reader.join()
        os.close(self.end)
        os.close(self._master)

    def _read(self) -> None:
        while not self._ended.is_set():
            if select.select([self._master], [], [], 0.05)[0]:
                written = os.read(self._master, 1 << 16)
                self.taken.append((time.monotonic(), written))


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
        return sum(len(written) for when, written in terminal.taken if when >= begin) / seconds
