"""`memtui check`: every fault of scenario files at `file:line:column: message`."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.commands.exits import Status, say
from memtui.scenario import ScenarioError, load


def check(sources: Sequence[str], sets: Sequence[str], quiet: bool) -> int:
    """Checks each source; faults go to standard output, since they are what was asked for."""
    status = Status.WELL
    for source in sources:
        try:
            load(source, sets)
        except ScenarioError as error:
            print(error.with_source())
            status = Status.BAD_INPUT
        else:
            if not quiet:
                say(f"{source}: ok")
    return status
