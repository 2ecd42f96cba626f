"""What must hold of the whole machine at every moment, proved from the structures and then held against the counters.

Every frame of RAM has one owner or is free; every slab object is some subsystem's; the amounts of
/proc/meminfo follow from what subsystems claim. What one subsystem must keep to itself is in its
own `check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from memtui.machine import counters
from memtui.machine.direct_map_laws import check_owners
from memtui.machine.errors import FrameStateError
from memtui.machine.kernel_stacks import STACK_OWNER
from memtui.machine.page_tables import TABLE_OWNER
from memtui.machine.physical.extents import Run
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.ranges import RangeSet
from memtui.machine.physical.top_runs import TOP_ORDER
from memtui.machine.physical.zone import Zone
from memtui.machine.traits import ALL_TABLE_LEVELS
from memtui.snapshot import FrameKind

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

Claim = tuple[Owner, int, int]
"""(owner, first frame, frames)."""


class _Lawful(Protocol):
    def check(self) -> None: ...


class _Holder(Protocol):
    def claims(self) -> Iterable[Claim]: ...


class _Free:
    """Stands for the free lists while the laws are proved."""

    kind = FrameKind.FREE
    movable = False


_FREE = _Free()


def check_machine(machine: Machine) -> None:
    """Raises FrameStateError at the first law that is broken."""
    _check_frames(machine)
    for part in _parts_with_laws(machine):
        part.check()
    machine.exec_memory.check(machine.modules.ranges(), machine.bpf.images())
    check_owners(machine)
    _check_objects(machine)
    _check_managed(machine)
    _check_amounts(machine)
    _check_optimised(machine)


def claims(machine: Machine) -> Iterator[Claim]:
    """Every run of frames that something has."""
    yield from machine.reservations
    for zone in machine.core.allocator.zones:
        yield from zone.lists.claims()
    for part in (machine.memmap, machine.direct_map, machine.slabs, machine.vmalloc, machine.hugetlb):
        yield from part.claims()
    yield from machine.exec_memory.claims()
    files = (machine.unmapped_cache, machine.secretmem, machine.tmpfs, machine.page_cache)
    for holder in (*files, machine.processes, machine.fragmenter):
        yield from holder.claims()


def _parts_with_laws(machine: Machine) -> tuple[_Lawful, ...]:
    kernel = (machine.direct_map, machine.memmap, machine.slabs, machine.vmalloc)
    files = (machine.unmapped_cache, machine.secretmem, machine.tmpfs, machine.page_cache)
    return (*kernel, *files, machine.hugetlb, machine.processes, machine.fragmenter)


def _check_frames(machine: Machine) -> None:
    """Rebuilds who owns what from all claims and all free lists."""
    truth = FrameMap()
    for owner, start, frames in claims(machine):
        truth.assign(start, frames, owner)
    allocator = machine.core.allocator
    difference = allocator.frame_map.difference(truth)
    if difference is not None or truth.by_kind != allocator.frame_map.by_kind:
        raise FrameStateError(f"owners disagree with the frame map: {difference or 'counts per kind'}")
    for zone in allocator.zones:
        _check_free_lists(zone, truth)
    if sum(truth.by_kind.values()) != machine.layout.ram_frames:
        raise FrameStateError(f"owners and free frames sum to {sum(truth.by_kind.values())} frames, not to the RAM")


def _check_free_lists(zone: Zone, truth: FrameMap) -> None:
    """Free blocks are as many as counted, on the lists of their pageblocks' types, aligned, and merged."""
    listed = 0
    blocks: set[tuple[int, int]] = set()
    for start, frames, listed_as in zone.buddy.free_runs():
        truth.assign(start, frames, _FREE)
        listed += frames
        if zone.buddy.type_of(start) is not listed_as:
            raise FrameStateError(f"free block {start:#x} is on the list of another type than its pageblock's")
        if start & (min(frames, 1 << TOP_ORDER) - 1):
            raise FrameStateError(f"free block {start:#x} of {frames} frames is not aligned")
        if frames < 1 << TOP_ORDER:
            if (start ^ frames, frames) in blocks:
                raise FrameStateError(f"free blocks {start:#x} and {start ^ frames:#x} of {frames} frames are buddies")
            blocks.add((start, frames))
    if listed != zone.buddy.free_frames:
        raise FrameStateError(f"zone {zone.layout.name} counts {zone.buddy.free_frames} free, lists {listed}")
    held = sum(frames for _, _, frames in zone.lists.claims())
    if held != zone.lists.count:
        raise FrameStateError(f"zone {zone.layout.name} counts {zone.lists.count} in per-CPU lists, holds {held}")


def _check_objects(machine: Machine) -> None:
    """Every slab object is one that a subsystem says it has."""
    kernel = (machine.modules, machine.bpf, machine.secretmem)
    programs = (machine.processes, machine.tmpfs, machine.page_cache)
    machine.slabs.check_objects(*(part.objects() for part in (*kernel, *programs)))


def _check_managed(machine: Machine) -> None:
    """MemTotal: each zone manages all its RAM but what boot took and never gave over."""
    taken = [(start, frames) for _, start, frames in machine.reservations] + list(machine.memmap.boot_runs())
    for zone in machine.core.allocator.zones:
        span = zone.layout
        there = sum(_inside(run, span.start, span.end) for run in machine.layout.nodes[span.node])
        boot = sum(_inside(run, span.start, span.end) for run in taken)
        if zone.managed_frames != there - boot:
            raise FrameStateError(f"zone {span.name} manages {zone.managed_frames} frames, boot left it {there - boot}")


def _check_amounts(machine: Machine) -> None:
    """Amounts of /proc/meminfo and /proc/vmstat are what subsystems claim for them."""
    told = counters.amounts(machine)
    stacks = sum(frames for owner, _, frames in machine.processes.claims() if owner is STACK_OWNER)
    kept = machine.processes.stacks.mapped_frames - machine.processes.stack_frames
    _equal("VmallocUsed", _claimed(machine.vmalloc) + stacks, told["VmallocUsed"])
    _equal("KernelStack", stacks - kept, told["KernelStack"])
    _equal("Slab", _claimed(machine.slabs), told["Slab"])
    _equal("Hugetlb", _claimed(machine.hugetlb) - machine.hugetlb.unpooled_frames, told["Hugetlb"])
    tables = _claimed(machine.secretmem, machine.processes, machine.fragmenter, owner=TABLE_OWNER)
    parts = (machine.secretmem, machine.processes, machine.fragmenter)
    _equal("page tables of programs", tables, sum(part.counted_tables(ALL_TABLE_LEVELS) for part in parts))
    of_boot = sum(frames for _, frames in machine.memmap.boot_runs())
    memmap = sum(frames for owner, _, frames in machine.memmap.claims() if owner.kind is FrameKind.MEMMAP)
    early = sum(frames for owner, _, frames in machine.memmap.claims() if owner.kind is not FrameKind.MEMMAP)
    _equal(
        "nr_memmap_pages and nr_memmap_boot_pages", memmap, machine.memmap.allocated_frames + machine.memmap.boot_frames
    )
    _equal("page tables of struct pages", early, of_boot - machine.memmap.boot_frames + machine.memmap.table_frames)


def _claimed(*parts: _Holder, owner: Owner | None = None) -> int:
    """Frames that subsystems have, or those of them with one owner."""
    return sum(frames for part in parts for who, _, frames in part.claims() if owner is None or who is owner)


def _check_optimised(machine: Machine) -> None:
    """Exactly those huge pages share struct pages, by address, that their pool says do."""
    for size, pool in machine.hugetlb.pools.items():
        in_pool, in_memmap = RangeSet(), RangeSet()
        for start, frames in machine.hugetlb.optimised_runs(pool):
            in_pool.add(start, start + frames)
        for start, frames, page_frames in machine.memmap.optimised_pages():
            if page_frames == size:
                in_memmap.add(start, start + frames)
        if list(in_pool) != list(in_memmap):
            raise FrameStateError(f"optimised pages of {size} frames are others in the pool than in the memmap")


def _equal(name: str, claimed: int, counted: int) -> None:
    if claimed != counted:
        raise FrameStateError(f"{name}: {counted} frames counted, subsystems have {claimed}")


def _inside(run: Run, start: int, end: int) -> int:
    return max(0, min(run[0] + run[1], end) - max(run[0], start))
