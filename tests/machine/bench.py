"""A small machine without a kernel in it: zones, allocator and meter, for tests of one subsystem.

All RAM but the firmware's and the ISA hole is free at the start, so that what a test counts is
what the subsystem under test took.
"""

from __future__ import annotations

from collections.abc import Iterable

from memtui.machine.core import Core, KernelOwner
from memtui.machine.geometry import layout
from memtui.machine.meter import Meter
from memtui.machine.physical.allocator import PageAllocator
from memtui.machine.physical.frame_map import FrameMap, Owner
from memtui.machine.physical.zone import Zone, default_min_free_kbytes, set_lowmem_reserve
from memtui.snapshot import FrameKind
from memtui.units import GIB

FIRMWARE = KernelOwner("firmware", FrameKind.RESERVED)
"""Has the frames of RAM that no kernel gets."""

Claims = Iterable[tuple[Owner, int, int]]


def small_core(ram_bytes: int = GIB, nodes: int = 1, cpus: int = 2) -> Core:
    """Zones and allocator of a machine with so much RAM, watermarks set, nothing allocated."""
    plan = layout(ram_bytes, nodes)
    frame_map = FrameMap()
    for start, frames in plan.firmware:
        frame_map.assign(start, frames, FIRMWARE)
    zones = [Zone.build(zone, frame_map) for zone in plan.zones]
    for zone in zones:
        for start, frames in plan.nodes[zone.layout.node]:
            low, high = max(start, zone.layout.start), min(start + frames, zone.layout.end)
            for first, length in _usable(low, high, plan.firmware):
                zone.hand_over(first, length)
        zone.least_free_frames = zone.buddy.free_frames
    managed = sum(zone.managed_frames for zone in zones)
    least = default_min_free_kbytes(managed * 4) // 4
    for zone in zones:
        zone.set_marks(least * zone.managed_frames // managed)
    for node in range(nodes):
        set_lowmem_reserve([zone for zone in zones if zone.layout.node == node])
    return Core(PageAllocator(zones, frame_map), Meter(cpus), cpus)


def check_frames(core: Core, *claims: Claims) -> None:
    """Every frame in use is claimed exactly once, by the owner the frame map names; the rest is free."""
    rebuilt = FrameMap()
    end = max(zone.layout.end for zone in core.allocator.zones)
    firmware = [run for run in core.allocator.frame_map.runs(0, end) if run[2] is FIRMWARE]
    for start, frames, owner in firmware:
        rebuilt.assign(start, frames, owner)
    for claim in claims:
        for owner, start, frames in claim:
            rebuilt.assign(start, frames, owner)
    assert core.allocator.frame_map.difference(rebuilt) is None, core.allocator.frame_map.difference(rebuilt)
    used = sum(rebuilt.by_kind.values()) - sum(frames for _, frames, _ in firmware)
    assert rebuilt.by_kind == core.allocator.frame_map.by_kind
    assert core.allocator.free_frames == core.allocator.managed_frames - used


def fail_nth(nth: int, *, always: bool = False) -> FailNth:
    """An injector that fails the nth allocation request from now on (counting from 1); `always`: and all after it."""
    return FailNth(nth, always)


class FailNth:
    """Counts requests; says when one was made to fail."""

    def __init__(self, nth: int, always: bool) -> None:
        self.left = nth
        self._always = always

    def __call__(self, order: int, count: int) -> bool:
        self.left -= 1
        return self.failed if self._always else self.left == 0

    @property
    def failed(self) -> bool:
        """Whether the request it waited for was made."""
        return self.left <= 0


def _usable(low: int, high: int, firmware: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """[low, high) without the firmware's frames, as runs."""
    runs: list[tuple[int, int]] = []
    for start, frames in sorted(firmware):
        if low < start + frames and start < high:
            if low < start:
                runs.append((low, start - low))
            low = max(low, start + frames)
    if low < high:
        runs.append((low, high - low))
    return runs
