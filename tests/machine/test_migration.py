"""Pages that move keep their places: in address spaces, in files, in the page cache."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.machine.anon_store import AnonStore
from memtui.machine.compaction.scanners import Compaction
from memtui.machine.core import Core
from memtui.machine.page_cache import CachedFile
from memtui.machine.parts import Parts
from memtui.machine.physical.allocator import Gfp
from memtui.machine.physical.buddy import MigrateType
from memtui.machine.physical.frame_map import Owner
from memtui.machine.physical.migration import Moves
from memtui.machine.tmpfs.files import TmpfsFile
from memtui.snapshot import FrameKind
from memtui.units import GIB, KIB, MIB
from tests.machine.bench import check_frames, small_core

GFP_LAST = Gfp(MigrateType.MOVABLE, oom=False)

Places = dict[int, int]
"""Page of an owner → frame."""


def places_of(owner: Owner) -> Places:
    """Where every page of an owner is, each page by its number in the address space or file."""
    if isinstance(owner, AnonStore):
        return {page: page + shift for low, high, shift in owner.frames for page in range(low, high)}
    if isinstance(owner, TmpfsFile):
        return {run.index + step: run.frame + step for run in owner.index for step in range(run.pages)}
    assert isinstance(owner, CachedFile)
    return dict(enumerate(frame for start, n in owner.pages for frame in range(start, start + n)))


def moved(moves: Moves) -> Places:
    """Old frame → new frame, one by one."""
    return {old + step: new + step for old, frames, new in moves for step in range(frames)}


def aged_machine(seed: int) -> tuple[Machine, list[Owner]]:
    """A machine on which processes, tmpfs and page cache took memory in turns and gave parts of it back."""
    machine = Machine(MachineConfig("moves", GIB, 1, CpuConfig(2)))
    chance = random.Random(seed)
    process = machine.processes.spawn("test")
    area = process.mmap(200 * MIB, "never")
    mount = machine.tmpfs.mount("t", "within_size")
    file = machine.tmpfs.create(mount, "file")
    cached, other = machine.page_cache.create(), machine.page_cache.create()
    for step in range(200):
        process.touch(area, step * 256, 200)
        machine.tmpfs.write(file, step * 400 * KIB, 300 * KIB)
        machine.page_cache.read(cached, chance.randrange(1, 150))
        machine.page_cache.read(other, chance.randrange(1, 150))
        if step > 20:
            start = chance.randrange(step) * 400
            machine.tmpfs.punch(file, start * KIB, 4 * KIB * chance.randrange(1, 60))
    machine.page_cache.delete(other)
    child = machine.processes.fork(process)
    child.write(child.vma_at(area.start), [(page, page + chance.randrange(1, 20)) for page in range(0, 40_000, 300)])
    machine.processes.exit(process)
    machine.core.allocator.drain_lists()
    return machine, [file, cached, *machine.processes.memory.stores]


def count_parts(parts: Parts[int]) -> Iterator[int]:
    """The number of each part of an operation, as soon as it is done."""
    number = 0
    going_on = True
    while going_on:
        going_on = next(parts, parts) is not parts
        number += 1
        yield number


@pytest.mark.parametrize("seed", range(3))
def test_every_page_is_where_it_was_moved_to_and_the_rest_where_it_was(seed: int) -> None:
    machine, owners = aged_machine(seed)
    large = [owner.large_folios(0, 1 << 52) for owner in owners if isinstance(owner, AnonStore)]
    total = 0
    for zone in machine.core.allocator.zones:
        before = {id(owner): places_of(owner) for owner in owners}
        compaction = Compaction(machine.core, zone)
        new: dict[int, dict[int, int]] = {id(owner): {} for owner in owners}
        parts = compaction.run_in_parts()
        for _ in count_parts(parts):
            machine.check()
            for owner, moves in compaction.moves.items():
                new.setdefault(id(owner), {}).update(moved(moves))
        total += sum(map(len, new.values()))
        for owner in owners:
            went = new[id(owner)]
            assert places_of(owner) == {page: went.get(frame, frame) for page, frame in before[id(owner)].items()}
        taken = [frame for moves in new.values() for frame in moves.values()]
        assert len(set(taken)) == len(taken), "no two pages move to one frame"
    assert total > 10_000
    assert large == [owner.large_folios(0, 1 << 52) for owner in owners if isinstance(owner, AnonStore)]
    machine.check()


def test_moving_costs_time_and_is_counted() -> None:
    machine, _ = aged_machine(1)
    machine.take_ns()
    moved_pages = machine.compact_memory()
    assert machine.core.vm_events["pgmigrate_success"] == moved_pages
    events = machine.core.vm_events
    scanned = events["compact_migrate_scanned"] + events["compact_free_scanned"]
    assert machine.take_ns() == moved_pages * 2400 + scanned // 512 * 1000
    assert machine.compact_memory() < moved_pages // 10, "what is compact stays as it is"


class Singles:
    """A movable owner of single frames."""

    kind = FrameKind.FILE
    movable = True

    def __init__(self, core: Core) -> None:
        """Takes all memory, and gives every other frame back."""
        taken = core.allocator.allocate_many(self, GFP_LAST, core.allocator.managed_frames, partial=True)
        frames = [frame for start, n in taken for frame in range(start, start + n)]
        for frame in frames[1::2]:
            core.allocator.free(frame, 1, self)
        self.frames = frames[::2]

    records = 0

    def relocate(self, moves: Moves) -> None:
        self.frames = [start for frame in self.frames for start, _ in moves.translate(frame, 1)]


def test_frames_beyond_the_end_of_ram_are_no_place_to_move_to() -> None:
    """RAM that ends inside a pageblock."""
    core = small_core(GIB + 1236 * KIB)
    pages = Singles(core)
    end = core.allocator.zones[-1].layout.end
    assert end % 512
    for zone in core.allocator.zones:
        Compaction(core, zone).run()
    assert max(pages.frames) < end
    check_frames(core, ((pages, frame, 1) for frame in sorted(pages.frames)))
