"""Actions that overlap on one object: what one takes away in the middle of another is what Linux makes of it."""

from __future__ import annotations

from typing import Final

import pytest

from memtui.scenario.loader import load_text
from memtui.sources.run import Run
from memtui.units import MIB, PAGE_BYTES

HEAD: Final = "memtui: 1\nname: overlapping\nmachine: {ram: 8GiB}\ntimeline:\n"

UNMAPPED_WHILE_WRITTEN: Final = """
  - {at: 0s, process: p}
  - {at: 1s, process_map: {process: p, size: 2GiB, area: a, touch: 0%}, label: area}
  - {at: 2s, process_write: {process: p, area: a, share: 100%}}
  - {at: 2.05s, end: area}
"""

EXIT_DURING_GROWTH: Final = """
  - {at: 0s, fragment: {free: 10%, order: 1}}
  - {at: 20s, anon: {size: 64MiB, processes: 3}, label: three}
  - {at: 60s, anon: {size: 256MiB}}
  - {at: 60s, end: three}
"""

WRITTEN_DURING_TRUNCATION: Final = """
  - {at: 0s, fragment: {free: 10%, order: 1}}
  - {at: 9s, tmpfs: {mount: t, size: 8GiB}}
  - {at: 10s, tmpfs_write: {mount: t, file: f, size: 64MiB}}
  - {at: 60s, tmpfs_truncate: {mount: t, file: f, size: 0}, label: cut}
  - {at: 60.0005s, tmpfs_write: {mount: t, file: f, offset: 56MiB, size: 8MiB}}
"""


def test_a_process_that_writes_to_what_was_just_unmapped_ends_by_sigsegv() -> None:
    run = Run(load_text(HEAD + UNMAPPED_WHILE_WRITTEN), 7, check_every_event=True)
    while run.next_ns() is not None:
        run.step()
    bad = [event.text for event in run.log.all() if event.severity == "bad"]
    assert bad == ["process 1000 (p) exits: SIGSEGV, what it wrote to was unmapped"]
    assert not len(run.machine.processes)


def test_what_exits_gave_back_is_told_without_what_others_took_meanwhile() -> None:
    run = Run(load_text(HEAD + EXIT_DURING_GROWTH), 7)
    while run.next_ns() is not None:
        run.step()
    exits = [event.text for event in run.log.all() if "exited" in event.text]
    assert exits == ["3 processes exited: 192 MiB of memory back"]


@pytest.mark.parametrize(("last", "least_mib", "most_mib"), [("", 8, 8), ("  - {at: 60.0008s, end: cut}\n", 9, 63)])
def test_what_is_written_during_a_truncation_waits_for_it_and_stays(last: str, least_mib: int, most_mib: int) -> None:
    """The truncation comes to its end, or is ended half way and leaves what it did not come to."""
    run = Run(load_text(HEAD + WRITTEN_DURING_TRUNCATION + last), 7)
    waited = False
    while run.next_ns() is not None:
        run.step()
        waited = waited or run.snapshot().workloads[4].progress == "waits for the file"
    file = run.machine.tmpfs.mounts["t"].files["f"]
    run.machine.check()
    assert waited
    assert least_mib * MIB <= file.index.pages * PAGE_BYTES <= most_mib * MIB
    written = file.index.overlapping(56 * MIB // PAGE_BYTES, 64 * MIB // PAGE_BYTES)
    assert written[-1].end * PAGE_BYTES == file.size_bytes == 64 * MIB
