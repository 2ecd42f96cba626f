"""`memtui snapshot`: one picture of the dashboard, without a terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import memtui
from memtui.commands import files, inputs, outcome
from memtui.commands.exits import Status, say
from memtui.commands.files import STANDARD_STREAM
from memtui.commands.inputs import GLYPH_SETS, BadInput
from memtui.sources.simulation import Simulation
from memtui.tui.snapshot import render_svg, render_text
from memtui.units import format_clock
from memtui.view.glyphs import Glyphs, choose_glyphs

FILE_ENCODING: Final = "utf-8"


@dataclass(frozen=True, slots=True)
class SnapshotOptions:
    """The options of a picture, as they were written."""

    source: str
    at: str = "0s"
    size: str = "120x40"
    output: str = STANDARD_STREAM
    panel: str | None = None
    seed: str | None = None
    sets: tuple[str, ...] = ()
    glyphs: str = "auto"
    theme: str | None = None


def take(options: SnapshotOptions) -> int:
    """Plays to the moment and draws it; the exit status."""
    at_ns = inputs.moment_ns("--at", options.at)
    width, height = inputs.picture_size("--size", options.size)
    seed = inputs.seed("--seed", options.seed)
    inputs.theme(options.theme)
    inputs.one_of("--glyphs", options.glyphs, GLYPH_SETS)
    path = files.writable("--output", options.output) or STANDARD_STREAM
    suffix = PurePath(path).suffix.lower()
    if path != STANDARD_STREAM and suffix not in (".svg", ".txt"):
        raise BadInput(f"--output: {path} is neither .svg nor .txt")
    simulation = Simulation(memtui.load(options.source, options.sets), seed)
    glyphs = _glyphs(options.glyphs, path)
    try:
        if suffix == ".svg":
            picture = render_svg(
                simulation,
                at_ns,
                width,
                height,
                panel_name=options.panel,
                glyphs=glyphs,
                theme=options.theme,
            )
        else:
            picture = render_text(simulation, at_ns, width, height, panel_name=options.panel, glyphs=glyphs)
    except ValueError as error:
        raise BadInput(str(error)) from None
    if simulation.now_ns < at_ns:
        say(f"memtui: the run ends at {format_clock(simulation.now_ns)}: the picture is of that moment")
    files.write("--output", path, picture if picture.endswith("\n") else f"{picture}\n")
    return Status.STOPPED if outcome.status(simulation) == Status.STOPPED else Status.WELL


def _glyphs(name: str, path: str) -> Glyphs:
    """The glyphs for a picture. In a file they do not depend on the terminal it is made at."""
    if path == STANDARD_STREAM:
        return choose_glyphs(name, sys.stdout.encoding, os.environ.get("TERM"))
    return choose_glyphs(name, FILE_ENCODING, None)
