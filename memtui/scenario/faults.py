"""What is wrong with a scenario: one line per fault, all faults at once, in the order of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Final, NamedTuple

from memtui.scenario.model import Place
from memtui.units import shorten

LINE_CHARACTERS: Final = 100
"""Longest piece of a source line that is shown under a message."""

COMPARED_NAMES: Final = 200
"""Most names a misspelt one is compared with: thousands of labels and thousands of faults must not take minutes."""

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class Fault(NamedTuple):
    """One thing that is wrong, where, and what was expected instead."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ScenarioError(Exception):
    """A scenario cannot be used. `faults` holds all that is wrong; `str()` is a line for each."""

    def __init__(self, faults: Iterable[Fault], text: str = "") -> None:
        unique = dict.fromkeys(faults)
        self.faults = sorted(unique, key=lambda fault: (fault.place.line, fault.place.column))
        self.text = text
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def with_source(self) -> str:
        """The same lines, each followed by the line of the file it speaks of and a caret under the place."""
        lines = _LINE_BREAK.split(self.text)
        return "\n".join(str(fault) + _excerpt(lines, fault.place) for fault in self.faults)


def _excerpt(lines: list[str], place: Place) -> str:
    if not 1 <= place.line <= len(lines) or not lines[place.line - 1].strip():
        return ""
    line = lines[place.line - 1].replace("\t", " ")
    start = max(0, place.column - 1 - LINE_CHARACTERS // 2) if len(line) > LINE_CHARACTERS else 0
    shown = line[start : start + LINE_CHARACTERS]
    before = "…" if start else ""
    after = "…" if start + LINE_CHARACTERS < len(line) else ""
    caret = " " * (place.column - 1 - start + len(before)) + "^"
    return f"\n    {before}{shown}{after}\n    {caret}"


def printable(text: str, limit: int) -> str:
    """Text from outside on one line, at most `limit` characters of it, control characters spelled out."""
    cut = shorten(text, limit)
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'nodes'?` for the known word nearest to `word`, or nothing when none is near."""
    spelled = {name.lower(): name for name in islice(known, COMPARED_NAMES)}
    near = get_close_matches(word.lower()[:64], list(spelled), n=1, cutoff=0.6)
    return f"; did you mean {spelled[near[0]]!r}?" if near else ""


def one_of(names: Iterable[str]) -> str:
    """`never, madvise or always`."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
