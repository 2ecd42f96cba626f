"""Which recordings were made in one boot: what had gone before a program leaves traces in the direct map and memmap."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from memtui.recordings.model import Recording

AFTER: Final = {
    "hvo-1g": ("hvo-2m",),
    "secretmem": ("hvo-2m", "hvo-1g"),
    "bpf": ("hvo-2m", "hvo-1g", "secretmem"),
    "bpf-aged": ("secretmem-aged",),
}
"""Experiments on guests that others had gone before in the same boot, of those that leave traces."""

STAND_INS: Final = ("6.1", "7.2")
"""Kernels whose recording says what was done where a kernel's own is not at hand; the program was the same."""


def placed(recording: Recording, there: Collection[str]) -> Recording:
    """The recording with those that came before it in the same boot, as far as they are at hand."""
    where, _, rest = recording.name.partition("-")
    version, _, experiment = rest.partition("-")
    if where != "guest" or experiment not in AFTER:
        return recording
    kernels = (version, *STAND_INS)
    names = [[f"guest-{kernel}-{each}" for kernel in kernels] for each in AFTER[experiment]]
    return replace(recording, after=tuple(found for each in names if (found := _first(each, there))))


def _first(names: list[str], there: Collection[str]) -> str | None:
    return next((name for name in names if name in there), None)
