"""Anonymous memory and fork as recorded (recordings.md, "Anonymous memory and fork"), row by row."""

from __future__ import annotations

import pytest

from memtui.machine.process import Process
from memtui.units import GIB, MIB
from tests.machine.process_bench import ProcessBench, difference, spread_over_2m, twin

PER_CHILD = {
    "KernelStack": 16,
    "AnonPages": 24,
    "vm_area_struct": 14,
    "anon_vma": 6,
    "anon_vma_chain": 12,
    "maple_node": 3,
    "mm_struct": 1,
    "task_struct": 1,
    "pid": 1,
}


def per_child(children: int, tables_kb: int) -> dict[str, int]:
    """What so many children of the test program add, each with so many kB of page tables."""
    return {name: count * children for name, count in {**PER_CHILD, "PageTables": tables_kb}.items()}


def test_first_touch_row_a_table_per_2_mib_and_one_anon_vma_with_its_chain() -> None:
    bench = ProcessBench(2 * GIB)
    process = bench.processes.spawn("test")
    before = bench.counts()
    vma = process.mmap(256 * MIB)
    assert difference(bench.counts(), before) == {"vm_area_struct": 1}
    process.touch(vma)
    expected = {"AnonPages": 262_144, "PageTables": 512, "vm_area_struct": 1, "anon_vma": 1, "anon_vma_chain": 1}
    assert difference(bench.counts(), before) == expected
    bench.check()


@pytest.mark.parametrize(("mib", "tables_kb"), [(64, 172), (256, 556), (1024, 2096)])
def test_fork_row_page_tables_are_copied_at_once_mapping_over_512_and_44_kb(mib: int, tables_kb: int) -> None:
    bench = ProcessBench(2 * GIB)
    parent, _ = bench.parent(mib)
    before = bench.counts()
    bench.processes.fork(parent)
    assert difference(bench.counts(), before) == per_child(1, tables_kb)
    bench.check()


@pytest.mark.parametrize("thp", ["never", "madvise"])
def test_fan_row_10_children_of_256_mib(thp: str) -> None:
    bench = ProcessBench(2 * GIB)
    parent, vma = bench.parent(256, "madvise" if thp == "madvise" else "never")
    before = bench.counts()
    children = [bench.processes.fork(parent) for _ in range(10)]
    assert difference(bench.counts(), before) == per_child(10, 556)
    bench.check()
    for child in children:
        bench.processes.exit(child)
    assert bench.counts() == before
    parent.munmap(vma)
    bench.processes.exit(parent)
    bench.assert_empty()


def test_1000_touched_vmas_times_10_children_row() -> None:
    bench = ProcessBench()
    process = bench.processes.spawn("test")
    before = bench.counts()
    vmas = [process.mmap(4096, guard=True) for _ in range(1000)]
    assert difference(bench.counts(), before) == {"vm_area_struct": 2000, "maple_node": 150}
    touched = bench.counts()
    for vma in vmas:
        process.touch(vma)
    change = difference(bench.counts(), touched)
    assert (change["anon_vma"], change["anon_vma_chain"], change["AnonPages"]) == (1000, 1000, 4000)
    touched = bench.counts()
    for _ in range(10):
        bench.processes.fork(process)
    change = difference(bench.counts(), touched)
    assert (change["anon_vma"], change["anon_vma_chain"], change["vm_area_struct"]) == (10_050, 20_100, 20_110)
    assert change["maple_node"] == 1530
    bench.check()


@pytest.mark.parametrize("thp", ["never", "madvise"])
def test_cow_row_children_write_10_percent_of_4_mib_and_then_all_of_it(thp: str) -> None:
    bench = ProcessBench(2 * GIB)
    parent, vma = bench.parent(256, "madvise" if thp == "madvise" else "never")
    huge = bench.counts()["AnonHugePages"]
    children = [bench.processes.fork(parent) for _ in range(10)]
    before = bench.counts()
    for child in children:
        done = child.write(twin(vma, child), spread_over_2m(51, 2))
        assert done.copied_pages == 102
    assert difference(bench.counts(), before) == {"AnonPages": 4080}
    for child in children:
        assert child.touch(twin(vma, child), 0, 1024).copied_pages == 922
    assert difference(bench.counts(), before) == {"AnonPages": 4080 + 36_880}
    assert bench.counts()["AnonHugePages"] == huge == (262_144 if thp == "madvise" else 0)
    assert bench.events.get("thp_split_pmd", 0) == (20 if thp == "madvise" else 0)
    assert "thp_split_page" not in bench.events
    bench.check()
    for child in children:
        bench.processes.exit(child)
    bench.processes.exit(parent)
    bench.assert_empty()


@pytest.mark.parametrize(("depth", "chains"), [(10, 390), (50, 7_950), (100, 30_900)])
def test_chain_row_anon_vma_d_and_chain_entries_d_times_d_plus_3_over_2(depth: int, chains: int) -> None:
    bench = ProcessBench()
    parent, _ = bench.parent(4)
    before = bench.counts()
    links = [parent]
    for _ in range(depth):
        links.append(bench.processes.fork(links[-1]))
    change = difference(bench.counts(), before)
    assert (change["anon_vma"], change["anon_vma_chain"]) == (6 * depth, chains)
    assert chains == 6 * depth * (depth + 3) // 2
    assert change["PageTables"] == depth * 52
    bench.check()
    for link in links[1:]:
        bench.processes.exit(link)
    assert bench.counts() == before


@pytest.mark.parametrize("depth", [10, 50, 100])
def test_relay_row_anon_vmas_are_reused_so_that_it_does_not_grow(depth: int) -> None:
    bench = ProcessBench()
    parent, _ = bench.parent(4)
    before = bench.counts()
    runner = relay(bench, parent, depth)
    change = difference(bench.counts(), before)
    assert (change["anon_vma"], change["anon_vma_chain"]) == (6 * 2, 6 * 3)
    assert change["vm_area_struct"] == 14
    bench.check()
    bench.processes.exit(runner)
    assert bench.counts() == before


def test_relay_each_link_leaves_the_page_it_wrote_to_the_next() -> None:
    bench = ProcessBench()
    parent, vma = bench.parent(4)
    before = bench.counts()
    relay(bench, parent, 50, write=vma.start)
    assert difference(bench.counts(), before)["AnonPages"] == 24 + 50 * 4
    bench.check()


def relay(bench: ProcessBench, parent: Process, depth: int, write: int | None = None) -> Process:
    """Each link forks the next and exits; the first parent stays, as in the recorded program."""
    link = parent
    for number in range(depth):
        child = bench.processes.fork(link)
        if write is not None:
            child.touch(child.vma_at(write), number, 1)
        if link is not parent:
            bench.processes.exit(link)
        link = child
    return link


def test_a_terabyte_is_touched_in_hundreds_of_runs_and_forked_as_one() -> None:
    bench = ProcessBench(1100 * GIB)
    process = bench.processes.spawn("test")
    vma = process.mmap(1024 * GIB)
    process.touch(vma)
    child = bench.processes.fork(process)
    assert len(vma.mapped) == len(twin(vma, child).mapped) == 1
    (mapping,) = [mapping for _, _, mapping in vma.mapped]
    assert len(mapping.store.counts) == 1
    assert len(mapping.store.frames) < 1000
    bench.check()


def test_fork_time_as_recorded_256_mib_of_base_pages_and_of_huge_pages() -> None:
    for thp, least_ms, most_ms in (("never", 2.9, 8), ("madvise", 0.2, 0.5)):
        bench = ProcessBench(2 * GIB)
        parent, _ = bench.parent(256, "madvise" if thp == "madvise" else "never")
        bench.core.meter.take_ns()
        bench.processes.fork(parent)
        assert least_ms < bench.core.meter.take_ns() / 1e6 < most_ms, thp


def test_processes_go_to_the_nodes_in_turn() -> None:
    bench = ProcessBench(8 * GIB, nodes=2)
    first, second = bench.processes.spawn("a"), bench.processes.spawn("b")
    assert [first.node, second.node, bench.processes.fork(first).node] == [0, 1, 0]
    vma = second.mmap(64 * MIB)
    second.touch(vma)
    (mapping,) = [mapping for _, _, mapping in vma.mapped]
    assert all(bench.core.allocator.zone_of(start).layout.node == 1 for start, _ in mapping.store.runs())
    bench.check()
