"""The main screen: header, time bar, panels and footer, placed by the view's layout at any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual.app import ComposeResult
from textual.events import DescendantFocus, Resize
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from memtui.snapshot import MapRequest, RunInfo
from memtui.tui.faults import Faults
from memtui.tui.widgets.drawn import DrawnView
from memtui.tui.widgets.panel import PanelView
from memtui.tui.widgets.rows import Palette
from memtui.view.catalogue import PANELS, merged, panel
from memtui.view.cells import Row, Rows
from memtui.view.dashboard import CLOCKS, LINES, Desk, inner_size, panel_request
from memtui.view.frame import EDGE_COLUMNS, EDGE_ROWS
from memtui.view.glyphs import Glyphs
from memtui.view.header import Hint
from memtui.view.layout import Layout, Mode, Place, lay_out, lay_out_alone
from memtui.view.scene import Scene, Status
from memtui.view.state import START, Move, Pointer, ViewState

QUIET_FRAMES: Final = 9
"""Most frames in a row in which nothing is drawn but the time: nearly a second."""


class Board(Screen[None], inherit_bindings=False):
    """Holds the widgets, and knows which panel is chosen and which is enlarged. All its keys are the app's."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Who has the keyboard. Textual would paint the whole screen for it; here the titles of panels say so."""

    class Rearranged(Message):
        """What shows, or where, has changed: time for a new Snapshot and a paint."""

    def __init__(self, glyphs: Glyphs, palette: Palette, hints: Sequence[Hint], alone: str | None = None) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._hints = hints
        self._alone = alone
        self.enlarged: str | None = None
        """The panel that has the whole screen, if one has."""
        self.chosen = PANELS[0].name
        """The panel that has the keyboard."""
        self._chosen_before = PANELS[0].name
        """The panel that had it before."""
        self.panels = {panel.name: PanelView(panel.name, palette) for panel in PANELS}
        self.lines = {name: DrawnView(name, palette, _one_row(draw)) for name, draw in LINES.items()}
        self.state = START
        """Where someone looks."""
        self.arrangement = self._lay_out(0, 0)
        """Where everything stands now."""
        self._aimed_at: tuple[str, int, int] | None = None
        """Where the wheel was turned last."""
        self.desk: Desk | None = None
        """What was painted last."""
        self._asked: tuple[RunInfo, ViewState, Layout] | None = None
        self._request = MapRequest()
        """What was needed last, of what was `_asked` last."""
        self._quiet = 0
        """Frames in a row in which only the time was drawn."""
        self.faults = Faults()
        """What could not be painted, or done."""

    def compose(self) -> ComposeResult:
        """All parts; those the screen has no room for are hidden."""
        yield from self.lines.values()
        yield from self.panels.values()

    def on_mount(self) -> None:
        """Gives the keyboard to the first panel."""
        self.panels[self.chosen].focus()

    def on_resize(self, event: Resize) -> None:
        """Places everything anew, unless it stands as that size wants it."""
        if event.size != (self.arrangement.width, self.arrangement.height):
            self.place_parts(*event.size)
            self.post_message(self.Rearranged())

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The panel that gets the keyboard is the chosen one."""
        if isinstance(event.widget, PanelView):
            self.choose(event.widget.panel_name)

    def choose_next(self, direction: int) -> None:
        """Makes the next panel of those that can be gone to the chosen one, or the one before."""
        names = list(self.panels) if self.arrangement.mode is not Mode.GRID else [n for n, _ in self.arrangement.panels]
        here = names.index(self.chosen) if self.chosen in names else 0
        self.choose(names[(here + direction) % len(names)])

    def choose(self, name: str) -> None:
        """Makes a panel the chosen one, and the enlarged one if one is enlarged."""
        if name == self.chosen:
            return
        self._chosen_before, self.chosen = self.chosen, name
        if self.enlarged is not None:
            self.enlarged = name
        self.rearrange()
        self.panels[name].focus()

    def enlarge(self, name: str | None) -> None:
        """Gives the whole screen to a panel; None: all panels again."""
        if name is not None and name != self.chosen:
            self._chosen_before, self.chosen = self.chosen, name
        self.enlarged = name
        self.rearrange()
        self.panels[self.chosen].focus()

    def rearrange(self) -> None:
        """Places everything anew at the size there is."""
        self.place_parts(self.arrangement.width, self.arrangement.height)
        self.post_message(self.Rearranged())

    def place_parts(self, width: int, height: int) -> None:
        """Places everything for a screen of that size."""
        self.arrangement = self._lay_out(width, height)
        if self.arrangement.mode is Mode.GRID and self.arrangement.place_of(self.chosen) is None:
            self.chosen = self._chosen_before
        for name, line in self.lines.items():
            _put(line, self.arrangement.lines.get(name))
        for name, view in self.panels.items():
            _put(view, self.arrangement.place_of(name))

    def request(self, info: RunInfo) -> MapRequest:
        """The maps that what shows needs; a panel that cannot say what it needs gets none."""
        asked = info.without_end, self.state, self.arrangement
        if asked != self._asked:
            self._asked = asked
            self._request = merged([self._request_of(name, info) for name, _ in self.arrangement.panels])
        return self._request

    def _request_of(self, name: str, info: RunInfo) -> MapRequest:
        try:
            return panel_request(info, self.state, self.arrangement, name)
        except Exception as fault:
            now_ns = self.desk.scene.now.time_ns if self.desk is not None else 0
            self.faults.note(f"panel {name} could not say what it shows", fault, now_ns)
            return MapRequest()

    def move(self, scene: Scene, move: Move, name: str) -> None:
        """Does what a key for moving, or the wheel, asks of a panel."""
        mover, place = panel(name).move, self.arrangement.place_of(name)
        if mover is not None and place is not None:
            self.state = mover(scene, move, *inner_size(place, self.arrangement.has_frame(name)))

    def point(self, scene: Scene, name: str, x: int, y: int) -> None:
        """Does what a click at column and row (x, y) of a panel, its frame included, asks of it."""
        self._pointed(panel(name).point, scene, name, x, y)

    def aim(self, scene: Scene, name: str, x: int, y: int) -> None:
        """Takes what the wheel acts at to column and row (x, y) of a panel, its frame included.

        A wheel that goes on turning in one place goes on with what was there at first: a zoom moves
        other memory under the mouse, but not under the cursor.
        """
        if self._aimed_at != (name, x, y):
            self._aimed_at = name, x, y
            self._pointed(panel(name).aim, scene, name, x, y)

    def _pointed(self, pointer: Pointer | None, scene: Scene, name: str, x: int, y: int) -> None:
        place = self.arrangement.place_of(name)
        if pointer is None or place is None:
            return
        has_frame = self.arrangement.has_frame(name)
        left, top = (EDGE_COLUMNS // 2, EDGE_ROWS // 2) if has_frame else (0, 0)
        width, height = inner_size(place, has_frame)
        if 0 <= x - left < width and 0 <= y - top < height:
            self.state = pointer(scene, x - left, y - top, width, height)

    def paint(self, scene: Scene, status: Status) -> None:
        """Draws everything that shows; rows that stayed the same are not painted again.

        While nothing happens only what tells the time is drawn each frame, and the strips of history,
        which then end a little early, once in `QUIET_FRAMES`.
        """
        before = self.desk
        desk = self.desk = Desk(scene, status, self.arrangement, self._hints, self.chosen, self._glyphs)
        quiet = before is not None and self._quiet < QUIET_FRAMES and desk.differs_in_time_only(before)
        self._quiet = self._quiet + 1 if quiet else 0
        for name in self.arrangement.lines:
            if not quiet or name in CLOCKS:
                self._draw(self.lines[name], name, desk)
        for name, _ in () if quiet else self.arrangement.panels:
            self._draw(self.panels[name], f"panel {name}", desk)

    def _draw(self, view: DrawnView, what: str, desk: Desk) -> None:
        view.draw(desk)
        if view.fault is not None:
            self.faults.note(f"{what} could not be drawn", view.fault, desk.scene.now.time_ns)

    @property
    def is_painted(self) -> bool:
        """Whether the last paint shows what is looked at, where everything stands now."""
        desk = self.desk
        return desk is not None and desk.layout is self.arrangement and desk.scene.state is self.state

    def recolour(self, palette: Palette) -> None:
        """Paints everything in other styles."""
        for view in (*self.lines.values(), *self.panels.values()):
            view.recolour(palette)

    def _lay_out(self, width: int, height: int) -> Layout:
        if self._alone is not None:
            return lay_out_alone(width, height, self._alone)
        return lay_out(width, height, self.enlarged, self.chosen)


def _one_row(draw: Callable[[Desk], Row]) -> Callable[[Desk], Rows]:
    return lambda desk: [draw(desk)]


def _put(widget: Widget, place: Place | None) -> None:
    """Puts a widget in its place, or hides it."""
    widget.display = place is not None
    if place is not None:
        widget.styles.offset = (place.x, place.y)
        widget.styles.width = place.width
        widget.styles.height = place.height
