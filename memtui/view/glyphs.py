"""The characters things are drawn with: full Unicode, the blocks of old consoles, or plain ASCII.

`unicode` uses eighth blocks and rounded frames; `block` only what the Linux console's own
font and code page 437 have; `ascii` only ASCII, words included.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from memtui.view.tokens import KINDS, Token


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """One set of characters. Every one is one terminal cell wide."""

    name: str
    fill: str
    """A bar's cell from empty to full, left to right; the first is empty, the last full."""
    levels: str
    """A column's cell from empty to full, bottom up."""
    track: str
    """The empty part of a bar."""
    boundary: str
    """Where a node or zone begins in a map."""
    watermark: str
    """min, low and high on a gauge."""
    faint: str
    """The part of a gauge that was not always full."""
    brackets: str
    """Joins rows that share something: top, middle, bottom."""
    tee: str
    """Where one goes on and those below join it."""
    corners: str
    """A frame: top left, top right, bottom left, bottom right."""
    horizontal: str
    vertical: str
    playing: str
    paused: str
    stopped: str
    past: str
    future: str
    entry: str
    """An entry of the timeline."""
    notice: str
    """Something worth a look happened."""
    bad: str
    """Something went wrong."""
    here: str
    more: str
    """Stands where something was cut off."""
    before: str
    """Points left, at tabs that can be reached."""
    after: str
    times: str
    yes: str
    no: str
    kinds: Mapping[Token, str] = field(default_factory=dict)
    """The glyph of each kind of memory."""
    words: Mapping[int, str] = field(default_factory=dict)
    """What stands for characters this set does not have, in words from elsewhere."""

    def severity(self, severity: str) -> str:
        """What marks an event of that severity; a space for one that is only told."""
        return {"notice": self.notice, "bad": self.bad}.get(severity, " ")

    def text(self, words: str) -> str:
        """`words` with only characters this set has, and none that a terminal would obey."""
        return words if words.isascii() and words.isprintable() else _translated(words, self)

    def safe(self, character: str) -> str:
        """A character of this set in place of one that has no words."""
        if self.name == "ascii" and not character.isascii():
            return _without_accents(character)
        return character if character.isprintable() and not unicodedata.combining(character) else "?"


@lru_cache(4096)
def _translated(words: str, glyphs: Glyphs) -> str:
    """The same sentences are shown frame after frame."""
    return "".join(glyphs.safe(character) for character in words.translate(glyphs.words))


def _without_accents(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)
    return "".join(part for part in plain if part.isascii() and part.isprintable()) or "?"


_WHITE_SPACE: Final = {"\n": " ", "\r": " ", "\t": " ", "\xa0": " ", "\u2009": " ", "\u202f": " "}
_BLOCK_WORDS: Final = str.maketrans(
    _WHITE_SPACE | {"…": "»", "×": "x", "✓": "√", "✗": "x", "−": "-", "–": "-", "—": "-", "›": ">"}
)
_ASCII_WORDS: Final = str.maketrans(
    _WHITE_SPACE
    | {"→": "->", "←": "<-", "×": "x", "·": "-", "…": "...", "−": "-", "–": "-", "—": "-"}
    | {"µ": "u", "≥": ">=", "≤": "<=", "✓": "yes", "✗": "no", "‘": "'", "’": "'", "“": '"', "”": '"', "›": ">"}
)

UNICODE: Final = Glyphs(
    name="unicode",
    fill=" ▏▎▍▌▋▊▉█",
    levels=" ▁▂▃▄▅▆▇█",
    track="░",
    boundary="┊",
    watermark="┆",
    faint="▒",
    brackets="┐┤┘",
    tee="┬",
    corners="╭╮╰╯",
    horizontal="─",
    vertical="│",
    playing="▶",
    paused="‖",
    stopped="■",
    past="─",
    future="┈",
    entry="◆",
    notice="▲",
    bad="✗",
    here="●",
    more="…",
    before="◂",
    after="▸",
    times="×",
    yes="✓",
    no="✗",
    kinds={token: kind.unicode for token, kind in KINDS.items()},
    words=str.maketrans(_WHITE_SPACE),
)

BLOCK: Final = Glyphs(
    name="block",
    fill=" ▌█",
    levels=" ░▒▓█",
    track="░",
    boundary="│",
    watermark="│",
    faint="▒",
    brackets="┐┤┘",
    tee="┬",
    corners="┌┐└┘",
    horizontal="─",
    vertical="│",
    playing="►",
    paused="║",
    stopped="■",
    past="─",
    future="·",
    entry="♦",
    notice="▲",
    bad="!",
    here="█",
    more="»",
    before="◄",
    after="►",
    times="x",
    yes="√",
    no="x",
    kinds={token: kind.block for token, kind in KINDS.items()},
    words=_BLOCK_WORDS,
)

ASCII: Final = Glyphs(
    name="ascii",
    fill=" #",
    levels=" .-=#",
    track=".",
    boundary="|",
    watermark="!",
    faint="=",
    brackets="\\|/",
    tee="+",
    corners="++++",
    horizontal="-",
    vertical="|",
    playing=">",
    paused='"',
    stopped="#",
    past="-",
    future=".",
    entry="+",
    notice="*",
    bad="!",
    here="@",
    more="~",
    before="<",
    after=">",
    times="x",
    yes="yes",
    no="no",
    kinds={token: kind.ascii for token, kind in KINDS.items()},
    words=_ASCII_WORDS,
)

GLYPH_SETS: Final[Mapping[str, Glyphs]] = {glyphs.name: glyphs for glyphs in (UNICODE, BLOCK, ASCII)}
"""The sets by the name `--glyphs` takes; `auto` chooses one of them."""


def choose_glyphs(name: str, encoding: str | None, term: str | None) -> Glyphs:
    """The set called `name`; for `auto` the best one for the output's encoding and `$TERM`.

    The Linux console draws only a few hundred characters; output that is not UTF-8 gets ASCII.
    Raises ValueError with one line for a name that is none of the sets.
    """
    if name in GLYPH_SETS:
        return GLYPH_SETS[name]
    if name != "auto":
        raise ValueError(f"no glyph set {name!r}; expected auto, {', '.join(GLYPH_SETS)}")
    if (encoding or "").lower().replace("-", "") not in ("utf8", "cp65001"):
        return ASCII
    return BLOCK if term in ("linux", "vt100", "vt220") else UNICODE
