"""The README's examples: `python -m tests.readme` writes what the shown commands print now into it, and its pictures.

In a block marked `console` a line that begins with `$ ` is a command and what follows is what it
prints; a block marked `yaml NAME` is a file the commands may name.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

from memtui.cli import app
from tests.pictures import draw_all

README = Path(__file__).resolve().parents[1] / "README.md"

_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, kind: str) -> list[tuple[str, str]]:
    """File name (perhaps empty) and body of each block of that kind."""
    return [(found["file"] or "", found["body"]) for found in _BLOCK.finditer(text) if found["kind"] == kind]


def refreshed(text: str) -> str:
    """The README with what its commands print now."""
    with _files_of(text):
        return _BLOCK.sub(_refreshed_block, text)


@contextmanager
def _files_of(text: str) -> Iterator[None]:
    """A directory with the files the README shows, as the current one."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        for name, body in blocks(text, "yaml"):
            (Path(folder) / name).write_text(body, encoding="utf-8")
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _refreshed_block(found: re.Match[str]) -> str:
    if found["kind"] != "console":
        return found[0]
    commands = [line for line in found["body"].splitlines() if line.startswith("$ ")]
    return "```console\n" + "".join(f"{command}\n{printed(command)}" for command in commands) + "```"


def printed(command: str) -> str:
    """What a command line of the README prints, standard error included."""
    program, *arguments = shlex.split(command.removeprefix("$ "))
    if program != "memtui":
        raise ValueError(f"{command}: not a memtui command")
    result = CliRunner().invoke(app, arguments, prog_name=program)
    return "".join(f"{line.rstrip()}\n" for line in result.output.splitlines())


if __name__ == "__main__":
    draw_all()
    README.write_text(refreshed(README.read_text(encoding="utf-8")), encoding="utf-8")
