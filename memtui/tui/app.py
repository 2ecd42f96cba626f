"""The dashboard: it plays a source, pulls one Snapshot a frame, and hands it to the screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import Screen
from textual.system_commands import SystemCommandsProvider
from textual.theme import Theme, ThemeProvider

from memtui.engine.playable import Past, Playable
from memtui.engine.player import Player
from memtui.snapshot import MapRequest
from memtui.timeline import Timeline
from memtui.tui import mouse, questions
from memtui.tui.actions import ACTIONS, Action, action_of, footer_hints
from memtui.tui.driver import TerminalDriver
from memtui.tui.faults import in_words
from memtui.tui.screens.board import Board
from memtui.tui.screens.choices import Choices
from memtui.tui.screens.prompt import Prompt, Question
from memtui.tui.screens.words import WordsScreen, all_help
from memtui.tui.sessions import save_session
from memtui.tui.shots import save_shots
from memtui.tui.terminal_app import TerminalApp
from memtui.tui.themes import THEMES, checked_theme, default_theme, token_styles
from memtui.tui.ticks import Ticks
from memtui.tui.viewer import Viewer
from memtui.tui.widgets.panel import PanelView
from memtui.tui.widgets.rows import Palette, RowsView
from memtui.view.catalogue import PANELS, panel
from memtui.view.glyphs import UNICODE, Glyphs
from memtui.view.help import panel_help
from memtui.view.numbers import moment
from memtui.view.state import Move

EXIT_STOPPED: Final = 3
"""The exit status when the simulated machine could not go on."""

NO_COLOR: Final = "NO_COLOR"
"""Set, and not empty: nothing is coloured (no-color.org). Textual by itself would leave shades of grey."""


class Dashboard(TerminalApp):
    """Shows one source. Everything a person does goes through `do`, by the id of an action."""

    CSS_PATH = "theme.tcss"
    TITLE = "memtui"
    ENABLE_COMMAND_PALETTE = False
    """Textual's own way to the palette; ours is an action like all others."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), f"do('{action.id}')", action.label, show=False, id=action.id)
        for action in ACTIONS
    ]

    def __init__(
        self,
        source: Playable,
        *,
        speed: float = 1.0,
        theme: str | None = None,
        glyphs: Glyphs = UNICODE,
        until_ns: int | None = None,
        paused: bool = False,
        timeline: Timeline | None = None,
        alone: str | None = None,
        past: Past | None = None,
        actions: Sequence[Action] = ACTIONS,
    ) -> None:
        """Raises ValueError with one line for a theme there is none of, or a speed that cannot be played at."""
        super().__init__(driver_class=TerminalDriver, ansi_color=True if os.environ.get(NO_COLOR) else None)
        self.player = Player(source, speed, until_ns, paused=paused)
        self.viewer = Viewer(source, self.player, timeline if timeline is not None else Timeline(), past)
        self.glyphs = glyphs
        self._commands: list[str] = []
        self._times: list[str] = []
        self.ticks = Ticks()
        self._stale, self._was_playing = True, False
        for own in THEMES:
            self.register_theme(own)
        self.theme = checked_theme(theme if theme is not None else default_theme(os.environ))
        self.set_class(glyphs is not UNICODE, "-plain-glyphs")
        self.actions = actions
        """All there is to do, with the keys for it."""
        self.set_keymap({action.id: ",".join(action.keys) for action in actions if action not in ACTIONS})
        self.board = Board(glyphs, self.palette(), footer_hints(actions), alone)

    def palette(self) -> Palette:
        """The style of every token under the theme as it is."""
        return token_styles(self.current_theme, self.get_css_variables(), colour=not self.no_color)

    def get_default_screen(self) -> Screen[None]:
        """The board."""
        return self.board

    def on_mount(self) -> None:
        """Starts playing and looking; the first paint has everything in its place."""
        self.theme_changed_signal.subscribe(self, self._recolour)
        self.board.place_parts(*self.size)
        self.frame()
        self.ticks.start(self, self.frame, lambda: self.player.gives_way)
        self.run_worker(self.player.run(), name="player", exit_on_error=False)
        self.may_leave()

    def input_arrived(self) -> None:
        """What people do comes before simulated time."""
        self.player.give_way()

    async def on_key(self, event: Key) -> None:
        """A key that a panel was given while the one before it opened a prompt is the prompt's."""
        if isinstance(self.screen, Prompt):
            await self.screen.type_ahead(event)

    def on_unmount(self) -> None:
        """Lets the player end."""
        self.player.close()

    def frame(self) -> None:
        """One frame: a Snapshot and a paint if anything can have changed; if not, no more frames until it has."""
        playing, back = self.viewer.playing, self.viewer.looking_back
        needed = playing or self._was_playing or self._stale or back.busy
        self.ticks.keep(needed)
        if not needed:
            return
        self._was_playing, self._stale = playing, False
        self.board.state = self.viewer.still_chosen(self.board.state)
        if self.viewer.timeline.live or playing:
            self.viewer.look(self._request())
        scene = self.viewer.scene(self.board.state, self._request())
        if scene is None:
            self.leave(0)
        else:
            self.board.paint(scene, self.viewer.status(scene))
        if back.busy and not back.running:
            self.run_worker(back.run(self._look_again), name="looking back", exit_on_error=False)

    def do(self, action_id: str) -> None:
        """Runs the action of that id; what it breaks on becomes a notification, not the end."""
        self._attempt(action_id, lambda: action_of(action_id).run(self))

    def _attempt(self, what: str, run: Callable[[], None]) -> None:
        """Does what a person asked for, and shows what became of it."""
        try:
            run()
        except Exception as fault:
            self.board.faults.note(f"{what} could not be done", fault, self.viewer.source.now_ns)
            self.notify(f"{what}: {in_words(fault)}", severity="error", markup=False)
        self._look_again()

    def action_do(self, action_id: str) -> None:
        """What key bindings run."""
        self.do(action_id)

    def _recolour(self, theme: Theme) -> None:
        self.board.recolour(self.palette())

    def on_board_rearranged(self) -> None:
        """Another layout needs other maps."""
        if not self.board.is_painted:
            self._look_again()

    def go_to_event(self, serial: int) -> None:
        """Chooses an event and goes to its moment; 0: chooses none, and goes to the live edge."""
        self.board.state = replace(self.board.state, event=serial)
        self.viewer.go_to_event(serial)

    def _look_again(self) -> None:
        """Something but time has changed: it is painted before time goes on."""
        self._stale = True
        self.frame()
        self.player.give_way()

    def on_rows_view_chosen(self, message: RowsView.Chosen) -> None:
        """A click on words that do something."""
        self._attempt("a click", lambda: mouse.words_chosen(self, message.action, message.offset))

    def on_panel_view_used(self, message: PanelView.Used) -> None:
        """The mouse was used inside a panel."""
        self._attempt(message.gesture.value, lambda: mouse.panel_used(self, message))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """All actions, for the palette."""
        for action in self.actions:
            yield SystemCommand(action.help, f"key {action.shown}", lambda action_id=action.id: self.do(action_id))

    def last_words(self) -> list[str]:
        """What has to be said once the terminal is given back: why it stopped, and what broke meanwhile."""
        words = [f"the simulation stopped: {self.viewer.error}"] if self.viewer.error else []
        if self.viewer.looking_back.fault:
            words.append(f"a moment of the past could not be looked at again: {self.viewer.looking_back.fault}")
        return words + self.board.faults.lines()

    # What follows is `memtui.tui.actions.Controls`.

    def toggle_pause(self) -> None:
        """Stops simulated time, or lets it go on."""
        if not self.viewer.timeline.live:
            self.viewer.to_live()
            self.player.resume()
        elif self.player.finished:
            self.notify(f"Nothing more happens; {self._key('restart')} restarts.", markup=False)
        else:
            self.player.toggle()

    def tick(self, direction: int) -> None:
        """One moment on or back."""
        if direction > 0:
            self.viewer.next_tick(self._request())
        elif not self.viewer.previous_tick():
            self.notify("This is the first moment that is kept.")

    def event(self, direction: int) -> None:
        """To the next event, or the one before."""
        if direction > 0:
            self.viewer.next_event(self._request())
        elif not self.viewer.previous_event():
            self.notify("No event before this one is kept.")

    def go_to_start(self) -> None:
        """To the first moment there is."""
        self.viewer.to_start()

    def go_live(self) -> None:
        """Back to the live edge, and to the newest event."""
        self.viewer.to_live()
        self.board.state = replace(self.board.state, listed=0)

    def ask_time(self) -> None:
        """Asks for a time to go to."""
        self._ask(questions.time(self.viewer, self._times, self._missed))

    def _missed(self, asked_ns: int, events: int) -> None:
        """The last moment kept before a time is from before some events: few are kept of what was played fast."""
        shown, again = moment(self.viewer.shown_ns), f"{self._key('restart')}, then {self._key('go-to')}"
        between = f"{events} event{'s' if events > 1 else ''}"
        which = f"{shown} is the last moment kept by {moment(asked_ns)}, {between} before it."
        self.notify(f"{which} {again} plays to it exactly.", markup=False)

    def ask_command(self) -> None:
        """Asks for an action to carry out now."""
        if isinstance(self.viewer.source, questions.Injectable):
            self._ask(questions.command(self.viewer.source, self.viewer, self._commands, self._said_for_later))
        else:
            self.notify("A recording cannot be changed.")

    def _said_for_later(self) -> None:
        """An action was taken while time stands still."""
        if self.player.paused:
            self.notify(f"It happens when time goes on: {self._key('pause')}, or one event: {self._key('event-on')}.")

    def _key(self, action_id: str) -> str:
        return next(action.shown for action in self.actions if action.id == action_id)

    def ask_filter(self) -> None:
        """Asks for words that listed events must have."""
        self._ask(questions.event_filter(self.board))

    def save_session(self) -> None:
        """Writes the scenario with all that was injected to the current directory."""
        source = self.viewer.source
        if isinstance(source, questions.Injectable):
            again = "{0}; `memtui run {0}` plays it again"
            self._write("session", lambda: again.format(save_session(Path.cwd(), source)))
        else:
            self.notify("A recording is no scenario to be written.")

    def mark_baseline(self) -> None:
        """Compares figures with this moment from now on, or no longer."""
        state, now = self.board.state, self.viewer.timeline.current
        self.board.state = replace(state, baseline=now if state.baseline is None else None)

    def _ask(self, question: Question) -> None:
        self.push_screen(Prompt(question, self.palette(), self.glyphs), lambda _: self._look_again())

    def _request(self) -> MapRequest:
        return self.board.request(self.viewer.source.info)

    def faster(self) -> None:
        """One step up in speed."""
        self.player.faster()

    def slower(self) -> None:
        """One step down in speed."""
        self.player.slower()

    def set_speed(self, speed: float) -> None:
        """Plays at this factor of real time, and goes on if it was paused."""
        self.player.set_speed(speed)
        if self.player.paused and not self.player.finished:
            self.player.resume()

    def restart(self) -> None:
        """Back to the machine as booted; a baseline of the run before goes with it."""
        self.viewer.restart()
        self.board.state = replace(self.board.state, event=0, listed=0, baseline=None)

    def go_to_panel(self, digit: int) -> None:
        """Chooses a panel; opens it where it does not show as a panel of its own, or was chosen already."""
        name = PANELS[digit - 1].name
        again = name == self.board.chosen and self.board.enlarged is None
        shows = self.board.arrangement.place_of(name) is not None
        if again or not shows or self.board.arrangement.brief_events:
            self.board.enlarge(name)
        else:
            self.board.choose(name)

    def next_panel(self, direction: int) -> None:
        """Chooses the next panel, or the one before; among all of them where one has the screen."""
        self.board.choose_next(direction)

    def enlarge(self) -> None:
        """Gives the whole screen to the chosen panel, or takes it back."""
        self.board.enlarge(None if self.board.enlarged else self.board.chosen)

    def move(self, move: Move) -> None:
        """Moves inside the chosen panel: a cursor, a zoom, what is chosen in a list."""
        mouse.moved(self, self.board.chosen, move)

    def back(self) -> None:
        """All panels again."""
        self.board.enlarge(None)

    def choose_theme(self) -> None:
        """Lists the themes."""
        self.push_screen(Choices([ThemeProvider], placeholder="Search themes"))

    def take_screenshot(self) -> None:
        """Writes what is on the screen to the current directory, as SVG and as text."""
        desk = self.board.desk
        if desk is not None:
            self._write("screenshot", lambda: ", ".join(save_shots(Path.cwd(), desk, self.export_screenshot())))

    def _write(self, what: str, write: Callable[[], str]) -> None:
        """Writes files and says which, or why it could not."""
        try:
            names = write()
        except OSError as fault:
            self.notify(f"The {what} could not be written: {fault}", severity="error", markup=False)
        else:
            self.notify(f"Written: {names}", markup=False)

    def show_help(self) -> None:
        """All keys."""
        keys = [(action.group, action.shown, action.help) for action in self.actions]
        info = self.viewer.source.info
        words = all_help(info, self.viewer.timeline, keys, self.glyphs)
        self.push_screen(WordsScreen("Help", words, self.palette()))

    def show_panel_help(self) -> None:
        """What the chosen panel shows."""
        shown = panel(self.board.chosen)
        self.push_screen(WordsScreen(shown.title, lambda width: panel_help(shown, width, self.glyphs), self.palette()))

    def open_palette(self) -> None:
        """Lists all actions, to be searched."""
        self.push_screen(Choices([SystemCommandsProvider], placeholder="Search all actions"))

    def go_to_shell(self) -> None:
        """Gives the terminal back to the shell until that says to go on."""
        if not self.suspend_to_shell():
            self.notify("This terminal has no shell to go back to.")

    def hold(self) -> None:
        """Lets simulated time stand still, so that nothing keeps the event loop from leaving."""
        self.player.pause()

    def leave(self, exit_code: int) -> None:
        """Gives the terminal back; a machine that could not go on has the last word on the exit status."""
        code = exit_code or (EXIT_STOPPED if self.viewer.error else 0)
        self.exit(code, return_code=code)
