"""Fragmentation: what is left free, who holds the rest, and that it can be undone."""

from __future__ import annotations

import random

import pytest

from memtui.machine import Machine, MachineConfig
from memtui.machine.core import Core
from memtui.machine.fragment import Fragmentation, Fragmenter
from memtui.machine.page_cache import PageCache
from memtui.machine.physical.scatter import every, free_pieces
from memtui.machine.slab import SlabCaches
from memtui.snapshot import FrameKind
from memtui.units import GIB, PPM
from tests.machine.bench import check_frames, small_core


class Bench:
    """Core, slabs, page cache and fragmenter, with what reclaim can take."""

    def __init__(self, ram_bytes: int = 8 * GIB, nodes: int = 1) -> None:
        self.core: Core = small_core(ram_bytes, nodes)
        self.slabs = SlabCaches(self.core)
        self.cache = PageCache(self.core, self.slabs)
        self.core.allocator.shrinkers = [self.cache]
        self.fragmenter = Fragmenter(self.core)

    def scatter(self, order: int, share_ppm: int = PPM, seed: int = 7) -> Fragmentation:
        """One round on every node."""
        fragmentation = self.fragmenter.begin(order, random.Random(seed))
        for node in range(self.core.allocator.nodes):
            fragmentation.scatter(node, self.fragmenter.share_of(node, share_ppm))
        return fragmentation

    def blocks(self) -> list[int]:
        """Free blocks by order, over all zones but DMA, which no request here may use up."""
        zones = [zone.buddy.free_blocks() for zone in self.core.allocator.zones if zone.layout.name != "DMA"]
        return [sum(column) for column in zip(*zones, strict=True)]

    def check(self) -> None:
        """All laws."""
        self.fragmenter.check()
        self.cache.check()
        self.slabs.check()
        assert self.slabs.active("radix_tree_node") == self.cache.nodes
        check_frames(self.core, self.fragmenter.claims(), self.cache.claims(), self.slabs.claims())


def plain_pieces(kept: int, first: int, order: int) -> list[tuple[int, int]]:
    """Free blocks (order, first) outside a mask, found by halving."""
    if not kept >> first & ((1 << (1 << order)) - 1):
        return [(order, first)]
    if not order:
        return []
    half = 1 << (order - 1)
    return plain_pieces(kept, first, order - 1) + plain_pieces(kept, first + half, order - 1)


@pytest.mark.parametrize("seed", range(20))
def test_free_pieces_are_the_blocks_that_freeing_one_by_one_would_leave(seed: int) -> None:
    rng = random.Random(seed)
    kept = rng.getrandbits(1024) & rng.getrandbits(1024) | 1 << rng.randrange(1024)
    if seed < 10:
        kept = every(2 << seed, rng.randrange(2 << seed))
    pieces = free_pieces(kept)
    assert sorted(plain_pieces(kept, 0, 10)) == [(o, first) for o, starts in enumerate(pieces) for first in starts]


@pytest.mark.parametrize("order", range(10))
def test_no_free_block_above_the_order_is_left(order: int) -> None:
    bench = Bench()
    free = bench.core.allocator.free_frames
    fragmentation = bench.scatter(order)
    blocks = bench.blocks()
    assert not any(blocks[order + 1 :])
    assert blocks[order]
    kept = free - bench.core.allocator.free_frames - bench.core.allocator.frame_map.by_kind[FrameKind.PAGE_TABLE]
    assert 0.97 < kept * (2 << order) / free <= 1
    assert fragmentation.anon.frames + fragmentation.pinned.frames == kept
    bench.check()


def test_a_share_leaves_the_rest_whole() -> None:
    bench = Bench()
    before = bench.blocks()[10]
    bench.scatter(3, PPM // 2)
    assert 0.47 < bench.blocks()[10] / before < 0.53
    bench.check()


def test_both_nodes_are_scattered() -> None:
    bench = Bench(16 * GIB, nodes=2)
    bench.scatter(5)
    assert not any(bench.blocks()[6:])
    bench.check()


def test_movable_pages_are_anonymous_and_a_quarter_is_not_movable() -> None:
    bench = Bench()
    fragmentation = bench.scatter(4)
    kinds = bench.core.allocator.frame_map.by_kind
    assert kinds[FrameKind.ANON] == bench.fragmenter.anon_frames == fragmentation.anon.frames
    assert kinds[FrameKind.KERNEL] == fragmentation.pinned.frames
    assert 0.2 < kinds[FrameKind.KERNEL] / (kinds[FrameKind.KERNEL] + kinds[FrameKind.ANON]) < 0.3
    assert bench.fragmenter.counted_tables(1) == -(-fragmentation.anon.frames // 512)


def test_meminfo_counts_the_movable_pages_and_their_tables() -> None:
    machine = Machine(MachineConfig("small", GIB, 1))
    before = machine.counters()
    fragmentation = machine.fragmenter.begin(4, random.Random(7))
    fragmentation.scatter(0, machine.fragmenter.share_of(0, PPM))
    machine.check()
    after = machine.counters()
    assert after["AnonPages"] - before["AnonPages"] == 4 * fragmentation.anon.frames > 0
    tables = machine.core.allocator.frame_map.by_kind[FrameKind.PAGE_TABLE]
    assert 0 < after["PageTables"] - before["PageTables"] <= 4 * tables
    machine.fragmenter.end(fragmentation)
    assert machine.counters()["AnonPages"] == before["AnonPages"]
    assert machine.counters()["PageTables"] == before["PageTables"]


def test_the_same_seed_scatters_the_same_and_another_differently() -> None:
    ways = []
    for seed in (1, 1, 2):
        bench = Bench(GIB)
        bench.scatter(3, seed=seed)
        ways.append(list(bench.fragmenter.claims()))
    frames = [[(start, count) for _, start, count in way] for way in ways]
    assert frames[0] == frames[1] != frames[2]


def test_ending_it_gives_every_frame_and_every_large_block_back() -> None:
    bench = Bench()
    before, free = bench.blocks(), bench.core.allocator.free_frames
    bench.fragmenter.end(bench.scatter(2))
    assert (bench.blocks(), bench.core.allocator.free_frames) == (before, free)
    bench.check()


def test_ending_it_leaves_what_others_took_meanwhile() -> None:
    bench = Bench(GIB)
    fragmentation = bench.scatter(2)
    file = bench.cache.create()
    bench.cache.read(file, 5000)
    bench.fragmenter.end(fragmentation)
    assert bench.cache.frames == file.frames == 5000
    bench.check()


def test_reclaim_takes_none_of_it() -> None:
    bench = Bench()
    fragmentation = bench.scatter(6)
    blocks, kept = bench.blocks(), fragmentation.anon.frames
    assert bench.cache.shrink(100_000, direct=True) == bench.cache.drop() == 0
    assert (bench.blocks(), fragmentation.anon.frames) == (blocks, kept)
    bench.check()


def test_the_oom_killer_passes_it_over() -> None:
    machine = Machine(MachineConfig("small", GIB, 1))
    fragmentation = machine.fragmenter.begin(0, random.Random(7))
    fragmentation.scatter(0, machine.fragmenter.share_of(0, PPM))
    kept = fragmentation.anon.frames
    assert not machine.processes.oom.kill()
    assert fragmentation.anon.frames == kept
    machine.check()


def large_blocks(machine: Machine) -> int:
    """Free blocks of 2 MiB or more."""
    return sum(sum(zone.buddy.free_blocks()[9:]) for zone in machine.core.allocator.zones)


def test_compaction_moves_the_movable_pages_together() -> None:
    machine = Machine(MachineConfig("small", GIB, 1))
    fragmentation = machine.fragmenter.begin(6, random.Random(7))
    fragmentation.scatter(0, machine.fragmenter.share_of(0, PPM))
    before = large_blocks(machine)
    assert machine.compact_memory() > 0
    machine.check()
    assert large_blocks(machine) > before + 50
    machine.fragmenter.end(fragmentation)
    machine.check()


@pytest.mark.parametrize("fail_from", [1, 2, 3, 7, 30])
def test_no_memory_ends_it_early_and_loses_nothing(fail_from: int) -> None:
    bench = Bench(GIB)
    calls = iter(range(1, 1_000_000))
    bench.core.allocator.injector = lambda order, count: next(calls) >= fail_from
    fragmentation = bench.scatter(3)
    bench.core.allocator.injector = None
    bench.check()
    bench.fragmenter.end(fragmentation)
    bench.check()
