"""Files that commands write: looked at before any work is done for them, written at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from memtui.commands.inputs import BadInput
from memtui.units import shorten

STANDARD_STREAM: Final = "-"
"""Stands for standard output where a file is asked for."""


def writable(option: str, path: str | None) -> str | None:
    """The path of an option, if it can be written; `-` is standard output. Raises BadInput otherwise."""
    if path is None or path == STANDARD_STREAM:
        return path
    if not path:
        raise BadInput(f"{option}: expected the name of a file, or - for standard output")
    try:
        trouble = _trouble(Path(path))
    except OSError as error:
        trouble = error.strerror or str(error)
    if trouble:
        raise BadInput(f"{option}: cannot write {shorten(path, 200)}: {trouble}")
    return path


def write(option: str, path: str, content: str) -> None:
    """Writes a whole file, or to standard output for `-`. Raises BadInput when it cannot."""
    if path == STANDARD_STREAM:
        sys.stdout.write(content)
        sys.stdout.flush()
        return
    try:
        Path(path).write_text(content, encoding="utf-8", newline="")
    except OSError as error:
        raise BadInput(f"{option}: cannot write {path}: {error.strerror}") from None


def _trouble(path: Path) -> str:
    if path.is_dir():
        return "it is a directory"
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    return "" if os.access(path if path.exists() else path.parent, os.W_OK) else "permission denied"
