"""`memtui recordings --times`: how long recorded operations took, beside the simulated time of the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memtui.commands.exits import Status, say
from memtui.commands.inputs import BadInput
from memtui.commands.recordings import chosen_recordings
from memtui.commands.terminal import Interruptible
from memtui.recordings import archive
from memtui.recordings.experiments.catalogue import UnknownProgram
from memtui.recordings.model import Recording
from memtui.recordings.times import TimeRow, counts, times
from memtui.report.progress import steps_bar
from memtui.report.recorded_times import heading, line, summary


class _Asked(Exception):
    """Whoever started it wants no more of it."""


def recorded_times(names: Sequence[str], *, only: str | None, json: str | None, quiet: bool) -> int:
    """Plays the recordings whose times count and prints a line per operation; the exit status."""
    for option, value in (("--only", only), ("--json", json)):
        if value is not None:
            raise BadInput(f"{option} is for counters; expected without --times")
    chosen = [recording for recording in chosen_recordings(names) if counts(recording)]
    if not chosen:
        timed = ", ".join(name for name in archive.names() if counts(archive.load(name)))
        raise BadInput(f"none of these recordings has times that count; those that have are {timed}")
    rows: list[TimeRow] = []
    steps = sum(len(recording.steps) for recording in chosen)
    with Interruptible() as interrupted, steps_bar("recordings", steps, not quiet) as progress:

        def watch(name: str) -> None:
            progress(name)
            if interrupted.asked:
                raise _Asked

        try:
            if not quiet:
                print(heading())
            for recording in chosen:
                found = _times_of(recording, watch)
                rows += found
                for row in [] if quiet else found:
                    print(line(row))
        except UnknownProgram as error:
            raise BadInput(str(error)) from None
        except _Asked:
            say("memtui: interrupted before its end")
        interrupted.settle()
        print(summary(rows))
    if interrupted.asked:
        return interrupted.status
    return Status.FAILED if any(row.differs for row in rows) else Status.WELL


def _times_of(recording: Recording, watch: Callable[[str], None]) -> list[TimeRow]:
    return times(recording, archive.load, lambda number: watch(recording.name))
