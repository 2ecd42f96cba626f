"""Which events say the same thing with other numbers, so that a long row of them can be told in short."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from memtui.snapshot import Event

Kind = tuple[str, str]

_NUMBERS: Final = re.compile(r"0x[0-9a-f]+|\d+(?:[ .,]\d+)*")


def kind_of(event: Event, alone: tuple[str, ...] = ("notice", "bad")) -> Kind | None:
    """Events of one kind differ in nothing but numbers: same cause, same words, same units.

    None for severities that are told each by itself: by default notices and failures.
    """
    return (event.source, _shape(event.text)) if event.severity not in alone else None


@lru_cache(8192)
def _shape(text: str) -> str:
    """The words without their numbers."""
    return _NUMBERS.sub("#", text)
