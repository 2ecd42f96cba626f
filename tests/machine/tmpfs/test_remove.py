"""Taking pages out of tmpfs files: recordings.md, "tmpfs", the rows on holes, truncation and ragged ends."""

from __future__ import annotations

import pytest

from memtui.units import GIB, KIB, MIB
from tests.machine.tmpfs.shmem import Bench

EXTENT = 2 * MIB


@pytest.mark.parametrize("huge", ["always", "within_size"])
def test_row_holes_the_whole_series_of_the_recording(huge: str) -> None:
    """exp_tmpfs `sparse_and_punch`: 4K, 1M and whole-2M holes in 256 MiB, then a ragged truncation."""
    bench = Bench()
    file = bench.file(huge)
    bench.tmpfs.write(file, 0, 256 * MIB)
    for extent in range(16):
        bench.tmpfs.punch(file, extent * EXTENT + 8 * 4096, 4096)
    assert (bench.shmem_kb, bench.huge_kb) == (262144 - 64, 262144 - 32768)
    assert bench.event("thp_split_page") == 16
    bench.check()
    for extent in range(16):
        bench.tmpfs.punch(file, extent * EXTENT + MIB, MIB)
    assert (bench.shmem_kb, bench.huge_kb) == (262080 - 16384, 262144 - 32768)
    for extent in range(16, 32):
        bench.tmpfs.punch(file, extent * EXTENT, EXTENT)
    assert (bench.shmem_kb, bench.huge_kb) == (245696 - 32768, 262144 - 65536)
    assert bench.event("thp_split_page") == 16
    bench.check()
    bench.tmpfs.truncate(file, 100 * EXTENT + 300 * 1024)
    assert (bench.shmem_kb, bench.huge_kb) == (155884, 262144 - 65536 - 57344)
    assert bench.event("thp_split_page") == 17
    assert file.mount.used_pages * 4 == 155884
    bench.check()


@pytest.mark.parametrize("huge", ["never", "advise"])
def test_row_holes_in_base_pages_split_nothing(huge: str) -> None:
    bench = Bench()
    file = bench.file(huge)
    bench.tmpfs.write(file, 0, 64 * MIB)
    bench.tmpfs.punch(file, 8 * 4096, 4096)
    bench.tmpfs.punch(file, MIB, MIB)
    bench.tmpfs.truncate(file, 20 * MIB + 300 * 1024)
    assert bench.shmem_kb == 20 * 1024 + 300 - 4 - 1024
    assert bench.event("thp_split_page") == 0
    bench.check()


def test_a_split_leaves_ever_smaller_folios_around_the_hole() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, EXTENT)
    bench.tmpfs.punch(file, 8 * 4096, 4096)
    assert [(run.index, run.order) for run in file.index] == [
        (0, 3),
        (9, 0),
        (10, 1),
        (12, 2),
        (16, 4),
        (32, 5),
        (64, 6),
        (128, 7),
        (256, 8),
    ]


def test_a_hole_inside_one_page_frees_nothing_but_splits() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, EXTENT)
    bench.tmpfs.punch(file, 100, 100)
    assert (bench.shmem_kb, bench.huge_kb, bench.event("thp_split_page")) == (2048, 0, 1)
    bench.check()


def test_a_split_drops_what_lies_past_the_end_of_the_file() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 40 * 1024)
    bench.tmpfs.punch(file, 0, 4096)
    assert bench.shmem_kb == 60, "pages 1 to 15: the folio of 8 that holds the end stays whole"
    bench.check()


def test_row_truncate_into_a_huge_page_is_one_split_and_the_tail_freed() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, EXTENT)
    bench.tmpfs.truncate(file, 100 * 1024)
    assert (bench.shmem_kb, bench.huge_kb, bench.event("thp_split_page")) == (100, 0, 1)
    bench.tmpfs.truncate(file, 0)
    assert bench.shmem_kb == 0
    bench.check()


def test_truncating_to_a_folio_border_splits_nothing_and_growing_makes_a_hole() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 2 * EXTENT)
    bench.tmpfs.truncate(file, EXTENT)
    assert (bench.huge_kb, bench.event("thp_split_page")) == (2048, 0)
    bench.tmpfs.truncate(file, GIB)
    assert (file.size_bytes, bench.shmem_kb) == (GIB, 2048)
    bench.check()


def test_row_ragged_64_files_of_2200k_are_split_by_drop_caches_2() -> None:
    bench = Bench()
    files = [bench.file("always", f"r{number}") for number in range(64)]
    for file in files:
        bench.tmpfs.write(file, 0, 2200 * KIB)
    assert (bench.shmem_kb, bench.huge_kb) == (262144, 262144)
    nodes = bench.tmpfs.nodes
    bench.tmpfs.drop_slab()
    assert bench.shmem_kb == 262144 - 121344
    assert bench.huge_kb == 131072
    assert bench.event("thp_split_page") == 64
    assert bench.tmpfs.nodes - nodes == 64
    bench.check()
    assert bench.tmpfs.drop_slab() == 0
    for file in files:
        bench.tmpfs.unlink(file)
    assert bench.shmem_kb == 0
    bench.check()


@pytest.mark.parametrize("huge", ["within_size", "never"])
def test_row_ragged_files_that_hold_nothing_past_their_end_are_left_alone(huge: str) -> None:
    bench = Bench()
    for number in range(64):
        bench.tmpfs.write(bench.file(huge, f"r{number}"), 0, 2200 * KIB)
    assert bench.shmem_kb == 140800
    bench.tmpfs.drop_slab()
    assert (bench.shmem_kb, bench.event("thp_split_page")) == (140800, 0)
    bench.check()


def test_row_mount_full_ragged_ends_are_split_on_demand() -> None:
    """size=100M and 45 files of 2052 kB: exp_pressure tmpfs 100 45 on 6.18, every ten files."""
    bench = Bench()
    mount = bench.tmpfs.mount("m", "always", 100 * MIB)
    seen: list[tuple[int, int, int, int]] = []
    for number in range(45):
        file = bench.tmpfs.create(mount, str(number))
        assert bench.tmpfs.write(file, 0, 2052 * KIB) == 2052 * KIB
        assert file.index.folio_at(0).order == 9  # type: ignore[union-attr]
        if number % 10 == 9 or number == 44:
            events = bench.event("thp_file_alloc"), bench.event("thp_split_page")
            seen.append((bench.shmem_kb, bench.huge_kb, *events))
    assert seen == [
        (40960, 40960, 20, 0),
        (81920, 81920, 40, 0),
        (98352, 98304, 60, 12),
        (98432, 98304, 80, 32),
        (98472, 98304, 90, 42),
    ]
    bench.check()


def test_row_ram_low_ragged_pages_are_split_in_bulk_and_then_files_get_smaller_pages() -> None:
    """exp_pressure tmpfs 1600 300 in a 1 GiB guest: 206 splits and -330 to -350 MB within 30 files, on 7.2."""
    bench = Bench(GIB, reclaim=True)
    mount = bench.tmpfs.mount("m", "always", 1600 * MIB)
    shmem: list[int] = []
    splits: list[int] = []
    fallbacks: list[int] = []
    for number in range(300):
        file = bench.tmpfs.create(mount, str(number))
        assert bench.tmpfs.write(file, 0, 2052 * KIB) == 2052 * KIB
        shmem.append(bench.shmem_kb)
        splits.append(bench.event("thp_split_page"))
        fallbacks.append(bench.event("thp_file_fallback"))
    first = next(number for number, count in enumerate(splits) if count)
    assert 800 * 1024 <= max(shmem[:first]) <= 1024 * 1024
    assert splits[first + 29] >= 200
    assert max(shmem) - min(shmem[first : first + 30]) >= 330 * 1024
    assert splits[-1] == splits[first + 29]
    assert (shmem[-1] - shmem[-11], fallbacks[-1] - fallbacks[-11]) == (30720, 20), "recorded: the same"
    assert 640 * 1024 < shmem[-1] < 750 * 1024, "recorded: 704872 kB"
    bench.check()


def test_reclaim_without_memory_for_tree_nodes_leaves_the_file_whole() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 2052 * KIB)
    bench.core.allocator.injector = lambda order, count: True
    while bench.slabs.active("radix_tree_node") < bench.slabs["radix_tree_node"].capacity:
        bench.slabs.alloc("radix_tree_node")
    held = bench.slabs.active("radix_tree_node") - bench.tmpfs.nodes
    assert bench.tmpfs.drop_slab() == 0
    assert bench.orders(file) == [9, 9]
    bench.tmpfs.punch(file, 4096, 4096)
    assert bench.orders(file) == [9, 9]
    bench.core.allocator.injector = None
    bench.slabs.free("radix_tree_node", held)
    assert bench.tmpfs.drop_slab() == 511, "it is still on the list"
    bench.check()
