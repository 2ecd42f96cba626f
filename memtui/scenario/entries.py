"""One entry of the timeline: a time, perhaps a repetition and a label, and exactly one action."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import Field, ValidationError

from memtui.scenario.faults import Fault
from memtui.scenario.machines import Section
from memtui.scenario.model import Entry, Place
from memtui.scenario.tree import MapNode, Node, ScalarNode, locate, plain
from memtui.scenario.words import expect_map, faults_of, unknown_key
from memtui.workloads.params import MAX_COUNT, WRITTEN, Duration, Params
from memtui.workloads.registry import ACTIONS, NOT_BUILT

_REPETITION: Final = frozenset(("every", "times", "until"))

WHAT: Final = "timeline entry"
"""What messages call an entry."""

Label = Annotated[str, Field(min_length=1, max_length=64)]
"""What a later entry calls this one."""


class EntryHead(Section):
    """What an entry has beside its action."""

    at: Duration = Field(description="when it happens, in simulated time since boot")
    every: Duration | None = Field(default=None, description="time from one repetition to the next")
    times: int | None = Field(default=None, ge=1, le=MAX_COUNT, description="how many repetitions in all")
    until: Duration | None = Field(
        default=None, description="when repetitions end; one at that very time still happens"
    )
    label: Label | None = Field(default=None, description="names what the entry makes, so that `end` can end it")


@dataclass(slots=True)
class Draft:
    """An entry as far as it can be read: what a faulty one still says is used to judge the others."""

    place: Place
    label: str | None = None
    label_place: Place | None = None
    at_ns: int | None = None
    action: str | None = None
    params_node: Node | None = None
    entry: Entry | None = None
    faults: list[Fault] = field(default_factory=list)

    def at(self, *path: str) -> Place:
        """The place of a parameter of the action."""
        return self.place if self.params_node is None else locate(self.params_node, path)[1]


def read_entry(node: Node) -> Draft:
    """Reads one entry; `entry` stays None when it is not to be used."""
    draft = Draft(node.place)
    mapping = expect_map(node, WHAT)
    if isinstance(mapping, Fault):
        draft.faults.append(mapping)
        return draft
    _read_label(mapping, draft)
    _check_keys(mapping, draft)
    head = _read_head(mapping, draft)
    params = _read_action(mapping, draft)
    times = _repetitions(mapping, head, draft)
    if not draft.faults and head is not None and params is not None and draft.action is not None:
        every_ns = head.every or 0
        draft.entry = Entry(head.at, draft.action, params, head.label, every_ns, times, node.place)
    return draft


def _read_label(mapping: MapNode, draft: Draft) -> None:
    label = mapping.get("label")
    if isinstance(label, ScalarNode) and isinstance(label.value, str):
        draft.label, draft.label_place = label.value, label.place


def _check_keys(mapping: MapNode, draft: Draft) -> None:
    """Exactly one action, and no key that is neither an action nor part of the head."""
    head = list(EntryHead.model_fields)
    unknown = [key for key in mapping.pairs if key not in ACTIONS and key not in head and key not in NOT_BUILT]
    for key in unknown:
        hint = unknown_key(key, WHAT, [*head, *ACTIONS])
        draft.faults.append(Fault(mapping.pairs[key].key_place, hint))
    for key in NOT_BUILT:
        if key in mapping.pairs:
            message = f"action {key!r} is not built yet ({NOT_BUILT[key]})"
            draft.faults.append(Fault(mapping.pairs[key].key_place, message))
    actions = [key for key in mapping.pairs if key in ACTIONS]
    if actions:
        draft.action, draft.params_node = actions[0], mapping.pairs[actions[0]].node
    for key in actions[1:]:
        message = f"a second action {key!r} beside {actions[0]!r}; expected exactly one in each entry"
        draft.faults.append(Fault(mapping.pairs[key].key_place, message))
    if not draft.faults and not actions:
        draft.faults.append(Fault(mapping.place, "no action; expected exactly one, such as nr_hugepages: 1024"))


def _read_head(mapping: MapNode, draft: Draft) -> EntryHead | None:
    values = {key: plain(pair.node) for key, pair in mapping.pairs.items() if key in EntryHead.model_fields}
    try:
        head = EntryHead.model_validate(values, context=WRITTEN)
    except ValidationError as error:
        draft.faults += faults_of(error, EntryHead, mapping, WHAT)
        return None
    draft.at_ns = head.at
    return head


def _read_action(mapping: MapNode, draft: Draft) -> Params | None:
    """The parameters of every action there (a second one is checked as well); the first one's are returned."""
    found: list[Params | None] = []
    for key in (key for key in mapping.pairs if key in ACTIONS):
        model, node = ACTIONS[key].params, mapping.pairs[key].node
        try:
            found.append(model.model_validate(plain(node), context=WRITTEN))
        except ValidationError as error:
            draft.faults += faults_of(error, model, node, key)
            found.append(None)
    return found[0] if found else None


def _repetitions(mapping: MapNode, head: EntryHead | None, draft: Draft) -> int:
    """How many occurrences there are; faults where `every`, `times` and `until` do not go together."""
    places = {key: pair.key_place for key, pair in mapping.pairs.items() if key in _REPETITION}
    message, at = "", ""
    if "every" in places and len(places) == 1:
        message, at = "every without an end; expected times or until beside it", "every"
    elif "every" not in places and places:
        at = "until" if "times" not in places else "times"
        message = f"{at} without every; expected every: and the time between two repetitions"
    elif len(places) == 3:
        message, at = "both times and until; expected one of them", "until"
    if message:
        draft.faults.append(Fault(places[at], message))
    if message or head is None or head.every is None:
        return 1
    if head.every == 0:
        draft.faults.append(Fault(places["every"], "every: no time between repetitions; expected more than 0"))
        return 1
    return _times_until(head, places, draft) if head.until is not None else head.times or 1


def _times_until(head: EntryHead, places: dict[str, Place], draft: Draft) -> int:
    assert head.every is not None
    assert head.until is not None
    if head.until < head.at:
        draft.faults.append(Fault(places["until"], "until: lies before at; expected a later time"))
        return 1
    times = (head.until - head.at) // head.every + 1
    if times > MAX_COUNT:
        message = f"until: makes {times} repetitions; expected at most {MAX_COUNT}"
        draft.faults.append(Fault(places["until"], message))
    return times
