"""Colours that can be told apart: by everyone, on dark and on light."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from memtui.snapshot import DirectMapCell, FrameKind, VmemmapCell
from memtui.view.glyphs import GLYPH_SETS, Glyphs
from memtui.view.tokens import DIRECT_MAP_TOKENS, KINDS, OWNER_TOKENS, VMEMMAP_TOKENS, Token

VISION = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""Linear RGB as people with full dichromacy see it: Machado, Oliveira and Fernandes, 2009, severity 1.0."""

MAPS = {
    "leaves": (Token.LEAF_1G, Token.LEAF_2M, Token.LEAF_4K, Token.NOT_PRESENT),
    "vmemmap": (Token.OWN, Token.SHARED, Token.PARTLY_SHARED, Token.SPLIT),
}
"""Kinds that stand side by side in one map. Where there is nothing is grey, and told by its glyph."""

DIRECT_AND_VMEMMAP = (tuple(DIRECT_MAP_TOKENS.values()), tuple(VMEMMAP_TOKENS.values()))

OWNERS = tuple(OWNER_TOKENS.values())
"""Any two stand side by side in the bar of owners. Each is a letter too."""

MAPS_APART, OWNERS_APART, LIGHTNESS_APART = 15.0, 12.0, 7.0
"""Least distances in CIELAB (CIE 1976, in which 2.3 is just noticeable), and of lightness alone."""


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


def nearest(colours: Sequence[str], vision: str) -> float:
    """The distance of the two colours that are nearest to each other."""
    return min(distance(first, second, vision) for first, second in itertools.combinations(colours, 2))


def shades(tokens: Sequence[Token], shade: str) -> list[str]:
    return [getattr(KINDS[token], shade) for token in tokens]


def test_simulated_vision_takes_away_what_it_should() -> None:
    red, green, blue, yellow = "#D00000", "#8C6F00", "#0000FF", "#FFFF00"
    assert distance(red, green, "normal") > 3 * distance(red, green, "deuteranopia")
    assert distance("#E0E0E0", yellow, "normal") > 3 * distance("#E0E0E0", yellow, "tritanopia")
    assert distance(blue, yellow, "protanopia") > 100
    assert all(distance("#808080", "#808080", vision) == 0 for vision in VISION)


@pytest.mark.parametrize("shade", ["dark", "light"])
@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("group", MAPS)
def test_kinds_of_one_map_stay_apart_in_colour(group: str, vision: str, shade: str) -> None:
    assert nearest(shades(MAPS[group], shade), vision) > MAPS_APART


@pytest.mark.parametrize("shade", ["dark", "light"])
@pytest.mark.parametrize("vision", VISION)
def test_all_owners_stay_apart_in_colour(vision: str, shade: str) -> None:
    assert nearest(shades(OWNERS, shade), vision) > OWNERS_APART


@pytest.mark.parametrize("shade", ["dark", "light"])
@pytest.mark.parametrize("group", MAPS)
def test_kinds_of_one_map_stay_apart_without_colour(group: str, shade: str) -> None:
    lightness = sorted(seen(colour, "normal")[0] for colour in shades(MAPS[group], shade))
    assert min(above - below for below, above in itertools.pairwise(lightness)) > LIGHTNESS_APART


@pytest.mark.parametrize("glyphs", GLYPH_SETS.values(), ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize("group", [*DIRECT_AND_VMEMMAP, OWNERS], ids=["leaves", "vmemmap", "owners"])
def test_every_kind_has_a_glyph_of_its_own_beside_the_others(glyphs: Glyphs, group: Sequence[Token]) -> None:
    assert len({glyphs.kinds[token] for token in group}) == len(group)
