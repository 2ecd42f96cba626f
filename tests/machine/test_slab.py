"""Slab caches: exact object counts, slabs as SLUB sizes them, nothing left over."""

from __future__ import annotations

import pytest

from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.slab import SPECS, SlabCaches, objects_in, slab_order
from memtui.units import GIB
from tests.machine.bench import check_frames, fail_nth, small_core


@pytest.mark.parametrize(
    ("object_bytes", "cpus", "order", "objects"),
    [(192, 2, 0, 21), (704, 2, 2, 23), (1152, 2, 2, 14), (2112, 2, 3, 15), (6016, 2, 3, 5), (256, 2, 0, 16)],
)
def test_slabs_are_sized_as_slabinfo_of_a_2_cpu_machine_shows_them(
    object_bytes: int, cpus: int, order: int, objects: int
) -> None:
    assert slab_order(object_bytes, cpus) == order
    assert objects_in(order, object_bytes) == objects


def test_more_cpus_make_larger_slabs() -> None:
    assert slab_order(192, 32) == 1


def test_frames_follow_the_objects() -> None:
    core = small_core()
    slabs = SlabCaches(core)
    slabs.alloc("vm_area_struct", 21)
    assert slabs.frames_by_use() == (0, 1)
    slabs.alloc("vm_area_struct", 1)
    assert slabs.frames_by_use() == (0, 2)
    slabs.alloc("radix_tree_node", 1)
    assert slabs.reclaimable_frames == slabs["radix_tree_node"].frames > 0
    check_frames(core, slabs.claims())
    slabs.free("vm_area_struct", 2)
    slabs.free("radix_tree_node", 1)
    assert (slabs.active("vm_area_struct"), *slabs.frames_by_use()) == (20, 0, 1)
    slabs.free("vm_area_struct", 20)
    check_frames(core, slabs.claims())
    assert core.allocator.free_frames == core.allocator.managed_frames


def test_a_million_objects_are_a_few_runs() -> None:
    core = small_core(4 * GIB)
    slabs = SlabCaches(core)
    slabs.alloc("anon_vma_chain", 1_000_000)
    assert slabs["anon_vma_chain"].frames == 15_625
    assert len(list(slabs.claims())) < 20
    slabs.check()


def test_a_slab_of_its_order_is_replaced_by_the_least_order() -> None:
    core = small_core()
    slabs = SlabCaches(core)
    core.allocator.injector = lambda order, count: order == 3
    slabs.alloc("task_struct", 3)
    assert slabs["task_struct"].frames == 6
    core.allocator.injector = None
    slabs.alloc("task_struct", 5)
    assert slabs["task_struct"].frames == 6 + 8
    slabs.check()
    check_frames(core, slabs.claims())


def test_no_memory_leaves_no_trace() -> None:
    core = small_core()
    slabs = SlabCaches(core)
    slabs.alloc("vm_area_struct", 5)
    core.allocator.injector = fail_nth(1)
    with pytest.raises(OutOfMemory):
        slabs.alloc("vm_area_struct", 50)
    assert slabs.active("vm_area_struct") == 5
    slabs.check()
    check_frames(core, slabs.claims())


def test_freeing_more_than_there_is_is_a_broken_law() -> None:
    slabs = SlabCaches(small_core())
    slabs.alloc("pid")
    with pytest.raises(FrameStateError, match="2 objects of pid freed, 1 there"):
        slabs.free("pid", 2)


def test_every_object_fits_its_slab() -> None:
    for spec in SPECS:
        for cpus in (1, 2, 32, 1024):
            assert objects_in(slab_order(spec.object_bytes, cpus), spec.object_bytes) >= 1
