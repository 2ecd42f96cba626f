"""Every recording of a real kernel played again: no figure differs, no counter is passed over."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from memtui.recordings import archive
from memtui.recordings.case import Verdict
from memtui.recordings.scope import COMPARED, UNHEARD_OF
from tests.recorded.results import rows_of

CENTRAL = re.compile(
    r"MemTotal|DirectMap\w+|direct_map_\w+|Huge\w+|htlb_\w+|nr_memmap\w*|Anon\w+|Shmem\w*|Cached|Mapped|thp_\w+|oom_kill|"
    r"Unevictable|Mlocked"
)
"""What the machine is about."""


@pytest.mark.parametrize("name", archive.names())
def test_nothing_differs(name: str) -> None:
    assert [row for row in rows_of(name) if row.verdict is Verdict.DIFFERS] == []


@pytest.mark.parametrize("name", archive.names())
def test_every_counter_has_a_verdict_and_a_reason(name: str) -> None:
    recording, rows = archive.load(name), rows_of(name)
    assert {row.counter for row in rows} == recording.counters
    assert all(row.why for row in rows if row.verdict is not Verdict.EXACT)
    assert UNHEARD_OF not in {row.why for row in rows}
    known = set(COMPARED) & {row.counter for row in rows if row.number >= 0}
    counted = Counter(row.number for row in rows if row.number >= 0)
    assert counted == Counter({number: len(step.values.keys() & known) for number, step in enumerate(recording.steps)})


@pytest.mark.parametrize("name", [name for name in archive.names() if name.startswith("guest")])
def test_what_guests_say_of_memory_is_modelled_from_the_second_step_on(name: str) -> None:
    left_out = [row for row in rows_of(name) if row.number > 0 and CENTRAL.fullmatch(row.counter)]
    assert {row.why for row in left_out if row.verdict is Verdict.NOT_MODELLED} <= {"memory cgroups are not simulated"}


def test_every_step_of_every_recording_is_packed() -> None:
    assert len(archive.names()) >= 80
    assert all(archive.load(name).steps for name in archive.names()[::8])
