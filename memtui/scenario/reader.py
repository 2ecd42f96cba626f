"""YAML text to a tree of places: pure-Python parser, and nothing of YAML that a scenario does not need.

The parser's events are walked before anything is built: aliases, anchors and tags are
refused, so are depth, size and numbers beyond any use, and duplicate keys are seen. No
document can make this slow, deep or large.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from memtui.scenario.faults import Fault, ScenarioError, printable
from memtui.scenario.model import Place
from memtui.scenario.scalars import resolve
from memtui.scenario.tree import REFUSED, ListNode, MapNode, Node, Pair, ScalarNode
from memtui.units import shorten

MAX_BYTES: Final = 1 << 20
"""Largest scenario text; the bundled ones have a few KiB."""
MAX_DEPTH: Final = 16
"""Deepest nesting; a scenario needs five levels."""
MAX_NODES: Final = 50_000
"""Most values in one document."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")

_PLAINER: Final = (
    ("found character '\\t'", "a tab; expected spaces for indentation"),
    ("mapping values are not allowed here", "a ':' where no key can be: wrong indentation, or text that needs quotes"),
    ("expected <block end>", "this does not fit what is above it: wrong indentation, or a missing ':' or '-'"),
    ("could not find expected ':'", "expected ':' after a key"),
    ("found unexpected end of stream", "the text ends inside quotes"),
    ("'<stream end>'", "the text ends inside brackets"),
    (
        "did not find expected <document start>",
        "this does not fit what is above it: wrong indentation, or a missing ':'",
    ),
)
"""Words of the parser, and plainer ones."""


def read(text: str, file: str) -> tuple[Node, list[Fault]]:
    """The document in `text`, and what is wrong with it as YAML that can still be read past.

    Raises ScenarioError when it cannot be parsed at all, or is too large.
    """
    if len(text) > MAX_BYTES:
        raise ScenarioError([Fault(Place(file), f"too large; expected at most {MAX_BYTES // 1024} KiB of text")])
    if found := _CONTROL.search(text):
        line, column = position(text, found.start())
        raise ScenarioError(
            [Fault(Place(file, line, column), f"character {ord(found.group()):#04x} has no place in YAML text")], text
        )
    builder = _Builder(text, file)
    return builder.document(), builder.faults


def position(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of a character of the text."""
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


class _Builder:
    """Walks the events of one document and builds its tree."""

    def __init__(self, text: str, file: str) -> None:
        self.faults: list[Fault] = []
        self._text = text
        self._file = file
        self._last = Place(file, 1, 1)
        self._events = self._checked(yaml.parse(text, Loader=yaml.SafeLoader))
        self._nodes = 0

    def document(self) -> Node:
        """The one document of the text."""
        event = next(self._events)
        while isinstance(event, (StreamStartEvent, DocumentStartEvent)):
            event = next(self._events)
        if isinstance(event, StreamEndEvent):
            raise self._fatal(event, "empty; expected a scenario, with a machine and a timeline")
        root = self._node(event, 1)
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                raise self._fatal(event, "a second document; expected one scenario per file")
            if not isinstance(event, (DocumentEndEvent, StreamEndEvent)):
                raise self._fatal(event, "text after the end of the document")
        return root

    def _checked(self, events: Iterator[Event]) -> Iterator[Event]:
        """The parser's events; whatever stops the parser becomes one fault where it stood."""
        try:
            for event in events:
                self._last = self._place(event)
                yield event
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(self._file, mark.line + 1, mark.column + 1) if mark else self._last
            since = error.context_mark.line + 1 if error.context_mark else place.line
            raise self._stopped(place, error.problem or error.context or "", since) from None
        except (yaml.YAMLError, ValueError, OverflowError):
            # pyyaml lets chr() and int() fail on escapes and directives beyond their range.
            raise self._stopped(self._last, "after this, an escape or directive beyond its range", 0) from None

    def _stopped(self, place: Place, problem: str, since: int) -> ScenarioError:
        """The parser's problem in plain words; `since` is the line where what it could not read began."""
        plainer = next((words for theirs, words in _PLAINER if theirs in problem), printable(problem, 120))
        began = f", which began at line {since}" if 0 < since < place.line and " inside " in plainer else ""
        return ScenarioError([*self.faults, Fault(place, f"not YAML: {plainer}{began}")], self._text)

    def _node(self, event: Event, depth: int) -> Node:
        place = self._place(event)
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise self._fatal(event, f"nested too deeply; expected at most {MAX_DEPTH} levels")
        if self._nodes > MAX_NODES:
            raise self._fatal(event, f"too many values; expected at most {MAX_NODES}")
        self._refuse_extras(event, place)
        if isinstance(event, MappingStartEvent):
            return self._mapping(place, depth)
        if isinstance(event, SequenceStartEvent):
            node = ListNode(place)
            while not isinstance(item := next(self._events), CollectionEndEvent):
                node.items.append(self._node(item, depth + 1))
            return node
        return self._scalar(event, place)

    def _mapping(self, place: Place, depth: int) -> MapNode:
        node = MapNode(place)
        while not isinstance(event := next(self._events), MappingEndEvent):
            key_place = self._place(event)
            key = self._key(event, depth)
            value = self._node(next(self._events), depth + 1)
            if key is None:
                continue
            if key in node.pairs:
                first = node.pairs[key].key_place.line
                self._fault(key_place, f"duplicate key {shorten(key)!r}; it stands at line {first} already")
                continue
            node.pairs[key] = Pair(key_place, value)
        return node

    def _key(self, event: Event, depth: int) -> str | None:
        """A key as it was written; None, and a fault, when it is no plain text."""
        place = self._place(event)
        if not isinstance(event, ScalarEvent):
            self._node(event, depth + 1)
            if not isinstance(event, AliasEvent):
                self._fault(place, "a list or mapping as a key; expected text")
            return None
        self._refuse_extras(event, place)
        if not event.value:
            self._fault(place, "an empty key; expected text")
            return None
        return event.value

    def _scalar(self, event: Event, place: Place) -> ScalarNode:
        if not isinstance(event, ScalarEvent):
            return ScalarNode(place, REFUSED)
        if event.tag is not None:
            return ScalarNode(place, REFUSED)
        if not event.implicit[0]:
            return ScalarNode(place, event.value)
        try:
            return ScalarNode(place, resolve(event.value))
        except ValueError as error:
            self._fault(place, str(error))
            return ScalarNode(place, REFUSED)

    def _refuse_extras(self, event: Event, place: Place) -> None:
        if isinstance(event, AliasEvent):
            self._fault(place, f"alias *{shorten(str(event.anchor))}; expected the value itself, written out")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            self._fault(place, f"anchor &{shorten(event.anchor)}; aliases and anchors have no place in a scenario")
        if isinstance(event, (ScalarEvent, SequenceStartEvent, MappingStartEvent)) and event.tag is not None:
            tag = printable(event.tag.replace("tag:yaml.org,2002:", "!!"), 40)
            self._fault(place, f"tag {tag}; expected a plain value without a tag")

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark else self._last

    def _fault(self, place: Place, message: str) -> None:
        self.faults.append(Fault(place, message))

    def _fatal(self, event: Event, message: str) -> ScenarioError:
        return ScenarioError([*self.faults, Fault(self._place(event), message)], self._text)
