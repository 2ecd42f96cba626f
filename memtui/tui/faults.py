"""What broke in the dashboard while it ran: kept once each, and told when the terminal is given back."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import Final

from memtui.units import format_clock

MOST_KEPT: Final = 100
"""Faults that are told apart; a dashboard that breaks in more ways has said enough."""


class Faults:
    """The faults of one run. Each is kept with the simulated moment at which it was first seen, and how often."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        """First moment in nanoseconds, and times seen, of each fault in words."""

    def note(self, what: str, fault: BaseException, time_ns: int) -> None:
        """Keeps that `what` broke on `fault`."""
        words = f"{what}: {in_words(fault)} ({_place(fault)})"
        first_ns, times = self._seen.get(words, (time_ns, 0))
        if times or len(self._seen) < MOST_KEPT:
            self._seen[words] = (first_ns, times + 1)

    def lines(self) -> list[str]:
        """Every fault in one line, in the order in which they were first seen."""
        return [
            f"at {format_clock(first_ns)} {words}" + (f", {times} times" if times > 1 else "")
            for words, (first_ns, times) in self._seen.items()
        ]


def in_words(fault: BaseException) -> str:
    """Kind and message of a fault, in one line."""
    return " ".join(f"{type(fault).__name__}: {fault}".split())


def _place(fault: BaseException) -> str:
    """Where it was raised: file, line and function."""
    frames = traceback.extract_tb(fault.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else "nowhere"
