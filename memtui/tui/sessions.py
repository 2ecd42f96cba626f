"""Writes a session: the scenario with all that was injected, as a scenario that plays it again."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Protocol


class Writable(Protocol):
    """What can be written as a scenario."""

    def as_scenario(self) -> str:
        """The text of the scenario that plays the same again."""


def save_session(folder: Path, source: Writable) -> str:
    """Writes the scenario to the first `session-N.yaml` there is none of yet; its name. Raises OSError."""
    text = source.as_scenario()
    for number in count(1):
        path = folder / f"session-{number}.yaml"
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError:
            continue
        return path.name
    raise AssertionError("numbers do not end")
