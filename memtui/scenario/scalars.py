"""What a plain YAML scalar means, by the core schema of YAML 1.2: `no` is text, `010` is ten."""

from __future__ import annotations

import re
from typing import Final

from memtui.scenario.tree import NOTHING, Scalar
from memtui.units import MAX_DIGITS

_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar. Raises ValueError for a number nothing here could mean."""
    if text in _NULL:
        return NOTHING
    if text in _BOOL:
        return _BOOL[text]
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            return int(_few_digits(text), base)
    if _FLOAT.fullmatch(text):
        number = float(_few_digits(text))
        if number in (float("inf"), float("-inf")):
            raise ValueError(f"{text} is too large a number; expected a finite one")
        return number
    if _SPECIAL.fullmatch(text):
        raise ValueError(f"{text} is no number memtui can use; expected a finite one")
    return text


def _few_digits(text: str) -> str:
    digits = sum(character in "0123456789abcdefABCDEF" for character in text)
    if digits > MAX_DIGITS:
        raise ValueError(f"a number of {digits} digits; expected at most {MAX_DIGITS}")
    # int() reads the prefixes 0o and 0x by its base.
    return text
