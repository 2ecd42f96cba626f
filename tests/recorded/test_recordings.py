"""Every recording of a real kernel played again: no figure differs, no counter is passed over."""

from __future__ import annotations

from collections import Counter

import pytest

from memtui.recordings import archive
from memtui.recordings.case import Verdict
from memtui.recordings.scope import COMPARED, UNHEARD_OF
from tests.recorded.results import rows_of

MOSTLY = 0.75
"""Share of the figures of a guest that come out to the last digit, at least."""


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
def test_most_figures_of_a_guest_that_are_compared_are_exact(name: str) -> None:
    verdicts = Counter(row.verdict for row in rows_of(name) if row.number >= 0)
    assert verdicts[Verdict.EXACT] >= MOSTLY * verdicts.total()


def test_every_step_of_every_recording_is_packed() -> None:
    assert len(archive.names()) >= 80
    assert all(archive.load(name).steps for name in archive.names()[::8])
