"""memtui's own themes, and the style each token has under any theme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from memtui.view.tokens import KINDS, Token

DARK: Final = Theme(
    name="memtui",
    primary="#56B4E9",
    secondary="#7A9CFF",
    accent="#E69F00",
    warning="#E69F00",
    error="#FF7A2F",
    success="#2FC79A",
    foreground="#D8DEE4",
    background="#0E1116",
    surface="#161B22",
    panel="#1F2630",
    dark=True,
)
LIGHT: Final = Theme(
    name="memtui-light",
    primary="#0072B2",
    secondary="#3B5BDB",
    accent="#A35F00",
    warning="#A35F00",
    error="#B3330C",
    success="#00765A",
    foreground="#1B2127",
    background="#FAFAF7",
    surface="#F0F0EB",
    panel="#E4E4DD",
    dark=False,
)

THEMES: Final = (DARK, LIGHT)
"""The themes memtui adds to Textual's own."""

_DIM: Final = 0.62
_FRAME: Final = 0.28
_TRACK: Final = 0.20
_MARK: Final = 0.8
_AFTER: Final = 0.3
"""How far from the background towards the foreground each of these stands."""


def default_theme(environment: Mapping[str, str]) -> str:
    """The theme when none is asked for: `$TEXTUAL_THEME`, or one that suits the background `$COLORFGBG` tells of."""
    wanted = environment.get("TEXTUAL_THEME", "")
    if wanted:
        return wanted
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name


def token_styles(theme: Theme, variables: Mapping[str, str], *, colour: bool = True) -> dict[Token, Style]:
    """What every token looks like: words in the theme's colours, kinds of memory in their own.

    Without `colour` there is only bold, faint and reverse: glyphs and letters tell kinds apart.
    """
    if not colour:
        return _colourless()
    styles = _words(theme, variables) if not theme.ansi else _ansi_words()
    for token, kind in KINDS.items():
        styles[token] = Style(color=kind.dark if theme.dark else kind.light)
    for token in Token:
        if token.name.startswith("OWNER_"):
            styles[token] += Style(reverse=True)
    return styles


def _words(theme: Theme, variables: Mapping[str, str]) -> dict[Token, Style]:
    def named(name: str) -> Color:
        return Color.parse(variables[name])

    foreground, background = named("foreground"), named("background")

    def towards(share: float) -> Style:
        return Style(color=background.blend(foreground, share).rich_color)

    def coloured(name: str, bold: bool = False) -> Style:
        return Style(color=named(name).rich_color, bold=bold)

    return {
        Token.TEXT: towards(0.9),
        Token.STRONG: Style(color=foreground.rich_color, bold=True),
        Token.DIM: towards(_DIM),
        Token.FRAME: towards(_FRAME),
        Token.FRAME_CHOSEN: coloured("primary"),
        Token.TITLE: coloured("primary", bold=True),
        Token.TITLE_CHOSEN: Style(color=background.rich_color, bgcolor=named("primary").rich_color, bold=True),
        Token.CURSOR: Style(color=background.rich_color, bgcolor=foreground.rich_color, bold=True),
        Token.BRAND: coloured("accent", bold=True),
        Token.KEY: coloured("accent", bold=True),
        Token.TRACK: towards(_TRACK),
        Token.MARK: towards(_MARK),
        Token.GOOD: coloured("success", bold=True),
        Token.NOTICE: coloured("warning"),
        Token.BAD: coloured("error", bold=True),
        Token.GAUGE: coloured("primary"),
        Token.HISTORY: coloured("primary"),
        Token.AFTER: towards(_AFTER),
        Token.ENTRY: coloured("accent"),
    }


def _colourless() -> dict[Token, Style]:
    """Every token in the terminal's own two colours."""
    styles = {
        token: Style(bold=style.bold, dim=style.dim, reverse=style.reverse) for token, style in _ansi_words().items()
    }
    return {token: styles.get(token, Style(reverse=token.name.startswith("OWNER_"))) for token in Token}


def _ansi_words() -> dict[Token, Style]:
    """Words in the terminal's own sixteen colours, for themes that leave colours to it."""
    plain, faint, bold = Style(), Style(dim=True), Style(bold=True)
    blue, yellow = Style(color="blue"), Style(color="yellow")
    return {
        Token.TEXT: plain,
        Token.STRONG: bold,
        Token.DIM: faint,
        Token.FRAME: faint,
        Token.FRAME_CHOSEN: blue,
        Token.TITLE: blue + bold,
        Token.TITLE_CHOSEN: Style(bold=True, reverse=True),
        Token.CURSOR: Style(bold=True, reverse=True),
        Token.BRAND: yellow + bold,
        Token.KEY: yellow + bold,
        Token.TRACK: faint,
        Token.MARK: plain,
        Token.GOOD: Style(color="green", bold=True),
        Token.NOTICE: yellow,
        Token.BAD: Style(color="red", bold=True),
        Token.GAUGE: blue,
        Token.HISTORY: blue,
        Token.AFTER: faint,
        Token.ENTRY: yellow,
    }


def checked_theme(name: str) -> str:
    """The name if there is such a theme. Raises ValueError with one line that lists the themes otherwise."""
    known = [theme.name for theme in THEMES] + sorted(BUILTIN_THEMES)
    if name not in known:
        raise ValueError(f"no theme {name!r}; expected one of {', '.join(known)}")
    return name
