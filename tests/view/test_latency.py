"""Histograms of latencies, as bpftrace prints them."""

from __future__ import annotations

from memtui.snapshot import LatencyView
from memtui.view.latency import by_time, heading, histogram

PUBLISHED = LatencyView("alloc_hugetlb_page", 10240, 166_000_000, ((13, 8360), (14, 1868), (15, 10), (16, 2)))


def test_rows_as_bpftrace_prints_them() -> None:
    assert list(histogram(PUBLISHED)) == [
        "[8K, 16K)             8360 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[16K, 32K)            1868 |@@@@@@@@@@@                                         |",
        "[32K, 64K)              10 |                                                    |",
        "[64K, 128K)              2 |                                                    |",
    ]


def test_empty_rows_stand_between_others() -> None:
    rows = list(histogram(LatencyView("fork", 2, 0, ((9, 1), (12, 1))), bar_cells=4))
    assert [row.split("  ")[0] for row in rows] == ["[512, 1K)", "[1K, 2K)", "[2K, 4K)", "[4K, 8K)"]
    assert [row[-6:] for row in rows] == ["|@@@@|", "|    |", "|    |", "|@@@@|"]


def test_the_least_and_the_most() -> None:
    rows = list(histogram(LatencyView("any", 2, 0, ((0, 1), (40, 1)))))
    assert rows[0].startswith("[0, 2) ")
    assert rows[-1].startswith("[1T, 2T) ")


def test_nothing_has_no_rows() -> None:
    assert list(histogram(LatencyView("any", 0, 0, ()))) == []


def test_headings() -> None:
    assert heading(PUBLISHED) == "alloc_hugetlb_page: 10 240 times, 16.2 us each"
    assert heading(LatencyView("fork", 1, 4_000_000, ((21, 1),))) == "fork: once, 4.00 ms"


def test_what_took_most_comes_first() -> None:
    short = LatencyView("fork", 1, 5, ((2, 1),))
    assert by_time([short, PUBLISHED]) == [PUBLISHED, short]
