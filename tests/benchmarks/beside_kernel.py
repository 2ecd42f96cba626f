"""The same steps in memtui and in the kernel this runs on: which of them takes less wall time.

memtui's side holds everything from the text of a scenario on: reading it, booting the machine,
playing it and looking at the end. The kernel's holds the steps alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import memtui
from memtui.scenario import load_text
from memtui.units import GIB
from tests.benchmarks import real_kernel
from tests.benchmarks.measure import Measured, Unavailable, fastest

PAGES: Final = 2048
PUBLISHED_PAGES: Final = 10_240
PUBLISHED_S: Final = {False: 0.066, True: 0.166}
"""Seconds for growing a pool by so many pages without and with HVO, as measured by the author of HVO
("Free some vmemmap pages of HugeTLB page", linux-kernel, 2020)."""


def pool_without_hvo() -> Measured:
    """A pool of huge pages made and freed."""
    return _pool(hvo=False)


def pool_with_hvo() -> Measured:
    """The same, with the struct pages given back and taken back."""
    return _pool(hvo=True)


def fork() -> Measured:
    """A fork of a process with 1 GiB of touched base pages."""
    kernel = real_kernel.fork_s()
    ours = _simulated_s("[{at: 1s, fork_storm: {parent: 1GiB, children: 1}}]")
    return _against(ours, kernel, "fork and exit of the child, against a scenario that touches the memory as well")


def _pool(hvo: bool) -> Measured:
    try:
        kernel = real_kernel.pool_s(PAGES, hvo)
    except Unavailable as reason:
        ours = _simulated_s(_timeline(hvo, PUBLISHED_PAGES, free=False))
        return _against(ours, PUBLISHED_S[hvo], f"not tried here ({reason}); published for {PUBLISHED_PAGES} pages")
    return _against(
        _simulated_s(_timeline(hvo, PAGES, free=True)), kernel, f"Linux {os.uname().release.partition('-')[0]}"
    )


def _timeline(hvo: bool, pages: int, free: bool) -> str:
    steps = [f"at: 1s, sysctl: {{vm.hugetlb_optimize_vmemmap: {hvo:d}}}", f"at: 2s, nr_hugepages: {pages}"]
    if free:
        steps.append("at: 3s, nr_hugepages: 0")
    return "[" + ", ".join(f"{{{step}}}" for step in steps) + "]"


def _simulated_s(timeline: str) -> float:
    machine = f"{{like: server-64g, ram: 64GiB, cpu: {{count: {os.cpu_count()}}}}}"
    text = f"machine: {machine}\ntimeline: {timeline}\n"
    return fastest([_played(text)], 5)[0]


def _played(text: str) -> Callable[[], object]:
    def play() -> None:
        result = memtui.simulate(load_text(text))
        if result.failed or result.after.counters["MemTotal"] < 32 * GIB // 1024:
            raise AssertionError("the scenario did not play as it should")

    return play


def _against(ours: float, kernel: float, what: str) -> Measured:
    return Measured(ours / kernel, f"{ours * 1000:.4g} ms against {kernel * 1000:.4g} ms ({what})")
