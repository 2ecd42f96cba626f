"""Panel 6: files of /proc as Linux prints them, with what changed since a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from memtui.snapshot import MapRequest, RunInfo, Snapshot
from memtui.units import format_count
from memtui.view.baseline import since_words
from memtui.view.cells import Row, Rows, Span, dim, fit, row, row_width, spread, strong
from memtui.view.glyphs import Glyphs
from memtui.view.matching import has_words, words_of
from memtui.view.proc_files import FILES, Compared, ProcFile, compare, file_named
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import Move, ViewState, Wheel
from memtui.view.tokens import Token

_NAMES_FROM = 52
"""Width from which files are named, as many as fit."""
_NAME_GAP = 1
"""Cells between the names of two files."""
_SINCE = 16
"""Cells that names leave to what stands at the right."""
_GAP = 4
"""Cells between columns of lines."""
_HEAD_ROWS = 1
_FILES: Final = {Move.NEXT: 1, Move.RIGHT: 1, Move.LEFT: -1}
_LINES: Final = {Move.UP: -1, Move.DOWN: 1}
_PAGES: Final = {Move.PAGE_UP: -1, Move.PAGE_DOWN: 1}


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """One file, from the line it is scrolled to, in as many columns as fit; changed figures stand out."""
    file = file_named(scene.state.proc_file)
    lines = _listed(scene, file)
    columns, room = _columns(file.widest, width), max(0, height - _HEAD_ROWS)
    first = _first(scene.state.scroll, len(lines), columns * room)
    shown = lines[first : first + columns * room]
    head = _head(scene, file, _extent(first, len(shown), len(lines)), width, glyphs)
    return Drawing([head, *_body(shown, file.widest, room, width, glyphs)], "n next file, b marks a moment")


def request(info: RunInfo, state: ViewState, width: int, height: int) -> MapRequest:
    """What only some of the files tell, where one of them shows."""
    return MapRequest(zone_details=file_named(state.proc_file).detailed)


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """Scrolls, or goes to another file."""
    state, file = scene.state, file_named(scene.state.proc_file)
    if asked in _FILES:
        return _opened(state, FILES[(FILES.index(file) + _FILES[asked]) % len(FILES)])
    room = _columns(file.widest, width) * max(0, height - _HEAD_ROWS)
    steps = _LINES[asked] if asked in _LINES else _PAGES.get(asked, 0) * max(1, room)
    count = len(_listed(scene, file))
    return replace(state, scroll=_first(_first(state.scroll, count, room) + steps, count, room))


def point(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Opens the file whose name was clicked."""
    if y != 0 or width < _NAMES_FROM:
        return scene.state
    named = (file for file, start, end in _named(file_named(scene.state.proc_file), width - _SINCE) if start <= x < end)
    file = next(named, None)
    return scene.state if file is None else _opened(scene.state, file)


def _opened(state: ViewState, file: ProcFile) -> ViewState:
    return replace(state, proc_file=file.name, scroll=0)


def _compared_with(scene: Scene) -> Snapshot | None:
    """The baseline; where none is marked, the oldest moment there is. None where it has nothing of the file."""
    then = scene.state.baseline if scene.state.baseline is not None else scene.first
    return then if then is None or file_named(scene.state.proc_file).lines(then) else None


def _listed(scene: Scene, file: ProcFile) -> list[Compared]:
    """The lines that the filter lets through."""
    words = words_of(scene.state.filter)
    return [each for each in compare(file, scene.now, _compared_with(scene)) if has_words(each.line.text, words)]


def _columns(widest: int, width: int) -> int:
    """How many columns of lines so wide fit; lines without a limit stand in one."""
    return max(1, (width + _GAP) // (widest + _GAP)) if widest else 1


def _first(scroll: int, count: int, room: int) -> int:
    """The first line that shows: never so far down that rows stay empty."""
    return max(0, min(scroll, count - room))


def _extent(first: int, shown: int, count: int) -> str:
    """Which lines show: `1–35 of 63`; nothing where all do."""
    if shown == count:
        return ""
    return f"{first + 1}–{first + shown} of {format_count(count)}"


def _head(scene: Scene, file: ProcFile, extent: str, width: int, glyphs: Glyphs) -> Row:
    """The files at the left; what is filtered, what shows and since when changes are told at the right."""
    if width >= _NAMES_FROM:
        left = row(*_names(file, width - _SINCE, glyphs))
    else:
        left = row(strong(f"/proc/{file.name}"), dim(f" {FILES.index(file) + 1} of {len(FILES)}"))
    then, filter = _compared_with(scene), scene.state.filter
    since = since_words(then, scene.now.time_ns) if then is not None and then is not scene.now else ""
    parts = [f"filter: {filter}" if filter else "", extent, since]
    while parts:
        right = dim(glyphs.text("  ".join(part for part in parts if part)))
        if row_width(left) + 2 + row_width([right]) <= width:
            return spread(left, row(right), width, glyphs.more)
        parts = parts[:-1]
    return left


def _names(shown: ProcFile, width: int, glyphs: Glyphs) -> list[Span]:
    """Files by name, the shown one marked, each as wide marked as not; a sign stands for those there is no room for."""
    named = _named(shown, width)
    spans = [dim(f"{glyphs.more} ")] if named[0][0] is not FILES[0] else []
    for file, _, _ in named:
        marked = Span(f"[{file.name}]", Token.TITLE_CHOSEN) if file is shown else dim(f" {file.name} ")
        spans += [marked, Span(" " * _NAME_GAP)]
    return [*spans, dim(glyphs.more)] if named[-1][0] is not FILES[-1] else spans


def _named(shown: ProcFile, width: int) -> list[tuple[ProcFile, int, int]]:
    """The files whose names fit, the shown one among them, with the columns [start, end) of each."""
    named: list[tuple[ProcFile, int, int]] = []
    for first in range(FILES.index(shown) + 1):
        named, end = [], 2 if first else 0
        for file in FILES[first:]:
            start, end = end, end + len(file.name) + len("[]") + _NAME_GAP
            if end + (file is not FILES[-1]) > width + _NAME_GAP:
                break
            named.append((file, start, end))
        if any(file is shown for file, _, _ in named):
            break
    return named


def _body(shown: Sequence[Compared], widest: int, room: int, width: int, glyphs: Glyphs) -> Rows:
    """The lines, column by column from the left; a column is as wide as lines need it, and no wider."""
    columns = _columns(widest, width)
    if not shown or not room:
        return [row(dim("no line"))][:room]
    column_width = min((width - _GAP * (columns - 1)) // columns, widest) if widest else width
    drawn: Rows = [()] * min(room, len(shown))
    for place, each in enumerate(shown):
        column, y = divmod(place, room)
        cells = _line(each, column_width, glyphs, whole=bool(widest))
        drawn[y] = (*drawn[y], Span(" " * (_GAP if column else 0)), *cells)
    return drawn


def _line(each: Compared, width: int, glyphs: Glyphs, *, whole: bool) -> Row:
    """A line with its changed figures marked, and its change at the right.

    `whole`: the line has room if its change has not: that is told without its unit then, or left out.
    """
    spans: list[Span] = []
    for place, piece in enumerate(each.line.pieces):
        if place in each.changed:
            figure = piece.lstrip(" ")
            spans += [Span(piece[: len(piece) - len(figure)]), Span(figure, Token.STRONG)]
        else:
            spans.append(Span(piece, Token.TEXT if each.line.amount is not None else Token.DIM))
    told = glyphs.text(each.change)
    room = width - row_width(spans) - 1
    change = next((words for words in (told, told.removesuffix(" kB")) if len(words) <= room), "") if whole else told
    if not change:
        return fit(row(*spans), width, glyphs.more)
    return spread(row(*spans), row(Span(change, Token.NOTICE)), width, glyphs.more)


PANEL = Panel(
    name="proc",
    title="/proc",
    tab="/proc",
    draw=draw,
    request=request,
    move=move,
    point=point,
    wheel=Wheel(Move.UP, Move.DOWN, steps=3),
    help=(
        "Files of /proc as Linux prints them: its names, its order, its units. /proc/meminfo is in kB, HugePages_ in "
        "pages; /proc/vmstat counts pages, or events since boot; /proc/buddyinfo has free blocks by order, 0 to 10, "
        "from left to right; /proc/slabinfo has kernel objects; /proc/pagetypeinfo has free blocks and pageblocks by "
        "migratetype; /proc/zoneinfo has watermarks, sizes and per-CPU lists of each zone (all work is done on the "
        "first CPU of a node, which alone has lists). Lines whose counters are not simulated are left out.\n\n"
        "Figures that changed stand out, and at the right is by how much: in a line of /proc/buddyinfo the change of "
        "its free pages, of /proc/slabinfo that of active objects, of pageblocks that of those not movable. Changes "
        "are told since the baseline (b); while there is none, since the oldest moment kept, which is the machine as "
        "booted. The last two files are read only while they show: their changes are told since a baseline marked "
        "then.\n\n"
        "n, or a click on its name, shows the next file; arrows and pages scroll; a filter (/) lists only lines with "
        "all its words."
    ),
    counters=("MemFree", "nr_free_pages", "vm_area_struct", "oom_kill"),
)
"""Linux's own files."""
