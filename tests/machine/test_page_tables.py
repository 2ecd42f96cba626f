"""Page tables of one address space: exactly the tables its addresses need."""

from __future__ import annotations

import pytest

from memtui.machine.errors import OutOfMemory
from memtui.machine.page_tables import PageTables
from memtui.machine.traits import ALL_TABLE_LEVELS
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_1G, FRAMES_2M, GIB
from tests.machine.bench import check_frames, fail_nth, small_core

BASE = 0x7F0000000000 >> 12


def test_an_empty_address_space_is_its_pgd() -> None:
    core = small_core()
    tables = PageTables(core)
    assert tables.frames == 1
    check_frames(core, tables.claims())


def test_one_table_per_2_mib_and_one_above_per_gib_and_512_gib() -> None:
    tables = PageTables(small_core())
    tables.populate(BASE, 1)
    assert tables.frames == 1 + 3
    tables.populate(BASE, 64 * FRAMES_2M)
    assert tables.frames == 1 + 2 + 64
    tables.populate(BASE + FRAMES_1G - 1, 2)
    assert tables.frames == 1 + 1 + 2 + 66
    tables.check()


def test_with_five_levels_there_is_a_p4d_per_256_tib() -> None:
    core = small_core()
    core.table_levels = 5
    tables = PageTables(core)
    tables.populate(BASE, 1)
    assert tables.frames == 1 + 4
    tables.populate(BASE + (1 << 36), 1)
    assert tables.frames == 1 + 8
    assert (tables.counted(2), tables.counted(ALL_TABLE_LEVELS)) == (4, 9)
    tables.check()
    tables.release()
    assert core.allocator.free_frames == core.allocator.managed_frames


def test_a_terabyte_of_tables_is_one_range() -> None:
    core = small_core(8 * GIB)
    tables = PageTables(core)
    tables.populate(BASE, 1024 * FRAMES_1G)
    assert tables.frames == 1 + 2 + 1024 + 524_288
    assert len(list(tables.claims())) < 50
    tables.release()
    assert core.allocator.free_frames == core.allocator.managed_frames


def test_a_child_gets_as_many_of_its_own() -> None:
    core = small_core()
    tables = PageTables(core)
    tables.populate(BASE, 5 * FRAMES_2M)
    child = tables.copy_for_fork(0)
    child.populate(BASE + 5 * FRAMES_2M, 1)
    assert (tables.frames, child.frames) == (8, 9)
    assert core.allocator.frame_map.by_kind[FrameKind.PAGE_TABLE] == 17
    check_frames(core, tables.claims(), child.claims())


def test_unmapping_frees_tables_that_no_neighbour_needs() -> None:
    tables = PageTables(small_core())
    tables.populate(BASE, 4 * FRAMES_2M)
    tables.depopulate(BASE + FRAMES_2M // 2, 2 * FRAMES_2M, BASE + FRAMES_2M // 2, BASE + 4 * FRAMES_2M)
    assert tables.frames == 1 + 2 + 2
    tables.depopulate(BASE, FRAMES_2M, 0, BASE + 3 * FRAMES_2M)
    tables.depopulate(BASE + 3 * FRAMES_2M, FRAMES_2M, 0, 1 << 36)
    assert tables.frames == 1
    tables.check()


@pytest.mark.parametrize("nth", [1, 2])
def test_no_memory_leaves_no_trace(nth: int) -> None:
    core = small_core()
    tables = PageTables(core)
    tables.populate(BASE, 10)
    core.allocator.injector = fail_nth(1)
    with pytest.raises(OutOfMemory):
        tables.populate(BASE, FRAMES_1G)
    core.allocator.injector = fail_nth(nth)
    with pytest.raises(OutOfMemory):
        tables.copy_for_fork(0)
    assert tables.frames == 4
    tables.check()
    check_frames(core, tables.claims())
