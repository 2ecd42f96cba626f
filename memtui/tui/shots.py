"""Screenshots: what is on the screen, as files that say at which simulated moment it was."""

from __future__ import annotations

from pathlib import Path

from memtui.tui.svg import tidy_svg
from memtui.units import MS, SECOND
from memtui.view.cells import plain
from memtui.view.dashboard import Desk, draw_all


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
