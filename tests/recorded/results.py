"""Each recording compared once for all tests of a run: it always comes out the same."""

from __future__ import annotations

from functools import cache

from memtui.recordings import archive
from memtui.recordings.case import Row
from memtui.recordings.comparison import compare


@cache
def rows_of(name: str) -> tuple[Row, ...]:
    """Every line of the comparison of a recording."""
    return tuple(compare(archive.load(name), archive.load))
