"""Bytes, pages, orders, shares and durations: the integers everything else is counted in.

Memory is counted in bytes, kilobytes (1024 bytes, as /proc/meminfo does) or frames of 4 KiB;
time in integer nanoseconds; shares in parts per million. Nothing here is a float except what
is formatted for people.
"""

from __future__ import annotations

import re
from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30
TIB: Final = 1 << 40
PIB: Final = 1 << 50
EIB: Final = 1 << 60

PAGE_SHIFT: Final = 12
PAGE_BYTES: Final = 1 << PAGE_SHIFT
"""One base page, on x86-64: 4 KiB."""

FRAMES_2M: Final = 512
"""Base frames in a 2 MiB leaf, huge page or pageblock (order 9)."""

FRAMES_1G: Final = 512 * 512
"""Base frames in a 1 GiB leaf or huge page (order 18)."""

FRAMES_SECTION: Final = 128 * MIB // PAGE_BYTES
"""Base frames in a memory section (SECTION_SIZE_BITS 27), whose struct pages fill one 2 MiB leaf."""

FRAMES_4G: Final = 4 * FRAMES_1G
"""First frame above 4 GiB: where ZONE_DMA32 ends."""

US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 3600 * SECOND

PPM: Final = 1_000_000
"""A whole, as a share: one million parts."""

SIZE_HINT: Final = "a size such as 4KiB, 2MiB, 1GiB or 64TiB (powers of 1024; a plain number is bytes)"
DURATION_HINT: Final = "a time such as 250us, 20ms, 3s, 2m or 1h30m"
SHARE_HINT: Final = "a share such as 10% or 0.1"

MAX_DIGITS: Final = 24
"""Longer figures are refused before Python converts them: nothing here is that large."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]i?B?|B)?", re.ASCII)
_SIZE_UNITS: Final = {"K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": PIB, "E": EIB}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", re.ASCII)
_DURATION_UNITS: Final = {"ns": 1, "us": US, "ms": MS, "s": SECOND, "m": MINUTE, "h": HOUR}
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)", re.ASCII)


def parse_size(text: str | int) -> int:
    """Bytes of a size as people write it: `4KiB`, `2M`, `1GiB`, or a plain number of bytes.

    Raises ValueError with one line that says what was expected; `2MB` is refused because it
    may mean 2 000 000 or 2 097 152.
    """
    if isinstance(text, int):
        return _not_negative(text, SIZE_HINT)
    match = _SIZE.fullmatch(text.strip()) if len(text) <= 2 * MAX_DIGITS else None
    if match is None:
        raise ValueError(f"{shorten(text)!r} is not a size; expected {SIZE_HINT}")
    figure, unit = match.group(1), match.group(2) or "B"
    if unit == "B":
        return scaled(figure, 1, text)
    if len(unit) == 2 and unit.endswith("B"):
        raise ValueError(
            f"{shorten(text)!r} is ambiguous (powers of 1000 or 1024?); write {figure}{unit[0]}iB or {figure}{unit[0]}"
        )
    return scaled(figure, _SIZE_UNITS[unit[0]], text)


def parse_duration(text: str | int) -> int:
    """Nanoseconds of a time as people write it: `250us`, `20ms`, `3s`, `1h30m`; 0 needs no unit.

    Raises ValueError with one line that says what was expected.
    """
    words = str(text).strip() if isinstance(text, str) else ("0" if text == 0 else "?")
    if words == "0":
        return 0
    position, total_ns = 0, 0
    while len(words) <= 3 * MAX_DIGITS and (part := _DURATION_PART.match(words, position)):
        total_ns += scaled(part.group(1), _DURATION_UNITS[part.group(2)], words)
        position = part.end()
    if position == 0 or position != len(words):
        shown = shorten(str(text)) if not isinstance(text, int) or abs(text) < PIB else "that number"
        raise ValueError(f"{shown!r} is not a time; expected {DURATION_HINT}")
    return total_ns


def parse_share(text: str | int | float) -> int:
    """Parts per million of a share: `10%`, `0.1`, 0 or 1. Raises ValueError outside 0..100 %."""
    words = repr(text) if isinstance(text, float) else str(text) if not isinstance(text, int) or abs(text) < 2 else "2"
    match = _SHARE.fullmatch(words.strip()) if len(words) <= 2 * MAX_DIGITS else None
    if match is None:
        raise ValueError(f"{shorten(words)!r} is not a share; expected {SHARE_HINT}")
    ppm = scaled(match.group(1), PPM // 100 if match.group(2) else PPM, words)
    if ppm > PPM:
        raise ValueError(f"{shorten(words)!r} is more than the whole; expected {SHARE_HINT}")
    return ppm


def scaled(figure: str, unit: int, text: str) -> int:
    """`figure` (digits, perhaps with a fraction) times `unit`, exactly, rounded down."""
    whole, _, fraction = figure.partition(".")
    if len(whole) + len(fraction) > MAX_DIGITS:
        raise ValueError(f"{shorten(text)!r} has too many digits (at most {MAX_DIGITS})")
    value = int(whole) * unit
    if fraction:
        value += int(fraction) * unit // 10 ** len(fraction)
    return value


def shorten(text: str, limit: int = 40) -> str:
    """The text, cut to `limit` characters with a sign, for quoting in a message."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _not_negative(value: int, hint: str) -> int:
    if value < 0:
        raise ValueError(f"{value} is below zero; expected {hint}")
    return value


def frames_of(size_bytes: int) -> int:
    """Base frames that hold `size_bytes`, the last one perhaps in part."""
    return -(-size_bytes // PAGE_BYTES)


def kb_of_frames(frames: int) -> int:
    """Kilobytes of a number of base frames, as /proc/meminfo prints them."""
    return frames << (PAGE_SHIFT - 10)


def format_bytes(size_bytes: int) -> str:
    """A size for people, three significant digits in binary units: `47.0 GiB`, `428 MiB`, `0 B`."""
    sign, size = ("-", -size_bytes) if size_bytes < 0 else ("", size_bytes)
    for unit, name in ((EIB, "EiB"), (PIB, "PiB"), (TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit or (unit > KIB and size * 1024 >= unit * 1023.5):
            return f"{sign}{three_digits(size / unit)} {name}"
    return f"{sign}{size} B"


def format_frames(frames: int) -> str:
    """The size of a number of base frames, for people."""
    return format_bytes(frames * PAGE_BYTES)


def three_digits(value: float) -> str:
    """A figure with three significant digits, never in exponent form: 4.07, 40.7, 407, 4070."""
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def rounddown_pow_of_two(number: int) -> int:
    """The largest power of two that is not above a number; 1 for those below (include/linux/log2.h)."""
    return 1 << max(1, number).bit_length() - 1


def roundup_pow_of_two(number: int) -> int:
    """The smallest power of two that is not below a number; 1 for those below (include/linux/log2.h)."""
    return 1 << max(0, number - 1).bit_length()


def format_count(count: int) -> str:
    """A whole number with thin groups of three, as the event log writes them: `10 240`."""
    return f"{count:,}".replace(",", " ")


def format_duration(duration_ns: int) -> str:
    """A duration for people: `9.18 us`, `120 ms`, `3.00 s`, `2m05s`."""
    if duration_ns < US:
        return f"{duration_ns} ns"
    if duration_ns < MS:
        return f"{three_digits(duration_ns / US)} us"
    if duration_ns < SECOND:
        return f"{three_digits(duration_ns / MS)} ms"
    if duration_ns < 2 * MINUTE:
        return f"{three_digits(duration_ns / SECOND)} s"
    minutes, rest = divmod(duration_ns // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m{rest:02}s" if hours else f"{minutes}m{rest:02}s"


def format_clock(time_ns: int) -> str:
    """A moment of simulated time in seconds with milliseconds: `12.480 s`; from an hour on `30:02:07`."""
    if time_ns >= HOUR:
        minutes, seconds = divmod(time_ns // SECOND, 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return f"{time_ns // SECOND}.{time_ns % SECOND // MS:03} s"
