"""One action typed while a scenario plays: `nr_hugepages 2048`, `keys: memfd_secret size=16KiB count=64`.

A command is an entry of the timeline in one line: an optional label, the action, and its
parameters, either the plain value that stands for one of them or `name=value` pairs. `every=`,
`times=` and `until=` repeat it as in a file. It is checked as an entry of a file is, against all
that the scenario has made so far.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from memtui.scenario.entries import Draft, EntryHead, read_entry
from memtui.scenario.faults import Fault, did_you_mean, printable
from memtui.scenario.model import Entry, Place, Scenario
from memtui.scenario.scalars import resolve
from memtui.scenario.timeline_checks import check_timeline
from memtui.scenario.tree import MapNode, Node, Pair, ScalarNode
from memtui.units import shorten
from memtui.workloads.params import exact_duration
from memtui.workloads.registry import ACTIONS

MAX_CHARACTERS: Final = 2000
"""Longest command; a pasted file is none."""

FILE: Final = "command"
"""What messages call the place of a command."""

HEAD: Final = tuple(name for name in EntryHead.model_fields if name not in ("at", "label"))
"""What may stand beside an action's own parameters."""

_TOKEN = re.compile(r"""((?:[^\s"']|"[^"]*"|'[^']*')+)|(["'])""")
_LABEL = re.compile(r"\s*([^\s=:]+):(?=\s|$)")
_PAIR = re.compile(r"([A-Za-z_][\w.]*)=(.*)", re.DOTALL)


class CommandError(ValueError):
    """A command that cannot be carried out, in one line that says what was expected."""


def parse_command(text: str, at_ns: int, scenario: Scenario) -> tuple[Entry, MapNode]:
    """The entry a command stands for, at a simulated time, and the same as a scenario would write it.

    Raises CommandError.
    """
    mapping = _mapping(text, at_ns)
    draft = read_entry(mapping)
    faults = draft.faults
    if not faults:
        before = [_draft_of(entry) for entry in scenario.entries]
        faults = [fault for fault in check_timeline([*before, draft], scenario.machine) if fault.place.file == FILE]
    if faults or draft.entry is None:
        raise CommandError(_words(faults))
    return draft.entry, mapping


def tokens(text: str) -> Iterator[tuple[int, str]]:
    """(column from 0, word) of each word of a command; quotes keep spaces together and stay in the word.

    Raises CommandError for a quote that is not closed.
    """
    for match in _TOKEN.finditer(text):
        if match.group(2):
            raise CommandError(f"a {match.group(2)} that is not closed; expected another at the end of the text")
        yield match.start(), match.group(1)


def label_of(text: str) -> tuple[str, int]:
    """The label at the beginning of a command and where what follows it begins; no label is ''."""
    match = _LABEL.match(text)
    return (match.group(1), match.end()) if match else ("", 0)


def _mapping(text: str, at_ns: int) -> MapNode:
    """The command as an entry of a timeline would be written."""
    if len(text) > MAX_CHARACTERS:
        raise CommandError(f"{len(text)} characters; expected one action of at most {MAX_CHARACTERS}")
    label, begin = label_of(text)
    words = list(tokens(text[begin:]))
    if not words:
        raise CommandError(f"no action; expected one of {', '.join(ACTIONS)}")
    action = words[0][1]
    if action not in ACTIONS:
        hint = did_you_mean(action, ACTIONS) or f"; expected one of {', '.join(ACTIONS)}"
        raise CommandError(f"no action {printable(action, 40)!r}{hint}")
    places = [Place(FILE, 1, begin + column + 1) for column, _ in words]
    mapping = MapNode(places[0], {"at": _scalar_pair(places[0], exact_duration(at_ns))})
    if label:
        mapping.pairs["label"] = _scalar_pair(Place(FILE, 1, 1), label)
    params = MapNode(places[0])
    plain_value: ScalarNode | None = None
    for place, (_, word) in zip(places[1:], words[1:], strict=True):
        pair = _PAIR.fullmatch(word)
        if pair is not None:
            _put(mapping if pair.group(1) in HEAD else params, pair.group(1), _value(place, pair.group(2)))
        elif plain_value is not None or ACTIONS[action].params.short_field is None:
            raise CommandError(f"{printable(word, 40)!r} stands alone; expected NAME=VALUE")
        else:
            plain_value = _value(place, word)
    mapping.pairs[action] = Pair(places[0], _joined(action, params, plain_value))
    return mapping


def _joined(action: str, params: MapNode, plain_value: ScalarNode | None) -> Node:
    """A plain value alone, or pairs with it under the name it stands for."""
    if plain_value is None or not params.pairs:
        return params if plain_value is None else plain_value
    _put(params, str(ACTIONS[action].params.short_field), plain_value)
    return params


def _put(mapping: MapNode, key: str, value: ScalarNode) -> None:
    if key in mapping.pairs:
        raise CommandError(f"{shorten(key)} is given twice; expected it once")
    mapping.pairs[key] = Pair(value.place, value)


def _value(place: Place, word: str) -> ScalarNode:
    for quote in ('"', "'"):
        if len(word) > 1 and word[0] == word[-1] == quote and quote not in word[1:-1]:
            return ScalarNode(place, word[1:-1])
    try:
        return ScalarNode(place, resolve(word))
    except ValueError as error:
        raise CommandError(str(error)) from None


def _scalar_pair(place: Place, value: str) -> Pair:
    return Pair(place, ScalarNode(place, value))


def _draft_of(entry: Entry) -> Draft:
    place = entry.place or Place("")
    return Draft(place, entry.label, place, entry.at_ns, entry.action, None, entry)


def _words(faults: list[Fault]) -> str:
    """All that is wrong, in one line."""
    return "; ".join(dict.fromkeys(fault.message for fault in faults)) or "cannot be used"
