"""Laws of processes and anonymous memory, proved from the structures and then held against the counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from memtui.machine.anon_memory import AnonMemory
from memtui.machine.anon_store import AnonStore
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.range_map import RangeMap
from memtui.machine.process import NODE_CACHE, VMA_CACHE, Process
from memtui.machine.program import TASK_OBJECTS
from memtui.machine.rmap.base import ReverseMap
from memtui.machine.vma import Vma
from memtui.units import FRAMES_2M


def check_processes(processes: Collection[Process], memory: AnonMemory) -> None:
    """Raises FrameStateError at the first law that does not hold."""
    vmas = [vma for process in processes for vma in process.space]
    for process in processes:
        _check_process(process)
    _check_stores(vmas, memory)
    _check_rmap(vmas, memory)


def _law(holds: bool, words: str) -> None:
    if not holds:
        raise FrameStateError(words)


def _check_process(process: Process) -> None:
    """Tables cover what is mapped; resident pages and leaves are those of the areas; areas do not overlap."""
    process.tables.check()
    rss = leaves = end = 0
    for vma in process.space:
        _law(end <= vma.start < vma.end, f"process {process}: areas overlap at page {vma.start:#x}")
        end = vma.end
        rss += vma.resident_pages()
        leaves += vma.huge_leaves()
        for low, high, _ in vma.mapped:
            _law(vma.start <= low and high <= vma.end, f"process {process}: pages mapped outside of {vma.name}")
            slots = low // FRAMES_2M, -(-high // FRAMES_2M)
            _law(not process.tables.slots_without_table(*slots), f"process {process}: pages {low:#x} have no table")
    _law(rss == process.rss_pages, f"process {process}: {rss} resident pages, {process.rss_pages} counted")
    _law(leaves == process.huge_pages, f"process {process}: {leaves} huge leaves, {process.huge_pages} counted")


def _check_stores(vmas: list[Vma], memory: AnonMemory) -> None:
    """Counts are sums of mappings, frames are there for exactly what is mapped or part of a huge page in use."""
    counts: dict[AnonStore, RangeMap[int]] = {store: RangeMap() for store in memory.stores}
    leaves: dict[AnonStore, RangeMap[int]] = {store: RangeMap() for store in memory.stores}
    for vma in vmas:
        for low, high, mapping in vma.mapped:
            _law(mapping.store in counts, f"{vma.name} maps pages of a store without frames")
            _add(counts[mapping.store], low, high)
            if mapping.huge:
                _law(low % FRAMES_2M == high % FRAMES_2M == 0, f"{vma.name}: a leaf that is not 2 MiB at {low:#x}")
                _add(leaves[mapping.store], low // FRAMES_2M, high // FRAMES_2M)
            if mapping.exclusive:
                alone = all(n == 1 for _, _, n in mapping.store.counts.overlapping(low, high))
                _law(alone, f"{vma.name}: pages {low:#x} are exclusive and mapped by others")
    for store in memory.stores:
        _check_store(store, counts[store], leaves[store])
    pages = sum(high - low for store in memory.stores for low, high, _ in store.counts)
    _law(pages == memory.anon_pages, f"{pages} anonymous pages mapped, {memory.anon_pages} counted")
    huge = sum(high - low for store in memory.stores for low, high, huge in store.huge if huge.leaves)
    _law(huge == memory.huge_pages, f"{huge} huge pages mapped by leaves, {memory.huge_pages} counted")
    partial = {(s, slot) for s in memory.stores for low, high, h in s.huge if h.partial for slot in range(low, high)}
    _law(partial == memory.deferred.keys(), "the queue of huge pages to split is not those partly unmapped")


def _check_store(store: AnonStore, counts: RangeMap[int], leaves: RangeMap[int]) -> None:
    _law(list(counts) == list(store.counts), "mappings of anonymous pages do not add up to their counts")
    held: RangeMap[bool] = RangeMap()
    for low, high, _ in store.counts:
        held.set(low, high, True)
    for low, high, huge in store.huge:
        held.set(low * FRAMES_2M, high * FRAMES_2M, True)
        found = sum(n * (end - start) for start, end, n in leaves.overlapping(low, high))
        _law(found == huge.leaves * (high - low), f"{found} leaves map huge pages {low:#x}, not {huge.leaves}")
        for start, end in store.counts.gaps(low * FRAMES_2M, high * FRAMES_2M):
            _law(-(-start // FRAMES_2M) >= end // FRAMES_2M, f"nothing maps a huge page in {start:#x}..{end:#x}")
    frames: RangeMap[bool] = RangeMap()
    for low, high, _ in store.frames:
        frames.set(low, high, True)
    _law(list(frames) == list(held), "anonymous frames are not those of mapped pages and huge pages")
    _law(len(frames) > 0, "a store without frames is registered")


def _check_rmap(vmas: list[Vma], memory: AnonMemory) -> None:
    """A search from any page finds every area that maps it."""
    for vma in vmas:
        for store in {mapping.store: None for _, _, mapping in vma.mapped}:
            _law(memory.rmap.finds(store.anchor, vma), f"reverse mapping does not find {vma.name}")


def objects_in_use(processes: Collection[Process], rmap: ReverseMap) -> Counter[str]:
    """Slab objects by cache that processes and reverse mapping have, counted from the structures."""
    objects: Counter[str] = Counter()
    for process in processes:
        objects.update(TASK_OBJECTS)
        objects.update({VMA_CACHE: len(process.space), NODE_CACHE: process.space.tree_nodes})
    objects.update(rmap.objects())
    return objects


def _add(counts: RangeMap[int], low: int, high: int) -> None:
    """One more mapping of each page."""
    pieces = counts.overlapping(low, high)
    gaps = [(start, end, 1) for start, end in counts.gaps(low, high)]
    counts.replace(low, high, sorted([(start, end, n + 1) for start, end, n in pieces] + gaps))
