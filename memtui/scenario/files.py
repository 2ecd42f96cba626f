"""Where scenarios come from: a path, the name of one that ships with memtui, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from memtui.scenario.faults import Fault, ScenarioError, did_you_mean, printable
from memtui.scenario.model import Place
from memtui.scenario.reader import MAX_BYTES

STANDARD_INPUT: Final = "-"
SUFFIX: Final = ".yaml"

_INSTALLED: Final = Path(__file__).resolve().parents[1] / "bundled_scenarios"
_IN_THE_SOURCES: Final = Path(__file__).resolve().parents[2] / "scenarios"


def bundled_files() -> Mapping[str, Path]:
    """The scenarios that ship with memtui, by name, in alphabetical order."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _IN_THE_SOURCES
    return {file.stem: file for file in sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stem)}


def read_source(source: str) -> tuple[str, str]:
    """(text, name for messages) of a path, a bundled name or `-`. Raises ScenarioError."""
    if source == STANDARD_INPUT:
        return decode(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>"), "<stdin>"
    files = bundled_files()
    try:
        if source in files and not Path(source).is_file():
            return decode(files[source].read_bytes(), f"{source}{SUFFIX}"), f"{source}{SUFFIX}"
        with Path(source).open("rb") as stream:
            return decode(stream.read(MAX_BYTES + 1), printable(source, 200)), source
    except FileNotFoundError:
        hint = did_you_mean(source, files) or f"; memtui itself brings {', '.join(files)}" * bool(files)
        message = f"no such file, and no scenario of that name comes with memtui{hint}"
    except IsADirectoryError:
        message = "a directory; expected a scenario file"
    except (OSError, ValueError) as error:
        # Path and open() answer a NUL in a name with ValueError.
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise ScenarioError([Fault(Place(printable(source, 200)), message)])


def decode(data: bytes, name: str) -> str:
    """The text of a scenario file: UTF-8, with or without a byte order mark. Raises ScenarioError."""
    if len(data) > MAX_BYTES:
        raise ScenarioError([Fault(Place(name), f"too large; expected at most {MAX_BYTES // 1024} KiB of text")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig")) + 1
        message = f"not UTF-8 text: byte {data[error.start]:#04x} ({error.reason})"
        raise ScenarioError([Fault(Place(name, line, column), message)]) from None
