"""How figures moved over a history: each is read once from each Snapshot, however often it is drawn."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from memtui.reading import read
from memtui.snapshot import Snapshot

Series = tuple[Sequence[int], Sequence[float]]
"""Moments in ns, rising, and the values of one figure then."""

CURVES: Final = 128
"""Figures that are followed at most; the one that was not asked for longest goes."""


class Figure(Hashable, Protocol):
    """Reads one number from a Snapshot; equal figures read the same."""

    def __call__(self, snapshot: Snapshot, /) -> float | None:
        """The number, None where the Snapshot does not have it."""


@dataclass(frozen=True, slots=True)
class Named:
    """The figure of a counter, or of one of our own, by its name."""

    name: str

    def __call__(self, snapshot: Snapshot) -> float | None:
        """What `memtui.reading.read` finds under the name."""
        return read(snapshot, self.name)


@dataclass(slots=True)
class _Curve:
    """One figure, as far as it was read."""

    times_ns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    read: int = 0
    """Snapshots that were looked at, from the oldest on."""


class Curves:
    """The curves of one history, whose owner says when Snapshots that may have been read are changed."""

    def __init__(self) -> None:
        self._curves: dict[Figure, _Curve] = {}

    def series(self, figure: Figure, snapshots: Sequence[Snapshot]) -> Series:
        """The past of a figure; Snapshots without it are left out. Costs what came since it was last asked for."""
        curve = self._curves.pop(figure, None) or _Curve()
        self._curves[figure] = curve
        if len(self._curves) > CURVES:
            del self._curves[next(iter(self._curves))]
        for place in range(curve.read, len(snapshots)):
            value = figure(snapshots[place])
            if value is not None:
                curve.times_ns.append(snapshots[place].time_ns)
                curve.values.append(value)
        curve.read = len(snapshots)
        return curve.times_ns, curve.values

    def forget_last(self, snapshots: Sequence[Snapshot]) -> None:
        """The newest Snapshot is about to be another one of the same moment."""
        for curve in self._curves.values():
            if curve.read == len(snapshots):
                curve.read -= 1
                if curve.times_ns and curve.times_ns[-1] == snapshots[-1].time_ns:
                    del curve.times_ns[-1], curve.values[-1]

    def forget(self) -> None:
        """Other Snapshots than these are kept from now on."""
        self._curves.clear()
