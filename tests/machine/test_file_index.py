"""The index of a file's pages: runs, holes, and XArray nodes as lib/xarray.c would have them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.errors import FrameStateError, OutOfMemory
from memtui.machine.file_index import FolioIndex, FolioRun, hold_nodes, nodes_of_span, nodes_of_spans
from memtui.machine.slab import SlabCaches
from tests.machine.bench import check_frames, small_core


def xarray_nodes(folios: dict[int, int]) -> int:
    """Nodes of an XArray that holds folios {first page: order}, counted one by one."""
    if not folios or folios == {0: 0}:
        return 0
    last = max(start + (1 << order) for start, order in folios.items()) - 1
    top = max([order // 6 for order in folios.values()])
    while last >> 6 * (top + 1):
        top += 1
    nodes = set()
    for start, order in folios.items():
        for level in range(order // 6, top + 1):
            nodes.update((level, page >> 6 * (level + 1)) for page in (start, start + (1 << order) - 1))
    return len(nodes)


def add(index: FolioIndex, start: int, order: int) -> None:
    index.add(FolioRun(start, 1 << order, (1 << 20) + start, order))


def test_256_mib_of_base_pages_take_a_node_per_64_pages_and_those_above() -> None:
    index = FolioIndex()
    index.add(FolioRun(0, 65536, 1 << 20, 0))
    assert index.nodes == 1024 + 16 + 1 == nodes_of_span(0, 65536)
    assert len(index) == 1


def test_eight_huge_pages_share_a_node() -> None:
    index = FolioIndex()
    index.add(FolioRun(0, 512 * 8, 1 << 20, 9))
    assert index.nodes == 1
    add(index, 4096, 9)
    assert index.nodes == 2 + 1


def test_a_first_page_alone_needs_no_node() -> None:
    index = FolioIndex()
    add(index, 0, 0)
    assert index.nodes == 0
    add(index, 1, 0)
    assert index.nodes == 1


def test_a_terabyte_is_one_run() -> None:
    index = FolioIndex()
    index.add(FolioRun(0, 1 << 28, 1 << 30, 9))
    assert (len(index), index.pages) == (1, 1 << 28)
    assert index.nodes == (1 << 16) + (1 << 10) + (1 << 4) + 1


def test_holes_and_folios_are_found() -> None:
    index = FolioIndex()
    index.add(FolioRun(512, 1024, 1 << 20, 9))
    assert index.hole_at(7) == (0, 512)
    assert index.hole_at(5000) == (1536, None)
    assert index.folio_at(1030) == FolioRun(1024, 512, (1 << 20) + 512, 9)
    assert index.folio_at(511) is None
    assert index.end == 1536


def test_a_folio_is_never_cut() -> None:
    index = FolioIndex()
    add(index, 512, 9)
    with pytest.raises(FrameStateError, match="cut a folio of order 9"):
        index.take(600, 700)
    with pytest.raises(FrameStateError, match="are not a hole"):
        add(index, 600, 0)
    with pytest.raises(FrameStateError, match="do not fit"):
        index.add(FolioRun(1024, 512, 3, 9))


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([0, 1, 3, 7, 8, 63, 64, 500, 4100]), st.booleans()), max_size=25
    ),
    st.integers(0, 3),
)
def test_nodes_and_runs_are_those_of_a_plain_table(steps: list[tuple[int, int, bool]], coarse: int) -> None:
    index, table = FolioIndex(), dict[int, int]()
    for order, place, remove in steps:
        start = place << (coarse * 3) >> order << order
        held = {s: o for s, o in table.items() if s < start + (1 << order) and s + (1 << o) > start}
        if remove or held:
            for first, held_order in held.items():
                index.take(first, first + (1 << held_order))
                del table[first]
        else:
            growth = index.growth(FolioRun(start, 1 << order, 0, order))
            before = index.nodes
            add(index, start, order)
            table[start] = order
            assert index.nodes - before == growth
        index.check()
        assert index.nodes == xarray_nodes(table)
        assert index.pages == sum(1 << held_order for held_order in table.values())
        assert all(left.end <= right.index for left, right in pairwise(index))


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_nodes_of_a_span_are_those_of_its_index(start: int, pages: int) -> None:
    index = FolioIndex()
    if pages:
        index.add(FolioRun(start, pages, 1 << 20, 0))
    assert nodes_of_span(start, start + pages) == index.nodes


def test_nodes_are_asked_for_again_when_reclaim_changed_the_need() -> None:
    core = small_core()
    slabs = SlabCaches(core)
    needs = iter([3, 5, 4])
    assert hold_nodes(slabs, lambda: next(needs)) == 5
    assert slabs.active("radix_tree_node") == 5


def test_no_memory_for_nodes_keeps_none() -> None:
    core = small_core()
    slabs = SlabCaches(core)

    def one_then_a_thousand() -> int:
        wanted = 1000 if slabs.active("radix_tree_node") else 1
        core.allocator.injector = (lambda order, count: True) if wanted == 1000 else None
        return wanted

    with pytest.raises(OutOfMemory):
        hold_nodes(slabs, one_then_a_thousand)
    assert slabs.active("radix_tree_node") == 0
    check_frames(core, slabs.claims())


@pytest.mark.parametrize("seed", range(10))
def test_nodes_of_spans_are_those_of_every_page_looked_up(seed: int) -> None:
    rng = random.Random(seed)
    cuts = sorted(rng.sample(range(1, 20_000), 8))
    spans = list(zip(cuts[::2], cuts[1::2], strict=True))
    pages = [page for start, end in spans for page in range(start, end)]
    levels = 1 + sum(max(pages) >> 6 * level > 0 for level in (1, 2))
    assert nodes_of_spans(spans) == sum(len({page >> 6 * (level + 1) for page in pages}) for level in range(levels))
    assert nodes_of_spans([]) == nodes_of_spans([(0, 1)]) == 0
