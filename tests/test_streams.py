"""Standard streams that are closed, full or gone, and Ctrl-C before anything is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

CLOSED = "memtui: cannot write to standard output: Bad file descriptor\n"
FULL = "memtui: cannot write to standard output: No space left on device\n"


def shell(words: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of `memtui` and its redirections."""
    command = f'"{sys.executable}" -m memtui {words}'
    return subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("run tour --headless --until 1s >&-", CLOSED),
        ("run tour --until 1s --json - >&-", CLOSED),
        ("snapshot tour >&-", CLOSED),
        ("run tour --headless --until 1s >/dev/full", FULL),
        ("list counters >/dev/full", FULL),
        ("run - <&-", "memtui: cannot read standard input: Bad file descriptor\n"),
    ],
)
def test_a_stream_that_cannot_be_used_is_answered_in_one_line(words: str, complaint: str) -> None:
    done = shell(words)
    assert (done.returncode, done.stderr) == (2, complaint)


def test_a_closed_pipe_ends_it_quietly() -> None:
    done = shell("list counters | head -1; exit ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("/proc/meminfo:\n", "")
    assert done.returncode in (0, 141), "0 when all was written before the reader left"


def test_standard_error_need_not_be_there() -> None:
    assert shell("run tour --until 1s --quiet 2>&-").returncode == 0


def test_ctrl_c_while_modules_are_loaded_ends_it_quietly() -> None:
    # The first heavy module to be imported is the moment the signal comes at.
    code = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from memtui.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
