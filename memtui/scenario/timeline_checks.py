"""What the entries of a timeline ask of each other and of the machine: labels, mounts, huge pages.

The entries are walked in the order they happen. Whether memory suffices is not asked here: a
pool or a process may want more than there is, and the kernel's short falls are worth seeing.
Refused is only what no such machine could ever do, such as one 1 GiB page in 512 MiB of RAM.
"""

from __future__ import annotations

from collections.abc import Iterable

from memtui.machine.config import MachineConfig
from memtui.scenario.entries import Draft
from memtui.scenario.faults import Fault, did_you_mean
from memtui.scenario.model import Place
from memtui.units import GIB, shorten
from memtui.workloads.end import EndParams
from memtui.workloads.hugepages import NrHugepagesParams
from memtui.workloads.params import exact_size
from memtui.workloads.tmpfs import TmpfsFileParams, TmpfsParams


def check_timeline(drafts: list[Draft], machine: MachineConfig | None) -> list[Fault]:
    """What is wrong between entries, and between an entry and the machine (None: the machine is faulty itself)."""
    faults = _check_labels(drafts)
    ordered = sorted((draft for draft in drafts if draft.at_ns is not None), key=lambda draft: draft.at_ns or 0)
    faults += _check_ends(drafts, ordered)
    if all(draft.entry is not None for draft in drafts if draft.action in ("tmpfs", None)):
        faults += _check_mounts(ordered)
    if machine is not None:
        for draft in ordered:
            if draft.entry is not None and isinstance(draft.entry.params, NrHugepagesParams):
                faults += _check_hugepages(draft, draft.entry.params, machine)
    return faults


def _check_labels(drafts: list[Draft]) -> list[Fault]:
    faults: list[Fault] = []
    first: dict[str, Place] = {}
    for draft in drafts:
        if draft.label is None or draft.label_place is None:
            continue
        if draft.action == "end":
            faults.append(Fault(draft.label_place, "label: an end makes nothing that a label could name"))
        elif draft.label in first:
            message = f"label {shorten(draft.label)!r} is used already, {_where(first[draft.label])}"
            faults.append(Fault(draft.label_place, message))
        else:
            first[draft.label] = draft.label_place
    return faults


def _where(place: Place) -> str:
    return f"at line {place.line}" if place.line else f"by {place.file}"


def _check_ends(drafts: list[Draft], ordered: list[Draft]) -> list[Fault]:
    """Every `end` names a label that was made before it and has not ended yet."""
    faults: list[Fault] = []
    labels = [draft.label for draft in drafts if draft.label is not None and draft.action != "end"]
    repeated = {draft.label for draft in drafts if draft.entry is not None and draft.entry.times > 1}
    untimed = {draft.label for draft in drafts if draft.at_ns is None and draft.label is not None}
    made: set[str] = set()
    ended: dict[str, Place] = {}
    for draft in ordered:
        entry = draft.entry
        if entry is not None and isinstance(entry.params, EndParams):
            label, place = entry.params.label, draft.at("label")
            if message := _end_fault(label, labels, made | untimed, ended):
                faults.append(Fault(place, message))
            elif entry.times > 1 and label not in repeated:
                message = f"end: {shorten(label)!r} cannot end {entry.times} times; expected no repetition"
                faults.append(Fault(place, message))
            else:
                ended[label] = place
        elif draft.label is not None:
            made.add(draft.label)
    return faults


def _end_fault(label: str, labels: list[str], made: set[str], ended: dict[str, Place]) -> str:
    name = shorten(label)
    if label not in labels:
        return f"end: no entry has the label {name!r}{did_you_mean(label, labels)}"
    if label not in made:
        return f"end: {name!r} is only made later; expected a time after it"
    if label in ended:
        return f"end: {name!r} has ended already, {_where(ended[label])}"
    return ""


def _check_mounts(ordered: Iterable[Draft]) -> list[Fault]:
    """Every tmpfs action uses a mount that is there at its time, and no mount is made twice."""
    faults: list[Fault] = []
    mounted: dict[str, str | None] = {}
    for draft in ordered:
        if draft.entry is None:
            continue
        params = draft.entry.params
        if isinstance(params, TmpfsParams):
            if params.mount in mounted or draft.entry.times > 1:
                message = (
                    f"mount: {shorten(params.mount)!r} is mounted already; expected an end before it, or another name"
                )
                faults.append(Fault(draft.at("mount"), message))
            mounted[params.mount] = draft.label
        elif isinstance(params, TmpfsFileParams) and params.mount not in mounted:
            hint = did_you_mean(params.mount, mounted) or "; expected a tmpfs entry before it"
            message = f"mount: nothing is mounted as {shorten(params.mount)!r} at that time{hint}"
            faults.append(Fault(draft.at("mount"), message))
        elif isinstance(params, EndParams):
            mounted = {mount: label for mount, label in mounted.items() if label != params.label}
    return faults


def _check_hugepages(draft: Draft, params: NrHugepagesParams, machine: MachineConfig) -> list[Fault]:
    faults: list[Fault] = []
    size = exact_size(params.size)
    if params.node is not None and params.node >= machine.nodes:
        nodes = "node 0 only" if machine.nodes == 1 else f"0 to {machine.nodes - 1}"
        faults.append(Fault(draft.at("node"), f"node: the machine has no node {params.node}; expected {nodes}"))
    if params.size > machine.ram_bytes:
        ram = exact_size(machine.ram_bytes)
        message = f"size: one page of {size} is larger than the machine's RAM of {ram}; expected 2MiB"
        faults.append(Fault(draft.at("size"), message))
    elif params.size == GIB and not machine.cpu.gbpages:
        faults.append(Fault(draft.at("size"), f"size: a CPU without gbpages has no {size} pages; expected 2MiB"))
    return faults
