"""What every subsystem of the machine works with: the page allocator, the meter and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from memtui.machine.meter import Meter
from memtui.machine.physical.allocator import PageAllocator
from memtui.snapshot import FrameKind


class Severity(StrEnum):
    """How much a line of the log matters."""

    INFO = "info"
    NOTICE = "notice"
    """A shortfall, a first split: something to look at."""
    BAD = "bad"
    """A failure or an OOM kill."""


class MachineEvent(NamedTuple):
    """A line of the log, before the engine gives it a time."""

    source: str
    text: str
    severity: Severity = Severity.INFO


class Origin(NamedTuple):
    """Who did something that lasts, and when: the splitting of a leaf."""

    cause: str
    """The action at work, with the part of the kernel that did it: `memfd_secret`, `load_module: rodata`."""
    time_ns: int
    """Simulated time of the event it was part of."""
    event: int
    """Serial number of the line of the log that came next."""


@dataclass(frozen=True, slots=True, eq=False)
class KernelOwner:
    """An owner of frames that is one thing for the whole machine: a cache, a subsystem's tables."""

    name: str
    kind: FrameKind
    movable: bool = False

    def __repr__(self) -> str:
        return self.name


Timer = tuple[int, Callable[[], None]]
"""(delay in ns, what to do then)."""


@dataclass(slots=True)
class Core:
    """Shared by all subsystems; holds no memory of its own."""

    allocator: PageAllocator
    meter: Meter
    cpus: int
    table_levels: int = 4
    """Levels of page tables: 5 on a CPU with la57."""
    events: list[MachineEvent] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    """Work put off since the engine last asked; the machine itself has no clock."""
    cause: str = "boot"
    """The action at work, for the log and for asking who split a leaf."""
    entry: str = ""
    """The entry of the timeline it works for: the action with its label, `load_module agent`."""
    now_ns: int = 0
    """Simulated time of the event being played, as the engine says; nothing is decided by it."""
    last_serial: int = 0
    """Serial number of the last line of the log the engine has taken."""
    part: str = ""
    """What the kernel does for it at the moment, where that has a name of its own: a shrinker, a kind of allocation."""
    _origin: Origin | None = None
    running: bool = True
    """Off during boot: nothing is logged or counted in /proc/vmstat yet (SYSTEM_RUNNING)."""

    @property
    def vm_events(self) -> Counter[str]:
        """Counts of /proc/vmstat events under Linux's names (`thp_fault_alloc`); they only grow."""
        return self.allocator.vm_events

    @property
    def who(self) -> str:
        """Who is at work, and the part of the kernel that does it: `load_module agent: rodata`."""
        name = self.entry or self.cause
        return f"{name}: {self.part}" if self.part else name

    def act(self, cause: str, entry: str = "") -> None:
        """From now on an action is at work, for an entry of the timeline if it is one's."""
        self.cause, self.entry = cause, entry

    @contextmanager
    def acting(self, part: str) -> Iterator[None]:
        """What happens inside is done by a part of the kernel with a name of its own."""
        outer, self.part = self.part, part
        try:
            yield
        finally:
            self.part = outer

    def origin(self) -> Origin:
        """Who is at work now, and when that is; one object for all that comes of the same."""
        latest = Origin(self.who, self.now_ns, self.last_serial + len(self.events) + 1)
        if self._origin is None or self._origin != latest:
            self._origin = latest
        return self._origin

    def log(self, text: str, severity: Severity = Severity.INFO, source: str | None = None) -> None:
        """Adds a line to the log, in the name of the action at work unless `source` says another."""
        if self.running:
            self.events.append(MachineEvent(source or self.cause, text, severity))
