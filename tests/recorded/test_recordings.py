"""Recordings of real kernels played again: those that come out without a single figure that differs."""

from __future__ import annotations

import pytest

from memtui.recordings import archive
from memtui.recordings.case import Verdict
from memtui.recordings.comparison import compare

CLEAN = (
    "guest-6.1-boot-1G",
    "guest-6.1-boot-8G",
    "guest-6.1-boot-256G",
    "guest-7.2-boot-1G",
    "guest-7.2-boot-4G",
    "guest-7.2-boot-8G",
    "guest-7.2-boot-8G-la57",
    "guest-7.2-boot-8G-no1g",
    "guest-7.2-boot-64G",
    "guest-7.2-boot-256G",
    "guest-6.1-hvo-2m",
    "guest-7.2-hvo-2m",
    "guest-7.2-hvo-at-boot",
    "guest-6.1-1g-at-boot-hvo-on",
    "guest-7.2-secretmem",
    "guest-6.1-fork-256m-base",
    "guest-7.2-fork-256m-thp",
)


@pytest.mark.parametrize("name", [name for name in CLEAN if name in archive.names()])
def test_nothing_differs(name: str) -> None:
    rows = list(compare(archive.load(name), archive.load))
    assert [row for row in rows if row.verdict is Verdict.DIFFERS] == []
    assert sum(row.verdict is Verdict.EXACT for row in rows) >= 20


def test_every_step_of_every_recording_is_packed() -> None:
    assert len(archive.names()) >= 80
    assert all(archive.load(name).steps for name in archive.names()[::8])
