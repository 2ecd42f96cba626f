"""Policies for executable memory side by side: which leaves are write-protected, and how packs divide."""

from __future__ import annotations

import random

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, OutOfMemory
from memtui.machine.direct_map import Perm
from memtui.machine.exec_memory.packs import CHUNK_BYTES, Packs
from memtui.machine.kernels import POLICIES
from memtui.machine.modules import ModuleSizes
from memtui.units import GIB, KIB, MIB
from tests.machine.changes import settle

SIZES = ModuleSizes(40 * KIB, 20 * KIB, 12 * KIB, 4 * KIB, init_text=4 * KIB, init_data=8 * KIB)


def machine(policy: str) -> Machine:
    return Machine(MachineConfig("code", 2 * GIB, 1, CpuConfig(2), KernelConfig(exec_memory=policy, thp="never")))


def owed_read_only(guest: Machine) -> set[int]:
    """Frames that must be write-protected, told from modules, programs and what the policy keeps."""
    owed: set[int] = set()
    if guest.config.kernel.exec_memory == "unmapped_cache":
        return owed
    ranges = guest.modules.ranges() + [image.own for image in guest.bpf.images() if image.own is not None]
    runs = [run for memory in ranges for run in memory.runs(memory.read_only)]
    for start, frames in [*runs, *guest.exec_memory.cached()]:
        owed.update(range(start, start + frames))
    return owed


@pytest.mark.parametrize("policy", POLICIES["exec_memory"])
def test_exactly_code_and_constants_are_write_protected(policy: str) -> None:
    """Whatever is loaded, unloaded, refused: no frame too many, none too few."""
    guest, rng = machine(policy), random.Random(policy)
    modules, programs = [], []
    for step in range(120):
        fails = rng.randrange(30)
        calls = iter(range(1_000_000))
        guest.core.allocator.injector = lambda order, count, calls=calls, at=fails: next(calls) == at  # type: ignore[misc]
        try:
            if rng.random() < 0.5:
                modules.append(guest.modules.load(SIZES))
            else:
                programs.append(guest.bpf.load(rng.choice([100, 3000, 3 * MIB])))
        except OutOfMemory:
            pass
        guest.core.allocator.injector = None
        if modules and step % 3 == 0:
            guest.modules.unload(modules.pop(rng.randrange(len(modules))))
        if programs and step % 4 == 0:
            guest.bpf.close(programs.pop(rng.randrange(len(programs))))
        if step % 10 == 0:
            settle(guest)
            there = {
                frame
                for start, frames, perm in guest.direct_map.changed_runs()
                if perm is Perm.READ_ONLY
                for frame in range(start, start + frames)
            }
            assert there == owed_read_only(guest)
    guest.check()


def test_golden_41_a_pack_of_2_mib_has_32768_chunks() -> None:
    packs = machine("prog_pack").exec_memory.programs
    assert isinstance(packs, Packs)
    assert (packs.chunks_per_pack, CHUNK_BYTES) == (32768, 64)
