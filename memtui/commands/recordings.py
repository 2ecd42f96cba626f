"""`memtui recordings`: recordings of real kernels played again, every counter compared."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import memtui
from memtui.commands import files
from memtui.commands.exits import Status, say
from memtui.commands.files import STANDARD_STREAM
from memtui.commands.inputs import BadInput
from memtui.commands.terminal import Interruptible
from memtui.recordings import archive
from memtui.recordings.boots import placed
from memtui.recordings.case import Row, Verdict
from memtui.recordings.comparison import compare, totals
from memtui.recordings.experiments.catalogue import UnknownProgram
from memtui.recordings.model import Recording
from memtui.recordings.raw import BadRecording, read_raw
from memtui.report import recorded_json
from memtui.report.progress import steps_bar
from memtui.report.recorded import Table, Totals
from memtui.units import shorten

VERDICTS: Final = {str(verdict).replace(" ", "-"): verdict for verdict in Verdict}
"""What `--only` can be given."""


@dataclass(frozen=True, slots=True)
class RecordingsOptions:
    """The options, as they were written."""

    names: Sequence[str] = ()
    only: str | None = None
    json: str | None = None
    quiet: bool = False


@dataclass
class _Outcome:
    """What has come out so far."""

    totals: dict[str, Counter[Verdict]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    """Those that go to a file."""

    @property
    def all(self) -> Counter[Verdict]:
        """Of all recordings together."""
        return sum(self.totals.values(), Counter())


class _Asked(Exception):
    """Whoever started it wants no more of it."""


def recordings(options: RecordingsOptions) -> int:
    """Plays what is asked for and prints what came of it; the exit status."""
    only = _verdict(options.only)
    path = files.writable("--json", options.json)
    chosen = list(chosen_recordings(options.names))
    rows = only is not None or (bool(options.names) and not options.quiet)
    printer = _Printer(chosen, rows=rows, silent=path == STANDARD_STREAM, brief=options.quiet)
    outcome = _Outcome()
    with Interruptible() as interrupted, steps_bar("recordings", _steps(chosen), not options.quiet) as progress:

        def watch(name: str) -> None:
            progress(name)
            if interrupted.asked:
                raise _Asked

        try:
            for recording in chosen:
                compared = _compared(recording, watch)
                outcome.totals[recording.name] = totals(compared)
                shown = [row for row in compared if only is None or row.verdict is only]
                printer.print(recording.name, shown, outcome.totals[recording.name])
                outcome.rows += shown if path is not None else []
        except _Asked:
            say(f"memtui: interrupted after {len(outcome.totals)} of {len(chosen)} recordings")
        interrupted.settle()
        printer.end(outcome)
        if path is not None:
            files.write("--json", path, recorded_json.render(memtui.__version__, outcome.totals, outcome.rows))
    if interrupted.asked:
        return interrupted.status
    return Status.FAILED if outcome.all[Verdict.DIFFERS] else Status.WELL


class _Printer:
    """Puts on standard output what there is, recording by recording."""

    def __init__(self, chosen: Sequence[Recording], *, rows: bool, silent: bool, brief: bool) -> None:
        """`rows`: the figures themselves before the totals; `brief`: no totals but those of all together."""
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        self._silent, self._brief, self._rows = silent, brief, rows
        self._table = Table(width)
        self._totals = Totals(width, [recording.name for recording in chosen])
        self._begun = False

    def print(self, name: str, rows: Sequence[Row], counts: Counter[Verdict]) -> None:
        """One recording."""
        if not self._rows and not self._brief:
            self._lines(self._heading_once(self._totals.heading))
            self._lines(self._totals.lines(name, counts))
        elif self._rows and rows:
            self._lines(self._heading_once(self._table.heading))
            for row in rows:
                self._lines(self._table.lines(row))

    def end(self, outcome: _Outcome) -> None:
        """The totals: of each recording, if its figures were printed above, and of all."""
        if self._rows or self._brief:
            self._lines([""] if self._begun else [])
            self._lines(self._totals.heading())
        if self._rows and not self._brief:
            for name, counts in outcome.totals.items():
                self._lines(self._totals.lines(name, counts))
        self._lines(self._totals.all(len(outcome.totals), outcome.all))

    def _heading_once(self, heading: Callable[[], Iterator[str]]) -> list[str]:
        lines = [] if self._begun else list(heading())
        self._begun = True
        return lines

    def _lines(self, lines: Sequence[str] | Iterator[str]) -> None:
        if not self._silent:
            sys.stdout.writelines(f"{line}\n" for line in lines)


def _compared(recording: Recording, watch: Callable[[str], None]) -> tuple[Row, ...]:
    try:
        return tuple(compare(recording, archive.load, lambda number: watch(recording.name)))
    except UnknownProgram as error:
        raise BadInput(str(error)) from None


def _steps(chosen: Sequence[Recording]) -> int:
    return sum(len(recording.steps) for recording in chosen)


def _verdict(only: str | None) -> Verdict | None:
    if only is None or only in VERDICTS:
        return None if only is None else VERDICTS[only]
    from memtui.scenario.faults import did_you_mean

    raise BadInput(f"--only: {shorten(only)!r} is not one of {', '.join(VERDICTS)}{did_you_mean(only, VERDICTS)}")


def chosen_recordings(names: Sequence[str]) -> Iterator[Recording]:
    """The recordings of these names, each once and in this order; all without a name. Raises BadInput."""
    there = archive.names()
    seen: set[str] = set()
    for name in names or there:
        for found in _named(name):
            if found.name not in seen:
                seen.add(found.name)
                yield found


def _named(name: str) -> list[Recording]:
    """A recording, all of one experiment (`hvo-2m`), or what a recording program wrote into a file."""
    there = archive.names()
    if name in there:
        return [archive.load(name)]
    if found := [each for each in there if archive.experiment(each) == name]:
        return [archive.load(each) for each in found]
    if name.endswith(".json") or "/" in name:
        return [_from_file(Path(name))]
    from memtui.scenario.faults import did_you_mean

    experiments = {archive.experiment(each): None for each in there}
    near = did_you_mean(name, [*there, *experiments])
    raise BadInput(f"no recording or experiment {shorten(name)!r}{near or '; without a name all are listed'}")


def _from_file(path: Path) -> Recording:
    try:
        text = path.read_text(encoding="utf-8")
        return placed(read_raw(text, path.stem), archive.names())
    except OSError as error:
        raise BadInput(f"cannot read {shorten(str(path), 200)}: {error.strerror}") from None
    except (BadRecording, UnicodeDecodeError) as error:
        raise BadInput(f"{shorten(str(path), 200)}: {error}") from None
