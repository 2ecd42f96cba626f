"""What changes permissions of kernel memory: secret memory, BPF programs, modules."""

from __future__ import annotations

from typing import Final

from memtui.recordings.experiments.deed import Deed, Experiment, Value, end, kib, number
from memtui.recordings.model import Recording, Step
from memtui.units import KIB, PAGE_BYTES, kb_of_frames

JITED_BYTES_PER_INSTRUCTION: Final = 5
"""`mov32 r0, 1` on x86-64."""
JITED_FRAME_BYTES: Final = 17
"""What a program's entry and exit take besides."""
MODULE_PARTS: Final = (("text", 9), ("rodata", 7), ("data", 4), ("ro_after_init", 1))
"""How a module's memory divides, where its recording does not say.

On 7.2 text does not show in VmallocUsed unless the cache it comes from grows: 36 % of all that modules have.
"""
INIT_TEXT: Final = "4KiB"
"""What most modules have of it."""
SYMBOLS_SHARE: Final = 8
"""One byte in so many of a module's file is symbols, which lie with the data of init (layout_symtab)."""
OWN_TEXT_KERNELS: Final = ("7.2",)
"""Kernels on which a module's text is not part of what it adds to VmallocUsed."""


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
    """`exp_modules DIR`: modules inserted one by one and removed in reverse, twice.

    One that finds no device is loaded as well, and goes at once.
    """
    loaded: list[str] = []
    share = _loaded_share(recording)
    before = recording.steps[0]
    for step in recording.steps:
        if step.name == "insmod":
            label = f"{str(step.args['module']).removesuffix('.ko')} {number(step, 'round')}"
            load = Deed("load_module", _parts(recording, before, step, share), label)
            if number(step, "errno"):
                yield [load, end(label)]
            else:
                loaded.append(label)
                yield [load]
        elif step.name == "all_removed":
            yield [end(label) for label in reversed(loaded)]
            loaded.clear()
        else:
            yield []
        before = step


def _loaded_share(recording: Recording) -> tuple[int, int]:
    """Of all modules that were loaded: bytes in memory, bytes of their files."""
    loaded = [step for step in recording.steps if step.name == "insmod" and not number(step, "errno")]
    return sum(number(step, "coresize") for step in loaded), sum(number(step, "file_bytes") for step in loaded)


def _parts(recording: Recording, before: Step, step: Step, share: tuple[int, int]) -> dict[str, Value]:
    """A module's sections: whole pages, one at least each."""
    file_bytes = number(step, "file_bytes")
    in_memory, in_files = share
    size_bytes = number(step, "coresize") or file_bytes * in_memory // in_files
    pages = max(size_bytes // PAGE_BYTES, len(MODULE_PARTS))
    whole = sum(part for _, part in MODULE_PARTS)
    parts = {name: max(1, pages * part // whole) for name, part in MODULE_PARTS}
    mapped = (step.values["VmallocUsed"] - before.values["VmallocUsed"]) * KIB // PAGE_BYTES
    others = parts["data"] + parts["ro_after_init"]
    if recording.kernel in OWN_TEXT_KERNELS and others < mapped < pages:
        parts["rodata"] = mapped - others
    else:
        parts["rodata"] = max(1, pages - parts["text"] - others)
    parts["text"] = pages - parts["rodata"] - others
    sizes = {name: kib(kb_of_frames(count)) for name, count in parts.items()}
    symbols = max(1, file_bytes // SYMBOLS_SHARE // PAGE_BYTES)
    return {**sizes, "init": INIT_TEXT, "init_data": kib(kb_of_frames(symbols)), "file": kib(file_bytes // KIB)}


def _case(recording: Recording, step: Step) -> str:
    """A label for the case a step belongs to, unlike any other of this recording or of those before it."""
    shape = " x ".join(str(step.args[name]) for name in ("fds", "kb_each", "progs", "insns") if name in step.args)
    return f"{recording.program.removeprefix('exp_')} {shape}, {step.args['rep']}"
