"""Times of the recorded host, operation by operation, against the simulated time of the same."""

from __future__ import annotations

from functools import cache

import pytest

from memtui.recordings import archive
from memtui.recordings.times import LEEWAY_PERCENT, SLACK_NS, TimeRow, counts, times

TIMED = [name for name in archive.names() if counts(archive.load(name))]


@cache
def rows_of(name: str) -> list[TimeRow]:
    return times(archive.load(name), archive.load)


@pytest.mark.parametrize("name", TIMED)
def test_operations_take_as_long_as_recorded(name: str) -> None:
    assert [row for row in rows_of(name) if row.differs] == []


def test_what_counts() -> None:
    assert "host-hvo-2m-quiet" in TIMED
    assert "host-hvo-1g" in TIMED
    assert not {"host-hvo-2m", "guest-6.1-hvo-2m", "host-tmpfs-advise"} & set(TIMED)


def test_every_kind_of_operation_is_compared() -> None:
    rows = [row for name in TIMED for row in rows_of(name)]
    compared = {row.operation.split(" ")[0] for row in rows if not row.why_not}
    kinds = {"grow", "free", "touch", "release", "load", "close_wait_1s", "forked", "children_gone", "unmapped"}
    kinds |= {"chained", "relayed", "mapped", "touched", "forked10", "write", "write_big", "punch_4k_x16"}
    assert compared >= kinds
    assert {row.why_not for row in rows if row.why_not} == {
        "the program looks for its children only every 50 ms",
        "the program waits",
        "drop_caches goes through all the slabs of the host",
        "memory never used before, which the hypervisor gives on first use",
    }


def row(recorded_ns: tuple[int, ...], simulated_ns: int) -> TimeRow:
    return TimeRow("any", "grow", recorded_ns, (simulated_ns,), 130)


@pytest.mark.parametrize(
    ("simulated_ns", "differs"),
    [(1_000_000, False), (770_000, False), (760_000, True), (2_600_000, False), (2_610_000, True), (0, True)],
)
def test_a_time_differs_beyond_the_leeway_alone(simulated_ns: int, differs: bool) -> None:
    assert row((1_000_000, 2_000_000), simulated_ns).differs is differs
    assert set(LEEWAY_PERCENT.values()) == {130, 160}
    assert SLACK_NS == 5_000


def test_what_is_not_compared_does_not_differ() -> None:
    assert not TimeRow("any", "wait", (10,), (0,), 130, "the program waits").differs
