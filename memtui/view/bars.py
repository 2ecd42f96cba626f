"""Bars: shares, gauges with marks, columns, and lengths on a log scale. All integer positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from memtui.view.cells import Row, Span
from memtui.view.glyphs import Glyphs
from memtui.view.tokens import Token


def steps_of(part: int | float, whole: int | float, steps: int) -> int:
    """How many of `steps` steps show `part` of `whole`: at least one for a little, never all for not quite all."""
    if whole <= 0 or part <= 0:
        return 0
    if part >= whole:
        return steps
    return max(1, min(steps - 1, int(part * steps / whole))) if steps > 1 else 1


def bar(part: int | float, whole: int | float, width: int, token: Token, glyphs: Glyphs) -> Row:
    """A bar of exactly `width` cells, as long as `part` is of `whole`, to the eighth of a cell where glyphs allow."""
    fine = len(glyphs.fill) - 1
    full, rest = divmod(steps_of(part, whole, width * fine), fine)
    text = glyphs.fill[-1] * full + (glyphs.fill[rest] if rest else "")
    return tuple(span for span in (Span(text, token), Span(" " * (width - len(text)))) if span.text)


def gauge(
    value: int, least: int, whole: int, width: int, token: Token, glyphs: Glyphs, marks: Sequence[int] = ()
) -> Row:
    """A level on a track of `width` cells with watermarks; between the `least` it ever was and now it is fainter."""
    filled = steps_of(value, whole, width)
    always = min(filled, steps_of(least, whole, width))
    cells = [(glyphs.fill[-1], token)] * always + [(glyphs.faint, token)] * (filled - always)
    cells += [(glyphs.track, Token.TRACK)] * (width - filled)
    for mark in marks:
        cells[_cell_of(mark, whole, width)] = (glyphs.watermark, Token.MARK)
    return tuple(
        Span("".join(character for character, _ in run), kind)
        for kind, run in ((kind, list(run)) for kind, run in groupby(cells, key=lambda cell: cell[1]))
    )


def _cell_of(value: int, whole: int, width: int) -> int:
    return 0 if whole <= 0 else max(0, min(width - 1, value * width // whole))


def columns(values: Sequence[float | None], height: int, top: float, glyphs: Glyphs) -> list[str]:
    """Values as columns `height` cells tall, full at `top`: lines of text from the top down.

    Nothing is drawn for zero and where nothing is known; the least above zero is the lowest level.
    """
    fine = len(glyphs.levels) - 1
    heights = [0 if value is None else steps_of(value, top, height * fine) for value in values]
    return [
        "".join(glyphs.levels[max(0, min(fine, size - level * fine))] for size in heights)
        for level in range(height - 1, -1, -1)
    ]


def stacked(parts: Sequence[tuple[str, Token, int]], width: int) -> Row:
    """Parts of a whole side by side in `width` cells, each drawn with its letter: (letter, token, size).

    Cells go to parts by largest remainder, so that they always add up to the width.
    """
    whole = sum(size for _, _, size in parts)
    if whole <= 0 or width <= 0:
        return ()
    cells = [size * width // whole for _, _, size in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: (-(parts[place][2] * width % whole), place))
    for place in by_remainder[: width - sum(cells)]:
        cells[place] += 1
    return tuple(Span(letter * count, token) for (letter, token, _), count in zip(parts, cells, strict=True) if count)


def log_cells(value: int, lowest: int, highest: int, width: int) -> int:
    """Where `value` lies in `width` cells on a log scale whose first cell begins at `lowest`."""
    if value <= lowest or highest <= lowest:
        return 0
    return max(0, min(width, round(width * math.log2(value / lowest) / math.log2(highest / lowest))))
