"""What accesses missed and how far the TLB reached, over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memtui.snapshot import Snapshot, TlbAccess
from memtui.units import format_bytes
from memtui.view.cells import Rows
from memtui.view.glyphs import Glyphs
from memtui.view.history import beside, largest, strip
from memtui.view.numbers import percent_of_ppm
from memtui.view.scene import Scene
from memtui.view.tokens import Token

_BOTH_FROM: Final = 60
"""Width from which reach has a strip beside that of misses."""


@dataclass(frozen=True, slots=True)
class Misses:
    """What an access misses in the last level."""

    name: str

    def __call__(self, snapshot: Snapshot) -> float:
        """Parts per million; 0 while there is no such access, or nobody was told of it."""
        access = _named(snapshot, self.name)
        return 0.0 if access is None else access.miss_ppm


@dataclass(frozen=True, slots=True)
class Reach:
    """Memory of an access that the TLB covers at once."""

    name: str

    def __call__(self, snapshot: Snapshot) -> float:
        """Bytes; 0 while there is no such access, or nobody was told of it."""
        access = _named(snapshot, self.name)
        return 0.0 if access is None else access.reach_bytes


def _named(snapshot: Snapshot, name: str) -> TlbAccess | None:
    return next((access for access in snapshot.tlb.accesses if access.name == name), None)


def history(scene: Scene, access: TlbAccess, width: int, height: int, glyphs: Glyphs) -> Rows:
    """Misses of the access over time, and beside them its reach where there is room.

    A process is followed from when it was first told of: while it was among the largest, or was chosen.
    """
    misses = scene.history.past(Misses(access.name))
    label = f"{glyphs.text(access.name)}: miss" if width >= _BOTH_FROM else "miss"
    most = percent_of_ppm(largest(misses))
    if width < _BOTH_FROM:
        return strip(misses, scene.axis, label, most, width, height, glyphs, Token.NOTICE)
    half = (width - 3) // 2
    widths = (half, width - 3 - half)
    reach = scene.history.past(Reach(access.name))
    missed = strip(misses, scene.axis, label, most, widths[0], height, glyphs, Token.NOTICE)
    reached = strip(reach, scene.axis, "reach", format_bytes(largest(reach)), widths[1], height, glyphs, Token.HISTORY)
    return beside((missed, reached), widths, height, glyphs)
