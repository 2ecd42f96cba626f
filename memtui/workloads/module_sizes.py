"""How large modules are: drawn from a distribution with the published means.

Luis Chamberlain counted the modules of two machines in 2023: their text is 88.8 KiB on average
on a large server and 92.1 KiB on a desktop, their files 313 and 293 KiB. Few are far larger than all
others: amdgpu, i915, nouveau, xfs, btrfs. Only the means and the giants are published; the shape
below the giants is that of the 414 modules recorded on 7.2, half of which are of 20 KiB and less.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from memtui.machine.modules import ModuleSizes
from memtui.units import KIB, PAGE_BYTES


@dataclass(frozen=True, slots=True)
class ModuleMix:
    """The modules of one kind of machine: published means, in hundredths of a KiB."""

    text: int
    file: int


MIXES: Final[Mapping[str, ModuleMix]] = {"fleet": ModuleMix(8880, 31300), "desktop": ModuleMix(9210, 29300)}
"""Large servers, and a desktop."""

COMMON: Final = (
    (220, 1, 4),
    (180, 5, 8),
    (180, 9, 16),
    (160, 17, 32),
    (120, 33, 64),
    (80, 65, 128),
    (35, 129, 256),
    (20, 257, 1024),
)
"""(modules in a thousand, least, most KiB of text); in between all sizes are alike."""
GIANTS: Final[Mapping[str, int]] = {"amdgpu": 556, "i915": 282, "nouveau": 177, "xfs": 161, "btrfs": 136}
"""Files of the largest modules, in tenths of a MiB: of a thousand modules one is each of them.

They have debugging information; what text they have is what the mean of all modules needs.
"""
THOUSAND: Final = 1000
RODATA, DATA, RO_AFTER_INIT, TEXT = 7, 4, 1, 9
"""How a module's memory divides (`guest-7.2-modules`: 36 % is not text's own)."""
SYMBOLS: Final = 8
"""One byte in so many of a file is symbols, which lie with the data of init (layout_symtab)."""

_COMMON_TEXT: Final = sum(count * (low + high) * 50 for count, low, high in COMMON)
"""Text of those of a thousand that are no giants, in hundredths of a KiB."""
_BOUNDS: Final = list(accumulate([count for count, _, _ in COMMON] + [1] * len(GIANTS)))


def giant_text_kib(name: str, mix: ModuleMix) -> int:
    """Text of a giant: its part, by file, of all that the mean leaves to the giants."""
    left = mix.text * THOUSAND - _COMMON_TEXT
    return left * GIANTS[name] // (100 * sum(GIANTS.values()))


def draw(rng: random.Random, mix: ModuleMix) -> tuple[str, ModuleSizes]:
    """(name if it is a giant, sizes) of one module."""
    place = rng.randrange(THOUSAND)
    kind = next(index for index, bound in enumerate(_BOUNDS) if place < bound)
    if kind < len(COMMON):
        _, low, high = COMMON[kind]
        return "", sizes_of(rng.randint(low * KIB - KIB + 1, high * KIB), mix)
    name = list(GIANTS)[kind - len(COMMON)]
    return name, sizes_of(giant_text_kib(name, mix) * KIB, mix)


def sizes_of(text_bytes: int, mix: ModuleMix) -> ModuleSizes:
    """All sections of a module with so much text."""
    file_bytes = text_bytes * mix.file // mix.text
    return ModuleSizes(
        text=text_bytes,
        rodata=max(1, text_bytes * RODATA // TEXT),
        data=max(1, text_bytes * DATA // TEXT),
        ro_after_init=max(1, text_bytes * RO_AFTER_INIT // TEXT),
        init_text=PAGE_BYTES,
        init_data=max(1, file_bytes // SYMBOLS),
        file=file_bytes,
    )


def upgraded(sizes: ModuleSizes, rng: random.Random, mix: ModuleMix) -> ModuleSizes:
    """The next version of a module: up to a twentieth larger, or a little smaller."""
    change = rng.randint(-sizes.text // 50, sizes.text // 20 + 1)
    return sizes_of(max(1, sizes.text + change), mix)
