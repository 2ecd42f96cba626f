"""Laws of the direct map that need to know who owns which frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from memtui.machine.direct_map import Perm
from memtui.machine.errors import FrameStateError
from memtui.snapshot import FrameKind

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

_CODE: Final = frozenset((FrameKind.MODULE, FrameKind.VMALLOC))
_MAY_HAVE: Final[Mapping[Perm, frozenset[FrameKind]]] = {
    Perm.READ_ONLY: _CODE,
    Perm.NOT_PRESENT: _CODE | {FrameKind.SECRET, FrameKind.UNMAPPED},
}
"""Who may own frames whose leaf is not read-write. Code has leaves that are not present from the unmapped cache."""


def check_owners(machine: Machine) -> None:
    """Raises FrameStateError unless whoever owns memory has the leaves that are his, and free memory plain ones."""
    _check_not_present(machine)
    owners = machine.core.allocator.frame_map
    for start, frames, perm in machine.direct_map.changed_runs():
        owned = 0
        for first, length, owner in owners.runs(start, start + frames):
            owned += length
            if owner.kind not in _MAY_HAVE[perm]:
                raise FrameStateError(f"{owner!r} has frames at {first:#x} whose leaf is {perm.name}")
        if owned != frames:
            raise FrameStateError(f"{frames - owned} frames of {start:#x}.. are free and their leaf is {perm.name}")


def _check_not_present(machine: Machine) -> None:
    """Exactly the pages of secret memory and of the unmapped cache are missing from the direct map."""
    cache = machine.unmapped_cache
    owed = machine.secretmem.removed_frames + cache.held_frames - cache.mapped_frames
    absent = machine.direct_map.not_present_frames()
    if absent != owed:
        raise FrameStateError(f"{absent} frames are not present in the direct map, {owed} should be")
