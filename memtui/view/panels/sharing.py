"""The struct pages of one huge page, drawn: its vmemmap pages, the frames they point to, and who has the others.

As the two diagrams of the HVO patch series show it: before, each vmemmap page has a frame of its
own; after, all that are shared point to the last one that is kept.
"""

from __future__ import annotations

from typing import Final

from memtui.snapshot import FrameKind, StructPageFrame, StructPagesView
from memtui.units import FRAMES_1G, FRAMES_2M, PAGE_BYTES, format_bytes, format_count, format_frames
from memtui.view.cells import Row, Rows, Span, cut, dim, fit, flow_some, row, row_width, spread, strong
from memtui.view.glyphs import Glyphs
from memtui.view.tokens import Token

STRUCT_PAGES: Final = 64
"""Struct pages in one frame."""

_LABEL: Final = 21
_LABEL_FROM: Final = 56
"""Width from which rows say which struct pages they hold."""
_ARROW_FROM: Final = 64
"""Width from which arrows are drawn to the frames."""
_BOOT_FROM: Final = 72
"""Width from which the frames that boot gave are named as well as who has them."""
_ARROW: Final = 12
_FRAME: Final = 13
_AROUND: Final = 2
"""Rows above and below the diagram in a drawing of the whole page."""
_SIZES: Final = {FRAMES_2M: "2 MiB", FRAMES_1G: "1 GiB"}


def sharing_rows(view: StructPagesView, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The whole page in at most `height` rows: what it is, a row for each vmemmap page, and what freeing it takes."""
    last = [restore_row(view, width, glyphs)]
    drawn = diagram(view, width, height - _AROUND, glyphs)
    rows: Rows = [where_row(view), *drawn, *last]
    return [fit(line, width, glyphs.more) for line in rows[: max(0, height)]]


def inspector_rows(view: StructPagesView, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The page in a few rows: where it is, what became of its struct pages, and what freeing it takes."""
    table = "PTE-mapped" if view.table_frames else "one 2M leaf"
    groups = [
        row(Span(glyphs.here, Token.CURSOR), strong(f" pfn {view.start:#x}")),
        row(dim(f"node {view.node} {view.zone} section {view.section}, {table}")),
        row(page_words(view, glyphs)),
    ]
    told = flow_some(groups, width, height - 1, glyphs.more)
    return [*told, cut(restore_row(view, width, glyphs), width, glyphs.more)]


def page_words(view: StructPagesView, glyphs: Glyphs) -> str:
    """What lies there: `hugetlb 2 MiB page, in the pool, reserve-1`; `free`, `anonymous: 1000 (worker)`."""
    if view.kind is FrameKind.HUGETLB:
        how = view.policy if view.optimised else "not optimised"
        return f"hugetlb {_SIZES[view.frames]} page, in the pool, {how}"
    kind = view.kind.value
    return glyphs.text(kind if view.owner in ("", kind) else f"{kind}: {view.owner}")


def where_row(view: StructPagesView) -> Row:
    """Node, section and page, and whether its struct pages share a frame."""
    state = Span("shared tails", Token.SHARED) if view.optimised else Span("a frame for every page", Token.OWN)
    leaf = "PTE-mapped, one page table" if view.table_frames else "one 2M leaf"
    place = f"node {view.node} section {view.section} pfn {view.start:#x}"
    return row(strong(place), dim(f"  {view.kind.value}, {_SIZES[view.frames]}  "), state, dim(f"  vmemmap: {leaf}"))


def diagram(view: StructPagesView, width: int, height: int, glyphs: Glyphs) -> Rows:
    """A row for each of its first vmemmap pages under a heading, apart from each other where there is room."""
    kept = sum(not page.shared for page in view.pages)
    others = view.frames // STRUCT_PAGES - len(view.pages)
    heading = height > len(view.pages) + bool(others)
    between = height >= 2 * len(view.pages) + bool(others) + 1
    rows: Rows = [_heading(view, width, glyphs)] * heading
    for page in view.pages:
        rows.append(_page(view, page, kept, width, glyphs))
        if between and page.page < len(view.pages) - 1:
            rows.append(_between(page.page, kept, view, width, glyphs))
    if others > 0:
        words = f"all share the frame of vmemmap page {kept - 1}" if view.optimised else "a frame each"
        rows.append(row(dim(f"{glyphs.more} {format_count(others)} more vmemmap pages: {words}")))
    if len(rows) > height > 0:
        cut_off = len(rows) - height + 1
        rows = [*rows[: height - 1], row(dim(f"{glyphs.more} {cut_off} more vmemmap pages"))]
    return rows[: max(0, height)]


def restore_row(view: StructPagesView, width: int, glyphs: Glyphs) -> Row:
    """How many frames must be had before the page can be freed, and whether they could be had now."""
    if not view.restore_frames:
        return row(dim("to free this page: nothing is needed first"))
    there, left = format_frames(view.node_available_frames), format_frames(view.available_frames)
    mark = "" if glyphs.yes == "yes" else f" {glyphs.yes}"
    count = format_count(view.restore_frames)
    if view.restore_possible:
        both = there if view.node_available_frames == view.available_frames else f"{there} there, {left} in all"
        answer, why = Span(f"yes{mark}", Token.GOOD), both
    else:
        answer = Span("no", Token.BAD)
        why = f"{left} in all, {format_frames(view.restore_frames - view.available_frames)} short"
    needed = strong(f"{count} frames ({format_frames(view.restore_frames)}) on node {view.node}")
    full = row(dim("to free this page: "), needed, dim(" first; available now: "), answer, dim(f" ({why})"))
    brief = row(dim("to free it: "), strong(f"{count} frames"), dim(" first; now: "), answer, dim(f" ({why})"))
    return full if row_width(full) <= width else brief


def _heading(view: StructPagesView, width: int, glyphs: Glyphs) -> Row:
    label = "struct pages".ljust(_LABEL) if width >= _LABEL_FROM else ""
    arrow = "vmemmap page".ljust(3 + _ARROW) if width >= _ARROW_FROM else "".ljust(6)
    frame = "frame".ljust(_FRAME)
    held = f"{'boot gave it'.ljust(_FRAME)} now held by" if width >= _BOOT_FROM else "boot's frame is now"
    left = row(dim(f"{label}{arrow}{frame}{held}"))
    given = view.restore_frames
    words = f"given back: {format_count(given)} frames = {format_bytes(given * PAGE_BYTES)}" if given else ""
    fits = words and row_width(left) + len(words) + 2 <= width
    return spread(left, row(Span(words, Token.SHARED)), width, glyphs.more) if fits else left


def _page(view: StructPagesView, page: StructPageFrame, kept: int, width: int, glyphs: Glyphs) -> Row:
    """One vmemmap page: which struct pages it holds, the frame it points to, and what became of its boot frame."""
    first, last = page.page * STRUCT_PAGES, (page.page + 1) * STRUCT_PAGES - 1
    name = f"head, tails 1-{last}" if page.page == 0 else f"tails {first}-{last}"
    token = Token.SHARED if page.shared else Token.OWN
    label = name.ljust(_LABEL) if width >= _LABEL_FROM else ""
    frame = "" if page.shared else f"{page.frame:#x}"
    return row(
        dim(f"{label}{page.page} "),
        Span(glyphs.kinds[token], token),
        Span(_arrow(view, page.page, kept, width, glyphs), token),
        strong(frame.ljust(_FRAME)),
        *_boot_frame(page, width, glyphs),
    )


def _arrow(view: StructPagesView, number: int, kept: int, width: int, glyphs: Glyphs) -> str:
    """The line from a vmemmap page to its frame; those that share bend up to the last that is kept."""
    line = glyphs.horizontal
    short = width < _ARROW_FROM
    if not view.optimised or number < kept - 1:
        return f" {glyphs.after} " if short else f" {line * 9}{glyphs.after} "
    if number == kept - 1:
        return f" {glyphs.tee}{glyphs.after} " if short else f" {line * 5}{glyphs.tee}{line * 3}{glyphs.after} "
    joint = glyphs.brackets[2] if number == len(view.pages) - 1 else glyphs.brackets[1]
    return f" {joint}  " if short else f" {line * 5}{joint}     "


def _between(number: int, kept: int, view: StructPagesView, width: int, glyphs: Glyphs) -> Row:
    """The row below a vmemmap page where there is room for one: the line that those that share go up along."""
    if not view.optimised or number < kept - 1 or width < _ARROW_FROM:
        return ()
    return row(Span(" " * (_LABEL + 3 + 6)), Span(glyphs.vertical, Token.SHARED))


def _boot_frame(page: StructPageFrame, width: int, glyphs: Glyphs) -> list[Span]:
    """Who has the frame that boot gave this page, where it holds something else now."""
    if page.frame == page.boot_frame and not page.shared:
        return [dim(f"{'the same'.ljust(_FRAME)} as at boot" if width >= _BOOT_FROM else "as at boot")]
    order = f" (order {page.boot_order})" if page.boot_order >= 0 else ""
    owner = f"free{order}" if not page.boot_owner else page.boot_owner
    token = Token.GOOD if not page.boot_owner else Token.TEXT
    frame = f"{page.boot_frame:#x}".ljust(_FRAME) + " " if width >= _BOOT_FROM else ""
    return [dim(frame), Span(glyphs.text(owner), token)]
