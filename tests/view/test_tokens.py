"""Colours that can be told apart: by everyone, on dark and on light."""

from __future__ import annotations

import itertools

import pytest

from memtui.snapshot import DirectMapCell, FrameKind, VmemmapCell
from memtui.view.tokens import DIRECT_MAP_TOKENS, KINDS, OWNER_TOKENS, VMEMMAP_TOKENS, Token

VISION = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""Linear RGB as people with full dichromacy see it: Machado, Oliveira and Fernandes, 2009, severity 1.0."""

BACKGROUNDS = {"dark": "#0E1116", "light": "#FAFAF7"}

GROUPS = {
    "leaves": (Token.LEAF_1G, Token.LEAF_2M, Token.LEAF_4K, Token.NOT_PRESENT),
    "vmemmap": (Token.OWN, Token.SHARED, Token.PARTLY_SHARED, Token.SPLIT),
}


def linear(colour: str) -> tuple[float, ...]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def seen(colour: str, vision: str) -> tuple[float, ...]:
    """CIELAB of a colour as seen with that vision."""
    rgb = [sum(weight * part for weight, part in zip(line, linear(colour), strict=True)) for line in VISION[vision]]
    red, green, blue = (min(1.0, max(0.0, part)) for part in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(first: str, second: str, vision: str) -> float:
    pairs = zip(seen(first, vision), seen(second, vision), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2."""
    lights = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(first), linear(second)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_every_code_and_every_owner_has_a_kind() -> None:
    assert set(DIRECT_MAP_TOKENS) == set(DirectMapCell)
    assert set(VMEMMAP_TOKENS) == set(VmemmapCell)
    assert set(OWNER_TOKENS) == set(FrameKind)
    used = {*DIRECT_MAP_TOKENS.values(), *VMEMMAP_TOKENS.values(), *OWNER_TOKENS.values()}
    assert used == set(KINDS)


@pytest.mark.parametrize("shade", ["dark", "light"])
@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("group", GROUPS)
def test_kinds_of_one_map_stay_apart_in_colour(group: str, vision: str, shade: str) -> None:
    colours = [getattr(KINDS[token], shade) for token in GROUPS[group]]
    least = min(distance(first, second, vision) for first, second in itertools.combinations(colours, 2))
    assert least > 12


@pytest.mark.parametrize("shade", ["dark", "light"])
@pytest.mark.parametrize("group", GROUPS)
def test_kinds_of_one_map_stay_apart_without_colour(group: str, shade: str) -> None:
    lightness = sorted(seen(getattr(KINDS[token], shade), "normal")[0] for token in GROUPS[group])
    assert min(above - below for below, above in itertools.pairwise(lightness)) > 5


@pytest.mark.parametrize("shade", ["dark", "light"])
@pytest.mark.parametrize("token", [token for token in KINDS if token not in (Token.HOLE, Token.NOT_POPULATED)])
def test_kinds_stand_out_from_the_background(token: Token, shade: str) -> None:
    assert contrast(getattr(KINDS[token], shade), BACKGROUNDS[shade]) > 3
