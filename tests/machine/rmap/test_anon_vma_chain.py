"""anon_vma_chain against mm/rmap.c written out literally, with lists and trees of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine.errors import OutOfMemory
from memtui.machine.rmap.anon_vma_chain import AnonVmaChain
from memtui.machine.slab import SlabCaches
from memtui.machine.vma import Vma
from tests.machine.bench import check_frames, fail_nth, small_core


class LiteralAnonVma:
    def __init__(self) -> None:
        self.parent = self
        self.num_children = 0
        self.num_active_vmas = 0
        self.tree: set[LiteralVma] = set()


class LiteralVma:
    """A VMA with its same_vma list, newest first."""

    def __init__(self) -> None:
        self.anon_vma: LiteralAnonVma | None = None
        self.chain: list[LiteralAnonVma] = []

    def link(self, anon_vma: LiteralAnonVma) -> None:
        self.chain.insert(0, anon_vma)
        anon_vma.tree.add(self)

    def prepare(self) -> None:
        anon_vma = LiteralAnonVma()
        anon_vma.num_children += 1
        self.anon_vma = anon_vma
        self.link(anon_vma)
        anon_vma.num_active_vmas += 1

    def fork(self) -> LiteralVma:
        child = LiteralVma()
        assert self.anon_vma is not None
        for anon_vma in reversed(self.chain):
            child.link(anon_vma)
            if child.anon_vma is None and anon_vma.num_children < 2 and anon_vma.num_active_vmas == 0:
                child.anon_vma = anon_vma
        if child.anon_vma is not None:
            child.anon_vma.num_active_vmas += 1
            return child
        own = LiteralAnonVma()
        own.num_active_vmas += 1
        own.parent = self.anon_vma
        child.anon_vma = own
        child.link(own)
        own.parent.num_children += 1
        return child

    def unlink(self) -> None:
        for anon_vma in self.chain:
            anon_vma.tree.discard(self)
            if not anon_vma.tree:
                anon_vma.parent.num_children -= 1
        assert self.anon_vma is not None
        self.anon_vma.num_active_vmas -= 1
        for anon_vma in self.chain:
            if not anon_vma.tree:
                assert anon_vma.num_children == 0
                assert anon_vma.num_active_vmas == 0


def literal_counts(vmas: list[LiteralVma]) -> dict[str, int]:
    anon_vmas = {anon_vma for vma in vmas for anon_vma in vma.chain}
    return {"anon_vma": len(anon_vmas), "anon_vma_chain": sum(len(vma.chain) for vma in vmas)}


@given(st.lists(st.tuples(st.sampled_from(["fork", "fork", "exit", "touch"]), st.integers(0, 1000)), max_size=60))
def test_every_history_of_forks_and_exits_counts_what_linux_counts(steps: list[tuple[str, int]]) -> None:
    core = small_core()
    slabs = SlabCaches(core)
    rmap = AnonVmaChain(core, slabs)
    pairs: list[tuple[Vma, LiteralVma]] = []
    for what, choice in steps:
        if what == "touch" or not pairs:
            pairs.append((Vma("vma", 0, 1), LiteralVma()))
            rmap.prepare(pairs[-1][0], 0)
            pairs[-1][1].prepare()
        elif what == "fork":
            ours, theirs = pairs[choice % len(pairs)]
            child = Vma("vma", 0, 1)
            plan = rmap.plan_fork([ours])
            slabs.alloc_many(plan.objects)
            plan.link([child])
            pairs.append((child, theirs.fork()))
        else:
            ours, theirs = pairs.pop(choice % len(pairs))
            rmap.unlink([ours])
            theirs.unlink()
        expected = literal_counts([theirs for _, theirs in pairs])
        assert rmap.objects() == expected
        assert {name: slabs.active(name) for name in expected} == expected
    for ours, theirs in pairs:
        for other, literal in pairs:
            assert theirs.anon_vma is not None
            assert rmap.finds(rmap.anchor(ours), other) == (literal in theirs.anon_vma.tree)


def test_first_touch_makes_one_anon_vma_and_one_chain_entry_and_mmap_none() -> None:
    core = small_core()
    slabs = SlabCaches(core)
    rmap = AnonVmaChain(core, slabs)
    vma = Vma("vma", 0, 1)
    assert rmap.objects() == {"anon_vma": 0, "anon_vma_chain": 0}
    rmap.prepare(vma, 0)
    rmap.prepare(vma, 0)
    assert rmap.objects() == {"anon_vma": 1, "anon_vma_chain": 1}
    rmap.unlink([vma])
    assert core.allocator.free_frames == core.allocator.managed_frames


def test_an_area_never_touched_has_no_part_in_a_fork() -> None:
    core = small_core()
    rmap = AnonVmaChain(core, SlabCaches(core))
    plan = rmap.plan_fork([Vma("vma", 0, 1)])
    assert plan.objects == {"anon_vma": 0, "anon_vma_chain": 0}
    child = Vma("vma", 0, 1)
    plan.link([child])
    assert not rmap.finds(object(), child)
    rmap.unlink([child])


def test_no_memory_for_the_first_touch_leaves_no_trace() -> None:
    core = small_core()
    slabs = SlabCaches(core)
    rmap = AnonVmaChain(core, slabs)
    for nth in (1, 2):
        core.allocator.injector = fail_nth(nth)
        with pytest.raises(OutOfMemory):
            rmap.prepare(Vma("vma", 0, 1), 0)
        assert rmap.objects() == {"anon_vma": 0, "anon_vma_chain": 0}
        check_frames(core, slabs.claims())
