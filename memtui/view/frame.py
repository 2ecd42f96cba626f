"""The frame around a panel: its title above, what a cell stands for below, and a sign for what was cut."""

from __future__ import annotations

from memtui.view.cells import Row, Rows, Span, cut_text, fit, row
from memtui.view.glyphs import Glyphs
from memtui.view.scene import Drawing
from memtui.view.tokens import Token

EDGE_COLUMNS = 4
"""Cells a frame takes from the width: an edge and a space on each side."""

EDGE_ROWS = 2


def framed(drawing: Drawing, title: str, width: int, height: int, chosen: bool, glyphs: Glyphs) -> Rows:
    """The drawing in a frame of `width` × `height` cells; rows that do not fit are counted in the bottom edge."""
    edge = Token.FRAME_CHOSEN if chosen else Token.FRAME
    side = Span(glyphs.vertical, edge)
    inner_width, inner_height = width - EDGE_COLUMNS, height - EDGE_ROWS
    shown = drawing.rows[: max(0, inner_height)]
    shown = shown + [()] * (inner_height - len(shown))
    title_token = Token.TITLE_CHOSEN if chosen else Token.TITLE
    top = _edge(glyphs.corners[:2], title, title_token, width, edge, glyphs, at_start=True)
    caption = _caption(drawing, inner_height, glyphs)
    bottom = _edge(glyphs.corners[2:], caption, Token.DIM, width, edge, glyphs, at_start=False)
    body = [row(side, " ", *fit(line, inner_width, glyphs.more), " ", side) for line in shown]
    return [top, *body, bottom]


def bare(drawing: Drawing, width: int, height: int, glyphs: Glyphs) -> Rows:
    """The drawing without a frame, in exactly `width` × `height` cells; the last row says what was cut."""
    rows = drawing.rows
    if len(rows) > height > 0:
        rows = [*rows[: height - 1], row(Span(f"{glyphs.more} {len(rows) - height + 1} more rows", Token.NOTICE))]
    rows = rows[:height] + [()] * (height - len(rows))
    return [fit(line, width, glyphs.more) for line in rows]


def _caption(drawing: Drawing, height: int, glyphs: Glyphs) -> str:
    cut = len(drawing.rows) - height
    if cut <= 0:
        return drawing.caption
    words = f"{glyphs.more} {cut} more row{'s' if cut > 1 else ''}"
    return f"{words}, {drawing.caption}" if drawing.caption else words


def _edge(corners: str, words: str, token: Token, width: int, edge: Token, glyphs: Glyphs, at_start: bool) -> Row:
    text = cut_text(words, max(0, width - 6), glyphs.more)
    if not text:
        return row(Span(corners[0] + glyphs.horizontal * (width - 2) + corners[1], edge))
    line = glyphs.horizontal * (width - 5 - len(text))
    inner = Span(f" {text} ", token)
    short = glyphs.horizontal
    if at_start:
        return row(Span(corners[0] + short, edge), inner, Span(line + corners[1], edge))
    return row(Span(corners[0] + line, edge), inner, Span(short + corners[1], edge))
