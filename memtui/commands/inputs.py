"""The values of command-line options: text to figures, or one line that says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from memtui.units import MAX_DIGITS, parse_duration, shorten

if TYPE_CHECKING:
    from memtui.tui.actions import Action

GLYPH_SETS: Final = ("auto", "unicode", "block", "ascii")
"""What pictures can be drawn with."""

MAX_SEED: Final = (1 << 64) - 1
WIDTHS: Final = (20, 500)
HEIGHTS: Final = (5, 200)
"""Columns and rows a picture may have."""

_SIZE = re.compile(r"(\d{1,4})[xX×](\d{1,4})", re.ASCII)

G = TypeVar("G")
V = TypeVar("V")


class BadInput(Exception):
    """An option that cannot be used, in one line."""


def moment_ns(option: str, text: str) -> int:
    """Nanoseconds of an option that is a simulated time."""
    return _value(option, text, parse_duration)


def interval_ns(option: str, text: str | None) -> int | None:
    """Nanoseconds of an option that is a span of simulated time, which is not zero; None when it was not given."""
    parsed = None if text is None else moment_ns(option, text)
    if parsed == 0:
        raise BadInput(f"{option}: 0 is no interval; expected a time above zero, such as 100ms")
    return parsed


def speed(option: str, text: str | None) -> float:
    """A speed; real time when none was given."""
    from memtui.engine.clock import parse_speed

    return 1.0 if text is None else _value(option, text, parse_speed)


def seed(option: str, text: str | None) -> int | None:
    """A seed; None, so the scenario's own, when none was given."""
    if text is None:
        return None
    words = text.strip()
    if not words.isascii() or not words.isdigit() or len(words) > MAX_DIGITS or int(words) > MAX_SEED:
        raise BadInput(f"{option}: {shorten(text)!r} is no seed; expected a whole number from 0 to {MAX_SEED}")
    return int(words)


def history(option: str, text: str | None) -> int:
    """How many moments of the past are kept; what is usual when it was not said."""
    from memtui.timeline import CAPACITY, MAX_CAPACITY, MIN_CAPACITY

    if text is None:
        return CAPACITY
    words = text.strip()
    if not words.isascii() or not words.isdigit() or not MIN_CAPACITY <= int(words[:10]) <= MAX_CAPACITY:
        expected = f"expected {MIN_CAPACITY} to {MAX_CAPACITY} moments"
        raise BadInput(f"{option}: {shorten(text)!r} is no length of a history; {expected}")
    return int(words)


def one_of(option: str, word: str, known: Sequence[str]) -> str:
    """The word, which has to be one of those known."""
    if word in known:
        return word
    from memtui.scenario.faults import did_you_mean

    raise BadInput(f"{option}: {shorten(word)!r} is not one of {', '.join(known)}{did_you_mean(word, known)}")


def theme(name: str | None) -> str | None:
    """The name of a theme; None when none was asked for."""
    from memtui.commands.theme_names import THEME_NAMES

    if name is not None and name not in THEME_NAMES:
        raise BadInput(f"no theme {shorten(name)!r}; expected one of {', '.join(THEME_NAMES)}")
    return name


def actions(option: str, texts: Sequence[str], environment: Mapping[str, str]) -> tuple[Action, ...]:
    """The dashboard's actions with their keys: other ones from the file of keys, and after them from the option."""
    from memtui.tui import keymap

    try:
        changes = keymap.from_file(keymap.file_of(environment))
    except ValueError as error:
        raise BadInput(str(error)) from None
    changes += [_value(option, text, keymap.parse_change) for text in texts]
    return _value(option, changes, keymap.rebound)


def picture_size(option: str, text: str) -> tuple[int, int]:
    """Columns and rows of a picture."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{option}: {shorten(text)!r} is no size; expected columns and rows such as 120x40")
    width, height = int(match.group(1)), int(match.group(2))
    if not (WIDTHS[0] <= width <= WIDTHS[1] and HEIGHTS[0] <= height <= HEIGHTS[1]):
        raise BadInput(
            f"{option}: {width}x{height} is not a size of a terminal; expected {WIDTHS[0]} to {WIDTHS[1]} columns "
            f"and {HEIGHTS[0]} to {HEIGHTS[1]} rows"
        )
    return width, height


def _value(option: str, given: G, parse: Callable[[G], V]) -> V:
    try:
        return parse(given)
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from None
