"""Pictures without a terminal: SVGs that are kept, and the same bytes every time."""

from __future__ import annotations

import re

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.theme import BUILTIN_THEMES

from memtui.tui.app import Dashboard
from memtui.tui.snapshot import render_svg, render_text
from memtui.tui.svg import tidy_svg
from memtui.tui.themes import THEMES, token_styles
from memtui.units import MS, SECOND
from memtui.view.catalogue import PANELS
from memtui.view.glyphs import ASCII
from memtui.view.tokens import Token
from tests.fake_source import FakeSource

TERMINAL = {"#292929", "#c5c8c6", "#868887"}
"""What Rich draws a terminal's own two colours as, and the faint one between them."""

AT_NS = 12 * SECOND + 480 * MS


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 24), (40, 12)], ids=["120x40", "80x24", "40x12"])
def test_picture(width: int, height: int, svg: SnapshotAssertion) -> None:
    assert render_svg(FakeSource(), AT_NS, width, height) == svg


def test_picture_in_a_light_theme(svg: SnapshotAssertion) -> None:
    assert render_svg(FakeSource(), AT_NS, 80, 24, theme="memtui-light") == svg


def test_picture_in_ascii(svg: SnapshotAssertion) -> None:
    assert render_svg(FakeSource(), AT_NS, 80, 24, glyphs=ASCII) == svg


def test_picture_without_colour(svg: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    picture = render_svg(FakeSource(), AT_NS, 80, 24)
    colours = {colour.lower() for colour in re.findall(r"fill: (#[0-9A-Fa-f]{6})", picture)}
    assert colours == TERMINAL
    assert picture == svg


@pytest.mark.parametrize("panel", [panel.name for panel in PANELS])
def test_picture_of_one_panel(panel: str, svg: SnapshotAssertion) -> None:
    assert render_svg(FakeSource(), AT_NS, 60, 16, panel_name=panel) == svg


def test_the_same_moment_gives_the_same_bytes() -> None:
    assert render_svg(FakeSource(), AT_NS, 80, 24) == render_svg(FakeSource(), AT_NS, 80, 24)
    assert render_text(FakeSource(), AT_NS, 80, 24) == render_text(FakeSource(), AT_NS, 80, 24)


def test_a_picture_asks_nothing_of_the_network() -> None:
    svg = render_svg(FakeSource(), AT_NS, 80, 24)
    assert set(re.findall(r"https?://[^\"')\s]+", svg)) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "@font-face" not in svg


def tidied(text: str) -> list[str]:
    """What becomes of one run of text that begins in the second cell of the first row, without its attributes."""
    words = text.replace(" ", "&#160;")
    svg = tidy_svg(f'<text class="r1" x="12.2" y="20" textLength="9" clip-path="url(#l)">{words}</text>')
    return [piece.replace(' class="r1"', "").replace(' clip-path="url(#l)"', "") for piece in svg.split("\n")]


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        (
            "  map &lt;up ",
            '<text x="36.6" y="20" textLength="36.6">map</text><text x="85.4" y="20" textLength="36.6">&lt;up</text>',
        ),
        (
            "▪▪▪▪▪",
            '<text x="12.2" y="20" textLength="48.8">▪▪▪▪</text><text x="61" y="20" textLength="12.2">▪</text>',
        ),
        ("███", '<path d="M12.2,1.5h36.6v24.4h-36.6z" shape-rendering="crispEdges"/>'),
        (" ▄", '<path d="M24.4,13.7h12.2v12.2h-12.2z" shape-rendering="crispEdges"/>'),
        ("▌", '<path d="M12.2,1.5h6.1v24.4h-6.1z" shape-rendering="crispEdges"/>'),
        ("──", '<path d="M12.2,13.1h24.4v1.2h-24.4z"/>'),
        ("│", '<path d="M17.7,1.5h1.2v24.4h-1.2z"/>'),
        (
            "╭",
            '<path d="M24.4,13.1A6.7,6.7 0 0 0 17.7,19.8V25.9h1.2V19.8A5.5,5.5 0 0 1 24.4,14.3z"/>',
        ),
    ],
)
def test_every_piece_of_a_picture_stands_in_its_cell(text: str, picture: str) -> None:
    assert tidied(text) == [picture]


def test_no_text_of_a_picture_relies_on_being_stretched() -> None:
    svg = render_svg(FakeSource(), AT_NS, 120, 40)
    runs = re.findall(r'textLength="[^"]*"[^>]*>([^<]*)</text>', svg)
    assert not [text for text in runs if "\xa0" in text or "&#160;" in text or set("█─│") & set(text)]


def test_a_picture_past_the_end_shows_the_end() -> None:
    text = render_text(FakeSource(), 60 * SECOND, 120, 40)
    assert "30.000 s" in text
    assert "FINISHED" in text


def test_a_picture_at_zero_shows_the_machine_as_booted() -> None:
    text = render_text(FakeSource(), 0, 120, 40)
    assert "0.000 s" in text
    assert "nothing runs" in text or "next 1.000s sysctl" in text


def test_pictures_in_ascii() -> None:
    assert render_text(FakeSource(), AT_NS, 120, 40, glyphs=ASCII).isascii()


@pytest.mark.parametrize("size", [(0, 24), (80, 0), (1001, 24), (80, 501)])
def test_sizes_that_are_none(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="is no size; expected columns x rows, 1x1 to 1000x500"):
        render_text(FakeSource(), AT_NS, *size)


def test_panels_that_are_none() -> None:
    with pytest.raises(ValueError, match="no panel 'disk'; expected one of direct-map"):
        render_svg(FakeSource(), AT_NS, 80, 24, panel_name="disk")


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES] + sorted(BUILTIN_THEMES))
def test_every_theme_has_a_style_for_every_token(theme: str) -> None:
    app = Dashboard(FakeSource(), theme=theme, paused=True)
    assert set(app.palette()) == set(Token)
    assert set(token_styles(app.current_theme, app.get_css_variables())) == set(Token)
    assert not any(style.blink for style in app.palette().values())
