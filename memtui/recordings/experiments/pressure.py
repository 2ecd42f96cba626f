"""Memory filled to the brim and scattered: `exp_pressure oom` and `frag`, and `exp_aged` before another program."""

from __future__ import annotations

from typing import Final

from memtui.recordings.experiments.deed import Deed, Deeds, Experiment, end, kib, number
from memtui.recordings.model import Recording, Step
from memtui.units import FRAMES_2M, kb_of_frames

PTES_PER_TABLE: Final = FRAMES_2M

FILLER: Final = "exp_pressure"
"""The program that fills memory in `frag`; it runs from before the first step."""
AGED: Final = "exp_aged"
"""The program that scatters memory; it holds what it has until the end."""
AGED_MIN_FREE_KB: Final = 8192


BOOTED: Final = "what was there before"
"""The process that stands for all that was in use before the first step: the guest's files, slabs and programs."""
BOOT_PACK_KB: Final = 2048
"""What this machine has in use after boot, nearly all of it the pack of BPF programs."""


def in_use(recording: Recording) -> Deeds:
    """Memory that the guest had in use before the first step: how little is left decides where pressure begins."""
    first = recording.steps[0]
    used_kb = first.values["MemTotal"] - first.values["MemFree"] - BOOT_PACK_KB
    if recording.aged is not None:
        held = number(first, "touched") - number(first, "gave_back")
        used_kb -= kb_of_frames(held + -(-number(first, "touched") // PTES_PER_TABLE))
    return [Deed("anon", {"size": kib(used_kb)}, BOOTED)]


def oom(recording: Recording) -> Experiment:
    """`exp_pressure oom`: a process takes more than there is."""
    for step in recording.steps:
        size = kib(recording.ram_bytes >> 10)
        yield [Deed("anon", {"size": size})] if step.name == "after_oom" else []


def scattered(recording: Recording) -> Experiment:
    """`exp_pressure frag`: every other page of nearly all memory is free; then huge pages are wanted."""
    for step in recording.steps:
        yield _scattered(step)


def aged(step: Step, one_in: int, label: str) -> Deeds:
    """What `exp_aged` did before its first step: base pages nearly everywhere, one in so many given back.

    The process that holds the rest gets the label.
    """
    touched = kib(kb_of_frames(number(step, "touched")))
    return [
        Deed("sysctl", {"vm.min_free_kbytes": AGED_MIN_FREE_KB}),
        Deed("process", AGED, label),
        Deed("process_map", {"process": AGED, "size": touched}),
        Deed("process_discard", {"process": AGED, "one_in": one_in, "random": True}),
    ]


def _scattered(step: Step) -> Deeds:
    if step.name == "filled":
        return [Deed("process_map", {"process": FILLER, "size": kib(number(step, "kb"))}, "base pages")]
    if step.name == "every_other_freed":
        return [Deed("process_discard", {"process": FILLER, "one_in": 2})]
    if step.name == "thp_256m_after_frag":
        huge = {"process": FILLER, "size": "256MiB", "thp": "madvise", "area": "huge"}
        return [Deed("process_map", huge, "huge pages")]
    if step.name == "hugetlb_128_after_frag":
        return [Deed("nr_hugepages", 128)]
    return [Deed("nr_hugepages", 0), end("huge pages"), end("base pages")] if step.name == "unmapped" else []
