"""The meter: adds up what operations cost, who waits for it, and how long each took.

Subsystems charge what they do (`costs.py` has the prices). What a daemon or a worker does is charged
in the background: it runs on another CPU, and nobody waits. Around work whose latency is kept stands
`timed`: its charges are divided among the operations it says it did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from memtui.machine import costs
from memtui.machine.costs import Operation
from memtui.machine.latency import Histogram, Timed
from memtui.snapshot import LatencyView
from memtui.units import PPM


class Meter:
    """Adds up the time of operations until somebody takes it. Integers only; constant cost per charge."""

    __slots__ = (
        "_background_ns",
        "_cpus",
        "_guest",
        "_histograms",
        "_open",
        "_rested",
        "_speed_ppm",
        "_total_ns",
        "broadcasts",
    )

    def __init__(self, cpus: int, *, speed_ppm: int = PPM, guest: bool = False) -> None:
        """`speed_ppm`: speed of one CPU against that of the recorded host; `guest`: interrupts between CPUs trap."""
        if cpus < 1:
            raise ValueError(f"a machine with {cpus} CPUs; expected at least 1")
        if speed_ppm < 1:
            raise ValueError(f"CPUs of {speed_ppm} millionths of the recorded speed; expected at least 1")
        self._cpus = cpus
        self._speed_ppm = speed_ppm
        self._guest = guest
        self._total_ns = 0
        """At the recorded host's speed."""
        self._background_ns = 0
        self._rested = False
        self._open: _TimedWork | None = None
        self._histograms = {timed: Histogram() for timed in Timed}
        self.broadcasts: Counter[str] = Counter()
        """How often each operation that reaches every CPU was charged, by its name."""

    @property
    def total_ns(self) -> int:
        """Charged since the last `take_ns`."""
        return self._total_ns * PPM // self._speed_ppm

    @property
    def background_ns(self) -> int:
        """Charged in the background since boot: by daemons and workers, which nobody waits for."""
        return self._background_ns * PPM // self._speed_ppm

    def charge(self, operation: Operation, count: int = 1) -> None:
        """Adds `count` times what the operation takes."""
        if operation.per_cpu_ns:
            self.broadcasts[operation.name] += count
            self._total_ns += operation.time_ns(self._cpus, guest=self._guest) * count
        else:
            self._total_ns += operation.ns * count
        if self._open is not None:
            charges = self._open.charges
            charges[operation] = charges.get(operation, 0) + count

    def take_ns(self) -> int:
        """The time charged since the last call; the meter starts again from zero."""
        total_ns = self.total_ns
        self._total_ns = 0
        return total_ns

    def rest(self) -> None:
        """The machine has been idle for a while: caches and TLBs hold something else by now."""
        self._rested = True

    def wake_up(self) -> None:
        """The first of the system calls that this makes much dearer, after a while without any."""
        if self._rested:
            self._rested = False
            self.charge(costs.WAKE_UP)

    def background(self) -> _Background:
        """Around work that runs on another CPU: it costs the one that caused it nothing."""
        return _Background(self)

    def timed(self, what: Timed, count: int = 1) -> _TimedWork:
        """Around the work of `count` operations whose latency is kept; `count` of what it gives may be set later."""
        return _TimedWork(self, what, count)

    @contextmanager
    def daemon(self, what: Timed) -> Iterator[None]:
        """Around one run of a daemon: in the background, with its latency."""
        with self.background(), self.timed(what):
            yield

    def note(self, what: Timed, ns: int) -> None:
        """One operation that took so long, where `timed` cannot stand around it."""
        self._histograms[what].add(ns, 1)

    def latencies(self) -> tuple[LatencyView, ...]:
        """The histograms of all operations that there were."""
        return tuple(found.view(timed) for timed, found in self._histograms.items() if found.operations)

    def forget(self) -> None:
        """Starts all over: boot is done, and not part of what is looked at."""
        self._total_ns = self._background_ns = 0
        self._histograms = {timed: Histogram() for timed in Timed}
        self.broadcasts.clear()


class _Background:
    """See `Meter.background`."""

    __slots__ = ("_meter", "_open", "_total_ns")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __enter__(self) -> None:
        meter = self._meter
        self._total_ns, self._open = meter._total_ns, meter._open
        meter._total_ns, meter._open = 0, None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        meter = self._meter
        meter._background_ns += meter._total_ns
        meter._total_ns, meter._open = self._total_ns, self._open


class _TimedWork:
    """See `Meter.timed`.

    A charge for each operation is its share; what only some of them pay (a page table for one fault in
    512) makes as many of them dearer; timed work inside (a compaction) holds up one of them.
    """

    __slots__ = ("_begin_ns", "_holdups", "_meter", "_outer", "charges", "count", "what")

    def __init__(self, meter: Meter, what: Timed, count: int) -> None:
        self._meter = meter
        self.what = what
        self.count = count
        """Operations done; none is kept for none."""
        self.charges: dict[Operation, int] = {}
        """How often each operation was charged so far."""
        self._holdups: dict[int, int] = {}
        """Time of timed work inside → how often."""

    def __enter__(self) -> _TimedWork:
        self._outer = self._meter._open
        self._begin_ns = self._meter._total_ns
        self._meter._open = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        meter = self._meter
        meter._open = self._outer
        spent_ns = meter._total_ns - self._begin_ns
        if self._outer is not None and spent_ns:
            holdups = self._outer._holdups
            holdups[spent_ns] = holdups.get(spent_ns, 0) + 1
        if self.count > 0:
            histogram = meter._histograms[self.what]
            for ns, count in self._each():
                histogram.add(ns * PPM // meter._speed_ppm, count)

    def _each(self) -> list[tuple[int, int]]:
        """(ns, operations that took as long), at the recorded host's speed."""
        base_ns, some = self._shares()
        left = self.count
        found: list[tuple[int, int]] = []
        if sum(self._holdups.values()) > left:
            base_ns += sum(ns * times for ns, times in self._holdups.items()) // left
            self._holdups.clear()
        for ns, times in self._holdups.items():
            found.append((base_ns + ns, times))
            left -= times
        for count, ns in some:
            found.append((base_ns, max(0, left - count)))
            left = min(left, count)
            base_ns += ns
        return [*((ns, count) for ns, count in found if count), (base_ns, left)] if left else found

    def _shares(self) -> tuple[int, list[tuple[int, int]]]:
        """What every operation pays, and (operations, ns) of what only some do, most frequent first."""
        meter, base_ns = self._meter, 0
        some: list[tuple[int, int]] = []
        for operation, times in self.charges.items():
            ns = operation.time_ns(meter._cpus, guest=meter._guest)
            each, rest = divmod(times, self.count)
            base_ns += each * ns
            if rest:
                some.append((rest, ns))
        return base_ns, sorted(some, key=lambda part: -part[0])
