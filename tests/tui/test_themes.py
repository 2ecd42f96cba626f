"""Themes: every word and glyph readable under each of them, and marks that differ only in colour apart for everyone."""

from __future__ import annotations

import itertools

import pytest
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from memtui.tui.themes import GLYPH_CONTRAST, TEXT_CONTRAST, THEMES, contrast, readable, token_styles
from memtui.view.glyphs import GLYPH_SETS, Glyphs
from memtui.view.tokens import KINDS, Token
from tests.view.test_tokens import VISION, distance
from tests.view.test_tokens import contrast as ratio

COLOURED = {theme.name: theme for theme in (*THEMES, *BUILTIN_THEMES.values()) if not theme.ansi}
"""All but those that leave colours to the terminal."""

FAINT = {Token.FRAME, Token.TRACK, Token.AFTER, Token.HOLE, Token.NOT_POPULATED}
"""What is meant to be seen least: frames, empty tracks, what is not there. Nothing is told by these alone."""

GLYPHS = {Token.DIM, Token.MARK, *KINDS} - FAINT
WORDS = set(Token) - GLYPHS - FAINT

APART = 12.0


def styled(theme: Theme) -> tuple[dict[Token, Style], dict[str, str]]:
    variables = theme.to_color_system().generate()
    return token_styles(theme, variables), variables


def hex_of(style: Style) -> str:
    assert style.color is not None
    assert style.color.triplet is not None
    return style.color.triplet.hex


def least_contrast(theme: Theme, token: Token) -> float:
    """Of the token on what it stands on: the background, for words also the surface of prompts and help."""
    styles, variables = styled(theme)
    style = styles[token]
    if style.bgcolor is not None:
        assert style.bgcolor.triplet is not None
        return ratio(hex_of(style), style.bgcolor.triplet.hex)
    behind = ["background"] if token in KINDS else ["background", "surface"]
    return min(ratio(hex_of(style), Color.parse(variables[name]).hex) for name in behind)


@pytest.mark.parametrize("theme", COLOURED.values(), ids=COLOURED)
def test_words_and_glyphs_stand_out_from_what_is_behind_them(theme: Theme) -> None:
    assert not [token for token in WORDS if least_contrast(theme, token) < TEXT_CONTRAST]
    assert not [token for token in GLYPHS if least_contrast(theme, token) < GLYPH_CONTRAST]


@pytest.mark.parametrize("theme", COLOURED.values(), ids=COLOURED)
def test_kinds_of_memory_have_their_own_colours_under_every_theme(theme: Theme) -> None:
    styles, _ = styled(theme)
    for token, kind in KINDS.items():
        if token not in FAINT:
            assert hex_of(styles[token]).upper() == (kind.dark if theme.dark else kind.light)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_marks_and_severities_of_our_themes_are_apart(theme: Theme, vision: str) -> None:
    styles, _ = styled(theme)
    for group in ((Token.ENTRY, Token.NOTICE, Token.BAD), (Token.GOOD, Token.NOTICE, Token.BAD, Token.TEXT)):
        for first, second in itertools.combinations(group, 2):
            assert distance(hex_of(styles[first]).upper(), hex_of(styles[second]).upper(), vision) > APART


@pytest.mark.parametrize("glyphs", GLYPH_SETS.values(), ids=lambda glyphs: glyphs.name)
def test_marks_of_the_time_bar_differ_in_glyph(glyphs: Glyphs) -> None:
    marks = [glyphs.past, glyphs.future, glyphs.entry, glyphs.notice, glyphs.bad, glyphs.here, glyphs.after]
    assert len({*marks}) == len(marks)


def test_readable_changes_no_more_than_it_must() -> None:
    white, grey = Color.parse("#FFFFFF"), Color.parse("#777777")
    assert readable(grey, [white], 4.0) == grey
    darker = readable(Color.parse("#AAAAAA"), [white], TEXT_CONTRAST)
    assert TEXT_CONTRAST <= contrast(darker, white) < TEXT_CONTRAST + 0.5
    assert readable(grey, [white], 22.0).hex == "#000000"


@pytest.mark.parametrize("dark", [True, False])
def test_without_colour_words_differ_by_weight_and_nothing_has_a_colour(dark: bool) -> None:
    theme = next(theme for theme in THEMES if theme.dark is dark)
    styles = token_styles(theme, theme.to_color_system().generate(), colour=False)
    assert {style.color for style in styles.values()} == {None}
    assert {style.bgcolor for style in styles.values()} == {None}
    assert styles[Token.BAD].bold
    assert styles[Token.CURSOR].reverse
