"""The series of a run as CSV: one row per sample, one column per figure, times in seconds."""

from __future__ import annotations

import csv
import io

from memtui.sources.samples import Samples
from memtui.units import SECOND


def render(samples: Samples) -> str:
    """The whole table: a line of names, then a line per sample."""
    columns = dict(samples.columns())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time_s", *columns])
    for row, time_ns in enumerate(samples.times_ns):
        writer.writerow([time_ns / SECOND, *(column[row] for column in columns.values())])
    return text.getvalue()
