"""The README's pictures: `python -m tests.pictures` draws them again, as the program draws them now.

Each is the dashboard on a bundled scenario at a moment, after some keys were pressed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tests.conftest  # noqa: F401 a terminal that looks the same everywhere, before Textual is imported
from memtui import load
from memtui.sources.rewind import Rewind
from memtui.sources.simulation import Simulation
from memtui.tui.app import Dashboard
from memtui.tui.snapshot import played_to
from memtui.tui.svg import tidy_svg
from memtui.units import SECOND

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn into one file."""

    name: str
    scenario: str
    at_ns: int
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    """Pressed one after the other before it is drawn."""
    theme: str = "memtui"

    @property
    def path(self) -> Path:
        """The file."""
        return FOLDER / f"{self.name}.svg"


INTO_THE_POOL: Final = ("2", "z", "right", "down", *("right_square_bracket",) * 4)
"""From the whole machine to the struct pages of one huge page of the pool."""

PICTURES: Final = (
    Picture("tour", "tour", 13 * SECOND, (120, 40)),
    Picture("huge-page", "tour", 13 * SECOND, (120, 44), INTO_THE_POOL),
    Picture("small", "tour", 13 * SECOND, (80, 24), theme="memtui-light"),
)
"""All of them."""


def drawn(picture: Picture) -> str:
    """The picture as SVG."""
    return asyncio.run(_drawn(picture))


async def _drawn(picture: Picture) -> str:
    simulation = Simulation(load(picture.scenario))
    timeline = played_to(simulation, picture.at_ns)
    app = Dashboard(simulation, theme=picture.theme, paused=True, timeline=timeline, past=Rewind(simulation))
    async with app.run_test(size=picture.size) as pilot:
        await pilot.pause()
        await pilot.press(*picture.keys)
        await pilot.pause()
        app.frame()
        await pilot.pause()
        return tidy_svg(app.export_screenshot(title=f"memtui - {simulation.info.scenario}", simplify=True)) + "\n"


def draw_all() -> None:
    """Draws every picture into its file."""
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        picture.path.write_text(drawn(picture), encoding="utf-8")


if __name__ == "__main__":
    draw_all()
