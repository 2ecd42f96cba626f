"""The real kernel at work, timed: its hugepage pool is resized and put back, a process of 1 GiB is forked.

Only as root, on a Linux with hugetlb, with memory to spare, and only for the moment: whatever
happens, the pool and the switch of HVO are as before when this returns.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from memtui.units import GIB
from tests.benchmarks.measure import Unavailable

POOL: Final = Path("/proc/sys/vm/nr_hugepages")
HVO: Final = Path("/proc/sys/vm/hugetlb_optimize_vmemmap")
MEMINFO: Final = Path("/proc/meminfo")
NEEDED_BYTES: Final = 5 * GIB
"""MemAvailable below which the computer is left in peace."""
ROUNDS: Final = 3
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FORKER: Final = """
import mmap, os, time
size = 1 << 30
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
block = b"1" * (1 << 20)
for offset in range(0, size, len(block)):
    memory[offset:offset + len(block)] = block
best = 1 << 62
for _ in range(3):
    begin = time.perf_counter_ns()
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    best = min(best, time.perf_counter_ns() - begin)
print(best)
"""
"""Maps a GiB, touches every base page of it, forks; the child exits at once. Prints nanoseconds."""


def pool_s(pages: int, hvo: bool) -> float:
    """Seconds the kernel takes to add so many 2 MiB pages to its pool and to free them again, the fastest of a few.

    Raises Unavailable where that cannot or should not be tried.
    """
    _check_memory()
    if os.geteuid():
        raise Unavailable("not root")
    for path in (POOL, HVO):
        if not os.access(path, os.W_OK):
            raise Unavailable(f"no {path} to write to: this kernel has not got it")
    with _restored(POOL, HVO) as (there, _):
        HVO.write_text(f"{hvo:d}")
        return min(_resize_s(int(there), pages) for _ in range(ROUNDS))


def _resize_s(there: int, more: int) -> float:
    begin = time.perf_counter()
    POOL.write_text(str(there + more))
    grown = time.perf_counter() - begin
    got = int(POOL.read_text()) - there
    begin = time.perf_counter()
    POOL.write_text(str(there))
    if got < more:
        raise Unavailable(f"of {more} huge pages only {got} were to be had")
    return grown + time.perf_counter() - begin


def fork_s() -> float:
    """Seconds in which the kernel forks a process with 1 GiB of touched base pages and lets the child exit.

    Raises Unavailable where that should not be tried.
    """
    _check_memory()
    done = subprocess.run([sys.executable, "-c", FORKER], capture_output=True, check=True, text=True)
    return int(done.stdout) / 1e9


def _check_memory() -> None:
    if sys.platform != "linux":
        raise Unavailable("not Linux")
    values = dict(line.split(":") for line in MEMINFO.read_text().splitlines())
    available = int(values["MemAvailable"].split()[0]) * 1024
    if available < NEEDED_BYTES:
        raise Unavailable(f"only {available / GIB:.1f} GiB available; {NEEDED_BYTES // GIB} GiB are needed")


@contextmanager
def _restored(*paths: Path) -> Iterator[list[str]]:
    """What files of /proc/sys hold; it is written back in that order, also when the run is told to end."""
    values = [path.read_text().strip() for path in paths]
    before = {number: signal.signal(number, _end) for number in ENDING}
    try:
        yield values
    finally:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        try:
            for path, value in zip(paths, values, strict=True):
                path.write_text(value)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)
