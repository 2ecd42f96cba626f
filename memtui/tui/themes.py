"""memtui's own themes, and the style each token has under any theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from memtui.view.tokens import KINDS, Kind, Token

DARK: Final = Theme(
    name="memtui",
    primary="#56B4E9",
    secondary="#7A9CFF",
    accent="#E69F00",
    warning="#E69F00",
    error="#F97633",
    success="#2CC79A",
    foreground="#D8DEE4",
    background="#0E1116",
    surface="#161B22",
    panel="#1F2630",
    dark=True,
)
LIGHT: Final = Theme(
    name="memtui-light",
    primary="#0072B2",
    secondary="#375BDB",
    accent="#A35F00",
    warning="#A05C00",
    error="#9C1D00",
    success="#00765A",
    foreground="#1B2127",
    background="#FAFAF7",
    surface="#F0F0EB",
    panel="#E4E4DD",
    dark=False,
)

THEMES: Final = (DARK, LIGHT)
"""The themes memtui adds to Textual's own."""

TEXT_CONTRAST: Final = 4.5
"""What words have to stand out by: level AA of WCAG 2. Themes that leave it below are corrected."""
GLYPH_CONTRAST: Final = 3.0
"""The same for labels and for what is no text."""

_MIDDLE: Final = 0.18
"""The luminance from which black stands out better than white."""
_STEPS: Final = 50

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
        styles[token] = Style(color=_kind_colour(kind, theme, variables))
    for token in Token:
        if token.name.startswith("OWNER_"):
            styles[token] += Style(reverse=True)
    return styles


def contrast(first: Color, second: Color) -> float:
    """The contrast ratio of WCAG 2 between two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    return 0.2126 * _linear(colour.r) + 0.7152 * _linear(colour.g) + 0.0722 * _linear(colour.b)


def _linear(part: int) -> float:
    return part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4


def readable(colour: Color, backgrounds: Sequence[Color], least: float) -> Color:
    """The colour, as little lighter or darker as it has to be to stand out from all of the backgrounds."""
    if not backgrounds:
        return colour
    end = Color.parse("white" if _luminance(backgrounds[0]) < _MIDDLE else "black")
    for step in range(_STEPS + 1):
        shown = colour.blend(end, step / _STEPS)
        if min(contrast(shown, background) for background in backgrounds) >= least:
            break
    return shown


def _kind_colour(kind: Kind, theme: Theme, variables: Mapping[str, str]) -> RichColor:
    """The colour of a kind of memory; only on a background that no known theme has is it not its own."""
    colour = Color.parse(kind.dark if theme.dark else kind.light)
    backgrounds = () if theme.ansi else (Color.parse(variables["background"]),)
    return readable(colour, backgrounds, GLYPH_CONTRAST).rich_color


def _words(theme: Theme, variables: Mapping[str, str]) -> dict[Token, Style]:
    def named(name: str) -> Color:
        return Color.parse(variables[name])

    foreground, background = named("foreground"), named("background")
    behind = (background, named("surface"))

    def towards(share: float, least: float = 1) -> Style:
        return Style(color=readable(background.blend(foreground, share), behind, least).rich_color)

    def text(name: str) -> Color:
        return readable(named(name), behind, TEXT_CONTRAST)

    def coloured(name: str, bold: bool = False) -> Style:
        return Style(color=text(name).rich_color, bold=bold)

    return {
        Token.TEXT: towards(0.9, TEXT_CONTRAST),
        Token.STRONG: coloured("foreground", bold=True),
        Token.DIM: towards(_DIM, GLYPH_CONTRAST),
        Token.FRAME: towards(_FRAME),
        Token.FRAME_CHOSEN: coloured("primary"),
        Token.TITLE: coloured("primary", bold=True),
        Token.TITLE_CHOSEN: Style(color=background.rich_color, bgcolor=text("primary").rich_color, bold=True),
        Token.CURSOR: Style(color=background.rich_color, bgcolor=text("foreground").rich_color, bold=True),
        Token.BRAND: coloured("accent", bold=True),
        Token.KEY: coloured("accent", bold=True),
        Token.TRACK: towards(_TRACK),
        Token.MARK: towards(_MARK, GLYPH_CONTRAST),
        Token.GOOD: coloured("success", bold=True),
        Token.NOTICE: coloured("warning"),
        Token.BAD: coloured("error", bold=True),
        Token.GAUGE: coloured("primary"),
        Token.HISTORY: coloured("primary"),
        Token.AFTER: towards(_AFTER),
        Token.ENTRY: coloured("secondary"),
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
        Token.ENTRY: Style(color="cyan"),
    }


def checked_theme(name: str) -> str:
    """The name if there is such a theme. Raises ValueError with one line that lists the themes otherwise."""
    known = [theme.name for theme in THEMES] + sorted(BUILTIN_THEMES)
    if name not in known:
        raise ValueError(f"no theme {name!r}; expected one of {', '.join(known)}")
    return name
