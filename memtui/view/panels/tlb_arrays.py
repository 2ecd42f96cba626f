"""The arrays of a TLB as bars on one log scale: how far each reaches, and how much of it an access holds."""

from __future__ import annotations

from typing import Final

from memtui.snapshot import TlbAccess, TlbLevel, TlbView
from memtui.units import GIB, KIB, MIB, TIB, format_bytes
from memtui.view.bars import log_cells
from memtui.view.cells import Row, Rows, Span, cut_text, dim, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.numbers import SIZE_WIDTH, size_of
from memtui.view.panels.tlb_table import PAGE_TOKENS
from memtui.view.tokens import Token

_SCALE_FROM: Final = 64 * KIB
"""The log scale begins here: below the smallest array, 64 entries of 4 KiB."""
_TICKS: Final = ((MIB, "1M"), (GIB, "1G"), (TIB, "1T"))
_LABEL: Final = 13
"""Cells for `L2  2M ┐1536 `."""
_USED: Final = 5
"""Cells more where the entries that are used stand before them: `L2  2M ┐ 512/1536 `."""
_WIDE: Final = 50


class Scale:
    """The one log scale all bars share: from 64 KiB to the largest of reach and footprint."""

    def __init__(self, view: TlbView, width: int) -> None:
        """For a panel `width` cells wide."""
        self.label = _LABEL + _USED * (width >= _WIDE)
        self.width = max(4, width - self.label - SIZE_WIDTH - 1)
        sizes = [level.reach_bytes for level in view.levels]
        sizes += [max(access.footprint_bytes, access.reach_bytes) for access in view.accesses]
        self.highest = max([*sizes, 2 * _SCALE_FROM])

    def cells(self, size_bytes: int) -> int:
        """Cells from the left edge to `size_bytes`."""
        return log_cells(size_bytes, _SCALE_FROM, self.highest, self.width)

    def bar(
        self, size_bytes: int, footprint_bytes: int, token: Token, glyphs: Glyphs, used_bytes: int | None = None
    ) -> Row:
        """A bar to `size_bytes`, with the mark of the footprint where the bar does not reach it.

        From `used_bytes` on, where that is given, it is fainter.
        """
        length = max(1, self.cells(size_bytes))
        used = length if used_bytes is None or used_bytes >= size_bytes else self.cells(used_bytes)
        used = max(used, min(1, used_bytes or 0))
        mark = self.cells(footprint_bytes) - 1
        full = (Span(glyphs.fill[-1] * used, token), Span(glyphs.faint * (length - used), token))
        if not length <= mark < self.width:
            return row(*full, " " * (self.width - length))
        return row(*full, " " * (mark - length), Span(glyphs.boundary, Token.MARK), " " * (self.width - mark - 1))

    def axis(self, footprint_bytes: int, glyphs: Glyphs) -> Row:
        """1M, 1G and 1T where they lie, and below the mark of the footprint what it stands for."""
        mark = max(0, self.cells(footprint_bytes) - 1) if footprint_bytes else self.width
        text = ""
        for size, label in _TICKS:
            place = self.cells(size)
            if size < self.highest and place >= len(text) and place + len(label) <= mark:
                text = text.ljust(place) + label
        named = (Span(glyphs.boundary, Token.MARK), dim(f" {format_bytes(footprint_bytes)}")) if footprint_bytes else ()
        return row(" " * self.label, dim(text.ljust(mark)), *named)


def array_rows(view: TlbView, main: TlbAccess | None, width: int, glyphs: Glyphs) -> Rows:
    """A row per array: entries, those that `main` holds before them, and how far both reach.

    Then what the whole TLB covers of `main` with the leaves as they are, against all of it.
    """
    scale, footprint = Scale(view, width), main.footprint_bytes if main else 0
    rows: Rows = []
    for index, level in enumerate(view.levels):
        before = view.levels[index - 1] if index else None
        after = view.levels[index + 1] if index + 1 < len(view.levels) else None
        name = level.level if before is None or before.level != level.level else ""
        bracket = _bracket(_shares(before, level), _shares(level, after), glyphs)
        token = PAGE_TOKENS.get(level.page, Token.GAUGE)
        used = main.entries_used[index] if main is not None and index < len(main.entries_used) else level.entries
        figure = f"{used}/{level.entries}" if width >= _WIDE else str(level.entries)
        entries = Span(f"{figure:>{scale.label - 8}} ")
        label = (Span(f"{name:<3}"), Span(f"{level.page:>3}", token), dim(bracket), entries)
        bar = scale.bar(level.reach_bytes, footprint, token, glyphs, used * level.page_bytes)
        rows.append(row(*label, *bar, f" {size_of(level.reach_bytes)}"))
    if main is not None:
        named = cut_text(glyphs.text(main.name), scale.label - 1, glyphs.more).ljust(scale.label)
        drawn = scale.bar(main.reach_bytes, footprint, Token.GAUGE, glyphs)
        rows.append(row(strong(named), *drawn, strong(f" {size_of(main.reach_bytes)}")))
    return rows


def _shares(first: TlbLevel | None, second: TlbLevel | None) -> bool:
    """Whether two neighbouring rows are the same entries, competed for by two page sizes."""
    if first is None or second is None or first.level != second.level:
        return False
    return second.page in _names(first.shared_with) or first.page in _names(second.shared_with)


def _names(pages: str) -> list[str]:
    return pages.replace(",", " ").split()


def _bracket(above: bool, below: bool, glyphs: Glyphs) -> str:
    if not above and not below:
        return " "
    return glyphs.brackets[1 if above and below else 0 if below else 2]
