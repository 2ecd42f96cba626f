"""What the recordings leave open where memory is short (`exp_pressure tmpfs` and `frag`).

kswapd and the writer take turns on one CPU there, and an emulator's time says nothing; here kswapd
is done at once. So huge pages of tmpfs are split at other steps, and while kswapd is at it each huge
page that is written comes in time for what it has freed, or does not. What Shmem and ShmemHugePages
are follows from how many were had and split, to the kB, and is held to that.
"""

from __future__ import annotations

from typing import Final

from memtui.recordings.allowance import Allowance, in_all
from memtui.recordings.case import Case
from memtui.units import FRAMES_2M, kb_of_frames

HUGE_KB: Final = kb_of_frames(FRAMES_2M)
PAGE_KB: Final = kb_of_frames(1)
HALF_HUGE_KB: Final = HUGE_KB // 2
"""The largest folio below a huge page, where there are folios of any order."""
COMPOUND_KERNELS: Final = ("6.1", "6.12")
"""Kernels whose tmpfs has huge pages and base pages and nothing between."""
HUGE_PER_FILE: Final = 2
SPREAD: Final = 6
"""Huge pages more or fewer of 128, out of memory of which every other page is free: 88 on 6.1, 94 on 7.2."""
BATCH: Final = 15
"""Pages of a per-CPU batch, which keeps a page from going until the batch is full (PAGEVEC_SIZE)."""
TRIES: Final = 3
"""Compactions for each huge page at fault time that is not to be had: 121 for 40 on 6.1."""

_SPLIT: Final = "thp_split_page"
_MISSED: Final = "thp_file_fallback"


def _meanwhile(case: Case) -> int:
    """Huge pages written while kswapd was splitting others; 0 where it never had to."""
    values = [(step.values.get(_SPLIT, 0), step.args.get("file")) for step in case.recording.steps]
    missed = case.recording.steps[-1].values.get(_MISSED, 0) - case.recording.steps[0].values.get(_MISSED, 0)
    if case.program != "exp_pressure" or not missed:
        return 0
    split = [place for place in range(1, len(values)) if values[place][0] > values[place - 1][0]]
    files = [int(values[place][1] or 0) for place in (split[0] - 1, split[-1])] if split else [0, 0]
    return HUGE_PER_FILE * (files[1] - files[0])


def _had(case: Case) -> int:
    """Huge pages had or missed by more or fewer files."""
    return in_all(case, _meanwhile(case))


def _splits(case: Case) -> int:
    """The same of splits; all there will be may still be missing while kswapd is at it."""
    room = _meanwhile(case)
    steps = case.recording.steps
    if room and case.will_grow(_SPLIT):
        room += steps[-1].values.get(_SPLIT, 0) - steps[0].values.get(_SPLIT, 0)
    return in_all(case, room)


def _shmem(case: Case) -> int:
    """What follows for Shmem: the second huge page of a file holds one base page, or as many as a smaller folio."""
    if not _meanwhile(case):
        return 0
    room = (HUGE_KB - PAGE_KB) * (_off(case, _SPLIT) + _off(case, _MISSED) + _held(case))
    if case.recording.kernel not in COMPOUND_KERNELS:
        room += (HALF_HUGE_KB - PAGE_KB) * max(case.since_start[_MISSED])
    return in_all(case, room)


def _shmem_huge(case: Case) -> int:
    """What follows for ShmemHugePages."""
    if not _meanwhile(case):
        return 0
    return in_all(case, HUGE_KB * (_off(case, _SPLIT) + _off(case, "thp_file_alloc") + _held(case)))


def _held(case: Case) -> int:
    """Huge pages that have been split and have not gone yet."""
    return BATCH if case.will_grow(_SPLIT) else 0


def _off(case: Case, counter: str) -> int:
    """How far a counter is off in all."""
    recorded, simulated = case.since_start[counter]
    return abs(recorded - simulated)


def _frag(case: Case) -> bool:
    return case.recording.arguments[:2] == ("exp_pressure", "frag")


AT_ANOTHER_STEP: Final = "kswapd splits while the writer goes on, and is done at once here"
IN_TIME: Final = "whether huge pages that kswapd makes come in time for the writer"
NEARLY_FREE: Final = "blocks that a few other pages decide upon"

ALLOWANCES: Final = (
    Allowance("thp_file_alloc|thp_file_fallback", _had, IN_TIME),
    Allowance(_SPLIT, _splits, AT_ANOTHER_STEP),
    Allowance("Shmem|Cached", _shmem, AT_ANOTHER_STEP),
    Allowance("ShmemHugePages", _shmem_huge, AT_ANOTHER_STEP),
    Allowance("thp_fault_(alloc|fallback)", lambda case: in_all(case, SPREAD) if _frag(case) else 0, NEARLY_FREE),
    Allowance("AnonHugePages", lambda case: in_all(case, SPREAD * HUGE_KB) if _frag(case) else 0, NEARLY_FREE),
    Allowance("compact_(stall|fail|success)", lambda case: SPREAD * TRIES if _frag(case) else 0, NEARLY_FREE),
)
"""For each counter the first rule that gives room."""
