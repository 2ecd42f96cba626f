"""Recordings against the simulation as one JSON object, a figure per line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from memtui.recordings.case import Row, Verdict


def render(version: str, totals: Mapping[str, Mapping[Verdict, int]], rows: Iterable[Row]) -> str:
    """The totals of each recording by verdict and the figures that were asked for, with a line break at the end."""
    parts = {
        "memtui": json.dumps(version),
        "recordings": _lines(totals.items(), "{}", lambda item: f"{json.dumps(item[0])}: {_counts(item[1])}"),
        "figures": _lines(rows, "[]", lambda row: json.dumps(asdict(row), ensure_ascii=False)),
    }
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {part}" for name, part in parts.items()) + "\n}\n"


def _counts(counts: Mapping[Verdict, int]) -> str:
    return json.dumps({str(verdict): counts.get(verdict, 0) for verdict in Verdict})


def _lines(items: Iterable[Any], brackets: str, say: Any) -> str:
    lines: Iterator[str] = map(say, items)
    body = ",\n".join(f"  {line}" for line in lines)
    return f"{brackets[0]}\n{body}\n{brackets[1]}" if body else brackets
