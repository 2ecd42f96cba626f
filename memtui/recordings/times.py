"""How long the recorded operations took, against the simulated time of the same.

Times count on the recorded host alone: on it nearly idle, or busy where an experiment was not repeated.
What a program did several times in the same way is one row; how far those times lie apart says how well
one of them is known. The simulated time has to lie between the shortest and the longest, give or take a
factor for what an operation that was seen once, or thrice, does not show of its spread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from memtui.recordings.experiments.catalogue import Load
from memtui.recordings.model import Place, Recording, Step
from memtui.recordings.playing import play

TIMED_WHILE_BUSY: Final = frozenset(("host-hvo-1g", "host-fork-1g-base", "host-fork-1g-thp"))
"""What was not repeated on the quiet host in any form: 1 GiB pages, and processes of 1 GiB."""
SLACK_NS: Final = 5_000
"""What any single system call may take more or less: the clock ticks in microseconds, caches are cold or not."""
LEEWAY_PERCENT: Final[Mapping[Place, int]] = {Place.QUIET: 130, Place.HOST: 160}
"""Factor, in percent, by which a time may be beyond those recorded.

Of operations repeated on the quiet host, the longest took 1.3 times the shortest at the median; on the
busy one 1.8 times, of which 1.6 are enough.
"""

_NOT_OF_THE_OPERATION: Final = frozenset(("rep", "failed", "errno", "err", "got", "st_blocks_kb"))
"""Arguments of a step that do not make it another operation."""
_SHARED: Final = frozenset(("children", "depth"))
"""How many processes share the memory."""
_BEFORE_AND_AFTER: Final = frozenset(("touch", "unmapped"))
"""Done to memory when nobody shares it yet, or any more."""
_EACH: Final = {"forked": "children", "children_gone": "children", "chained": "depth", "relayed": "depth"}
"""Done for many processes in a row, of which each is a repetition: steps, and the argument with their number."""

_NOT_TIMED: Final = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (r"exp_fork children_wrote", "the program looks for its children only every 50 ms"),
        (r"\w+ wait_\w+", "the program waits"),
        (r"exp_tmpfs sparse_after_drop_slab", "drop_caches goes through all the slabs of the host"),
        (r"exp_tmpfs ragged_after_drop_slab never", "drop_caches goes through all the slabs of the host"),
        (r"exp_tmpfs write_big always", "memory never used before, which the hypervisor gives on first use"),
    )
)


@dataclass(frozen=True, slots=True)
class TimeRow:
    """One operation: how long it took, each time it was done."""

    recording: str
    operation: str
    """The step and its arguments: `grow size_kb 2048, asked 512, hvo 1`."""
    recorded_ns: tuple[int, ...]
    simulated_ns: tuple[int, ...]
    leeway_percent: int
    why_not: str = ""
    """Why the times are not compared; empty if they are."""

    @property
    def mean_ns(self) -> int:
        """The simulated time on average."""
        return sum(self.simulated_ns) // len(self.simulated_ns)

    @property
    def differs(self) -> bool:
        """Whether the simulated time is beyond those recorded, leeway included."""
        if self.why_not:
            return False
        least_ns = min(self.recorded_ns) * 100 // self.leeway_percent - SLACK_NS
        most_ns = max(self.recorded_ns) * self.leeway_percent // 100 + SLACK_NS
        return not least_ns <= self.mean_ns <= most_ns


def counts(recording: Recording) -> bool:
    """Whether a recording's times count: it was made on the quiet host, or is of a kind that never was."""
    return recording.place is Place.QUIET or recording.name in TIMED_WHILE_BUSY


def times(recording: Recording, load: Load, watch: Callable[[int], None] | None = None) -> list[TimeRow]:
    """Plays a recording; one row for every operation it timed. Raises as `play` does."""
    found: dict[str, tuple[list[int], list[int], str]] = {}
    played = play(recording, load, watch)
    for (operation, step), simulated in zip(_operations(recording), played, strict=True):
        if step.op_ns:
            recorded, came_out, _ = found.setdefault(operation, ([], [], _why_not(recording, step)))
            each = step.args.get(_EACH.get(step.name, ""), 1)
            recorded.append(step.op_ns // int(each))
            came_out.append(simulated.op_ns // int(each))
    leeway = LEEWAY_PERCENT[recording.place]
    return [
        TimeRow(recording.name, operation, tuple(recorded), tuple(came_out), leeway, why_not)
        for operation, (recorded, came_out, why_not) in found.items()
    ]


def _operations(recording: Recording) -> Iterator[tuple[str, Step]]:
    """Each step with its operation in words; freeing a pool is another operation by what was in it."""
    grown: Mapping[str, int | str] = {}
    for step in recording.steps:
        name, args = step.name, step.args
        if recording.program == "exp_hvo" and name.startswith(("grow", "free")):
            name, _, _ = name.partition("_")
            grown = args if name == "grow" else grown
            args = grown
        left_out = _NOT_OF_THE_OPERATION | (_SHARED if name in _EACH or name in _BEFORE_AND_AFTER else frozenset())
        words = ", ".join(f"{key} {value}" for key, value in args.items() if key not in left_out)
        yield f"{name} {words}".strip(), step


def _why_not(recording: Recording, step: Step) -> str:
    """Why the time of a step is not compared; empty if it is."""
    words = " ".join(filter(None, (recording.program, step.name, str(step.args.get("huge", "")))))
    for pattern, why in _NOT_TIMED:
        if pattern.match(words):
            return why
    return ""
