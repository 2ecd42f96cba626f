"""How free memory moved: MemFree, free blocks of each order, and how much of it was fragmented."""

from __future__ import annotations

from typing import Final

from memtui.reading import read
from memtui.snapshot import Snapshot
from memtui.units import KIB, PPM, format_bytes
from memtui.view.cells import Rows
from memtui.view.glyphs import Glyphs
from memtui.view.history import beside, largest, strip
from memtui.view.numbers import percent_of_ppm
from memtui.view.panels.order_history import order_history
from memtui.view.scene import Scene
from memtui.view.tokens import Token

LEAST_ROWS: Final = 4
_TALLEST: Final = 12
"""Rows from which a strip says no more: those of eleven orders and their title."""
_BOTH_FROM: Final = 72
"""Width from which free blocks by order have their past beside that of MemFree."""


def memory_history(scene: Scene, width: int, room: int, glyphs: Glyphs) -> Rows:
    """An empty row and the strips, in at most `room` rows; a second band of them where there are rows left."""
    if room - 1 < LEAST_ROWS - 1:
        return []
    first = min(room - 1, _TALLEST)
    rows: Rows = [(), *_band(scene, width, first, glyphs)]
    left = room - len(rows) - 1
    return rows + ([(), *_fragmented(scene, width, min(left, _TALLEST), glyphs)] if left >= LEAST_ROWS else [])


def _band(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    series = scene.history.series("MemFree")
    most = format_bytes(largest(series) * KIB)
    if width < _BOTH_FROM or height < LEAST_ROWS:
        return strip(series, scene.axis, "MemFree", most, width, height, glyphs, Token.HISTORY)
    widths = _halves(width)
    free = strip(series, scene.axis, "MemFree", most, widths[0], height, glyphs, Token.HISTORY)
    return beside((free, order_history(scene, widths[1], height, glyphs)), widths, height, glyphs)


def _fragmented(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The share of free memory in blocks below 2 MiB, and beside it the index for 4 MiB."""
    share = scene.history.past(below_2m_ppm)
    most = percent_of_ppm(largest(share))
    if width < _BOTH_FROM:
        return strip(share, scene.axis, "below 2M", most, width, height, glyphs, Token.NOTICE)
    widths = _halves(width)
    left = strip(share, scene.axis, "below 2M", most, widths[0], height, glyphs, Token.NOTICE)
    index = scene.history.past(index_4m)
    highest = f"{largest(index) / 1000:.2f}"
    right = strip(index, scene.axis, "fragmentation 4M", highest, widths[1], height, glyphs, Token.NOTICE)
    return beside((left, right), widths, height, glyphs)


def below_2m_ppm(now: Snapshot) -> float | None:
    """Share of free memory in blocks below 2 MiB, in parts per million."""
    index = read(now, "unusable_index.9")
    return None if index is None else index * PPM // 1000


def index_4m(now: Snapshot) -> float | None:
    """Linux's index for 4 MiB in thousandths; 0 while a block of that size is free."""
    index = read(now, "extfrag_index.10")
    return None if index is None else max(0, index)


def _halves(width: int) -> tuple[int, int]:
    half = (width - 3) // 2
    return half, width - 3 - half
