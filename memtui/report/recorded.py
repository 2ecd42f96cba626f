"""Recordings against the simulation, as text: the table of every figure, and how many of each verdict there are."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from memtui.recordings.case import Row, Verdict
from memtui.units import format_count, shorten

NARROWEST: Final = 20
"""Columns below which nothing is made to fit any more."""

_GAP: Final = "  "
_COUNTS: Final = tuple((verdict, max(len(verdict), len("000 000"))) for verdict in Verdict)
_RECORDING: Final = 36
_STEP: Final = 30
_COUNTER: Final = 26
_FIGURE: Final = 13
_VERDICT: Final = max(len(verdict) for verdict in Verdict)
_WHY: Final = sum((_RECORDING, _STEP, _COUNTER, _FIGURE, _FIGURE, _VERDICT)) + 6 * len(_GAP)
"""Where reasons begin."""
_LEAST_WHY: Final = 30
"""Columns a reason needs beside its figures; with less it stands below them."""


class Table:
    """Figures of recordings, one line each; on a narrow screen as a few short lines each."""

    def __init__(self, width: int | None) -> None:
        """For a screen of so many columns; without one no line is ever broken."""
        self._width = width
        self._wide = width is None or width >= _WHY + _LEAST_WHY

    def heading(self) -> Iterator[str]:
        """What the columns are."""
        if self._wide:
            figures = f"{'recorded':>{_FIGURE}}{_GAP}{'simulated':>{_FIGURE}}"
            names = f"{'experiment':<{_RECORDING}}{_GAP}{'step':<{_STEP}}{_GAP}{'counter':<{_COUNTER}}"
            yield f"{names}{_GAP}{figures}{_GAP}{'verdict':<{_VERDICT}}{_GAP}why"
        else:
            yield from self._wrap("experiment, step; counter: recorded → simulated, verdict; why")

    def lines(self, row: Row) -> Iterator[str]:
        """One figure."""
        return self._beside(row) if self._wide else self._below(row)

    def _beside(self, row: Row) -> Iterator[str]:
        names = f"{row.recording:<{_RECORDING}}{_GAP}{_step(row):<{_STEP}}{_GAP}{row.counter:<{_COUNTER}}"
        figures = f"{_figure(row.recorded):>{_FIGURE}}{_GAP}{_figure(row.simulated):>{_FIGURE}}"
        start = f"{names}{_GAP}{figures}{_GAP}{row.verdict:<{_VERDICT}}"
        if self._width is None or not row.why:
            yield f"{start}{_GAP}{row.why}".rstrip()
            return
        first, *rest = textwrap.wrap(row.why, self._width - _WHY)
        yield f"{start}{_GAP}{first}"
        yield from (" " * _WHY + line for line in rest)

    def _below(self, row: Row) -> Iterator[str]:
        yield from self._wrap(f"{row.recording}, {_step(row) or 'all of it'}")
        figures = "" if row.recorded is None else f" {_figure(row.recorded)} → {_figure(row.simulated)},"
        yield from self._wrap(f"{row.counter}:{figures} {row.verdict}", "  ")
        yield from self._wrap(row.why, "    ")

    def _wrap(self, words: str, indent: str = "") -> list[str]:
        width = max(self._width or 0, NARROWEST)
        return textwrap.wrap(words, width, initial_indent=indent, subsequent_indent=indent + "  ")


class Totals:
    """How many figures of each recording got which verdict."""

    def __init__(self, width: int | None, names: Iterable[str]) -> None:
        """For a screen of so many columns, if there is one, and recordings of these names."""
        self._names = max([len(_label(0)) + 8, *(len(name) for name in names)])
        self._wide = width is None or width >= self._names + sum(len(_GAP) + room for _, room in _COUNTS)

    def heading(self) -> Iterator[str]:
        """What the columns are; nothing where each figure says it itself."""
        if self._wide:
            yield f"{'':<{self._names}}" + "".join(f"{_GAP}{verdict:>{room}}" for verdict, room in _COUNTS)

    def lines(self, name: str, counts: Mapping[Verdict, int]) -> Iterator[str]:
        """One recording, or all."""
        if self._wide:
            figures = (f"{_GAP}{format_count(counts.get(verdict, 0)):>{room}}" for verdict, room in _COUNTS)
            yield f"{name:<{self._names}}" + "".join(figures)
            return
        yield name
        for verdict, _ in _COUNTS:
            if counts.get(verdict, 0):
                yield f"  {format_count(counts[verdict])} {verdict}"

    def all(self, count: int, counts: Counter[Verdict]) -> Iterator[str]:
        """The last line: all recordings together."""
        return self.lines(_label(count), counts)


def _label(count: int) -> str:
    return f"{format_count(count)} recording{'s' * (count != 1)}"


def _step(row: Row) -> str:
    """Number and name of a step; nothing for a line about the whole recording."""
    return f"{row.number:>3} {shorten(row.step, _STEP - 4)}".strip() if row.number >= 0 else ""


def _figure(value: int | None) -> str:
    return "" if value is None else format_count(value)
