"""The whole dashboard from its parts: the widgets draw each part, a picture in text all of them.

Both go through the same functions, so that what is written to a file looks like what is on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memtui.snapshot import MapRequest, RunInfo
from memtui.view.catalogue import digit, merged, panel
from memtui.view.cells import Row, Rows, Span, fit
from memtui.view.frame import EDGE_COLUMNS, EDGE_ROWS, bare, framed
from memtui.view.glyphs import Glyphs
from memtui.view.header import Hint, error_row, footer_row, header_row, one_line, tabs_row, timeline_row
from memtui.view.layout import Layout, Mode, Place
from memtui.view.scene import Drawing, PlayState, Scene, Status
from memtui.view.state import ViewState


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a dashboard is drawn from."""

    scene: Scene
    status: Status
    layout: Layout
    hints: Sequence[Hint]
    chosen: str
    """The panel that has the keyboard."""
    glyphs: Glyphs

    def differs_in_time_only(self, earlier: Desk) -> bool:
        """Whether nothing but the clock, the time bar and the end of history strips has moved since `earlier`."""
        scene, before = self.scene, earlier.scene
        return (
            self.status.state is PlayState.LIVE
            and self.status == earlier.status
            and (self.layout, self.chosen, scene.state) == (earlier.layout, earlier.chosen, before.state)
            and scene.now.differs_in_time_only(before.now)
            and scene.info.without_end == before.info.without_end
        )


def draw_panel(desk: Desk, name: str) -> Rows:
    """One panel with its frame, in exactly the place the layout gives it; nothing where it has none."""
    scene, glyphs = desk.scene, desk.glyphs
    return in_place(desk, name, lambda width, height: panel(name).draw(scene, width, height, glyphs))


def in_place(desk: Desk, name: str, draw: Callable[[int, int], Drawing]) -> Rows:
    """What `draw` draws (given width and height), framed as the layout has it for the panel of that name."""
    place, layout = desk.layout.place_of(name), desk.layout
    if place is None:
        return []
    if not layout.has_frame(name):
        return bare(draw(place.width, place.height), place.width, place.height, desk.glyphs)
    drawing = draw(*inner_size(place, True))
    chosen = name == desk.chosen and layout.mode is Mode.GRID
    return framed(drawing, f"{digit(name)} {panel(name).title}", place.width, place.height, chosen, desk.glyphs)


def inner_size(place: Place, has_frame: bool) -> tuple[int, int]:
    """Width and height of what a panel draws in."""
    return (place.width - EDGE_COLUMNS, place.height - EDGE_ROWS) if has_frame else (place.width, place.height)


def map_request(info: RunInfo, state: ViewState, layout: Layout) -> MapRequest:
    """The maps that the panels of a layout need."""
    return merged([panel_request(info, state, layout, name) for name, _ in layout.panels])


def panel_request(info: RunInfo, state: ViewState, layout: Layout, name: str) -> MapRequest:
    """The maps that one panel of a layout needs."""
    wanted, place = panel(name).request, layout.place_of(name)
    if wanted is None or place is None:
        return MapRequest()
    return wanted(info, state, *inner_size(place, layout.has_frame(name)))


def draw_header(desk: Desk) -> Row:
    """The header; on the smallest screens the one line that is all there is."""
    if desk.layout.mode is Mode.LINE:
        return one_line(desk.scene, desk.status, _last_hints(desk), desk.layout.width, desk.glyphs)
    return header_row(desk.scene, desk.status, desk.layout.width, desk.glyphs)


def draw_timeline(desk: Desk) -> Row:
    """The time bar."""
    return timeline_row(desk.scene, desk.status, desk.hints, desk.layout.width, desk.glyphs)


def draw_tabs(desk: Desk) -> Row:
    """The tabs of a screen that shows one panel; why the machine stopped, where nothing else has room to say it."""
    if desk.status.error and not {"timeline", "footer"} & set(desk.layout.lines):
        return error_row(desk.status, desk.hints, desk.layout.width, desk.glyphs)
    shown = desk.layout.panels[0][0] if desk.layout.panels else desk.chosen
    return tabs_row(shown, _last_hints(desk), desk.layout.width, desk.glyphs)


def _last_hints(desk: Desk) -> Sequence[Hint]:
    """Help and quit, for a screen without a footer to say them; nothing for others."""
    return () if "footer" in desk.layout.lines else desk.hints[-2:]


def draw_footer(desk: Desk) -> Row:
    """The keys."""
    return footer_row(desk.hints, desk.status, desk.layout.width, desk.glyphs)


LINES: Final[Mapping[str, Callable[[Desk], Row]]] = {
    "header": draw_header,
    "timeline": draw_timeline,
    "tabs": draw_tabs,
    "footer": draw_footer,
}
"""What draws each line around the panels, by its name in a layout."""

CLOCKS: Final = ("header", "timeline")
"""Those of them that tell the time."""


def draw_all(desk: Desk) -> Rows:
    """The whole screen, row by row, exactly as wide and high as the layout."""
    layout = desk.layout
    canvas: list[list[tuple[int, Row]]] = [[] for _ in range(layout.height)]
    for part, draw in LINES.items():
        place = layout.lines.get(part)
        if place is not None:
            canvas[place.y].append((place.x, draw(desk)))
    for name, place in layout.panels:
        for offset, line in enumerate(draw_panel(desk, name)):
            canvas[place.y + offset].append((place.x, line))
    return [fit(_joined(pieces), layout.width, desk.glyphs.more) for pieces in canvas]


def _joined(pieces: list[tuple[int, Row]]) -> Row:
    spans: list[Span] = []
    for _, piece in sorted(pieces, key=lambda part: part[0]):
        spans += piece
    return tuple(spans)
