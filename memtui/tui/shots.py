"""Screenshots: what is on the screen, as files that say at which simulated moment it was."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from memtui.units import MS, SECOND
from memtui.view.cells import plain
from memtui.view.dashboard import Desk, draw_all

_ID = re.compile(r"terminal-\d+")
"""Rich's prefix of every id and class in an SVG: a hash of the styles' innards."""

_REMOTE_FONT = re.compile(r"\s*@font-face \{[^}]*\}")
"""Fonts from elsewhere: a picture should not make its viewer ask the network."""

_FONTS: Final = "Fira Code, DejaVu Sans Mono, monospace"

_RUN = re.compile(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"( clip-path="[^"]*")>([^<]*)<')
_SPACE: Final = "&#160;"
_CELL: Final = 12.2
"""Width of a cell in Rich's SVG: 20 px times its font's aspect ratio."""


def tidy_svg(svg: str) -> str:
    """The SVG as the same screen always gives it, that any viewer shows alike, without the network.

    Ids get a fixed prefix, remote fonts go, and no run of text begins or ends with spaces, which
    some viewers drop.
    """
    svg = _REMOTE_FONT.sub("", _ID.sub("memtui", svg)).replace("Fira Code, monospace", _FONTS)
    return _RUN.sub(_without_outer_spaces, svg)


def _without_outer_spaces(run: re.Match[str]) -> str:
    x, y, length, clip, text = run.groups()
    leading, trailing = _count(text, at_start=True), _count(text, at_start=False)
    if leading * len(_SPACE) == len(text):
        return run.group()
    inner = text[leading * len(_SPACE) : len(text) - trailing * len(_SPACE)]
    place = float(x) + leading * _CELL
    width = float(length) - (leading + trailing) * _CELL
    return f'x="{place:.6g}" y="{y}" textLength="{width:.6g}"{clip}>{inner}<'


def _count(text: str, at_start: bool) -> int:
    """How many spaces a run of an SVG begins or ends with."""
    count = 0
    while text.startswith(_SPACE, count * len(_SPACE)) if at_start else text.endswith(_SPACE * (count + 1)):
        count += 1
    return count


def as_text(desk: Desk) -> str:
    """The dashboard as text, one line per row of the screen."""
    return plain(draw_all(desk)) + "\n"


def save_shots(folder: Path, desk: Desk, svg: str) -> list[str]:
    """Writes the SVG and the text into `folder`, over nothing that is there; the names of the files.

    Raises OSError when they cannot be written.
    """
    time_ns = desk.scene.now.time_ns
    stem = f"memtui-{time_ns // SECOND}.{time_ns % SECOND // MS:03}s"
    number, name = 1, stem
    while any((folder / f"{name}{suffix}").exists() for suffix in (".svg", ".txt")):
        number += 1
        name = f"{stem}-{number}"
    for suffix, text in ((".svg", tidy_svg(svg)), (".txt", as_text(desk))):
        with (folder / f"{name}{suffix}").open("x", encoding="utf-8") as file:
            file.write(text)
    return [f"{name}.svg", f"{name}.txt"]
