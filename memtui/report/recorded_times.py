"""Recorded times against simulated ones, as text: a line for every operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from memtui.recordings.times import TimeRow
from memtui.units import format_count, format_duration

_RECORDING: Final = 30
_OPERATION: Final = 52
_TIMES: Final = 5
_SPAN: Final = 20
_FIGURE: Final = 9


def heading() -> str:
    """What the columns are."""
    names = f"{'experiment':<{_RECORDING}}  {'operation':<{_OPERATION}}  {'times':>{_TIMES}}"
    return f"{names}  {'recorded':<{_SPAN}}  {'simulated':>{_FIGURE}}  verdict"


def line(row: TimeRow) -> str:
    """One operation: how often it was done, its shortest and longest time, the simulated one, and the verdict."""
    names = f"{row.recording:<{_RECORDING}}  {row.operation:<{_OPERATION}}  {len(row.recorded_ns):>{_TIMES}}"
    least, most = format_duration(min(row.recorded_ns)), format_duration(max(row.recorded_ns))
    span = least if least == most else f"{least} .. {most}"
    return f"{names}  {span:<{_SPAN}}  {format_duration(row.mean_ns):>{_FIGURE}}  {_verdict(row)}"


def summary(rows: Iterable[TimeRow]) -> str:
    """How many operations are as fast as recorded, how many are not, and how many are not compared."""
    counted = list(rows)
    not_compared = sum(bool(row.why_not) for row in counted)
    differ = sum(row.differs for row in counted)
    words = [f"{format_count(len(counted) - differ - not_compared)} operations as long as recorded"]
    words += [f"{format_count(differ)} not"] if differ else ["none not"]
    return ", ".join([*words, f"{format_count(not_compared)} not compared"])


def _verdict(row: TimeRow) -> str:
    if row.why_not:
        return f"not compared: {row.why_not}"
    return "differs" if row.differs else "within"
