"""tmpfs before folios of any order: rows of the recordings of Linux 6.1 and 6.12."""

from __future__ import annotations

import pytest

from memtui.machine.tmpfs.compound import Compound, CompoundByWrite
from memtui.machine.tmpfs.multi_order import MultiOrder
from memtui.units import KIB, MIB
from tests.machine.tmpfs.shmem import Bench

DESIGNS = (Compound, CompoundByWrite)


@pytest.mark.parametrize(("design", "huge"), [(Compound, 0), (CompoundByWrite, 1), (MultiOrder, 1)])
def test_row_within_size_growing_by_write_of_3_mib_in_chunks_of_2(design: type[MultiOrder], huge: int) -> None:
    """6.1: base pages only. 6.12: 2M pages where one write covers a whole 2M."""
    bench = Bench(design=design)
    mount = bench.tmpfs.mount("t", "within_size")
    bench.tmpfs.write(bench.tmpfs.create(mount, "f"), 0, 3 * MIB, 2 * MIB)
    assert (bench.shmem_kb, bench.huge_kb) == (3072, huge * 2048)
    bench.check()


@pytest.mark.parametrize("design", DESIGNS)
def test_row_within_size_with_the_size_set_first_gets_2m_pages_everywhere_inside(design: type[MultiOrder]) -> None:
    bench = Bench(design=design)
    file = bench.tmpfs.create(bench.tmpfs.mount("t", "within_size"), "f")
    bench.tmpfs.truncate(file, 256 * MIB)
    for extent in range(128):
        bench.tmpfs.write(file, extent * 2 * MIB + 256 * KIB, 4 * KIB)
    assert bench.shmem_kb == bench.huge_kb == 256 * 1024
    bench.check()


@pytest.mark.parametrize("design", DESIGNS)
def test_row_a_hole_of_4k_splits_the_page_and_makes_base_pages_of_all_of_it(design: type[MultiOrder]) -> None:
    bench = Bench(design=design)
    file = bench.tmpfs.create(bench.tmpfs.mount("t", "always"), "f")
    bench.tmpfs.write(file, 0, 2 * MIB)
    bench.tmpfs.punch(file, 32 * KIB, 4 * KIB)
    assert (bench.shmem_kb, bench.huge_kb, bench.core.vm_events["thp_split_page"]) == (2044, 0, 1)
    assert {run.order for run in file.index} == {0}
    bench.check()


@pytest.mark.parametrize(("design", "splits", "huge"), [(Compound, 21, 29), (CompoundByWrite, 42, 48)])
def test_row_a_full_mount_splits_on_demand(design: type[MultiOrder], splits: int, huge: int) -> None:
    """size=100M takes 25 files of 2052 kB huge to the end, then all of 45.

    6.1: 1 split per further file, its data in base pages; 7.2: 2 splits, its first 2M huge (42 in all).
    """
    bench = Bench(design=design)
    mount = bench.tmpfs.mount("t", "always", 100 * MIB)
    for number in range(45):
        assert bench.tmpfs.write(bench.tmpfs.create(mount, f"f{number}"), 0, 2052 * KIB) == 2052 * KIB
        if number == 24:
            assert bench.core.vm_events["thp_split_page"] == 0
    assert bench.core.vm_events["thp_split_page"] == splits
    assert bench.huge_kb == huge * 2048
    bench.check()
