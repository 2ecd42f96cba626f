"""write(2) into tmpfs: recordings.md, "tmpfs", the rows of 6.18 on files that are written."""

from __future__ import annotations

import pytest

from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.units import GIB, KIB, MIB
from tests.machine.tmpfs.shmem import Bench

SIZES = (4, 64, 1024, 2048, 3072, 5120)


@pytest.mark.parametrize("huge", ["never", "advise"])
@pytest.mark.parametrize("chunk_kb", [4, 2048])
def test_row_never_and_advise_shmem_is_the_file_size_to_4_kb(huge: str, chunk_kb: int) -> None:
    bench = Bench()
    for kb in SIZES:
        file = bench.file(huge)
        assert bench.tmpfs.write(file, 0, kb * KIB, chunk_kb * KIB) == kb * KIB
        assert (bench.shmem_kb, bench.huge_kb, bench.event("thp_file_alloc")) == (kb, 0, 0)
        bench.check()
        bench.tmpfs.unlink(file)
        assert bench.shmem_kb == 0


@pytest.mark.parametrize("chunk_kb", [4, 2048])
@pytest.mark.parametrize(
    ("kb", "shmem_kb"), [(4, 2048), (64, 2048), (1024, 2048), (2048, 2048), (3072, 4096), (5120, 6144)]
)
def test_row_always_any_write_takes_whole_2m_pages(kb: int, shmem_kb: int, chunk_kb: int) -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, kb * KIB, chunk_kb * KIB)
    assert (bench.shmem_kb, bench.huge_kb) == (shmem_kb, shmem_kb)
    assert file.mount.used_pages * 4 == shmem_kb
    assert bench.event("thp_file_alloc") == shmem_kb // 2048
    assert file.size_bytes == kb * KIB
    bench.check()


def test_golden_59_a_1_byte_file_with_huge_always_is_2048_kib_of_shmem() -> None:
    bench = Bench()
    bench.tmpfs.write(bench.file("always"), 0, 1)
    assert bench.shmem_kb == 2048


@pytest.mark.parametrize(
    ("kb", "chunk_kb", "orders", "huge_kb"),
    [
        (64, 2048, [4], 0),
        (1024, 2048, [8], 0),
        (2048, 2048, [9], 2048),
        (3072, 2048, [9, 8], 2048),
        (5120, 2048, [9, 9, 8], 4096),
        (2200, 2200, [9, 5, 2, 1], 2048),
        (2048, 4, [0] * 512, 0),
        (2048, 64, [4] * 32, 0),
        (4096, 1024, [8] * 4, 0),
        (4096, 4096, [9, 9], 4096),
    ],
)
def test_row_within_size_growing_by_write_is_never_larger_than_the_file(
    kb: int, chunk_kb: int, orders: list[int], huge_kb: int
) -> None:
    bench = Bench()
    file = bench.file("within_size")
    bench.tmpfs.write(file, 0, kb * KIB, chunk_kb * KIB)
    assert bench.orders(file) == orders
    assert (bench.shmem_kb, bench.huge_kb, bench.event("thp_file_alloc")) == (kb, huge_kb, huge_kb // 2048)
    assert bench.event("thp_file_fallback") == 0
    bench.check()


@pytest.mark.parametrize("chunk_kb", [4, 16, 128, 2048])
@pytest.mark.parametrize("offset_kb", [0, 16, 2032, 6144])
def test_consecutive_writes_in_one_go_are_the_same_as_one_by_one(chunk_kb: int, offset_kb: int) -> None:
    size_kb = 5000
    ways: list[tuple[list[int], int, int]] = []
    for at_once in (True, False):
        bench = Bench()
        file = bench.file("within_size")
        if at_once:
            bench.tmpfs.write(file, offset_kb * KIB, size_kb * KIB, chunk_kb * KIB)
        else:
            for done in range(0, size_kb, chunk_kb):
                part = min(chunk_kb, size_kb - done)
                bench.tmpfs.write(file, (offset_kb + done) * KIB, part * KIB)
        ways.append((bench.orders(file), file.index.end, bench.core.meter.take_ns()))
        bench.check()
    assert ways[0] == ways[1]


@pytest.mark.parametrize(("huge", "shmem_kb"), [("within_size", 262144), ("always", 262144), ("never", 512)])
def test_row_sparse_one_4k_write_per_2m_over_256_mib_with_the_size_set_first(huge: str, shmem_kb: int) -> None:
    bench = Bench()
    file = bench.file(huge)
    bench.tmpfs.truncate(file, 256 * MIB)
    for extent in range(128):
        bench.tmpfs.write(file, extent * 2 * MIB + 64 * 4096, 4096)
    assert bench.shmem_kb == shmem_kb
    assert bench.huge_kb == (0 if huge == "never" else shmem_kb)
    assert bench.tmpfs.drop_slab() == 0, "interior zero space is never given back"
    bench.check()


def test_row_page_cost_a_2m_page_takes_2048_kb_of_free() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.tmpfs.write(file, 0, 4096)
    before = bench.free_kb
    bench.tmpfs.write(file, 2 * MIB, 4096)
    assert before - bench.free_kb == 2048


def test_row_page_cost_256_mib_of_base_pages_take_a_tree_node_per_64_pages_more() -> None:
    bench = Bench()
    file = bench.file("never")
    before = bench.free_kb
    bench.tmpfs.write(file, 0, 256 * MIB)
    assert bench.slabs.active("radix_tree_node") == 1024 + 16 + 1
    nodes_kb = bench.slabs["radix_tree_node"].frames * 4
    assert before - bench.free_kb == 262144 + nodes_kb
    assert 520 <= nodes_kb <= 640


def test_a_mixed_extent_never_becomes_huge() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.core.allocator.injector = lambda order, count: order > 0
    bench.tmpfs.write(file, 2 * MIB + 12 * 4096, 4096)
    bench.core.allocator.injector = None
    bench.tmpfs.write(file, 2 * MIB, 2 * MIB)
    assert bench.huge_kb == 0
    assert bench.event("thp_file_fallback") == 1
    assert bench.orders(file) == [3, 2, 0, 0, 1, 4, 5, 6, 7, 8]
    bench.check()


def test_without_a_free_2m_block_the_next_smaller_orders_are_used() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.core.allocator.injector = lambda order, count: order >= 8
    bench.tmpfs.write(file, 0, 6 * MIB)
    assert bench.orders(file) == [7] * 12
    assert (bench.event("thp_file_fallback"), bench.event("thp_file_alloc")) == (3, 0)
    bench.check()


def test_a_single_page_written_without_large_blocks_takes_the_folio_around_it() -> None:
    bench = Bench()
    file = bench.file("always")
    bench.core.allocator.injector = lambda order, count: order == 9
    bench.tmpfs.write(file, 300 * 4096, 4096)
    assert [(run.index, run.order) for run in file.index] == [(256, 8)]
    bench.check()


def test_a_full_mount_writes_what_fits_and_then_says_enospc() -> None:
    bench = Bench()
    mount = bench.tmpfs.mount("m", "never", 10 * 4096)
    file = bench.tmpfs.create(mount, "f")
    assert bench.tmpfs.write(file, 0, 64 * KIB) == 40 * KIB
    assert file.size_bytes == 40 * KIB
    with pytest.raises(NoSpace, match="no space left on m"):
        bench.tmpfs.write(file, 40 * KIB, 1)
    assert bench.tmpfs.write(file, 0, 40 * KIB) == 40 * KIB, "what is there can be written over"
    bench.check()


def test_a_mount_smaller_than_a_huge_page_fills_to_the_last_page() -> None:
    bench = Bench()
    mount = bench.tmpfs.mount("m", "always", 100 * 4096)
    file = bench.tmpfs.create(mount, "f")
    assert bench.tmpfs.write(file, 0, 2 * MIB) == 100 * 4096
    assert bench.orders(file)[:8] == [0, 0, 1, 2, 3, 4, 5, 0]
    assert mount.free_pages == 0
    bench.check()


def test_a_mount_has_inodes_for_half_of_ram() -> None:
    bench = Bench(64 * MIB)
    mount = bench.tmpfs.mount("m")
    mount.limit_inodes = 3
    bench.tmpfs.create(mount, "a")
    bench.tmpfs.create(mount, "b")
    assert bench.tmpfs.create(mount, "a") is mount.files["a"]
    with pytest.raises(NoSpace, match="no inodes left on m"):
        bench.tmpfs.create(mount, "c")
    bench.check()


@pytest.mark.parametrize("huge", ["never", "always", "within_size"])
def test_a_machine_without_memory_writes_what_fits_and_then_says_enomem(huge: str) -> None:
    bench = Bench(128 * MIB, reclaim=True)
    mount = bench.tmpfs.mount("m", huge, GIB)
    file = bench.tmpfs.create(mount, "f")
    written = bench.tmpfs.write(file, 0, 200 * MIB)
    assert 100 * MIB < written < 128 * MIB
    assert written == file.size_bytes
    bench.check()
    with pytest.raises(OutOfMemory):
        bench.tmpfs.write(file, written, 8 * MIB)
    bench.check()
    bench.tmpfs.unlink(file)
    assert bench.shmem_kb == 0
    bench.check()


def test_unmounting_gives_every_page_back() -> None:
    bench = Bench()
    before = bench.core.allocator.free_frames
    mount = bench.tmpfs.mount("m", "always")
    for name in "abc":
        bench.tmpfs.write(bench.tmpfs.create(mount, name), 0, 3 * MIB)
    bench.tmpfs.unmount(mount)
    assert bench.core.allocator.free_frames == before
    assert not bench.tmpfs.mounts
    bench.check()


def test_a_name_is_mounted_once() -> None:
    bench = Bench()
    bench.tmpfs.mount("m")
    with pytest.raises(ValueError, match="a tmpfs is mounted as m already"):
        bench.tmpfs.mount("m")


def test_time_of_the_first_byte_in_a_2m_page_is_as_recorded() -> None:
    """Recorded: 229-250 us on 6.18."""
    bench = Bench()
    file = bench.file("always")
    bench.core.meter.take_ns()
    bench.tmpfs.write(file, 0, 1)
    assert 229_000 <= bench.core.meter.take_ns() <= 250_000


def test_time_per_base_page_is_as_recorded() -> None:
    """Recorded: write(2) 1.5 us per page on 6.18."""
    bench = Bench()
    file = bench.file("never")
    bench.core.meter.take_ns()
    bench.tmpfs.write(file, 0, 256 * MIB)
    assert 1400 <= bench.core.meter.take_ns() // 65536 <= 1600
