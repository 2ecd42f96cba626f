"""SVG pictures that any viewer shows alike: every piece exactly at its cell, nothing left to fonts or the network.

Rich writes a row as runs of text and trusts the viewer to stretch each run to its `textLength`
with its own font. Not every viewer does (librsvg ignores it), and runs of blocks then end short
of their cells. So blocks and frames become shapes, and text is placed word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Final

from memtui.view.cells import cell_width

_ID = re.compile(r"terminal-\d+")
"""Rich's prefix of every id and class in an SVG: a hash of the styles' innards."""

_REMOTE_FONT = re.compile(r"\s*@font-face \{[^}]*\}")
"""Fonts from elsewhere: a picture should not make its viewer ask the network."""

_FONTS: Final = "Fira Code, DejaVu Sans Mono, monospace"

_RUN = re.compile(
    r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"( clip-path="[^"]*")>([^<]*)</text>'
)
_CELL: Final = 12.2
"""Width of a cell in Rich's SVG: 20 px times its font's aspect ratio."""
_LINE: Final = 24.4
"""Height of a row."""
_ASCENT: Final = 18.5
"""From the top of a row to the line its text stands on."""
_THIN: Final = 0.6
"""Half the width of a frame's line."""

_PIECE = re.compile(r"(?P<bar>[█▁-▇▉-▏])(?P=bar)*|─+|│|[╭╮╰╯]|(?P<same>[^ ])(?P=same){2,}|[!-~]+|[^ ]")
"""What is drawn as one: equal blocks, a line, a corner, a character repeated, a word, any other character."""
_LONGEST: Final = 4
"""Cells of one piece of a repeated character: short enough that another font's width does not show."""

_SHARP: Final = ' shape-rendering="crispEdges"'
"""Blocks side by side leave no seam between them."""

_CORNERS: Final = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}
"""The way a corner opens: right or left, down or up."""


def tidy_svg(svg: str) -> str:
    """The SVG as the same screen always gives it, with everything in its cell and no need of the network."""
    svg = _REMOTE_FONT.sub("", _ID.sub("memtui", svg)).replace("Fira Code, monospace", _FONTS)
    return _RUN.sub(lambda run: "".join(_pieces(run)), svg)


def _pieces(run: re.Match[str]) -> Iterator[str]:
    kind, x, y, clip, words = run.groups()
    text = unescape(words).replace("\xa0", " ")
    for found in _PIECE.finditer(text):
        piece = found.group()
        left, top = float(x) + cell_width(text[: found.start()]) * _CELL, float(y) - _ASCENT
        shape = _shape(piece, left, top)
        if shape:
            sharp = _SHARP if found["bar"] else ""
            yield f'<path class="{kind}" d="{shape}"{sharp}{clip}/>'
            continue
        step = _LONGEST if found["same"] else len(piece)
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            place, width = left + cell_width(piece[:start]) * _CELL, cell_width(part) * _CELL
            attributes = f'class="{kind}" x="{place:.6g}" y="{y}" textLength="{width:.6g}"{clip}'
            yield f"<text {attributes}>{escape(part, quote=False)}</text>"


def _shape(piece: str, left: float, top: float) -> str:
    """The outline of blocks or of a part of a frame, whose first cell has that corner; empty for what is text."""
    sign, width = piece[0], len(piece) * _CELL
    if "▁" <= sign <= "█":
        height = _LINE * (ord(sign) - ord("▁") + 1) / 8
        return _box(left, top + _LINE - height, width, height)
    if "▉" <= sign <= "▏":
        # Only one of these ends a bar; several side by side are as many boxes.
        part = _CELL * (ord("▏") - ord(sign) + 1) / 8
        return "".join(_box(left + place * _CELL, top, part, _LINE) for place in range(len(piece)))
    if sign == "─":
        return _box(left, top + _LINE / 2 - _THIN, width, 2 * _THIN)
    if sign == "│":
        return _box(left + _CELL / 2 - _THIN, top, 2 * _THIN, _LINE)
    return _corner(sign, left + _CELL / 2, top + _LINE / 2) if sign in _CORNERS else ""


def _box(left: float, top: float, width: float, height: float) -> str:
    return f"M{left:.6g},{top:.6g}h{width:.6g}v{height:.6g}h{-width:.6g}z"


def _corner(sign: str, x: float, y: float) -> str:
    """A quarter of a ring around a corner's middle, and the line from there to the row's edge."""
    across, down = _CORNERS[sign]
    radius, inward = _CELL / 2, int(across * down > 0)
    end_x, end_y = x + across * radius, y + down * radius
    outer, inner = radius + _THIN, radius - _THIN
    return (
        f"M{end_x:.6g},{y - down * _THIN:.6g}"
        f"A{outer:.6g},{outer:.6g} 0 0 {1 - inward} {x - across * _THIN:.6g},{end_y:.6g}"
        f"V{y + down * _LINE / 2:.6g}h{across * 2 * _THIN:.6g}V{end_y:.6g}"
        f"A{inner:.6g},{inner:.6g} 0 0 {inward} {end_x:.6g},{y + down * _THIN:.6g}z"
    )
