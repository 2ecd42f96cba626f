"""Hugepage pools: grown and freed with HVO off and on (`exp_hvo`), and freed with little memory left (`hvofree`)."""

from __future__ import annotations

from memtui.recordings.experiments.deed import Deed, Deeds, Experiment, end, kib, number
from memtui.recordings.model import Recording, Step

_SWITCHES = {"grow_on_then_off": 1, "free_after_off": 0, "grow_off_then_on": 0, "free_after_on": 1}
"""Steps of the mixed cases → what the sysctl is set to before the pool is resized."""


def hvo(recording: Recording) -> Experiment:
    """`exp_hvo SIZE_KB REPS N...`."""
    for step in recording.steps:
        yield _as_at_boot(recording) if "asked" not in step.args and "hvo" not in step.args else _resized(step)


def freed_under_pressure(recording: Recording) -> Experiment:
    """`exp_pressure hvofree N`: the pool is freed while a process holds nearly all the rest.

    The process took what the recording says it got; one that was killed for it is asked for more
    than there is.
    """
    filled = 0
    for step in recording.steps:
        if step.name == "grown":
            yield [_hvo(1), _pool(number(step, "asked"))]
        elif step.name == "filled":
            filled += 1
            size = kib(number(step, "eater_kb")) if number(step, "eater_alive") else kib(recording.ram_bytes >> 10)
            yield [Deed("anon", {"size": size}, f"eater {filled}")]
        elif step.name == "freed":
            yield [_pool(0)]
        elif step.name == "regrown":
            yield [end(f"eater {filled}"), _pool(number(step, "got"))]
        else:
            yield [_pool(0)] if step.name == "end" else []


def _resized(step: Step) -> Deeds:
    if step.name == "set_hvo":
        return [_hvo(number(step, "hvo"))]
    resize = _pool(number(step, "asked"), number(step, "size_kb"))
    return [_hvo(_SWITCHES[step.name]), resize] if step.name in _SWITCHES else [resize]


def _as_at_boot(recording: Recording) -> Deeds:
    """The sysctl and the pool are put back to what they were before the first step."""
    size_kb = int(recording.arguments[1])
    there = dict(word.split("=") for word in recording.boot if "=" in word)
    on = there.get("hugetlb_free_vmemmap") == "on"
    count = int(there.get("hugepages", 0)) if size_kb == 2048 and "hugepagesz" not in there else 0
    return [_hvo(int(on)), _pool(count, size_kb)]


def _hvo(on: int) -> Deed:
    return Deed("sysctl", {"vm.hugetlb_optimize_vmemmap": on})


def _pool(count: int, size_kb: int = 2048) -> Deed:
    return Deed("nr_hugepages", count if size_kb == 2048 else {"count": count, "size": kib(size_kb)})
