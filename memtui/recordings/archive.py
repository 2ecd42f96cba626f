"""The recordings that come with memtui: one text file each, with what changed from step to step.

The first line of a file is the machine and the program, every other one a step: its name, its
arguments, its time (on machines where time means something), and by how much counters changed since
they were last read, from zero at first. `few` marks the steps of long series, which read only a few
counters. `tests/recorded/pack.py` made the files from what the recording programs wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from memtui.recordings.model import Place, Recording, Step

SUFFIX: Final = ".jsonl"
COUNTERS: Final = "counters.json"
"""Kernel → every counter it has; `kept` → those that are kept in the files."""


@cache
def names() -> tuple[str, ...]:
    """The recordings there are, in alphabetical order."""
    return tuple(sorted(item.name.removesuffix(SUFFIX) for item in _folder().iterdir() if item.name.endswith(SUFFIX)))


def experiment(name: str) -> str:
    """What a recording is one of, whatever the kernel: `hvo-2m` of `guest-6.1-hvo-2m` and `host-hvo-2m-quiet`."""
    where, _, rest = name.partition("-")
    return rest.partition("-")[2] if where == Place.GUEST else rest.removesuffix("-quiet")


@cache
def load(name: str) -> Recording:
    """A recording by name. Raises KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    return unpack((_folder() / f"{name}{SUFFIX}").read_text(encoding="utf-8"), _counters())


def pack(recording: Recording, counters: Iterable[str]) -> str:
    """A recording as a file: its header, and of the steps these counters."""
    kept = sorted(set(counters) & recording.counters)
    facts: dict[str, Any] = {
        "recording": recording.name,
        "place": recording.place.value,
        "kernel": recording.kernel,
        "ram_bytes": recording.ram_bytes,
        "cpus": recording.cpus,
        "command": " ".join(recording.command),
        "thp": recording.thp,
        "boot": list(recording.boot),
        "cpu": list(recording.cpu),
        "after": list(recording.after),
        "fresh": recording.fresh,
    }
    if few := _few(recording):
        facts["few"] = sorted(few & set(kept))
    lines = [facts, *_packed_steps(recording, kept)]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def unpack(text: str, counters: Mapping[str, Sequence[str]]) -> Recording:
    """A recording from its file."""
    facts, *lines = (json.loads(line) for line in text.splitlines())
    there = frozenset(counters[facts["kernel"]])
    return Recording(
        name=facts["recording"],
        place=Place(facts["place"]),
        kernel=facts["kernel"],
        ram_bytes=facts["ram_bytes"],
        cpus=facts["cpus"],
        command=tuple(facts["command"].split()),
        thp=facts["thp"],
        boot=tuple(facts["boot"]),
        cpu=tuple(facts["cpu"]),
        after=tuple(facts["after"]),
        fresh=facts["fresh"],
        counters=there,
        steps=tuple(
            _unpacked_steps(lines, dict.fromkeys(sorted(there & set(counters["kept"])), 0), facts.get("few", []))
        ),
    )


def _few(recording: Recording) -> set[str]:
    """What the steps read that read less than others; empty if all read the same."""
    sizes = {len(step.values): step for step in recording.steps}
    return set(sizes[min(sizes)].values) if len(sizes) > 1 else set()


def _packed_steps(recording: Recording, kept: list[str]) -> Iterator[dict[str, Any]]:
    known = dict.fromkeys(kept, 0)
    most = max(len(step.values.keys() & set(kept)) for step in recording.steps)
    for step in recording.steps:
        values = {name: step.values[name] for name in kept if name in step.values}
        line: dict[str, Any] = {"step": step.name, "args": dict(step.args)}
        if recording.place is not Place.GUEST:
            line |= {"op_ns": step.op_ns, "at_ns": step.at_ns}
        if len(values) < min(len(kept), most):
            line["few"] = 1
        line["change"] = {name: value - known[name] for name, value in values.items() if known[name] != value}
        known |= values
        yield line


def _unpacked_steps(lines: list[dict[str, Any]], known: dict[str, int], few: list[str]) -> Iterator[Step]:
    for line in lines:
        for name, change in line["change"].items():
            known[name] += change
        values = {name: known[name] for name in few} if line.get("few") else dict(known)
        yield Step(line["step"], line["args"], line.get("op_ns", 0), values, line.get("at_ns", 0))


def _folder() -> Traversable:
    return resources.files("memtui.recordings") / "data"


@cache
def _counters() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads((_folder() / COUNTERS).read_text(encoding="utf-8"))
    return found
