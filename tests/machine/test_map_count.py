"""vm.max_map_count: how many areas a process may have (do_mmap and split_vma of mm/mmap.c)."""

from __future__ import annotations

import pytest

from memtui.machine.errors import OutOfMemory
from memtui.machine.program import IMAGE
from memtui.units import MIB
from tests.machine.process_bench import ProcessBench


@pytest.fixture
def bench() -> ProcessBench:
    return ProcessBench()


def test_the_limit_is_65530_areas() -> None:
    assert ProcessBench().processes.max_map_count == 65530


@pytest.mark.parametrize(("guard", "areas"), [(False, 101), (True, 99)])
def test_a_mapping_too_many_is_refused_with_nothing_changed(bench: ProcessBench, guard: bool, areas: int) -> None:
    """A new area is refused where more than the limit are there; a split of one where the limit is reached.

    Two areas at a time, by a new one and a split, come to 99 at most from the program's eleven.
    """
    bench.processes.max_map_count = 100
    process = bench.processes.spawn("many")
    while len(process.space) < areas:
        process.mmap(4096, guard=guard)
    with pytest.raises(OutOfMemory, match=rf"mmap: ENOMEM, {areas} areas are there and vm.max_map_count is 100"):
        process.mmap(4096, guard=guard)
    bench.check()
    assert len(process.space) == areas
    assert process.alive


def test_whole_huge_pages_take_three_areas_each(bench: ProcessBench) -> None:
    process = bench.processes.spawn("huge")
    bench.processes.max_map_count = len(IMAGE) + 3
    process.mmap(2 * MIB, guard=True)
    assert len(process.space) == len(IMAGE) + 3
    bench.processes.max_map_count = len(IMAGE) + 5
    with pytest.raises(OutOfMemory):
        process.mmap(2 * MIB, guard=True)
    bench.check()


def test_a_child_has_as_many_areas_as_its_parent_whatever_the_limit_is_now(bench: ProcessBench) -> None:
    parent, _ = bench.parent(4)
    bench.processes.max_map_count = 1
    child = bench.processes.fork(parent)
    assert len(child.space) == len(parent.space)
    with pytest.raises(OutOfMemory):
        child.mmap(4096)
