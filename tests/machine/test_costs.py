"""The cost table against the recorded times: each row composed from the operations it consists of."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine import costs
from memtui.machine.costs import OPERATIONS, Operation
from memtui.machine.meter import Meter
from memtui.units import MS, US

Parts = list[tuple[Operation, int]]
RECORDING_CPUS = 2

PAGES_256M = 65_536
PAGES_1G = 262_144


def times(count: int, *operations: Operation) -> Parts:
    return [(operation, count) for operation in operations]


def spent_ns(parts: Parts, cpus: int = RECORDING_CPUS) -> int:
    meter = Meter(cpus)
    for operation, count in parts:
        meter.charge(operation, count)
    return meter.take_ns()


def touch(pages: int) -> Parts:
    each = (costs.FAULT, costs.ALLOC_PAGE, costs.ZERO_PAGE, costs.MAP_PAGE, costs.ACCESS_PAGE)
    return [*times(pages, *each), (costs.PAGE_TABLE, pages // 512)]


def touch_huge(pages: int) -> Parts:
    each = (costs.FAULT, costs.ALLOC_HUGE_PAGE, costs.ZERO_HUGE_PAGE, costs.MAP_HUGE_PAGE, costs.PAGE_TABLE)
    return [*times(pages, *each), (costs.ACCESS_PAGE, 512 * pages)]


def fork(pages: int = 0, huge_pages: int = 0) -> Parts:
    """A child of the recording's program: 14 VMAs, 6 of them with an anon_vma, 11 tables of its own."""
    small: Parts = [
        (costs.FORK, 1),
        (costs.FORK_VMA, 14),
        (costs.FORK_ANON_VMA, 6),
        (costs.FORK_ANON_VMA_CHAIN, 13),
        (costs.PAGE_TABLE, 11 + pages // 512 + huge_pages),
    ]
    return [*small, (costs.FORK_PAGE, pages), (costs.FORK_HUGE_PAGE, huge_pages)]


def chain_link(chain_entries: int) -> Parts:
    """One link of the fork chain: 4 MiB shared, six pages written, chain entries as deep as it is."""
    copies = times(6, costs.FAULT, costs.ALLOC_PAGE, costs.COPY_PAGE, costs.MAP_PAGE, costs.ACCESS_PAGE)
    return [*fork(pages=1024), *copies, (costs.FORK_ANON_VMA_CHAIN, chain_entries - 13)]


def secret(files: int, pages: int) -> Parts:
    each = (costs.SECRET_PAGE, costs.ZERO_PAGE, costs.FLUSH_RANGE, costs.FLUSH_RANGE_PAGE)
    return [(costs.SECRET_FILE, files), *times(pages, *each)]


def bpf(instructions: int) -> Parts:
    """Instructions of 5 bytes each, and some 40 bytes around them."""
    return [(costs.BPF_PROGRAM, 1), (costs.BPF_BYTE, 5 * instructions + 30)]


BATCH: Parts = [(costs.RCU_GRACE_PERIOD, 1), (costs.FLUSH_ALL, 2)]


def grow(pages: int, hvo: bool) -> Parts:
    if not hvo:
        return [(costs.HUGETLB_PAGE_GROW, pages)]
    return [*BATCH, *times(pages, costs.HUGETLB_PAGE_GROW, costs.HVO_OPTIMIZE_PAGE), (costs.HVO_FRAME, 7 * pages)]


def shrink(pages: int, hvo: bool) -> Parts:
    if not hvo:
        return times(pages, costs.HUGETLB_PAGE_REMOVE, costs.HUGETLB_PAGE_FREE)
    return [
        *BATCH,
        *times(pages, costs.HUGETLB_PAGE_REMOVE, costs.HUGETLB_PAGE_FREE, costs.HVO_RESTORE_PAGE),
        (costs.HVO_RESTORE_FRAME, 7 * pages),
    ]


def grow_1g(pages: int, hvo: bool) -> Parts:
    plain: Parts = [(costs.GIGANTIC_PAGE_GROW, pages)]
    return [*BATCH, *plain, (costs.HVO_OPTIMIZE_PAGE, pages), (costs.HVO_FRAME, 4095 * pages)] if hvo else plain


def shrink_1g(pages: int, hvo: bool) -> Parts:
    plain: Parts = [(costs.GIGANTIC_PAGE_FREE, pages)]
    return [*BATCH, *plain, (costs.HVO_RESTORE_PAGE, pages), (costs.HVO_RESTORE_FRAME, 4095 * pages)] if hvo else plain


def write_tmpfs(pages: int) -> Parts:
    return times(pages, costs.ALLOC_PAGE, costs.TMPFS_PAGE, costs.COPY_PAGE)


def write_tmpfs_huge(huge_pages: int, pages: int) -> Parts:
    each = (costs.ALLOC_HUGE_PAGE, costs.ZERO_HUGE_PAGE, costs.TMPFS_HUGE_PAGE)
    return [*times(huge_pages, *each), (costs.COPY_PAGE, pages)]


ROWS = {
    # HVO: "grow 4.4-4.8 us off, 26 falling to 9 us on; free 5.6-6 us off, 36 falling to 14 us on" per 2M page
    **{f"HVO: {n} 2M pages, grow off": (grow(n, False), n, 4.4 * US, 4.8 * US) for n in (512, 1024, 2048, 4096)},
    **{f"HVO: {n} 2M pages, free off": (shrink(n, False), n, 5.6 * US, 6 * US) for n in (512, 1024, 2048, 4096)},
    **{f"HVO: {n} 2M pages, grow on": (grow(n, True), n, 9 * US, 26 * US) for n in (512, 1024, 2048, 4096)},
    **{f"HVO: {n} 2M pages, free on": (shrink(n, True), n, 14 * US, 36 * US) for n in (512, 1024, 2048, 4096)},
    "HVO: 1G page, grow off": (grow_1g(1, False), 1, 23 * MS, 35 * MS),
    "HVO: 1G page, grow on": (grow_1g(1, True), 1, 30 * MS, 60 * MS),
    "HVO: 1G page, free off": (shrink_1g(1, False), 1, 1.5 * MS, 2.7 * MS),
    "HVO: 1G page, free on": (shrink_1g(1, True), 1, 8 * MS, 20 * MS),
    "HVO: four 1G pages, free on": (shrink_1g(4, True), 4, 8 * MS, 20 * MS),
    # memfd_secret: "7-8 us/page to touch in bulk, 12-14 as one-page files, a lone page 55-65; release 2-15 us/page";
    # in bulk the quiet recording has 6.7 for 128 MiB
    "memfd_secret: 2 MiB, touch": (secret(1, 512), 512, 6.6 * US, 8 * US),
    "memfd_secret: 128 MiB, touch": (secret(1, 32768), 32768, 6.6 * US, 8 * US),
    "memfd_secret: 512 one-page files": (secret(512, 512), 512, 12 * US, 14 * US),
    "memfd_secret: lone page": ([*secret(1, 1), (costs.WAKE_UP, 1)], 1, 55 * US, 65 * US),
    "memfd_secret: one-page file, release": (
        times(1, costs.SECRET_RELEASE_FILE, costs.SECRET_RELEASE_PAGE),
        1,
        2 * US,
        15 * US,
    ),
    # BPF: "time to load: 17-39 us (2 insns), 130-280 us (512), 1-1.6 ms (4096), 18-20 ms (65536); close 1-4 us"
    "BPF: 2 insns": (bpf(2), 1, 17 * US, 39 * US),
    "BPF: 512 insns": (bpf(512), 1, 130 * US, 280 * US),
    "BPF: 4096 insns": (bpf(4096), 1, 1 * MS, 1.6 * MS),
    "BPF: 65536 insns": (bpf(65536), 1, 18 * MS, 20 * MS),
    "BPF: close": ([(costs.BPF_RELEASE, 1)], 1, 1 * US, 4 * US),
    # fork: "256 MiB base 2.9-8 ms, THP 0.23-0.5 ms; 1 GiB base 14-28 ms, THP 0.7-1.3 ms; chain link 0.27-0.34 ms";
    # "touch: 2-3.5 us/4K, 0.41-0.45 ms/2M; unmap 256 MiB: 17-33 ms base, 0.8-1.2 ms THP"
    "fork: 256 MiB base": (fork(pages=PAGES_256M), 1, 2.9 * MS, 8 * MS),
    "fork: 256 MiB THP": (fork(huge_pages=128), 1, 0.23 * MS, 0.5 * MS),
    "fork: 1 GiB base": (fork(pages=PAGES_1G), 1, 14 * MS, 28 * MS),
    "fork: 1 GiB THP": (fork(huge_pages=512), 1, 0.7 * MS, 1.3 * MS),
    "fork: per base page": ([(costs.FORK_PAGE, 1)], 1, 44, 120),
    "fork: per huge page": (times(1, costs.FORK_HUGE_PAGE, costs.PAGE_TABLE), 1, 1 * US, 2 * US),
    "fork: chain link at depth 100": (chain_link(310), 1, 0.27 * MS, 0.34 * MS),
    "fork: 1000 anonymous VMAs more": (
        [(costs.FORK_VMA, 2000), *times(1000, costs.FORK_ANON_VMA, costs.FORK_PAGE), (costs.FORK_ANON_VMA_CHAIN, 2000)],
        1,
        2.0 * MS,
        2.2 * MS,
    ),
    "touch: 4K": (touch(PAGES_256M), PAGES_256M, 2 * US, 3.5 * US),
    "touch: 2M": (touch_huge(128), 128, 0.41 * MS, 0.45 * MS),
    "unmap: 256 MiB base": (times(PAGES_256M, costs.UNMAP_PAGE, costs.FREE_PAGE), 1, 17 * MS, 33 * MS),
    "unmap: 256 MiB THP": (
        times(128, costs.UNMAP_HUGE_PAGE, costs.FREE_HUGE_PAGE, costs.FREE_PAGE_TABLE),
        1,
        0.75 * MS,
        1.2 * MS,
    ),
    # tmpfs, from the quiet recordings of huge=never and huge=always
    "tmpfs never: write 1 GiB": (write_tmpfs(PAGES_1G), PAGES_1G, 1.48 * US, 1.8 * US),
    "tmpfs never: touch 8 MiB": ([*touch(2048), (costs.TMPFS_PAGE, 2048)], 2048, 2.2 * US, 2.6 * US),
    "tmpfs always: 4 KiB": (write_tmpfs_huge(1, 1), 1, 225 * US, 252 * US),
    "tmpfs always: 4 KiB in each of 128 x 2 MiB": (write_tmpfs_huge(128, 128), 1, 28 * MS, 33 * MS),
    "tmpfs always: 5 MiB": (write_tmpfs_huge(3, 1280), 1, 1.22 * MS, 1.75 * MS),
    "tmpfs always: touch 8 MiB": ([*touch_huge(4), (costs.TMPFS_HUGE_PAGE, 4)], 1, 1.6 * MS, 1.9 * MS),
    "tmpfs always: punch 4 KiB 16 times": (
        times(16, costs.TMPFS_PUNCH, costs.SPLIT_HUGE_PAGE, costs.FREE_PAGE),
        1,
        140 * US,
        165 * US,
    ),
    "tmpfs never: punch 4 KiB 16 times": (times(16, costs.TMPFS_PUNCH, costs.FREE_PAGE), 1, 35 * US, 43 * US),
    "tmpfs never: punch 2 MiB 16 times": (
        [(costs.TMPFS_PUNCH, 16), (costs.FREE_PAGE, 16 * 512)],
        1,
        2 * MS,
        3.4 * MS,
    ),
}
"""Name of the row: what it consists of, by how many its time is divided, least and most nanoseconds recorded."""


@pytest.mark.parametrize("row", ROWS)
def test_composed_costs_are_within_the_recorded_times(row: str) -> None:
    parts, units, least_ns, most_ns = ROWS[row]
    assert least_ns <= spent_ns(parts) / units <= most_ns


def test_hvo_costs_two_to_six_times_at_resize() -> None:
    """Row "HVO costs 2-6x at pool resize", for 512 to 4096 pages at once."""
    for pages in (512, 1024, 2048, 4096):
        assert 2 <= spent_ns(grow(pages, True)) / spent_ns(grow(pages, False)) <= 6
        assert 2 <= spent_ns(shrink(pages, True)) / spent_ns(shrink(pages, False)) <= 6


def test_hvo_grows_cheaper_per_page_with_the_size_of_the_batch() -> None:
    """Rows "26 falling to 9 us" and "36 falling to 14 us"."""
    for resize in (grow, shrink):
        per_page = [spent_ns(resize(pages, True)) / pages for pages in (512, 1024, 2048, 4096)]
        assert per_page == sorted(per_page, reverse=True)
        assert per_page[0] > 1.8 * per_page[-1]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_entry_has_a_cost_a_source_and_words(operation: Operation) -> None:
    assert operation.ns > 0
    assert re.match(r"(recorded|published|assumed): .", operation.source)
    assert re.fullmatch(r"[A-Za-z].*[a-zA-Z]", operation.name)


def test_names_are_unique_and_the_table_is_whole() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert set(OPERATIONS) == {entry for entry in vars(costs).values() if isinstance(entry, Operation)}


def test_only_what_must_reach_every_cpu_grows_with_their_number() -> None:
    assert [operation for operation in OPERATIONS if operation.per_cpu_ns] == [costs.FLUSH_ALL, costs.FLUSH_RANGE]
    assert costs.FLUSH_ALL.time_ns(1024) - costs.FLUSH_ALL.time_ns(24) == 1000 * costs.FLUSH_ALL.per_cpu_ns


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (costs.ALLOC_PAGE, costs.ALLOC_HUGE_PAGE),
        (costs.FREE_PAGE, costs.FREE_HUGE_PAGE),
        (costs.ZERO_PAGE, costs.ZERO_HUGE_PAGE),
        (costs.MAP_PAGE, costs.MAP_HUGE_PAGE),
        (costs.UNMAP_PAGE, costs.UNMAP_HUGE_PAGE),
        (costs.TMPFS_PAGE, costs.TMPFS_HUGE_PAGE),
        (costs.HUGETLB_PAGE_GROW, costs.GIGANTIC_PAGE_GROW),
        (costs.HUGETLB_PAGE_FREE, costs.GIGANTIC_PAGE_FREE),
        (costs.ALLOC_PAGE, costs.MIGRATE_PAGE),
    ],
    ids=lambda operation: operation.name,
)
def test_a_larger_page_costs_more_but_less_than_its_base_pages(smaller: Operation, larger: Operation) -> None:
    assert smaller.ns < larger.ns <= 512 * smaller.ns * (512 if "1 GiB" in larger.name else 1)


@given(st.integers(1, 4096), st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 10**9))))
def test_the_meter_is_integer_exact_whatever_the_order(cpus: int, charges: Parts) -> None:
    meter = Meter(cpus)
    for operation, count in charges:
        meter.charge(operation, count)
    exact = sum((operation.ns + operation.per_cpu_ns * cpus) * count for operation, count in charges)
    assert meter.total_ns == exact
    assert meter.take_ns() == exact
    assert meter.take_ns() == meter.total_ns == 0


def test_charging_many_at_once_is_charging_each() -> None:
    at_once, one_by_one = Meter(7), Meter(7)
    at_once.charge(costs.FLUSH_ALL, 1000)
    for _ in range(1000):
        one_by_one.charge(costs.FLUSH_ALL)
    assert at_once.take_ns() == one_by_one.take_ns()


def test_a_machine_without_cpus_is_refused() -> None:
    with pytest.raises(ValueError, match="0 CPUs; expected at least 1"):
        Meter(0)
