"""anon_vma and anon_vma_chain, as mm/rmap.c of Linux 2.6.34 and later has them.

Every VMA with pages has an anon_vma of its own, where its new pages hang, and one anon_vma_chain
entry for each anon_vma whose pages it may map: its own and all it inherited. A fork clones the
parent's entries and adds an anon_vma, or reuses an idle one from the chain (`anon_vma_clone`,
since 3.19), so that a line of processes that fork and exit does not grow for ever.

A VMA's entries are its parent's plus at most one, so chains share their tails: an anon_vma knows
the next older one, and a VMA only the newest. An anon_vma's tree of VMAs is empty exactly when no
VMA has it as its newest and no newer anon_vma continues it. That makes a fork of a VMA constant
work, while entries are counted as Linux would hold them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from memtui.machine import costs
from memtui.machine.core import Core
from memtui.machine.slab import SlabCaches
from memtui.machine.vma import Vma

ANON_VMA = "anon_vma"
CHAIN = "anon_vma_chain"


class AnonVma:
    """One anon_vma (struct anon_vma) with its place in the chains that hold it."""

    __slots__ = ("holders", "idle", "length", "num_active_vmas", "num_children", "older", "parent", "root")

    def __init__(self, parent: AnonVma | None, older: AnonVma | None) -> None:
        self.parent = parent or self
        """The anon_vma of the VMA it was forked from; a root is its own parent."""
        self.root: AnonVma = parent.root if parent else self
        self.older = older
        """The next anon_vma in every chain that has this one."""
        self.length: int = older.length + 1 if older else 1
        """Entries of a chain that begins here."""
        self.num_children = 0
        """anon_vmas whose parent this is; a root counts itself."""
        self.num_active_vmas = 0
        """VMAs whose new pages hang here."""
        self.holders = 0
        """VMAs whose chain begins here, and newer anon_vmas that continue with it."""
        self.idle = 0
        """Of a root: anon_vmas of its tree without active VMAs, which alone can be reused."""

    def chain(self) -> Iterator[AnonVma]:
        """From this to the oldest, as a VMA's list has them."""
        node: AnonVma | None = self
        while node is not None:
            yield node
            node = node.older

    def activate(self) -> None:
        """One more VMA puts its new pages here."""
        if not self.num_active_vmas:
            self.root.idle -= 1
        self.num_active_vmas += 1

    def deactivate(self) -> None:
        """One VMA less does."""
        self.num_active_vmas -= 1
        if not self.num_active_vmas:
            self.root.idle += 1


class _Links:
    """A VMA's record: its chain and the anon_vma of its new pages."""

    __slots__ = ("newest", "own")

    def __init__(self, newest: AnonVma, own: AnonVma) -> None:
        self.newest = newest
        self.own = own
        newest.holders += 1
        own.activate()


def _reusable(newest: AnonVma) -> AnonVma | None:
    """The oldest anon_vma of a chain without a VMA and with at most one child (`anon_vma_clone`)."""
    if not newest.root.idle:
        return None
    found = None
    for anon_vma in newest.chain():
        if anon_vma.num_children < 2 and not anon_vma.num_active_vmas:
            found = anon_vma
    return found


class ChainForkPlan:
    """What forking the VMAs of one process takes."""

    def __init__(self, rmap: AnonVmaChain, vmas: Sequence[Vma]) -> None:
        self._rmap = rmap
        self._steps: list[tuple[AnonVma, AnonVma, AnonVma | None] | None] = []
        """Per VMA: newest of the parent's chain, the parent's own, the one to reuse; None without pages."""
        anon_vmas = chains = 0
        for vma in vmas:
            links = rmap.links.get(vma)
            if links is None:
                self._steps.append(None)
                continue
            reused = _reusable(links.newest)
            self._steps.append((links.newest, links.own, reused))
            chains += links.newest.length
            if reused is None:
                anon_vmas += 1
                chains += 1
        self.objects = {ANON_VMA: anon_vmas, CHAIN: chains}

    def link(self, children: Sequence[Vma]) -> None:
        """Clones the parent's chains for the child's VMAs and gives each its anon_vma (`anon_vma_fork`)."""
        for child, step in zip(children, self._steps, strict=True):
            if step is None:
                continue
            newest, parent, own = step
            if own is None:
                own = newest = self._rmap.make(parent, newest)
            self._rmap.links[child] = _Links(newest, own)
        self._rmap.charge_fork(self.objects)


class AnonVmaChain:
    """The policy: one record per VMA that has pages."""

    caches = (ANON_VMA, CHAIN)

    def __init__(self, core: Core, slabs: SlabCaches) -> None:
        self._core = core
        self._slabs = slabs
        self.links: dict[Vma, _Links] = {}
        """Looked up by VMA, in no order that matters."""

    def prepare(self, vma: Vma, node: int) -> None:
        """Gives a VMA its anon_vma at its first fault (`__anon_vma_prepare`)."""
        if vma in self.links:
            return
        self._slabs.alloc_many({ANON_VMA: 1, CHAIN: 1}, node)
        root = self.make(None, None)
        self.links[vma] = _Links(root, root)
        self._core.meter.charge(costs.ANON_VMA)

    def plan_fork(self, vmas: Sequence[Vma]) -> ChainForkPlan:
        """Chooses, VMA by VMA, between a new anon_vma and one to reuse."""
        return ChainForkPlan(self, vmas)

    def unlink(self, vmas: Sequence[Vma]) -> None:
        """Drops the VMAs' entries, newest first, and every anon_vma left without a VMA (`unlink_anon_vmas`)."""
        anon_vmas = chains = 0
        for vma in vmas:
            links = self.links.pop(vma, None)
            if links is not None:
                chains += links.newest.length
                links.own.deactivate()
                anon_vmas += _release(links.newest)
        self._slabs.free_many({ANON_VMA: anon_vmas, CHAIN: chains})

    def anchor(self, vma: Vma) -> object:
        """The VMA's own anon_vma: copies made on write hang there, out of sight of its relatives."""
        return self.links[vma].own

    def finds(self, anchor: object, vma: Vma) -> bool:
        """Whether the VMA is in the anon_vma's tree: the anon_vma is in its chain."""
        links = self.links.get(vma)
        return links is not None and any(anon_vma is anchor for anon_vma in links.newest.chain())

    def objects(self) -> Mapping[str, int]:
        """anon_vmas that can be reached from VMAs, and the entries of all chains."""
        seen: set[AnonVma] = set()
        chains = 0
        for links in self.links.values():
            entries = list(links.newest.chain())
            seen.update(entries)
            chains += len(entries)
        return {ANON_VMA: len(seen), CHAIN: chains}

    def make(self, parent: AnonVma | None, older: AnonVma | None) -> AnonVma:
        """A new anon_vma: a root, or a child of `parent` at the head of a chain; its objects are there already."""
        anon_vma = AnonVma(parent, older)
        anon_vma.parent.num_children += 1
        anon_vma.root.idle += 1
        if older is not None:
            older.holders += 1
        return anon_vma

    def charge_fork(self, objects: Mapping[str, int]) -> None:
        """Charges the time of a fork's anon_vmas and entries."""
        self._core.meter.charge(costs.FORK_ANON_VMA, objects[ANON_VMA])
        self._core.meter.charge(costs.FORK_ANON_VMA_CHAIN, objects[CHAIN])


def _release(newest: AnonVma) -> int:
    """A VMA's chain goes; returns how many anon_vmas were left without any VMA and went with it."""
    freed = 0
    node: AnonVma | None = newest
    while node is not None:
        node.holders -= 1
        if node.holders:
            break
        node.parent.num_children -= 1
        node.root.idle -= 1
        freed += 1
        node = node.older
    return freed
