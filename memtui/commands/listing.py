"""`memtui list`: everything that can be named in a scenario or on the command line."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from memtui.commands import inputs
from memtui.commands.exits import Status
from memtui.fields import BUDDYINFO_PATTERN, FIELDS, Source, Unit
from memtui.machine.costs import OPERATIONS
from memtui.machine.latency import Timed
from memtui.scenario import listing
from memtui.scenario.listing import Item
from memtui.units import format_duration
from memtui.view.catalogue import PANELS

WIDTH: Final = 100
MEANING_COLUMN: Final = 26
"""Where meanings begin."""
COUNTER_COLUMNS: Final = 28
UNIT_COLUMNS: Final = 14
"""How wide names and units of counters are."""
KEY_COLUMNS: Final = 16
"""How wide names of actions of the dashboard are."""
KEYS_WORDS: Final = (
    "Other keys: memtui run --key pause=p, or lines such as `pause = p` in ~/.config/memtui/keys "
    "($XDG_CONFIG_HOME/memtui/keys). Several keys stand with commas between; a key is a character, or a name "
    "such as space, comma, enter, pgup, F5 or ctrl+x."
)
COST_COLUMNS: Final = 34
"""How wide names of costs are."""
SPREAD_WORDS: Final = (
    "One CPU of the recorded host; `cpu: {speed: 69%}` is one 1.44 times slower. Recorded: Linux 6.18; published: two "
    "patch series; assumed: nothing measured stands behind it. How single operations lie around these means is "
    "calibrated on the published histograms of huge-page allocation, once for all operations."
)


def print_list(what: str) -> int:
    """Prints one of `KINDS`. Raises BadInput for anything else."""
    inputs.one_of("memtui list", what, tuple(KINDS))
    for line in KINDS[what]():
        print(line)
    return Status.WELL


def _counters() -> Iterator[str]:
    for source in Source:
        known = [field for field in FIELDS.values() if field.source is source]
        if known:
            yield f"{source}:" if source is not Source.MEMTUI else "memtui's own figures:"
            for field in known:
                yield from _counter(field.name, field.unit, field.meaning)
    yield f"{Source.BUDDYINFO}:"
    yield from _counter(BUDDYINFO_PATTERN, Unit.BLOCKS, "free blocks: a list by order, or those of one order")


def _counter(name: str, unit: Unit, meaning: str) -> list[str]:
    return _entry(f"{name:<{COUNTER_COLUMNS}} {unit}", meaning, "  ", COUNTER_COLUMNS + UNIT_COLUMNS)


def _scenarios() -> Iterator[str]:
    for item in listing.describe_scenarios():
        yield from _entry(item.name, item.value)
        indent = " " * (MEANING_COLUMN + 2)
        yield from textwrap.wrap(" ".join(item.meaning.split()), WIDTH, initial_indent=indent, subsequent_indent=indent)


def _panels() -> Iterator[str]:
    for panel in PANELS:
        yield from _entry(panel.name, panel.title)


def _keys() -> Iterator[str]:
    for action in inputs.actions("memtui list", (), os.environ):
        yield from _entry(f"{action.id:<{KEY_COLUMNS}} {action.shown}", action.help)
    yield ""
    yield from textwrap.wrap(KEYS_WORDS, WIDTH)


def _costs() -> Iterator[str]:
    for operation in OPERATIONS:
        reach = f" + {operation.per_cpu_ns} ns per CPU" if operation.per_cpu_ns else ""
        trap = f", in a guest {operation.guest_cpu_ns} ns" if operation.guest_cpu_ns else ""
        yield from _entry(
            f"{operation.name:<{COST_COLUMNS}} {format_duration(operation.ns):>8}",
            f"{operation.source}{reach and ';'}{reach}{trap}",
            column=COST_COLUMNS + 9,
        )
    yield ""
    yield from textwrap.wrap(SPREAD_WORDS, WIDTH)


def _latencies() -> Iterator[str]:
    for timed in Timed:
        yield from _entry(timed, timed.meaning)


def _items(describe: Callable[[], tuple[Item, ...]]) -> Callable[[], Iterator[str]]:
    def lines() -> Iterator[str]:
        for item in describe():
            yield from _item(item, "")

    return lines


def _item(item: Item, indent: str) -> Iterator[str]:
    words = [item.value, item.meaning] if item.value else [item.meaning]
    if not item.built:
        words.append("not built yet")
    yield from _entry(item.name, "; ".join(filter(None, words)), indent)
    for detail in item.details:
        yield from _item(detail, indent + "  ")


def _entry(name: str, meaning: str, indent: str = "", column: int = MEANING_COLUMN) -> list[str]:
    """A name and its meaning beside it, wrapped under itself; a name too long for that has a line of its own."""
    start = f"{indent}{name:<{column - len(indent)}}  "
    above = [start.rstrip()] if len(start) > column + 2 else []
    start = " " * (column + 2) if above else start
    words = " ".join(meaning.split())
    return above + textwrap.wrap(words, WIDTH, initial_indent=start, subsequent_indent=" " * (column + 2))


KINDS: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "scenarios": _scenarios,
    "machines": _items(listing.describe_machines),
    "kernels": _items(listing.describe_kernels),
    "policies": _items(listing.describe_policies),
    "actions": _items(listing.describe_actions),
    "counters": _counters,
    "panels": _panels,
    "keys": _keys,
    "costs": _costs,
    "latencies": _latencies,
}
"""What can be listed, and how."""
