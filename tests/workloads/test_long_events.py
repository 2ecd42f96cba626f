"""Long operations are many short events: what one event does is bounded, however much there is to do."""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from memtui.machine.parts import PART_PIECES
from memtui.scenario.loader import load_text
from memtui.sources.run import Run

HEAD: Final = "memtui: 1\nname: parts\nmachine: {like: vm-8g}\ntimeline:\n"
MOST_HANDLED: Final = 2 * PART_PIECES
"""Runs of frames that one event may allocate and free: those of its part, page tables and slabs beside them."""


def entry(seconds: int, action: str) -> str:
    """One line of a timeline."""
    return f"  - {{at: {seconds}s, {action}}}\n"


SCATTERED: Final = entry(0, "fragment: {free: 60%, order: 1}, label: kept")
TMPFS: Final = entry(9, "tmpfs: {mount: t, size: 8GiB}, label: t")
TMPFS_FILE: Final = TMPFS + entry(10, "tmpfs_write: {mount: t, file: f, size: 96MiB}")
OPERATIONS: Final = {
    "dropping page cache": entry(10, "page_cache: {size: 96MiB, dirty: 5%}") + entry(60, "sysctl: {vm.drop_caches: 3}"),
    "deleting a file": entry(10, "page_cache: {size: 96MiB}, label: made") + entry(60, "end: made"),
    "exit": entry(10, "anon: {size: 96MiB}, label: made") + entry(60, "end: made"),
    "truncating": TMPFS_FILE + entry(60, "tmpfs_truncate: {mount: t, file: f, size: 1MiB}"),
    "punching": TMPFS_FILE + entry(60, "tmpfs_punch: {mount: t, file: f, size: 48MiB, chunk: 4KiB, stride: 8KiB}"),
    "unlinking": TMPFS_FILE + entry(60, "tmpfs_unlink: {mount: t, file: f}"),
    "unmounting": TMPFS_FILE + entry(60, "end: t"),
    "mapping": TMPFS_FILE + entry(60, "tmpfs_map: {mount: t, file: f}"),
    "writing many pieces": TMPFS
    + entry(60, "tmpfs_write: {mount: t, file: f, size: 48MiB, chunk: 4KiB, stride: 8KiB}"),
}
"""What is done in scattered memory, at 60 s."""


class Work(NamedTuple):
    """What an event did."""

    at_ns: int
    handled: int
    """Runs of frames allocated and freed."""
    pages: int
    """Pages by which free memory changed."""


def events_of(run: Run) -> list[Work]:
    """Every event from here on."""
    allocator, found = run.machine.core.allocator, []
    while (due_ns := run.next_ns()) is not None:
        handled, free = allocator.handled, allocator.free_frames + allocator.listed_frames
        run.step()
        now_free = allocator.free_frames + allocator.listed_frames
        found.append(Work(due_ns, allocator.handled - handled, abs(now_free - free)))
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_event_handles_more_pieces_of_memory_than_a_part_may(operation: str) -> None:
    run = Run(load_text(HEAD + SCATTERED + OPERATIONS[operation]), 7)
    events = [work for work in events_of(run) if work.at_ns >= 10 * 10**9]
    run.machine.check()
    assert sum(work.handled for work in events) > 5 * PART_PIECES, "there is much to do"
    assert max(work.handled for work in events) <= MOST_HANDLED


@pytest.mark.long
def test_a_drop_of_20_gib_scattered_memory_frees_few_pages_per_event() -> None:
    text = HEAD.replace("vm-8g", "server-64g") + SCATTERED
    text += entry(1, "page_cache: {size: 20GiB}") + entry(60, "sysctl: {vm.drop_caches: 3}")
    drops = [work for work in events_of(Run(load_text(text), 7)) if work.at_ns >= 60 * 10**9]
    assert sum(work.pages for work in drops) > 19 << 18
    assert max(work.pages for work in drops) <= 4 * PART_PIECES
    assert len(drops) > 1000


def test_what_lies_together_is_few_events_whatever_its_size() -> None:
    text = HEAD.replace("vm-8g", "server-1t")
    text += entry(1, "page_cache: {size: 500GiB}") + entry(900, "sysctl: {vm.drop_caches: 1}")
    drops = [work for work in events_of(Run(load_text(text), 7)) if work.at_ns >= 900 * 10**9]
    assert sum(work.pages for work in drops) > 499 << 18
    assert len([work for work in drops if work.pages]) <= 8


def test_end_in_the_middle_of_a_long_operation_stops_it_where_it_is() -> None:
    text = HEAD + SCATTERED + TMPFS_FILE
    text += entry(60, "tmpfs_truncate: {mount: t, file: f, size: 0}, label: cut")
    run = Run(load_text(text + "  - {at: 60.002s, end: cut}\n  - {at: 60.003s, end: t}\n"), 7)
    events_of(run)
    run.machine.check()
    assert run.machine.tmpfs.frames == 0
    assert not run.machine.tmpfs.mounts


def test_a_long_operation_says_how_far_it_is() -> None:
    run = Run(load_text(HEAD + SCATTERED + TMPFS_FILE + entry(60, "tmpfs_truncate: {mount: t, file: f, size: 0}")), 7)
    said = []
    while run.next_ns() is not None:
        run.step()
        said.append(run.snapshot().workloads[-1].progress if run.now_ns >= 60 * 10**9 else "")
    left = [words for words in said if words.startswith("freeing, ")]
    assert len(left) > 20
    assert left[0].endswith(" MiB left")
    assert len(set(left)) > 10
