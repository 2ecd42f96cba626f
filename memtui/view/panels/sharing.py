"""The struct pages of one huge page, drawn: its vmemmap pages, the frames they point to, and who has the others.

As the two diagrams of the HVO patch series show it: before, each vmemmap page has a frame of its
own; after, all point to the first.
"""

from __future__ import annotations

from typing import Final

from memtui.snapshot import StructPageFrame, StructPagesView
from memtui.units import FRAMES_1G, FRAMES_2M, PAGE_BYTES, format_bytes, format_count
from memtui.view.cells import Row, Rows, Span, cut_text, dim, fit, row, strong
from memtui.view.glyphs import Glyphs
from memtui.view.tokens import VMEMMAP_TOKENS, Token

STRUCT_PAGES: Final = 64
"""Struct pages in one frame."""

_LABEL = 21
_ARROW_FROM = 64
"""Width from which arrows are drawn to the frames."""
_SIZES: Final = {FRAMES_2M: "2 MiB", FRAMES_1G: "1 GiB"}


def sharing_rows(view: StructPagesView | None, width: int, height: int, glyphs: Glyphs) -> Rows:
    """Where it is, its section, and a row for each of its first vmemmap pages, as far as `height` goes.

    How to begin where nothing is looked at.
    """
    if view is None:
        hint = "arrows or a click put a cursor on the map, ] and [ zoom: the struct pages under it are drawn here"
        return [row(dim(cut_text(hint, width, glyphs.more)))]
    rows: Rows = [_where(view), _section(view, width, glyphs), ()]
    rows += [_page(view, page, width, glyphs) for page in view.pages]
    more = view.frames // STRUCT_PAGES - len(view.pages)
    if more > 0:
        words = "all share the first frame" if view.optimised else "a frame each"
        rows.append(row(dim(f"{glyphs.more} {format_count(more)} more vmemmap pages: {words}")))
    rows += [(), _restoring(view, glyphs)]
    return [fit(line, width, glyphs.more) for line in rows[:height]]


def _where(view: StructPagesView) -> Row:
    what = f"{view.kind.value}, {_SIZES[view.frames]}"
    state = Span("shared tails", Token.SHARED) if view.optimised else Span("a frame for every page", Token.OWN)
    place = f"node {view.node} section {view.section} pfn {view.start:#x}"
    return row(strong(place), dim(f"  {what}  "), state)


def _section(view: StructPagesView, width: int, glyphs: Glyphs) -> Row:
    """The 2 MiB of the section in a row, the one looked at in brackets, and how its leaf is mapped."""
    at = (view.start - view.section_start) // FRAMES_2M
    leaf = "PTE-mapped, one page table" if view.table_frames else "one 2M leaf"
    spans: list[Span] = [dim("section ")]
    for place, code in enumerate(view.blocks):
        token = VMEMMAP_TOKENS.get(code, Token.BAD)
        chosen = place == at
        spans.append(Span(glyphs.kinds.get(token, "?"), Token.CURSOR if chosen else token))
    return row(*spans, dim(f"  {leaf}"))


def _page(view: StructPagesView, page: StructPageFrame, width: int, glyphs: Glyphs) -> Row:
    """One vmemmap page: which struct pages it holds, the frame it points to, and what became of its boot frame."""
    first, last = page.page * STRUCT_PAGES, (page.page + 1) * STRUCT_PAGES - 1
    name = f"head, tails 1-{last}" if page.page == 0 else f"tails {first}-{last}"
    token = Token.SHARED if page.shared else Token.OWN
    glyph = Span(glyphs.kinds[token], token)
    arrow = _arrow(view, page.page, glyphs) if width >= _ARROW_FROM else " "
    return row(
        dim(f"{name:<{_LABEL}}{page.page} "), glyph, Span(arrow, token), *_frame(view, page), *_given_back(page, glyphs)
    )


def _arrow(view: StructPagesView, number: int, glyphs: Glyphs) -> str:
    """The line from a vmemmap page to its frame; those that share bend up to the first."""
    line = glyphs.horizontal
    if not view.optimised:
        return f" {line * 10}{glyphs.after} "
    if number == 0:
        return f" {line * 5}{glyphs.brackets[0]}{line * 4}{glyphs.after} "
    joint = glyphs.brackets[2] if number == len(view.pages) - 1 else glyphs.brackets[1]
    return f" {line * 5}{joint}      "


def _frame(view: StructPagesView, page: StructPageFrame) -> list[Span]:
    if page.shared:
        return [dim(" " * 10)]
    return [strong(f"{page.frame:#x}".ljust(10))]


def _given_back(page: StructPageFrame, glyphs: Glyphs) -> list[Span]:
    """Who has the frame that boot gave this page, where it holds something else now."""
    if page.frame == page.boot_frame and not page.shared:
        return [dim("  as at boot")]
    owner = page.boot_owner or "free"
    token = Token.GOOD if not page.boot_owner else Token.TEXT
    return [dim(f"  boot frame {page.boot_frame:#x}: "), Span(glyphs.text(owner), token)]


def _restoring(view: StructPagesView, glyphs: Glyphs) -> Row:
    if not view.restore_frames:
        return row(dim("to free it: nothing is needed first"))
    size = format_bytes(view.restore_frames * PAGE_BYTES)
    answer = Span(f"yes {glyphs.yes}" if glyphs.yes != "yes" else "yes", Token.GOOD)
    if not view.restore_possible:
        answer = Span("no, not now", Token.BAD)
    needed = f"{format_count(view.restore_frames)} frames ({size}) on node {view.node}"
    return row(dim("to free it: "), strong(needed), dim(" first; there now: "), answer)
