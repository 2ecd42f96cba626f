"""The rows around the panels: header, time bar, tabs, footer, and the one line of the smallest screens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from memtui.reading import read
from memtui.snapshot import RunInfo
from memtui.units import KIB, format_bytes, format_clock
from memtui.view.baseline import since_words
from memtui.view.catalogue import PANELS
from memtui.view.cells import Row, Span, cell_width, cut, dim, fit, row, row_width, spread, strong
from memtui.view.glyphs import Glyphs
from memtui.view.leaves import mapped_leaves
from memtui.view.numbers import axis_time, moment, speed_factor, whole_percent
from memtui.view.scene import PlayState, Scene, Status
from memtui.view.tokens import Token

_STATE_TOKENS = {
    PlayState.LIVE: Token.GOOD,
    PlayState.PAST: Token.NOTICE,
    PlayState.PAUSED: Token.NOTICE,
    PlayState.FINISHED: Token.STRONG,
    PlayState.STOPPED: Token.BAD,
}
_BRAND_FROM = 100
_BASELINE_FROM = 60
_FULL_TABS_FROM = 78
_SEVERITIES = {"notice": Token.NOTICE, "bad": Token.BAD}
_MARKED = 2_000
"""How many events before the moment that shows, and after it, are looked through for marks on the time bar."""
TIME_ACTION = "time:"
"""What the action of a span of the time bar begins with: `time_pointed_at` reads it."""
MORE_ACTION = "palette"
"""A click on the sign for keys that have no room runs this action: it lists them all."""
_SPEED_WIDTH = 5
"""Cells of `×1000`."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and what it does, for the footer, or several that belong together."""

    keys: tuple[tuple[str, str], ...]
    """Each key as it is shown, and the id of its action, for the mouse."""
    label: str
    """A word or two."""
    action: str
    """The id of the action that a click on the label runs."""
    gap: str = " "
    """What stands between the keys."""


def header_row(scene: Scene, status: Status, width: int, glyphs: Glyphs) -> Row:
    """Scenario and machine at the left; state, simulated time and speed at the right."""
    right = _state(scene, status, glyphs)
    baseline = scene.state.baseline
    if baseline is not None and width >= _BASELINE_FROM:
        right = row(Span(since_words(baseline, scene.now.time_ns) + "  ", Token.NOTICE), *right)
    room = width - row_width(right) - 2
    brand = (Span("memtui", Token.BRAND), Span("  ")) if width >= _BRAND_FROM else ()
    name = strong(glyphs.text(scene.info.scenario))
    left = cut(row(*brand, name), room, glyphs.more)
    facts = ""
    for fact in _facts(scene.info):
        longer = f"{facts} {glyphs.text('·')} {fact}" if facts else fact
        if row_width(left) + 3 + cell_width(longer) > room:
            break
        facts = longer
    return spread(row(*left, "   " if facts else "", dim(facts)), right, width, glyphs.more)


def _facts(info: RunInfo) -> list[str]:
    nodes = f"{info.nodes} node{'s' if info.nodes != 1 else ''}"
    return [info.machine, f"Linux {info.kernel}", format_bytes(info.ram_bytes), nodes, f"seed {info.seed}"]


def _state(scene: Scene, status: Status, glyphs: Glyphs) -> Row:
    """A click on it does what is done next most often: pauses or goes on, or goes back to the live edge."""
    word, token = _verdict(scene, status)
    action = "live" if status.state is PlayState.PAST else "pause"
    return row(
        Span(_sign(status, glyphs), token, action),
        Span(f" {format_clock(scene.now.time_ns)}", Token.STRONG, "go-to"),
        dim(f" {speed_factor(status.speed, glyphs.times):<{_SPEED_WIDTH}}"),
        Span(f" {word:<8}", token, action),
    )


def _verdict(scene: Scene, status: Status) -> tuple[str, Token]:
    """What it is doing, and at the end how many expectations were not met."""
    failed = scene.now.failed_expectations
    if status.state is PlayState.PAST and status.looking_back_ppm is not None:
        return f"BACK {status.looking_back_ppm // 10_000:>2}%", Token.NOTICE
    if status.state is PlayState.FINISHED and failed:
        return f"FAILED {failed} of {scene.now.expectations}", Token.BAD
    return status.state.value, _STATE_TOKENS[status.state]


def _sign(status: Status, glyphs: Glyphs) -> str:
    if status.state is PlayState.LIVE:
        return glyphs.playing
    return glyphs.paused if status.state in (PlayState.PAUSED, PlayState.PAST) else glyphs.stopped


def timeline_row(scene: Scene, status: Status, hints: Sequence[Hint], width: int, glyphs: Glyphs) -> Row:
    """The whole scenario left to right: its entries, and where simulated time stands; or why it stopped."""
    if status.error:
        return error_row(status, hints, width, glyphs)
    end_ns = _end_ns(scene)
    start, end = "0s ", f" {axis_time(end_ns)}" + ("" if scene.info.end_ns >= 0 else glyphs.more)
    length = width - len(start) - len(end)
    if length < 8:
        return fit(row(dim(start)), width, glyphs.more)
    edge_ns = max(scene.now.time_ns, status.edge_ns)
    edge = _column(edge_ns, end_ns, length)
    cells = [(glyphs.past, Token.TEXT)] * edge + [(glyphs.future, Token.TRACK)] * (length - edge)
    for time_ns in scene.info.event_times_ns:
        if 0 <= time_ns <= end_ns:
            cells[_column(time_ns, end_ns, length)] = (glyphs.entry, Token.ENTRY)
    for event in chain(scene.events[-_MARKED:], scene.later[:_MARKED]):
        if event.severity != "info":
            mark = glyphs.severity(event.severity), _SEVERITIES[event.severity]
            cells[_column(event.time_ns, end_ns, length)] = mark
    if edge_ns > scene.now.time_ns:
        cells[edge] = (glyphs.after, Token.TEXT)
    cells[_column(scene.now.time_ns, end_ns, length)] = (glyphs.here, Token.STRONG)
    return row(dim(start), *_stretches(cells, end_ns), dim(end))


def _stretches(cells: Sequence[tuple[str, Token]], end_ns: int) -> Iterable[Span]:
    """The cells of the time bar, alike neighbours in one span whose action says which times they stand for."""
    place = 0
    for (character, token), alike in groupby(cells):
        many = len(list(alike))
        yield Span(character * many, token, f"{TIME_ACTION}{place}:{len(cells) - 1}:{end_ns}")
        place += many


def time_pointed_at(action: str, offset: int) -> int:
    """The moment that the cell so many cells into a span of the time bar, with the action of that span, stands for."""
    place, last, end_ns = map(int, action.removeprefix(TIME_ACTION).split(":"))
    return (place + offset) * end_ns // max(1, last)


def _column(time_ns: int, end_ns: int, length: int) -> int:
    """The cell of the time bar that a moment falls into."""
    return min(length - 1, time_ns * (length - 1) // end_ns)


def _end_ns(scene: Scene) -> int:
    """The right end of the time bar: the scenario's end, or the furthest moment known."""
    if scene.info.end_ns >= 0:
        return max(1, scene.info.end_ns)
    return max(1, scene.now.time_ns, *scene.info.event_times_ns)


def error_row(status: Status, hints: Sequence[Hint], width: int, glyphs: Glyphs) -> Row:
    """Why the machine stopped, and the keys that go on, in one row."""
    words = row(Span("stopped: ", Token.BAD), Span(glyphs.text(status.error), Token.BAD))
    ways = [span for hint in hints if hint.action in ("restart", "quit") for span in _hint(hint, glyphs)]
    return spread(words, tuple(ways), width, glyphs.more)


def tabs_row(shown: str, hints: Sequence[Hint], width: int, glyphs: Glyphs) -> Row:
    """The panels by digit and title, the shown one marked; digits alone where titles have no room.

    At the right the `hints` of a screen without a footer, or their keys alone, or none, as there is room.
    """
    tabs = _tabs(shown, width, glyphs)
    return spread(tabs, _brief_hints(hints, width - row_width(tabs) - 1, glyphs), width, glyphs.more)


def _brief_hints(hints: Sequence[Hint], room: int, glyphs: Glyphs) -> Row:
    """The hints, or their keys alone, in `room` cells; nothing where not even those fit."""
    if not hints:
        return ()
    full = [span for hint in hints for span in _hint(hint, glyphs)]
    full[-1] = full[-1]._replace(text=full[-1].text.rstrip())
    keys = [span for hint in hints for span in (*_keys(hint, glyphs), Span(" "))][:-1]
    return next((tuple(spans) for spans in (full, keys) if row_width(spans) <= room), ())


def _tabs(shown: str, width: int, glyphs: Glyphs) -> Row:
    spans: list[Span] = []
    if width >= _FULL_TABS_FROM:
        for digit, panel in enumerate(PANELS, 1):
            token = Token.TITLE_CHOSEN if panel.name == shown else Token.DIM
            words = f"{digit} {panel.tab}"
            spans += (Span(_tab(words, panel.name == shown), token, f"panel-{digit}"), Span(" "))
        return cut(tuple(spans), width, glyphs.more)
    title = ""
    for digit, panel in enumerate(PANELS, 1):
        title = panel.tab if panel.name == shown else title
        token = Token.TITLE_CHOSEN if panel.name == shown else Token.DIM
        words = f"[{digit}]" if panel.name == shown else str(digit)
        spans += (Span(words, token, f"panel-{digit}"), Span(" "))
    arrows = Span(f"{glyphs.before} ", Token.DIM, "panel-back"), Span(glyphs.after, Token.DIM, "panel-on")
    return cut(row(strong(f"{title} "), arrows[0], *spans, arrows[1]), width, glyphs.more)


def _tab(words: str, shown: bool) -> str:
    return f"[{words}]" if shown else f" {words} "


def footer_row(hints: Sequence[Hint], status: Status, width: int, glyphs: Glyphs) -> Row:
    """Keys and what they do, the first ones first; the last two always show, with a sign for what has no room."""
    if status.error and width < 100:
        return error_row(status, hints, width, glyphs)
    last = [span for hint in hints[-2:] for span in _hint(hint, glyphs)]
    room = width - row_width(last) - 3
    spans: list[Span] = []
    for hint in hints[:-2]:
        words = _hint(hint, glyphs)
        if row_width(spans) + row_width(words) > room:
            spans.append(Span(f"{glyphs.more}  ", Token.DIM, MORE_ACTION))
            break
        spans += words
    return fit(tuple(spans + last), width, glyphs.more)


def _hint(hint: Hint, glyphs: Glyphs) -> Row:
    return (*_keys(hint, glyphs), Span(f" {hint.label}  ", Token.DIM, hint.action))


def _keys(hint: Hint, glyphs: Glyphs) -> Row:
    spans: list[Span] = []
    for key, action in hint.keys:
        spans += [Span(hint.gap, Token.KEY)] * bool(spans) + [Span(glyphs.text(key), Token.KEY, action)]
    return tuple(spans)


def one_line(scene: Scene, status: Status, hints: Sequence[Hint], width: int, glyphs: Glyphs) -> Row:
    """The figures that matter most in one row: `12.480s ▶ 1G 73 % 2M 26 % 4K 1 % free 21.0 GiB`; hints as in tabs."""
    spans = [strong(moment(scene.now.time_ns)), Span(f" {_sign(status, glyphs)}", _STATE_TOKENS[status.state])]
    leaves = mapped_leaves(scene.now)
    whole = sum(size for _, _, size in leaves)
    for label, _, size in leaves:
        spans += (dim(f" {label} "), Span(whole_percent(size, whole)))
    free = read(scene.now, "MemFree")
    if free is not None:
        spans += (dim(" free "), strong(format_bytes(int(free) * KIB)))
    figures = tuple(spans)
    return spread(figures, _brief_hints(hints, width - row_width(figures) - 2, glyphs), width, glyphs.more)
