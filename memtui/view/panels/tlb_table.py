"""The table of the TLB panel: a row per access, what it spans and pays, used evenly and by Zipf's law."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from memtui.snapshot import TlbAccess, TlbView
from memtui.units import format_bytes, format_count, three_digits
from memtui.view.bars import stacked
from memtui.view.cells import Rows, Span, cut_text, dim, row
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import percent_of_ppm, whole_percent
from memtui.view.panels.tlb_choice import others
from memtui.view.tokens import Token

PAGE_TOKENS: Final = {"4K": Token.LEAF_4K, "2M": Token.LEAF_2M, "1G": Token.LEAF_1G}
_ALL_FROM: Final = 80
"""Width from which every column has room."""
_WIDE: Final = 50
_BOTH_WALKS_FROM: Final = 90
"""Width from which what a walk takes is told for skewed use too."""
_COUNTED_FROM: Final = 4
"""Accesses a table has room for from which one of them gives way to how many there are more."""
_MARK: Final = 2
"""Cells before a name, for the mark of the chosen one."""
_MIX_NAME: Final = 20
_MIX_SHARES: Final = 28

Column = tuple[str, int, Callable[[TlbAccess], str]]
"""Title, width in cells, and the figure of an access."""

_EVENLY: Final[tuple[Column, ...]] = (
    ("footprint", 9, lambda access: format_bytes(access.footprint_bytes)),
    ("L1 miss", 8, lambda access: percent_of_ppm(access.l1_miss_ppm)),
    ("miss", 7, lambda access: percent_of_ppm(access.miss_ppm)),
    ("walk", 6, lambda access: three_digits(access.walk_cycles)),
    ("+cycles", 8, lambda access: f"+{three_digits(access.cycles_per_access)}"),
)
_SKEWED: Final[tuple[Column, ...]] = (
    ("zipf miss", 10, lambda access: percent_of_ppm(access.miss_ppm)),
    ("walk", 6, lambda access: three_digits(access.walk_cycles)),
    ("+cycles", 8, lambda access: f"+{three_digits(access.cycles_per_access)}"),
)


def table(view: TlbView, chosen: TlbAccess | None, width: int, height: int, glyphs: Glyphs) -> Rows:
    """A row per access in `height` rows with the head, the chosen one marked and always among them.

    Where not all have room, or there are processes nobody was told of, the last row says how many there are more.
    """
    places = listed(view, chosen, height)
    if not places:
        return []
    evenly, skewed = _columns(view, width)
    name_width = width - sum(cells for _, cells, _ in (*evenly, *skewed))
    titles = "".join(title.rjust(cells) for title, cells, _ in (*evenly, *skewed))
    rows: Rows = [row(dim("  random access".ljust(name_width)[:name_width] + titles))]
    for place in places:
        access = view.accesses[place]
        figures = _figures(access, evenly) + (_figures(view.skewed[place], skewed) if skewed else "")
        sign, token = (glyphs.here, Token.STRONG) if access is chosen else (" ", Token.TEXT)
        name = cut_text(glyphs.text(access.name), name_width - _MARK - 1, glyphs.more).ljust(name_width - _MARK)
        rows.append(row(Span(f"{sign} {name}{figures}", token)))
    hidden = len(view.accesses) + others(view) - len(places)
    if hidden and len(rows) < height:
        rows.append(row(dim(f"  {glyphs.more} {format_count(hidden)} more, n goes through all")))
    return rows


def listed(view: TlbView, chosen: TlbAccess | None, height: int) -> range:
    """Places of the accesses that a table of so many rows, its head included, lists."""
    count, room = len(view.accesses), height - 1
    if count > room or (count == room >= _COUNTED_FROM and others(view)):
        room -= 1
    middle = view.accesses.index(chosen) if chosen is not None else 0
    first = max(0, min(middle - room // 2, count - room))
    return range(first, min(count, first + max(0, room)))


def _columns(view: TlbView, width: int) -> tuple[Sequence[Column], Sequence[Column]]:
    """Columns for even and for skewed use: all of them, or what accesses pay in either."""
    skewed = _SKEWED if len(view.skewed) == len(view.accesses) and width >= _WIDE else ()
    if width < _BOTH_WALKS_FROM:
        skewed = tuple(column for column in skewed if column[0] != "walk")
    if width >= _ALL_FROM or (width >= _WIDE and not skewed):
        return _EVENLY, skewed
    return (_EVENLY[2:], skewed)


def _figures(access: TlbAccess, columns: Sequence[Column]) -> str:
    return "".join(figure(access).rjust(cells) for _, cells, figure in columns)


def mixes(view: TlbView, width: int, glyphs: Glyphs) -> Rows:
    """Which leaves each mapping has: its name, a bar by leaf size, the shares."""
    rows: Rows = []
    for access in view.accesses:
        name = cut_text(glyphs.text(access.name), _MIX_NAME - 1, glyphs.more).ljust(_MIX_NAME)
        present = [(page, size) for page, size in access.mapped_bytes if size]
        shares = "".join(f"  {page} {whole_percent(size, access.footprint_bytes)}" for page, size in present)
        parts = [_leaf_part(page, size, glyphs) for page, size in present]
        rows.append(row(name, *stacked(parts, width - _MIX_NAME - _MIX_SHARES), f"{shares:>{_MIX_SHARES}}"))
    return rows


def _leaf_part(page: str, size: int, glyphs: Glyphs) -> tuple[str, Token, int]:
    token = PAGE_TOKENS.get(page, Token.GAUGE)
    return glyphs.kinds.get(token, glyphs.fill[-1]), token, size
