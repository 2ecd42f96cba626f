"""`python -m memtui`, and the command `memtui`: what tools do before anything that takes time is loaded."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import Final, NoReturn, TextIO

COLLECT_AFTER: Final = 200_000
"""Objects made before Python looks for rings of garbage. Its own 700 means a hundred looks while modules are
loaded, at objects that all stay."""

INTERRUPTED: Final = 130
BAD_STREAM: Final = 2

_STREAMS: Final = (("standard input", os.O_RDONLY), ("standard output", os.O_WRONLY), ("standard error", os.O_WRONLY))


def main() -> None:
    """The command line of this process.

    A closed pipe ends it quietly, Ctrl-C with 130 at any moment, and an output that cannot be
    written with one line and 2.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupted)
    closed = _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        _forgive(stream)
    try:
        status = _run()
        sys.stdout.flush()
    except OSError as error:
        status = _complain(error, closed)
    _leave(status)


def start_light() -> None:
    """Spares a start what it does not need: looks for garbage while modules load, and for plugins of pydantic."""
    gc.set_threshold(COLLECT_AFTER)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _run() -> int:
    start_light()
    from memtui.cli import app

    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _open_what_is_closed() -> list[str]:
    """Gives a standard stream that is closed a file that refuses: nothing opened later may take its place.

    `/dev/null` opened the wrong way round answers every read or write with an error, as a closed stream should.
    """
    closed: list[str] = []
    for descriptor, (name, way) in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            refusing = os.open(os.devnull, os.O_WRONLY if way == os.O_RDONLY else os.O_RDONLY)
            assert refusing == descriptor
            closed.append(name)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    return closed


def _forgive(stream: TextIO) -> None:
    """No text is too odd to print."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _complain(error: OSError, closed: list[str]) -> int:
    """What is said of a stream that failed: everything else a command opens answers for itself."""
    reading = closed[:1] == [_STREAMS[0][0]] and _STREAMS[1][0] not in closed
    what = "read standard input" if reading else "write to standard output"
    with suppress(OSError):
        os.write(2, f"memtui: cannot {what}: {error.strerror or error}\n".encode(errors="replace"))
    return BAD_STREAM


def _leave(status: int) -> NoReturn:
    """Ends the process; what Python could not flush it must not try again, with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, stream.fileno())
    raise SystemExit(status)


def _interrupted(number: int, frame: object) -> NoReturn:
    raise SystemExit(INTERRUPTED)


if __name__ == "__main__":
    main()
