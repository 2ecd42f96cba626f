"""Long operations in parts, as Linux puts cond_resched() into its loops.

An operation that may have millions of scattered pages to go through is a generator: it does a part,
yields, and goes on when it is asked for more; what it returns is its result. What a part leaves is a
machine like any other. With nothing else between the parts they come to the same as all in one go.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, TypeVar

T = TypeVar("T")

Parts = Generator[None, None, T]
"""Yields after every part but the last; returns the result."""

PART_PIECES: Final = 1024
"""Runs of frames that one part frees, takes or moves at most: a run is a terabyte or a page, and costs the same."""


def whole(parts: Parts[T]) -> T:
    """Does all of an operation at once."""
    while True:
        try:
            next(parts)
        except StopIteration as done:
            result: T = done.value
            return result
