"""How memtui exits: every way a command can end, as a status and the words on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn


class Status(IntEnum):
    """The exit statuses of the command line."""

    WELL = 0
    FAILED = 1
    """An expectation of the scenario failed."""
    BAD_INPUT = 2
    """The input is wrong, or asks for what is not built yet."""
    STOPPED = 3
    """The simulated machine could not go on, and the scenario did not expect it."""
    INTERRUPTED = 130


def say(words: str) -> None:
    """Writes a line of narration."""
    print(words, file=sys.stderr)


def status_of(action: Callable[[], int]) -> int:
    """Does what a command does; what is wrong with its input becomes words and a status."""
    from memtui.commands.inputs import BadInput
    from memtui.machine.errors import MachineStopped
    from memtui.scenario import ScenarioError

    try:
        return action()
    except ScenarioError as error:
        say(error.with_source())
    except BadInput as error:
        say(f"memtui: {error}")
    except MachineStopped as error:
        say(f"memtui: the machine cannot go on: {error}")
        return Status.STOPPED
    return Status.BAD_INPUT


def not_built_yet(what: str) -> NoReturn:
    """Ends the program for a command or option that does not exist yet."""
    say(f"memtui: {what} is not built yet")
    raise SystemExit(Status.BAD_INPUT)
