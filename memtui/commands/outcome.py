"""What a run leaves behind: files, complaints and an exit status."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import memtui
from memtui.commands import files
from memtui.commands.exits import Status, say
from memtui.commands.files import STANDARD_STREAM
from memtui.report import result_csv, result_json
from memtui.sources.expectations import Outcome
from memtui.sources.result import Result


class Ended(Protocol):
    """What a run is judged by: a Result, or the Simulation itself."""

    @property
    def stopped(self) -> str | None:
        """Why the machine could not go on; None when it could."""

    @property
    def stop_expected(self) -> bool:
        """Whether the scenario expects just that."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The expectations that were not met."""


class Outputs(NamedTuple):
    """Where a result goes: files, `-` for standard output, or None for nowhere."""

    json: str | None = None
    csv: str | None = None
    series_in_json: bool = True

    @property
    def wanted(self) -> bool:
        """Whether anything is to be written."""
        return self.json is not None or self.csv is not None

    @property
    def on_standard_output(self) -> bool:
        """Whether standard output holds data."""
        return STANDARD_STREAM in (self.json, self.csv)


def write(result: Result, outputs: Outputs) -> None:
    """Writes the files that were asked for. Raises BadInput for one that cannot be written."""
    if outputs.json is not None:
        rendered = result_json.render(result, memtui.__version__, with_series=outputs.series_in_json)
        files.write("--json", outputs.json, rendered)
    if outputs.csv is not None and result.samples is not None:
        files.write("--csv", outputs.csv, result_csv.render(result.samples))


def complain(ended: Ended) -> None:
    """Says on standard error, one line each, what went other than expected."""
    if ended.stopped is not None and not ended.stop_expected:
        say(f"memtui: the machine could not go on: {ended.stopped}")
    for failed in ended.failed:
        place = failed.expectation.place
        say(f"{place}: {failed}" if place is not None else str(failed))


def status(ended: Ended) -> Status:
    """The exit status an end asks for."""
    if ended.stopped is not None and not ended.stop_expected:
        return Status.STOPPED
    return Status.FAILED if ended.failed else Status.WELL
