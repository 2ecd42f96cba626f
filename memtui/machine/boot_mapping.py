"""How the kernel maps RAM at boot: which leaves, where.

The first half of the direct map's life (arch/x86/mm/init.c): ranges are cut at 2 MiB and 1 GiB
borders, and the counters are off by what the stepwise mapping counts twice. What happens to the
leaves afterwards is `direct_map.py`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from memtui.machine.geometry import Layout
from memtui.units import FRAMES_1G, FRAMES_2M

KERNEL_IMAGE_FRAME: Final = 0x1000
"""The kernel image is loaded at 16 MiB."""
KERNEL_4K_BLOCKS: Final = 8
"""2 MiB blocks mapped by 4K for the image's section borders (recordings: DirectMap4k 22400 kB with the BPF pack)."""
TABLE_SHIFT: Final = 9
"""Log2 of the entries of a page table."""
ISA_END_FRAME: Final = 256
"""Where the part ends that is mapped first and for itself (ISA_END_ADDRESS): 1 MiB."""


class Level(IntEnum):
    """Size of a leaf."""

    LEAF_4K = 0
    LEAF_2M = 1
    LEAF_1G = 2


LARGEST_LEAF: Final = {"auto": Level.LEAF_1G, "no_1g": Level.LEAF_2M, "all_4k": Level.LEAF_4K}
"""Policies for the boot mapping: the largest leaf it may use.

`no_1g` is the boot parameter `nogbpages`; `all_4k` is what debug_pagealloc and KFENCE without its own pool ask for.
"""


class Span(NamedTuple):
    """Part of the boot mapping: [start, end) in leaves of one size."""

    start: int
    end: int
    level: Level


def boot_spans(layout: Layout, largest: Level = Level.LEAF_1G) -> list[Span]:
    """The boot mapping (`split_mem_range`): 4K edges, 2M, and 1G for whole aligned GiB without a hole.

    The first MiB is mapped for itself, so the first GiB never is one leaf; the GiB that firmware
    tables end is not either. The first 2 MiB and the kernel image's borders are 4K. No leaf is
    larger than `largest`.
    """
    firmware_tail = layout.firmware[-1][0]
    spans: list[Span] = []
    for start, frames in layout.ram:
        end = start + frames
        if start == 0:
            spans.append(Span(0, ISA_END_FRAME, Level.LEAF_4K))
            start, end = ISA_END_FRAME, min(end, firmware_tail)
        spans.extend(_cut(start, end, largest))
    image_end = KERNEL_IMAGE_FRAME + KERNEL_4K_BLOCKS * FRAMES_2M
    return [piece for span in spans for piece in _force_4k(span, KERNEL_IMAGE_FRAME, image_end)]


def _cut(start: int, end: int, largest: Level) -> list[Span]:
    bounds = [(start, Level.LEAF_4K)]
    low_2m, high_2m = -(-start // FRAMES_2M) * FRAMES_2M, end // FRAMES_2M * FRAMES_2M
    if largest >= Level.LEAF_2M and low_2m < high_2m:
        bounds.append((low_2m, Level.LEAF_2M))
        low_1g, high_1g = -(-start // FRAMES_1G) * FRAMES_1G, end // FRAMES_1G * FRAMES_1G
        if largest is Level.LEAF_1G and low_1g < high_1g:
            bounds += [(low_1g, Level.LEAF_1G), (high_1g, Level.LEAF_2M)]
        bounds.append((high_2m, Level.LEAF_4K))
    ends = [low for low, _ in bounds[1:]] + [end]
    return [Span(low, high, level) for (low, level), high in zip(bounds, ends, strict=True) if low < high]


def _force_4k(span: Span, low: int, high: int) -> list[Span]:
    low, high = max(low, span.start), min(high, span.end)
    if low >= high or span.level is Level.LEAF_4K:
        return [span]
    pieces = (Span(span.start, low, span.level), Span(low, high, Level.LEAF_4K), Span(high, span.end, span.level))
    return [piece for piece in pieces if piece.start < piece.end]


def table_frames(spans: list[Span], table_levels: int = 4) -> int:
    """Page tables below the top level that these leaves need, one frame each.

    One per 2 MiB of 4K leaves, per GiB, per 512 GiB, and with five levels per 256 TiB.
    """
    total = 0
    for level in range(table_levels - 1):
        last = -1
        shift = TABLE_SHIFT * (level + 1)
        for span in spans:
            if span.level <= level:
                first = max(span.start >> shift, last + 1)
                last = max(last, (span.end - 1) >> shift)
                total += last - first + 1
    return total


def boot_recount_frames(spans: list[Span]) -> int:
    """What DirectMap1G counts too much: the top GiB is mapped in steps of 2 MiB, 64 MiB and the rest.

    `memory_map_top_down` maps downwards in growing steps and `phys_pud_init` counts the same 1G
    leaf again at each of them, so that the three lines of /proc/meminfo add up to RAM + 2 GiB
    on every recorded machine with 1G leaves.
    """
    top = spans[-1]
    return 2 * FRAMES_1G if top.level is Level.LEAF_1G else 0
