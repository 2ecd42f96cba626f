"""What programs do with their memory: map it in VMAs, touch it, write to a share of it, give it back as they exit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from memtui.machine.anon_fault import PageRange, Written
from memtui.machine.errors import OutOfMemory
from memtui.machine.parts import PART_PIECES
from memtui.machine.process import Process
from memtui.machine.processes import Processes
from memtui.machine.vma import ThpAdvice, Vma
from memtui.units import FRAMES_2M, MIB, PAGE_BYTES, PPM, format_count, format_frames, frames_of
from memtui.workloads.base import Steps, side_by_side
from memtui.workloads.wording import MAX_PARTS, MAX_STEPS, plural

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

Part = tuple[int, list[PageRange]]
"""Start of a VMA, and ranges of its pages counted from there."""

STEP_PAGES: Final = 64 * MIB // PAGE_BYTES
"""What is written in one step of an activity, unless that would make far too many steps."""


def step_pages(total_pages: int) -> int:
    """Pages worth one step of an activity that goes through so many."""
    return max(STEP_PAGES, -(-total_pages // MAX_STEPS))


class Pace:
    """Says when enough has been written for one step of an activity that writes `total_pages` in all."""

    def __init__(self, total_pages: int) -> None:
        self._step_pages = step_pages(total_pages)
        self._since = self._calls = self._pieces = 0

    def due(self, pages: int, pieces: int = 1) -> bool:
        """Whether a step is full after one call that wrote so many pages more, in so many pieces of memory."""
        self._since += pages
        self._calls += 1
        self._pieces += pieces
        if self._since < self._step_pages and self._calls < MAX_PARTS and self._pieces < PART_PIECES // 2:
            return False
        self._since = self._calls = self._pieces = 0
        return True


def map_vmas(process: Process, size_bytes: int, count: int, thp: ThpAdvice, name: str = "anon") -> list[Vma]:
    """Maps memory in `count` VMAs that share it evenly and cannot merge. Raises OutOfMemory with nothing mapped."""
    share, rest = divmod(frames_of(size_bytes), count)
    vmas: list[Vma] = []
    try:
        for pages in [share + 1] * rest + [share] * (count - rest):
            vmas.append(process.mmap(pages * PAGE_BYTES, thp, guard=True, name=name))
    except OutOfMemory:
        for vma in vmas if process.alive else ():
            process.munmap(vma)
        raise
    return vmas


class Lineage:
    """Who forks whom: in a fan the first forks all, in a chain each child the next, and in a relay its forker exits."""

    def __init__(self, processes: Processes, first: Process, shape: str) -> None:
        self._processes = processes
        self._first = self._forker = first
        self._shape = shape

    def fork(self, name: str) -> Process:
        """The next child. Raises OutOfMemory (as Killed if the forker was the OOM killer's victim)."""
        return self._processes.fork(self._forker, name)

    def pass_on(self, child: Process) -> Process | None:
        """The child has done what it does before the next fork; returns the process that exited now, if one did.

        The first process of a relay stays.
        """
        forker, gone = self._forker, None
        if self._shape == "relay" and forker is not self._first:
            self._processes.exit(forker, aside=True)
            gone = forker
        if self._shape != "fan":
            self._forker = child
        return gone


def front(vmas: Iterable[Vma], share_ppm: int) -> list[Part]:
    """The first pages of each VMA, a share of it."""
    return [(vma.start, [(0, vma.pages * share_ppm // PPM)]) for vma in vmas]


def spread(parts: Iterable[PageRange], share_ppm: int) -> list[Part]:
    """A share of some ranges of virtual pages, each inside one VMA, spread: in each 2 MiB region its first pages.

    Regions take turns in rounding, so that all of them together come to the share, rounded down:
    10 % of 4 MiB are 102 pages, 51 in either half.
    """
    seen = 0
    found: list[Part] = []
    for first, last in parts:
        ranges: list[PageRange] = []
        page = first
        while page < last:
            end = min(last, page - page % FRAMES_2M + FRAMES_2M)
            written = (seen + end - page) * share_ppm // PPM - seen * share_ppm // PPM
            seen += end - page
            low = page - first
            if ranges and ranges[-1][1] == low:
                ranges[-1] = (ranges[-1][0], low + written)
            elif written:
                ranges.append((low, low + written))
            page = end
        found.append((first, ranges))
    return found


class Wrote(NamedTuple):
    """One group of pages just written."""

    pages: int
    pieces: int
    """Runs of memory that were allocated or freed for it."""


def write_parts(process: Process, parts: Sequence[Part], written: Written | None = None) -> Iterator[Wrote]:
    """Writes parts of a process's memory, group by group; yields after each.

    Adds what the writes did to `written`. Raises OutOfMemory, as Killed if the process is the victim, and
    SegmentationFault for memory that is unmapped by then.
    """
    step = step_pages(sum(high - low for _, ranges in parts for low, high in ranges))
    for start, ranges in parts:
        for group in _cut(ranges, partial(process.portion, process.vma_at(start), step)):
            handled = process.handled
            done = process.write(process.vma_at(start), group)
            if written is not None:
                written.add(done)
            yield Wrote(sum(high - low for low, high in group), process.handled - handled)


def exit_all(machine: Machine, left: Sequence[Process]) -> Steps:
    """Processes of one activity exit in this order, side by side; the log says what they alone gave back."""
    processes, freed = machine.processes, 0
    for process in left:
        steps = side_by_side(machine, processes.exit_in_parts(process), len(left))
        before, step_ns = processes.anon_frames, next(steps, None)
        while step_ns is not None:
            freed += before - processes.anon_frames
            yield step_ns
            before, step_ns = processes.anon_frames, next(steps, None)
    if left:
        count = f"{format_count(len(left))} {plural(len(left), 'process')}"
        machine.core.log(f"{count} exited: {format_frames(freed)} of memory back")


def _cut(ranges: Iterable[PageRange], portion: Callable[[], int]) -> Iterator[list[PageRange]]:
    """Ascending ranges in groups of about a step's pages each, as many as `portion` says; longer ones are cut there."""
    group: list[PageRange] = []
    pages, step = 0, portion()
    for low, high in ranges:
        while low < high:
            end = min(high, low - low % step + step)
            group.append((low, end))
            pages += end - low
            low = end
            if pages >= step:
                yield group
                group, pages, step = [], 0, portion()
    if group:
        yield group
