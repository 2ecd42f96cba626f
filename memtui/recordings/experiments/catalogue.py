"""Which program is said by which part, and whole recordings as scenario files."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from memtui.recordings.experiments import code, forks, pools, pressure, shmem
from memtui.recordings.experiments.deed import Deed, Deeds, Experiment, Value, end, kib, looks_only
from memtui.recordings.model import Recording
from memtui.units import KIB

SLOT_S: Final = 10
"""Simulated seconds from one action to the next: longer than any of them takes."""

Program = Callable[[Recording], Experiment]

PROGRAMS: Final[Mapping[str, Program]] = {
    "exp_idle": looks_only,
    "exp_hvo": pools.hvo,
    "exp_secretmem": code.secret_memory,
    "exp_bpf": code.bpf,
    "exp_modules": code.modules,
    "exp_fork": forks.fork,
    "exp_tmpfs": shmem.tmpfs,
    "exp_pressure oom": pressure.oom,
    "exp_pressure frag": pressure.scattered,
    "exp_pressure hvofree": pools.freed_under_pressure,
    "exp_pressure tmpfs": shmem.full_mount,
}
"""Programs, those of several modes with their mode."""

RUNNING: Final[Mapping[str, str]] = {
    "exp_fork": forks.PARENT,
    "exp_tmpfs": shmem.PROGRAM,
    "exp_pressure frag": pressure.FILLER,
}
"""Programs that map memory themselves: the process that stands for each, there before the first step."""

Load = Callable[[str], Recording]
"""A recording by its name."""


class UnknownProgram(ValueError):
    """A recording of a program that no scenario can say."""


def program(recording: Recording) -> str:
    """The key of the recording's program in PROGRAMS. Raises UnknownProgram."""
    for key in (recording.program, " ".join(recording.arguments[:2])):
        if key in PROGRAMS:
            return key
    raise UnknownProgram(f"{recording.name}: nothing plays {' '.join(recording.arguments[:2])!r}")


@dataclass(frozen=True, slots=True)
class Played:
    """When a step of a recording is played, in simulated seconds."""

    starts_s: tuple[int, ...]
    """When each of its actions begins."""
    read_s: int
    """Just before this its counters are read."""


def deeds(recording: Recording) -> list[Deeds]:
    """What is done at each step of a recording. Raises UnknownProgram."""
    said = PROGRAMS[program(recording)]
    if recording.aged is None:
        return list(said(recording))
    _, one_in, _ = recording.aged
    return [pressure.aged(recording.steps[0], one_in, _holder(recording)), *list(said(recording))[1:]]


def schedule(recording: Recording, load: Load) -> list[Played]:
    """When each step is played: every action has a slot of SLOT_S, a step without one has a slot too."""
    clock = SLOT_S * len(_before(recording, load))
    played: list[Played] = []
    for done in deeds(recording):
        starts = tuple(range(clock, clock + SLOT_S * len(done), SLOT_S))
        clock += SLOT_S * max(1, len(done))
        played.append(Played(starts, clock))
    return played


def scenario(recording: Recording, load: Load) -> str:
    """A recording as the text of a scenario. Raises UnknownProgram.

    What was recorded before it in the same boot is done first.
    """
    before, played = _before(recording, load), schedule(recording, load)
    lines = list(_head(recording))
    if before:
        lines += ["  # before the first step", *(_entry(SLOT_S * place, deed) for place, deed in enumerate(before))]
    for step, times, done in zip(recording.steps, played, deeds(recording), strict=True):
        args = ", ".join(f"{key}: {value}" for key, value in step.args.items())
        lines.append(f"  # {step.name}" + f" ({args})" * bool(args))
        lines += [_entry(at_s, deed) for at_s, deed in zip(times.starts_s, done, strict=True)]
    there = any(line.startswith("  - ") for line in lines)
    return "\n".join([*lines, *([] if there else ["  []"]), f"until: {played[-1].read_s}s"]) + "\n"


def _before(recording: Recording, load: Load) -> list[Deed]:
    """What is done before the first step."""
    done: list[Deed] = []
    if recording.program == "exp_pressure" or recording.aged is not None:
        done += pressure.in_use(recording)
    for name in recording.after:
        earlier = load(name)
        done += chain.from_iterable(deeds(earlier))
        if earlier.aged is not None:
            done.append(end(_holder(earlier)))
    running = RUNNING.get(program(recording))
    return done if running is None else [*done, Deed("process", running)]


def _holder(recording: Recording) -> str:
    """Label of the process that holds what `exp_aged` scattered."""
    return f"{pressure.AGED} of {recording.name}"


def _head(recording: Recording) -> Iterator[str]:
    yield "memtui: 1"
    yield f"name: {recording.name}, played again"
    yield "about: |"
    yield from textwrap.wrap(_about(recording), 96, initial_indent="  ", subsequent_indent="  ")
    cpu: dict[str, Value] = {"count": recording.cpus}
    if "no 1G pages" in recording.cpu:
        cpu["gbpages"] = False
    if "5-level paging" in recording.cpu:
        cpu["la57"] = True
    yield "machine:"
    yield f"  ram: {kib(recording.ram_bytes // KIB)}"
    yield f"  cpu: {_flow(cpu)}"
    yield f"  kernel: {_flow(_kernel(recording))}"
    yield "timeline:"


def _about(recording: Recording) -> str:
    return (
        f"What `{' '.join(recording.command)}` did on Linux {recording.kernel} ({recording.place}), step by step: each "
        f"action has {SLOT_S} seconds, each step is named before its actions, and its counters are those just before "
        f"the next."
    )


def _kernel(recording: Recording) -> dict[str, Value]:
    kernel: dict[str, Value] = {"like": recording.kernel, "thp": recording.thp}
    size = "2M"
    for word in recording.boot:
        key, _, value = word.partition("=")
        if key == "hugepagesz":
            size = value
        elif key == "hugepages":
            kernel["hugepages_1g" if size == "1G" else "hugepages_2m"] = int(value)
        elif key == "hugetlb_free_vmemmap":
            kernel["hugetlb_optimize_vmemmap"] = value == "on"
    return kernel


def _entry(at_s: int, deed: Deed) -> str:
    head: dict[str, Value] = {"at": f"{at_s}s" if at_s else 0}
    if deed.label:
        head["label"] = deed.label
    params = _flow(deed.params) if isinstance(deed.params, Mapping) else _scalar(deed.params)
    return f"  - {_flow(head)[:-1]}, {deed.action}: {params}}}"


def _flow(values: Mapping[str, Value]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in values.items()) + "}"


def _scalar(value: Value) -> str:
    """A value as YAML reads it back: text that could be taken for something else is quoted."""
    if isinstance(value, bool):
        return str(value).lower()
    plain = isinstance(value, int) or (
        (value[0].isalpha() or value[-1] in "%Bs") and not set(value) & set(":,#{}[]'\"")
    )
    return str(value) if plain else f'"{value}"'
