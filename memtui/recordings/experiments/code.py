"""What changes permissions of kernel memory: secret memory, BPF programs, modules."""

from __future__ import annotations

from typing import Final

from memtui.recordings.experiments.deed import Deed, Experiment, Value, end, kib, number
from memtui.recordings.model import Recording, Step
from memtui.units import PAGE_BYTES, kb_of_frames

JITED_BYTES_PER_INSTRUCTION: Final = 5
"""`mov32 r0, 1` on x86-64."""
JITED_FRAME_BYTES: Final = 17
"""What a program's entry and exit take besides."""
MODULE_PARTS: Final = (("text", 2), ("rodata", 2), ("data", 1))
"""A module's memory in fifths: its whole size is all that a recording knows of a module."""


def secret_memory(recording: Recording) -> Experiment:
    """`exp_secretmem`: files made, touched and released, in several shapes."""
    for step in recording.steps:
        if step.name == "touch":
            params: dict[str, Value] = {"size": kib(number(step, "kb_each")), "count": number(step, "fds")}
            yield [Deed("memfd_secret", params, _case(recording, step))]
        else:
            yield [end(_case(recording, step))] if step.name == "release" else []


def bpf(recording: Recording) -> Experiment:
    """`exp_bpf`: programs of several sizes, loaded many at a time and closed."""
    for step in recording.steps:
        if step.name == "load":
            size = (number(step, "insns") - 1) * JITED_BYTES_PER_INSTRUCTION + JITED_FRAME_BYTES
            count = number(step, "progs") - number(step, "failed")
            params = {"size": size, "count": count, "instructions": number(step, "insns")}
            yield [Deed("load_bpf", params, _case(recording, step))]
        else:
            yield [end(_case(recording, step))] if step.name == "close_wait_1s" else []


def modules(recording: Recording) -> Experiment:
    """`exp_modules DIR`: modules inserted one by one and removed in reverse, twice."""
    loaded: list[str] = []
    for step in recording.steps:
        if step.name == "insmod":
            size = number(step, "coresize")
            if number(step, "errno") or not size:
                yield []
                continue
            label = f"{str(step.args['module']).removesuffix('.ko')} {number(step, 'round')}"
            loaded.append(label)
            yield [Deed("load_module", _parts(size), label)]
        elif step.name == "all_removed":
            yield [end(label) for label in reversed(loaded)]
            loaded.clear()
        else:
            yield []


def _parts(size_bytes: int) -> dict[str, Value]:
    """A module's sections: whole pages, one at least each."""
    whole = sum(share for _, share in MODULE_PARTS)
    pages = max(size_bytes // PAGE_BYTES, len(MODULE_PARTS))
    parts = {name: max(1, pages * share // whole) for name, share in MODULE_PARTS}
    parts["text"] += pages - sum(parts.values())
    return {name: kib(kb_of_frames(count)) for name, count in parts.items()}


def _case(recording: Recording, step: Step) -> str:
    """A label for the case a step belongs to, unlike any other of this recording or of those before it."""
    shape = " x ".join(str(step.args[name]) for name in ("fds", "kb_each", "progs", "insns") if name in step.args)
    return f"{recording.program.removeprefix('exp_')} {shape}, {step.args['rep']}"
